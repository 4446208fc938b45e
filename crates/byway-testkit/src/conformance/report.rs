//! The results of a run and their table.

use std::fmt::Write as _;

/// What came of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseResult {
    /// The case's name.
    pub name: String,
    /// Its group.
    pub group: String,
    /// The first difference from the recorded answers; `None` when the case passed.
    pub difference: Option<String>,
}

/// The results of a run, in the order of the corpus.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// One for each case that ran.
    pub results: Vec<CaseResult>,
}

impl Report {
    /// The cases that differ.
    pub fn failures(&self) -> impl Iterator<Item = &CaseResult> {
        self.results.iter().filter(|result| result.difference.is_some())
    }

    /// Groups in order of appearance with their passed and failed cases.
    pub fn groups(&self) -> Vec<(&str, usize, usize)> {
        let mut groups: Vec<(&str, usize, usize)> = Vec::new();
        for result in &self.results {
            let known = groups.iter().position(|(group, ..)| *group == result.group);
            let index = known.unwrap_or(groups.len());
            if known.is_none() {
                groups.push((&result.group, 0, 0));
            }
            match result.difference {
                None => groups[index].1 += 1,
                Some(_) => groups[index].2 += 1,
            }
        }
        groups
    }

    /// One line per group, then the sum.
    pub fn table(&self) -> String {
        let mut table = format!("{:<24}{:>8}{:>8}\n", "group", "passed", "failed");
        let (mut passed_sum, mut failed_sum) = (0, 0);
        for (group, passed, failed) in self.groups() {
            // Writing into a string cannot fail.
            let _ = writeln!(table, "{group:<24}{passed:>8}{failed:>8}");
            passed_sum += passed;
            failed_sum += failed;
        }
        let _ = write!(table, "{passed_sum} passed, {failed_sum} failed");
        table
    }
}

#[cfg(test)]
mod tests {
    use super::{CaseResult, Report};

    #[test]
    fn the_table_counts_by_group() {
        let result = |name: &str, group: &str, difference: Option<&str>| CaseResult {
            name: name.to_owned(),
            group: group.to_owned(),
            difference: difference.map(str::to_owned),
        };
        let report = Report {
            results: vec![
                result("a", "x", None),
                result("b", "y", Some("status")),
                result("c", "x", Some("body")),
            ],
        };
        assert_eq!(report.groups(), [("x", 1, 1), ("y", 0, 1)]);
        assert!(report.table().ends_with("\n1 passed, 2 failed"), "{}", report.table());
        assert_eq!(report.failures().count(), 2);
    }
}
