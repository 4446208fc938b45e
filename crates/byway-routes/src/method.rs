//! What an App Router route answers to a method without running any JavaScript.

/// The methods that a route handler can export, in the order of the `Allow` header.
const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

const GET: u8 = 1;
const HEAD: u8 = 2;
const OPTIONS: u8 = 3;

/// The methods that a route file exports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MethodSet {
    /// Bit n stands for `METHODS[n]`.
    bits: u8,
}

/// What to do with a request for an App Router route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MethodOutcome {
    /// The handler of this method runs.
    Dispatch,
    /// The `GET` handler runs for a `HEAD` request; its body is dropped.
    AutoHead,
    /// Answer 204 with this `Allow`.
    Options {
        /// Sorted by name, with `OPTIONS`, and with `HEAD` where there is `GET`.
        allow: String,
    },
    /// Answer 405 with an empty body and no `Allow`, as Next does.
    NotAllowed,
    /// Answer 400: no route handler can export such a method. Names are case-sensitive.
    BadRequest,
}

impl MethodSet {
    /// The set of the names that are methods; others, such as `get` or `default`, export nothing.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let bits = names.into_iter().filter_map(index_of).fold(0, |bits, index| bits | 1 << index);
        Self { bits }
    }

    /// What the route answers to the method.
    pub fn outcome(self, method: &str) -> MethodOutcome {
        match index_of(method) {
            None => MethodOutcome::BadRequest,
            Some(index) if self.has(index) => MethodOutcome::Dispatch,
            Some(HEAD) if self.has(GET) => MethodOutcome::AutoHead,
            Some(OPTIONS) => MethodOutcome::Options { allow: self.allow() },
            Some(_) => MethodOutcome::NotAllowed,
        }
    }

    /// The value of `Allow`: what is exported and what is answered without an export.
    pub fn allow(self) -> String {
        let implied = 1 << OPTIONS | if self.has(GET) { 1 << HEAD } else { 0 };
        let allowed = Self { bits: self.bits | implied };
        let names = (0..).zip(METHODS).filter(|(index, _)| allowed.has(*index));
        names.map(|(_, name)| name).collect::<Vec<_>>().join(", ")
    }

    fn has(self, index: u8) -> bool {
        self.bits & 1 << index != 0
    }
}

/// Whether a route handler can export a method of this name.
pub fn is_method(name: &str) -> bool {
    index_of(name).is_some()
}

fn index_of(name: &str) -> Option<u8> {
    (0..).zip(METHODS).find(|(_, method)| *method == name).map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::{MethodOutcome, MethodSet};

    fn allow(exported: &[&str]) -> String {
        match MethodSet::new(exported.iter().copied()).outcome("OPTIONS") {
            MethodOutcome::Options { allow } => allow,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn allow_is_sorted_and_complete() {
        assert_eq!(allow(&["GET"]), "GET, HEAD, OPTIONS");
        assert_eq!(allow(&["POST"]), "OPTIONS, POST");
        assert_eq!(allow(&["PUT", "GET", "DELETE"]), "DELETE, GET, HEAD, OPTIONS, PUT");
        assert_eq!(allow(&["HEAD"]), "HEAD, OPTIONS");
        assert_eq!(allow(&["GET", "POST"]), "GET, HEAD, OPTIONS, POST");
        assert_eq!(allow(&["get", "default", "PURGE"]), "OPTIONS");
        let all = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];
        assert_eq!(allow(&all), "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
    }

    #[test]
    fn methods_are_dispatched_answered_or_refused() {
        let get = MethodSet::new(["GET"]);
        assert_eq!(get.outcome("GET"), MethodOutcome::Dispatch);
        assert_eq!(get.outcome("HEAD"), MethodOutcome::AutoHead);
        assert_eq!(get.outcome("POST"), MethodOutcome::NotAllowed);
        for unknown in ["PROPFIND", "PURGE", "QUERY", "SEARCH", "TRACE", "CONNECT", "get", ""] {
            assert_eq!(get.outcome(unknown), MethodOutcome::BadRequest, "{unknown}");
        }
        let head = MethodSet::new(["HEAD"]);
        assert_eq!(head.outcome("HEAD"), MethodOutcome::Dispatch);
        assert_eq!(head.outcome("GET"), MethodOutcome::NotAllowed);
        let own = MethodSet::new(["GET", "HEAD", "OPTIONS"]);
        assert_eq!(own.outcome("HEAD"), MethodOutcome::Dispatch);
        assert_eq!(own.outcome("OPTIONS"), MethodOutcome::Dispatch);
        assert_eq!(MethodSet::new(["PURGE"]).outcome("PURGE"), MethodOutcome::BadRequest);
        assert_eq!(MethodSet::default().outcome("HEAD"), MethodOutcome::NotAllowed);
    }
}
