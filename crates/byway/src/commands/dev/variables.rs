//! The variables of a project, as far as failures are about them: which are set, and which values are
//! nobody else's business.

use std::collections::BTreeSet;

use crate::environment::Environment;

/// Parts of the names of variables whose values are secrets.
const SECRET: [&str; 9] =
    ["SECRET", "TOKEN", "KEY", "PASS", "PRIVATE", "CREDENTIAL", "AUTH", "DSN", "SALT"];
/// What every reader of the code may know.
const PUBLIC: &str = "NEXT_PUBLIC_";
/// Shorter values are part of too many texts.
const SECRET_CHARS_MIN: usize = 6;

/// What is known of them.
#[derive(Debug, Default)]
pub(super) struct Variables {
    names: BTreeSet<String>,
    /// Names and values.
    secrets: Vec<(String, String)>,
}

impl Variables {
    pub(super) fn of(environment: &Environment) -> Self {
        let names = environment.names().map(str::to_owned).collect();
        let secrets = environment.all().filter(|(name, value)| is_secret(name, value));
        let mut secrets: Vec<(String, String)> =
            secrets.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        // A secret that is part of another one must not leave the rest of that one.
        secrets.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        Self { names, secrets }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The text with the names of secrets in their place.
    pub(super) fn without_secrets(&self, mut text: String) -> String {
        for (name, value) in &self.secrets {
            if text.contains(value.as_str()) {
                text = text.replace(value.as_str(), &format!("${name}"));
            }
        }
        text
    }
}

fn is_secret(name: &str, value: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let named = SECRET.iter().any(|part| upper.contains(part));
    // Such as the password in the URL of a database.
    let has_password = value
        .split_once("://")
        .is_some_and(|(_, rest)| rest.split_once('@').is_some_and(|(user, _)| user.contains(':')));
    value.chars().count() >= SECRET_CHARS_MIN
        && !name.starts_with(PUBLIC)
        && (named || has_password)
}

#[cfg(test)]
impl Variables {
    pub(super) fn with(all: &[(&str, &str)]) -> Self {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            names: all.iter().map(|(name, _)| (*name).to_owned()).collect(),
            secrets: all.iter().filter(|(name, value)| is_secret(name, value)).map(own).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Variables;

    #[test]
    fn values_of_secrets_are_replaced_by_their_names() {
        let variables = Variables::with(&[
            ("STRIPE_SECRET_KEY", "sk_test_123456"),
            ("DATABASE_URL", "postgres://amina:hunter2@db/shop"),
            ("API_URL", "https://api.example.com"),
            ("NEXT_PUBLIC_KEY", "pk_test_123456"),
            ("SHORT_KEY", "abc"),
        ]);
        let shown = |text: &str| variables.without_secrets(text.to_owned());
        assert_eq!(shown("bad key sk_test_123456!"), "bad key $STRIPE_SECRET_KEY!");
        assert_eq!(shown("no postgres://amina:hunter2@db/shop"), "no $DATABASE_URL");
        for text in ["https://api.example.com", "pk_test_123456", "abc"] {
            assert_eq!(shown(text), text);
        }
        assert!(variables.has("API_URL") && !variables.has("OTHER"));
    }
}
