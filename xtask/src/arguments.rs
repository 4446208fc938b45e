//! The arguments of a command: words, `--flag` and `--name value`. Small enough to need no parser
//! crate, which would make `cargo xtask` slow to build.

use std::collections::VecDeque;
use std::str::FromStr;

use anyhow::{Context as _, Result, anyhow, bail};

/// What is left to be understood.
#[derive(Debug)]
pub(crate) struct Arguments {
    left: VecDeque<String>,
}

impl Arguments {
    pub(crate) fn new(arguments: impl IntoIterator<Item = String>) -> Self {
        Self { left: arguments.into_iter().collect() }
    }

    /// Takes the first argument when it is a word.
    pub(crate) fn next_word(&mut self) -> Option<String> {
        let is_word = self.left.front().is_some_and(|first| !first.starts_with("--"));
        if is_word { self.left.pop_front() } else { None }
    }

    /// Takes `--name` and says whether it was there.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let found = self.left.iter().position(|argument| argument == name);
        found.and_then(|index| self.left.remove(index)).is_some()
    }

    /// Takes `--name value`.
    pub(crate) fn value(&mut self, name: &str) -> Result<Option<String>> {
        let Some(index) = self.left.iter().position(|argument| argument == name) else {
            return Ok(None);
        };
        self.left.remove(index);
        let value = self.left.remove(index).filter(|value| !value.starts_with("--"));
        value.map(Some).ok_or_else(|| anyhow!("`{name}` needs a value"))
    }

    /// Takes `--name value` and parses it.
    pub(crate) fn parsed<T>(&mut self, name: &str) -> Result<Option<T>>
    where
        T: FromStr,
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        let Some(value) = self.value(name)? else { return Ok(None) };
        value.parse().map(Some).with_context(|| format!("`{name} {value}`"))
    }

    /// Takes `--name a,b,c`; nothing is an empty list.
    pub(crate) fn list(&mut self, name: &str) -> Result<Vec<String>> {
        let value = self.value(name)?.unwrap_or_default();
        Ok(value.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect())
    }

    /// Fails when something is left that no one understood.
    pub(crate) fn finish(self) -> Result<()> {
        match self.left.front() {
            None => Ok(()),
            Some(argument) => bail!("`{argument}` is not understood"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Arguments;

    fn arguments(line: &str) -> Arguments {
        Arguments::new(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn flags_and_values_are_taken_in_any_order() {
        let mut all = arguments("demo --port 80 --check --only a,b");
        assert_eq!(all.next_word().as_deref(), Some("demo"));
        assert!(all.flag("--check"));
        assert!(!all.flag("--check"));
        assert_eq!(all.list("--only").unwrap(), ["a", "b"]);
        assert_eq!(all.parsed::<u16>("--port").unwrap(), Some(80));
        assert_eq!(all.parsed::<u16>("--port").unwrap(), None);
        all.finish().unwrap();
    }

    #[test]
    fn what_is_wrong_is_named() {
        let message = |error: anyhow::Error| format!("{error:#}");
        let missing = arguments("--port --check").value("--port").unwrap_err();
        assert_eq!(message(missing), "`--port` needs a value");
        let number = arguments("--port x").parsed::<u16>("--port").unwrap_err();
        assert!(message(number).starts_with("`--port x`: invalid digit"));
        let unknown = arguments("--chek").finish().unwrap_err();
        assert_eq!(message(unknown), "`--chek` is not understood");
    }
}
