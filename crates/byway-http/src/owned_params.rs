//! A route's parameters for work that outlives the request that began it.

use byway_wire::{Param, ParamValues};

/// Parameters that borrow nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct OwnedParams(Vec<(Box<str>, Values)>);

#[derive(Debug, Clone)]
enum Values {
    One(Box<str>),
    Many(Vec<Box<str>>),
}

impl OwnedParams {
    /// A copy.
    pub(crate) fn of<'p>(params: impl IntoIterator<Item = Param<'p>>) -> Self {
        let values = |values| match values {
            ParamValues::One(text) => Values::One(text.into()),
            ParamValues::Many(texts) => Values::Many(texts.into_iter().map(Into::into).collect()),
        };
        Self(params.into_iter().map(|it| (it.name.into(), values(it.values))).collect())
    }

    /// As the worker protocol wants them.
    pub(crate) fn as_params(&self) -> Vec<Param<'_>> {
        self.0.iter().map(|(name, values)| Param { name, values: values.borrow() }).collect()
    }
}

impl Values {
    fn borrow(&self) -> ParamValues<'_> {
        match self {
            Self::One(text) => ParamValues::One(text),
            Self::Many(texts) => ParamValues::Many(texts.iter().map(AsRef::as_ref).collect()),
        }
    }
}
