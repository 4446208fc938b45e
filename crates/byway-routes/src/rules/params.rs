//! What a pattern and its conditions have captured.

/// A captured value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Captured {
    /// Of `:name`, of a group, or of a condition.
    One(String),
    /// Of `:name*` or `:name+`: the parts between slashes, at least one.
    Many(Vec<String>),
    /// A named group of a condition that took no part in the match.
    Nothing,
}

/// Captured values by name, in the order in which they were captured. Values from the path are as the
/// client sent them, percent-encoded; values from conditions are plain text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params {
    entries: Vec<(Box<str>, Captured)>,
}

impl Params {
    /// Sets a value; one of the same name is replaced, in its place.
    pub fn set(&mut self, name: &str, value: Captured) {
        match self.entries.iter_mut().find(|(known, _)| **known == *name) {
            Some((_, known)) => *known = value,
            None => self.entries.push((name.into(), value)),
        }
    }

    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<&Captured> {
        self.entries.iter().find(|(known, _)| **known == *name).map(|(_, value)| value)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Captured)> {
        self.entries.iter().map(|(name, value)| (&**name, value))
    }

    /// Whether nothing was captured.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds all of `more`, which wins over what is there.
    pub fn merge(&mut self, more: Self) {
        for (name, value) in more.entries {
            self.set(&name, value);
        }
    }
}
