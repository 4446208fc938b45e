//! Sizes and durations as people write them: `"16kb"`, `"1.5mb"`, `"300ms"`, `"1h30m"`.
//!
//! Sizes count in powers of 1024, as Next's own `bodyParser.sizeLimit` does.

use std::time::Duration;

/// Units of sizes, the largest first, with their bytes.
const SIZES: [(&str, u64); 4] = [("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10), ("b", 1)];
/// Units of durations, the longest first, with their nanoseconds. `ms` goes before `m` and `s`.
const DURATIONS: [(&str, u64); 5] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
];

/// The bytes of `"16kb"`; `None` when it is no size.
pub fn parse_size(text: &str) -> Option<u64> {
    let (number, unit, rest) = component(text)?;
    let unit = unit.to_ascii_lowercase();
    let name = unit.strip_suffix("ib").map_or(unit.clone(), |prefix| format!("{prefix}b"));
    let factor = SIZES.iter().find(|(known, _)| *known == name)?.1;
    rest.is_empty().then(|| scaled(number, factor)).flatten()
}

/// The duration of `"300ms"` or `"1h30m"`; `None` when it is none.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut nanos: u64 = 0;
    while !rest.is_empty() || nanos == 0 {
        let (number, unit, after) = component(rest)?;
        let factor = DURATIONS.iter().find(|(known, _)| *known == unit)?.1;
        nanos = nanos.checked_add(scaled(number, factor)?)?;
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    Some(Duration::from_nanos(nanos))
}

/// The size in the largest unit that gives a whole number.
pub fn format_size(bytes: u64) -> String {
    let (unit, factor) =
        SIZES.into_iter().find(|(_, factor)| bytes.is_multiple_of(*factor)).unwrap_or(("b", 1));
    if bytes == 0 { "0b".to_owned() } else { format!("{}{unit}", bytes / factor) }
}

/// The duration in the longest unit that gives a whole number.
pub fn format_duration(duration: Duration) -> String {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    if nanos == 0 {
        return "0s".to_owned();
    }
    let fits = DURATIONS.into_iter().find(|(_, factor)| nanos.is_multiple_of(*factor));
    let (unit, factor) = fits.unwrap_or(("ms", 1_000_000));
    format!("{}{unit}", nanos / factor)
}

/// Splits `1.5mb rest` into its number, its unit and what follows the unit.
fn component(text: &str) -> Option<(&str, &str, &str)> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, rest) = text.split_at(unit_at);
    let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (unit, after) = rest.split_at(end);
    (!number.is_empty()).then_some((number, unit, after))
}

/// `number × factor`, exactly; at most nine decimals.
fn scaled(number: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if number.ends_with('.') || whole.is_empty() || fraction.len() > 9 || fraction.contains('.') {
        return None;
    }
    let mut value = u128::from(whole.parse::<u64>().ok()?) * u128::from(factor);
    if !fraction.is_empty() {
        let digits = u128::from(fraction.parse::<u64>().ok()?);
        value += digits * u128::from(factor) / 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    }
    u64::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{format_duration, format_size, parse_duration, parse_size};

    #[test]
    fn sizes() {
        let check = |text, bytes| assert_eq!(parse_size(text), bytes, "{text}");
        check("0b", Some(0));
        check("16kb", Some(16 * 1024));
        check("16KB", Some(16 * 1024));
        check("1MiB", Some(1 << 20));
        check("1.5mb", Some(3 << 19));
        check("17179869183gb", Some(17_179_869_183 << 30));
        for wrong in
            ["", "mb", "1", "1 mb", "-1mb", "1tb", "1.mb", ".5mb", "1mb2kb", "99999999999gb"]
        {
            check(wrong, None);
        }
    }

    #[test]
    fn durations() {
        let check = |text, millis: Option<u64>| {
            assert_eq!(parse_duration(text), millis.map(Duration::from_millis), "{text}");
        };
        check("300ms", Some(300));
        check("10s", Some(10_000));
        check("1.5s", Some(1_500));
        check("10m", Some(600_000));
        check("1h30m", Some(5_400_000));
        check("1d", Some(86_400_000));
        check("0s", Some(0));
        for wrong in ["", "10", "s", "10 s", "-1s", "1y", "1h 30m", "1S", "1h30"] {
            check(wrong, None);
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_again(bytes in any::<u64>(), millis in 0..u64::MAX / 1_000_000) {
            prop_assert_eq!(parse_size(&format_size(bytes)), Some(bytes));
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Some(duration));
        }

        #[test]
        fn no_text_is_a_trap(text in "\\PC{0,12}") {
            let _ = (parse_size(&text), parse_duration(&text));
        }
    }
}
