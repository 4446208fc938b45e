//! Finds the segments of a raw path and brings an unusual path to its normal form.

use super::bytes::{CLASSES, Class};
use super::spans::Spans;

/// What a raw path has that its normal form has not, and whether it has encoded bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Findings(u8);

impl Findings {
    /// Repeated slashes or backslashes.
    pub(crate) const SLASHES: Self = Self(1);
    /// Segments `.` or `..`.
    const DOTS: Self = Self(2);
    /// Characters that URLs show encoded.
    const ESCAPED: Self = Self(4);
    /// A percent sign; part of the normal form too.
    const PERCENT: Self = Self(8);

    /// Whether the path is in normal form.
    pub(crate) fn is_clean(self) -> bool {
        self.0 & !Self::PERCENT.0 == 0
    }

    /// Whether some segment of the normal form is percent-encoded.
    pub(crate) fn has_encoded(self) -> bool {
        self.contains(Self::PERCENT) || self.contains(Self::ESCAPED)
    }

    pub(crate) fn contains(self, finding: Self) -> bool {
        self.0 & finding.0 != 0
    }

    fn add(&mut self, finding: Self) {
        self.0 |= finding.0;
    }
}

/// Walks the path of a target that starts with a slash or backslash and notes its segments, which
/// are of use only where the path turns out to be in normal form. Returns where the path ends.
pub(crate) fn scan(target: &[u8], spans: &mut Spans) -> Result<(usize, Findings), &'static str> {
    let mut findings = Findings(0);
    if target.first() == Some(&b'\\') {
        findings.add(Findings::SLASHES);
    }
    let mut start = 1;
    let mut at = 1;
    while let Some(&byte) = target.get(at) {
        match CLASSES[usize::from(byte)] {
            Class::Plain => {}
            Class::Slash => {
                end_segment(target, start, at, spans, &mut findings);
                if start == at {
                    findings.add(Findings::SLASHES);
                }
                start = at + 1;
            }
            Class::Percent => findings.add(Findings::PERCENT),
            Class::Escaped => findings.add(Findings::ESCAPED),
            Class::Backslash => findings.add(Findings::SLASHES),
            Class::End => break,
            Class::Refused => return Err("the path has a byte that is not allowed in a target"),
        }
        at += 1;
    }
    end_segment(target, start, at, spans, &mut findings);
    Ok((at, findings))
}

fn end_segment(
    target: &[u8],
    start: usize,
    end: usize,
    spans: &mut Spans,
    findings: &mut Findings,
) {
    let Some(segment) = target.get(start..end).filter(|segment| !segment.is_empty()) else {
        return;
    };
    if matches!(segment[0], b'.' | b'%') && dots(segment).is_some() {
        findings.add(Findings::DOTS);
    }
    spans.push(start, end);
}

/// The normal form: single forward slashes, dot segments resolved, characters encoded as URLs do. A
/// slash at the end stays.
pub(crate) fn normalise(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut ends_in_slash = true;
    for segment in path.split(['/', '\\']) {
        let dots = dots(segment.as_bytes());
        ends_in_slash = segment.is_empty() || dots.is_some();
        match dots {
            Some(Dots::Two) => {
                kept.pop();
            }
            Some(Dots::One) => {}
            None if segment.is_empty() => {}
            None => kept.push(segment),
        }
    }
    let mut normal = String::with_capacity(path.len() + 1);
    for segment in &kept {
        normal.push('/');
        segment.chars().for_each(|character| push_escaped(&mut normal, character));
    }
    if ends_in_slash || kept.is_empty() {
        normal.push('/');
    }
    normal
}

fn push_escaped(text: &mut String, character: char) {
    text.push_str(match character {
        '"' => "%22",
        '<' => "%3C",
        '>' => "%3E",
        '`' => "%60",
        '{' => "%7B",
        '}' => "%7D",
        other => return text.push(other),
    });
}

enum Dots {
    One,
    Two,
}

/// Whether a segment is a dot segment, each of whose dots may be encoded as `%2e`.
fn dots(segment: &[u8]) -> Option<Dots> {
    match after_dot(segment)? {
        [] => Some(Dots::One),
        rest => after_dot(rest)?.is_empty().then_some(Dots::Two),
    }
}

fn after_dot(segment: &[u8]) -> Option<&[u8]> {
    match segment {
        [b'.', rest @ ..] | [b'%', b'2', b'e' | b'E', rest @ ..] => Some(rest),
        _ => None,
    }
}
