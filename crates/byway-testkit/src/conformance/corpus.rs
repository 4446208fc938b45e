//! Reads a corpus from disk and checks that cases and answers belong together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::case::Case;
use super::record::Record;

/// The cases of one fixture app and the answers that were recorded for them.
#[derive(Debug)]
pub struct Corpus {
    /// In the order of the file.
    pub cases: Vec<Case>,
    /// By name of the case, one answer per step.
    pub expected: BTreeMap<String, Vec<Record>>,
}

/// Why a corpus cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// A file cannot be read.
    #[error("reading {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not in the format of cases or answers.
    #[error("{}: {source}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its line.
        source: serde_json::Error,
    },
    /// Two cases have one name.
    #[error("two cases are called `{0}`")]
    Duplicate(String),
    /// A case has no recorded answers, or not one for each step.
    #[error("case `{case}` has {steps} steps and {answers} recorded answers")]
    Answers {
        /// The case's name.
        case: String,
        /// How many requests it sends.
        steps: usize,
        /// How many answers are recorded.
        answers: usize,
    },
}

#[derive(Deserialize)]
struct CasesFile {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct ExpectedFile {
    answers: BTreeMap<String, Vec<Record>>,
}

impl Corpus {
    /// Reads the corpus of one app: `app` has `cases.json` and `expected.json`, `app2` has
    /// `cases2.json` and so on.
    pub fn load(directory: &Path, app: &str) -> Result<Self, CorpusError> {
        let suffix = app.trim_start_matches("app");
        Self::read(
            &directory.join(format!("cases{suffix}.json")),
            &directory.join(format!("expected{suffix}.json")),
        )
    }

    /// Reads a corpus from its two files.
    pub fn read(cases: &Path, expected: &Path) -> Result<Self, CorpusError> {
        let CasesFile { cases } = read_json(cases)?;
        let ExpectedFile { answers: expected } = read_json(expected)?;
        let mut names = BTreeSet::new();
        for case in &cases {
            if !names.insert(&case.name) {
                return Err(CorpusError::Duplicate(case.name.clone()));
            }
            let (steps, answers) = (case.steps.len(), expected.get(&case.name).map_or(0, Vec::len));
            if steps == 0 || steps != answers {
                return Err(CorpusError::Answers { case: case.name.clone(), steps, answers });
            }
        }
        Ok(Self { cases, expected })
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, CorpusError> {
    let read = |source| CorpusError::Read { path: path.to_owned(), source };
    let format = |source| CorpusError::Format { path: path.to_owned(), source };
    serde_json::from_str(&fs::read_to_string(path).map_err(read)?).map_err(format)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Corpus, CorpusError};
    use crate::Fixture;

    /// What `Corpus::read` says about one case with one recorded answer.
    fn read(case: &str) -> Result<Corpus, CorpusError> {
        let cases = format!(r#"{{"cases":[{case}]}}"#);
        let expected = r#"{"answers":{"a":[{"status":200}]}}"#;
        let files = [("cases.json", cases.as_str()), ("expected.json", expected)];
        let fixture = Fixture::new(&files).unwrap();
        Corpus::load(fixture.path(), "app")
    }

    #[test]
    fn every_case_of_the_repository_is_understood() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance");
        for (app, count_min) in [("app", 341), ("app2", 27), ("app3", 15)] {
            let corpus = Corpus::load(&directory, app).unwrap();
            assert!(corpus.cases.len() >= count_min, "{app}");
        }
    }

    #[test]
    fn fields_that_are_not_understood_are_errors() {
        let case =
            |more: &str| format!(r#"{{"name":"a","group":"g","request":{{"path":"/"}}{more}}}"#);
        assert!(read(&case("")).is_ok());
        assert!(matches!(read(&case(r#","asert":[]"#)), Err(CorpusError::Format { .. })));
        assert!(read(&case(r#","compare":{"statuss":true}"#)).is_err());
        assert!(read(&case(r#","compare":{"body":{"regex":"("}}"#)).is_err());
        assert!(read(&case(r#","compare":{"body":"fuzzy"}"#)).is_err());
    }

    #[test]
    fn a_case_needs_one_answer_for_each_step() {
        let error = read(r#"{"name":"b","group":"g","request":{"path":"/"}}"#).unwrap_err();
        assert_eq!(error.to_string(), "case `b` has 1 steps and 0 recorded answers");
        let steps = r#"{"name":"a","group":"g","steps":[{"request":{}},{"request":{}}]}"#;
        assert!(matches!(read(steps), Err(CorpusError::Answers { steps: 2, .. })));
        let twice =
            r#"{"name":"a","group":"g","request":{}},{"name":"a","group":"g","request":{}}"#;
        assert!(matches!(read(twice), Err(CorpusError::Duplicate(_))));
    }
}
