//! Differences from the recorded answers that are known. The list is honoured in both directions: a
//! case that differs without being listed is an error, and so is one that is listed and does not
//! differ.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fmt, fs, io};

use serde::Deserialize;

use super::report::Report;

/// What is known to differ for one app.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KnownDifferences {
    /// Groups that are not required yet, with the reason: their cases may pass or fail.
    pub groups: BTreeMap<String, String>,
    /// Cases that differ, with the reason.
    pub cases: BTreeMap<String, String>,
}

/// A complete run judged by what is known.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Cases that differ and are not listed: `name: difference`.
    pub unexpected: Vec<String>,
    /// What the list says and the run contradicts.
    pub stale: Vec<String>,
    /// Counts: passed, known differences, failed in groups that are not required.
    pub counts: (usize, usize, usize),
}

impl KnownDifferences {
    /// Reads the part of one app from a file `{ "APP": { "groups": {…}, "cases": {…} } }`. An app
    /// that the file does not name has no known differences.
    pub fn load(path: &Path, app: &str) -> io::Result<Self> {
        let text = fs::read_to_string(path)?;
        let mut apps: BTreeMap<String, Self> = serde_json::from_str(&text)?;
        Ok(apps.remove(app).unwrap_or_default())
    }

    /// Judges a run of the whole corpus of the app.
    pub fn judge(&self, report: &Report) -> Verdict {
        let mut verdict = Verdict::default();
        for result in &report.results {
            let listed = self.cases.contains_key(&result.name);
            let required = !self.groups.contains_key(&result.group);
            match &result.difference {
                None if listed => {
                    verdict.stale.push(format!("case `{}` is listed and passes", result.name));
                }
                None => verdict.counts.0 += 1,
                Some(_) if listed => verdict.counts.1 += 1,
                Some(_) if !required => verdict.counts.2 += 1,
                Some(found) => verdict.unexpected.push(format!("{}: {found}", result.name)),
            }
        }
        self.find_stale(report, &mut verdict);
        verdict
    }

    fn find_stale(&self, report: &Report, verdict: &mut Verdict) {
        let names: BTreeSet<&str> =
            report.results.iter().map(|result| result.name.as_str()).collect();
        for (name, reason) in &self.cases {
            if !names.contains(name.as_str()) {
                verdict.stale.push(format!("there is no case `{name}`"));
            }
            if reason.trim().is_empty() {
                verdict.stale.push(format!("case `{name}` is listed without a reason"));
            }
        }
        let groups = report.groups();
        for (name, reason) in &self.groups {
            match groups.iter().find(|(group, ..)| group == name) {
                None => verdict.stale.push(format!("there is no group `{name}`")),
                Some((_, _, 0)) => {
                    verdict.stale.push(format!("group `{name}` is listed and passes as a whole"));
                }
                Some(_) => {}
            }
            if reason.trim().is_empty() {
                verdict.stale.push(format!("group `{name}` is listed without a reason"));
            }
        }
    }
}

impl Verdict {
    /// Whether run and list agree.
    pub fn is_fine(&self) -> bool {
        self.unexpected.is_empty() && self.stale.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.unexpected {
            writeln!(out, "FAIL {line}")?;
        }
        for line in &self.stale {
            writeln!(out, "STALE {line}")?;
        }
        let (passed, known, not_required) = self.counts;
        write!(
            out,
            "{passed} passed, {known} known differences, {not_required} failed in groups that are not \
             required, {} failed, {} stale entries",
            self.unexpected.len(),
            self.stale.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::KnownDifferences;
    use crate::conformance::{CaseResult, Report};

    fn report(results: &[(&str, &str, bool)]) -> Report {
        let one = |(name, group, passed): &(&str, &str, bool)| CaseResult {
            name: (*name).to_owned(),
            group: (*group).to_owned(),
            difference: (!passed).then(|| "status".to_owned()),
        };
        Report { results: results.iter().map(one).collect() }
    }

    fn known(text: &str) -> KnownDifferences {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_listed_case_may_differ_and_an_unlisted_one_may_not() {
        let known = known(r#"{"cases":{"a":"why"},"groups":{"later":"why"}}"#);
        let verdict = known.judge(&report(&[
            ("a", "g", false),
            ("b", "g", true),
            ("c", "later", false),
            ("d", "later", true),
        ]));
        assert!(verdict.is_fine(), "{verdict}");
        assert_eq!(verdict.counts, (2, 1, 1));
        let verdict =
            known.judge(&report(&[("a", "g", false), ("b", "g", false), ("c", "later", false)]));
        assert_eq!(verdict.unexpected, ["b: status"]);
    }

    #[test]
    fn what_the_list_says_must_be_true() {
        let list = r#"{"cases":{"a":"why","gone":"why","b":" "},"groups":{"later":"why","x":""}}"#;
        let verdict = known(list).judge(&report(&[
            ("a", "g", true),
            ("b", "g", false),
            ("c", "later", true),
        ]));
        assert_eq!(
            verdict.stale,
            [
                "case `a` is listed and passes",
                "case `b` is listed without a reason",
                "there is no case `gone`",
                "group `later` is listed and passes as a whole",
                "there is no group `x`",
                "group `x` is listed without a reason",
            ]
        );
        assert!(!verdict.is_fine());
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        assert!(serde_json::from_str::<KnownDifferences>(r#"{"case":{}}"#).is_err());
    }
}
