//! Replaces what varies from run to run by placeholders: the server's address and the run's own
//! token.

use fancy_regex::Error;

use super::pattern::{Pattern, Replacement};

/// The part of normalisation that depends on the server.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// `host:port` as the caller wrote it.
    pub(super) authority: String,
    pub(super) port: String,
    host_pattern: Pattern,
}

/// Normalisation of one case: server, token of this run, and the case's own replacements.
pub(super) struct Normaliser<'case> {
    target: &'case Target,
    run: &'case str,
    replacements: Vec<&'case Replacement>,
}

impl Target {
    /// Takes `http://host:port`.
    pub(super) fn new(base: &str) -> Result<Self, Error> {
        let rest = base.split_once("://").map_or(base, |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned();
        let port = match authority.rsplit_once(':') {
            Some((_, port)) if !port.contains(']') => port.to_owned(),
            _ => "80".to_owned(),
        };
        let hosts = r"(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])";
        let host_pattern = Pattern::new(&format!("{hosts}:{port}(?!\\d)"))?;
        Ok(Self { authority, port, host_pattern })
    }

    /// Where to connect to.
    pub(super) fn address(&self) -> String {
        if self.authority.ends_with(&format!(":{}", self.port)) {
            self.authority.clone()
        } else {
            format!("{}:{}", self.authority, self.port)
        }
    }
}

impl<'case> Normaliser<'case> {
    pub(super) fn new(
        target: &'case Target,
        run: &'case str,
        replacements: impl IntoIterator<Item = &'case Replacement>,
    ) -> Self {
        Self { target, run, replacements: replacements.into_iter().collect() }
    }

    pub(super) fn apply(&self, text: &str) -> String {
        let text = self.target.host_pattern.replace_all(text, |_| "{{HOST}}".to_owned());
        let text = text.replace(self.run, "{{RUN}}");
        let mut text = text.replace(&format!("\"{}\"", self.target.port), "\"{{PORT}}\"");
        for replacement in &self.replacements {
            text = replacement.apply(&text);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{Normaliser, Target};

    #[test]
    fn addresses_of_the_server_and_its_token_become_placeholders() {
        let target = Target::new("http://localhost:3000/").unwrap();
        let normaliser = Normaliser::new(&target, "rabcq", []);
        let check = |text: &str, expect: &str| assert_eq!(normaliser.apply(text), expect);
        check("http://localhost:3000/a?x=rabcq", "http://{{HOST}}/a?x={{RUN}}");
        check("127.0.0.1:3000 [::1]:3000 0.0.0.0:3000", "{{HOST}} {{HOST}} {{HOST}}");
        check("localhost:30001", "localhost:30001");
        check(r#"{"port":"3000"}"#, r#"{"port":"{{PORT}}"}"#);
    }

    #[test]
    fn a_base_without_a_port_means_port_80() {
        let target = Target::new("http://localhost").unwrap();
        assert_eq!(
            (target.authority.as_str(), target.address().as_str()),
            ("localhost", "localhost:80")
        );
        assert_eq!(Target::new("http://[::1]:8080").unwrap().address(), "[::1]:8080");
    }
}
