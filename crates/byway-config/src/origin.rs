//! Where a value comes from: a flag, a variable, the file, or nowhere.

use std::fmt;

/// Where a value in force comes from. The earlier ones win.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag of the command line, `--port`.
    Flag(&'static str),
    /// A variable of the environment, `BYWAY_LIMITS_BODY`.
    Variable(String),
    /// A line of `byway.toml`, or of a route file.
    File {
        /// The file, relative to the project.
        file: String,
        /// The line, from 1.
        line: u32,
    },
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => f.write_str(flag),
            Self::Variable(name) => f.write_str(name),
            Self::File { file, line } => write!(f, "{file}:{line}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value that a flag or a variable gives for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The key, `limits.body`.
    pub key: String,
    /// What was given.
    pub text: String,
    /// By what.
    pub origin: Origin,
}

impl Given {
    /// A flag's value.
    pub fn flag(key: &'static str, flag: &'static str, text: impl Into<String>) -> Self {
        Self { key: key.to_owned(), text: text.into(), origin: Origin::Flag(flag) }
    }

    /// A variable's value.
    pub fn variable(key: &str, name: &str, text: impl Into<String>) -> Self {
        let origin = Origin::Variable(name.to_owned());
        Self { key: key.to_owned(), text: text.into(), origin }
    }
}

/// The variable of a key: `BYWAY_LIMITS_BODY` for `limits.body`.
pub fn variable_of(key: &str) -> String {
    format!("BYWAY_{}", key.replace('.', "_").to_ascii_uppercase())
}
