//! `Range`: which bytes of a file are asked for (RFC 9110 §14).
//!
//! As under Next, ranges that touch or overlap become one, and what is left as several is answered with
//! the whole file, so that nobody can make an answer larger than the file. A range that is malformed is
//! passed over; where none remains that can be satisfied, the answer is 416.

use std::ops::Range;

use byway_config::limits::RANGES_MAX;

/// What a `Range` header comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// The whole file: another unit, several ranges, or too many.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Nothing that the file has.
    Nothing,
}

/// Reads the header's value for a file of `length` bytes.
pub(super) fn parse(value: &str, length: u64) -> Asked {
    // Next compares the unit case-sensitively; no client spells it otherwise.
    let Some(list) = value.trim_ascii().strip_prefix("bytes=") else { return Asked::Whole };
    let mut parts: Vec<Range<u64>> = Vec::new();
    for (count, spec) in list.split(',').enumerate() {
        if count == RANGES_MAX {
            return Asked::Whole;
        }
        parts.extend(part(spec.trim_ascii(), length));
    }
    parts.sort_unstable_by_key(|part| part.start);
    let mut parts = parts.into_iter();
    let Some(mut whole) = parts.next() else { return Asked::Nothing };
    for part in parts {
        if part.start > whole.end {
            return Asked::Whole;
        }
        whole.end = whole.end.max(part.end);
    }
    Asked::Part(whole)
}

/// `first-last`, `first-` or `-count`; `None` when it is malformed or beyond the end.
fn part(spec: &str, length: u64) -> Option<Range<u64>> {
    let (first, last) = spec.split_once('-')?;
    let part = match (first, last) {
        ("", count) => length.saturating_sub(number(count)?)..length,
        (first, "") => number(first)?..length,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(length)
        }
    };
    (part.start < part.end).then_some(part)
}

/// Digits, of which any number is allowed: what is too large for the type is too large for every file.
fn number(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use byway_config::limits::RANGES_MAX;
    use proptest::prelude::*;

    use super::{Asked, parse};

    #[test]
    fn ranges_as_next_answers_them() {
        let part = |first: u64, last: u64| Asked::Part(first..last + 1);
        for (value, expect) in [
            ("bytes=0-4", part(0, 4)),
            ("bytes=5-", part(5, 17)),
            ("bytes=-4", part(14, 17)),
            ("bytes=0-100", part(0, 17)),
            ("bytes=17-17", part(17, 17)),
            ("bytes=0-99999999999999999999999", part(0, 17)),
            (" bytes=0-4 ", part(0, 4)),
            ("bytes= 0-4", part(0, 4)),
            ("bytes=0-4,", part(0, 4)),
            ("bytes=,0-4", part(0, 4)),
            ("bytes=0-1,2-3", part(0, 3)),
            ("bytes=3-9, 0-5", part(0, 9)),
            ("bytes=0-1,50-60", part(0, 1)),
            ("bytes=18-", Asked::Nothing),
            ("bytes=18-20", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=4-2", Asked::Nothing),
            ("bytes=", Asked::Nothing),
            ("bytes=-", Asked::Nothing),
            ("bytes=a-b", Asked::Nothing),
            ("bytes=--4", Asked::Nothing),
            ("bytes=50-60,70-", Asked::Nothing),
            ("bytes=99999999999999999999-", Asked::Nothing),
            ("bytes", Asked::Whole),
            ("", Asked::Whole),
            ("items=0-4", Asked::Whole),
            ("Bytes=0-4", Asked::Whole),
            ("bytes =0-4", Asked::Whole),
            ("bytes=0-0,2-3", Asked::Whole),
        ] {
            assert_eq!(parse(value, 18), expect, "{value:?}");
        }
    }

    #[test]
    fn more_of_the_end_than_there_is_means_all_of_it() {
        assert_eq!(parse("bytes=-100", 18), Asked::Part(0..18));
    }

    #[test]
    fn an_empty_file_has_no_ranges() {
        for value in ["bytes=0-", "bytes=-1", "bytes=0-0"] {
            assert_eq!(parse(value, 0), Asked::Nothing, "{value}");
        }
    }

    #[test]
    fn too_many_ranges_are_not_looked_at() {
        let many = |count: usize| format!("bytes={}", vec!["0-"; count].join(","));
        assert_eq!(parse(&many(RANGES_MAX), 18), Asked::Part(0..18));
        assert_eq!(parse(&many(RANGES_MAX + 1), 18), Asked::Whole);
    }

    proptest! {
        #[test]
        fn parts_lie_within_the_file(value in "(bytes=)?[-0-9a, ]{0,40}", length in 0_u64..50) {
            if let Asked::Part(part) = parse(&value, length) {
                prop_assert!(part.start < part.end && part.end <= length);
            }
        }

        #[test]
        fn any_text_is_read(value in any::<String>(), length in any::<u64>()) {
            parse(&value, length);
        }

        #[test]
        fn one_range_is_its_bytes(first in 0_u64..100, count in 1_u64..100, length in 1_u64..150) {
            let last = first + count - 1;
            let asked = parse(&format!("bytes={first}-{last}"), length);
            let expect = if first < length {
                Asked::Part(first..(last + 1).min(length))
            } else {
                Asked::Nothing
            };
            prop_assert_eq!(asked, expect);
        }
    }
}
