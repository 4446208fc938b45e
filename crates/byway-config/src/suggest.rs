//! "Did you mean": the known word that is closest to one that is not known.

/// More differing letters than a third of a word are no slip of the finger.
const LETTERS_PER_SLIP: usize = 3;

/// The most similar of `known`, if any is similar at all.
pub(crate) fn closest<'k>(written: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let slips_max = written.chars().count().div_ceil(LETTERS_PER_SLIP);
    let plain = |text: &str| text.replace(['_', '-'], "").to_ascii_lowercase();
    let target = plain(written);
    known
        .map(|word| (strsim::damerau_levenshtein(&target, &plain(word)), word))
        .filter(|(distance, _)| *distance <= slips_max)
        .min()
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn slips_are_understood_and_other_words_are_not() {
        let known = ["limit", "window", "algorithm", "max_age"];
        let check = |written, expect| {
            assert_eq!(closest(written, known.into_iter()), expect, "{written}");
        };
        check("limits", Some("limit"));
        check("widnow", Some("window"));
        check("maxAge", Some("max_age"));
        check("MAX-AGE", Some("max_age"));
        check("body", None);
        check("", None);
    }
}
