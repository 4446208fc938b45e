//! Replays recorded requests against a server and compares its answers with the recorded ones.
//!
//! A corpus is two files: cases (what to send, what to compare) and the answers that real Next
//! gave. A case compares everything that a client could depend on unless it says otherwise; what
//! varies from run to run is replaced by placeholders on both sides first.

mod case;
mod compare;
mod corpus;
mod exchange;
mod json;
mod known;
mod normalise;
mod pattern;
mod record;
mod report;
mod run;

pub use case::Case;
pub use corpus::{Corpus, CorpusError};
pub use known::{KnownDifferences, Verdict};
pub use record::Record;
pub use report::{CaseResult, Report};
pub use run::{Options, Quirks, run, run_each};
