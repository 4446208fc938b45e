//! `// byway-ignore RULE`: findings that their author has seen and wants to keep.

use byway_error::Diagnostic;

const MARK: &str = "byway-ignore";

/// Whether a comment on the finding's line, or on a line of its own above it, names its rule.
pub(crate) fn is_ignored(diagnostic: &Diagnostic) -> bool {
    let (Some(code), Some(location), Some(source)) =
        (diagnostic.code, &diagnostic.location, &diagnostic.source)
    else {
        return false;
    };
    let line = |number: usize| source.lines().nth(number);
    let index = location.line as usize;
    let own = index.checked_sub(1).and_then(line);
    let above = index.checked_sub(2).and_then(line).filter(|line| is_comment(line));
    own.into_iter().chain(above).any(|line| names(line, code))
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("//") || line.starts_with("/*") || line.starts_with('*')
}

/// The names after the mark, with blanks or commas between them, up to a dash or the comment's end.
fn names(line: &str, code: &str) -> bool {
    let Some((before, rest)) = line.split_once(MARK) else { return false };
    if !before.contains("//") && !before.contains('*') {
        return false;
    }
    rest.split([' ', ',', '\t'])
        .skip_while(|word| word.is_empty())
        .take_while(|word| !word.starts_with("--") && !word.starts_with("*/"))
        .any(|word| word == code)
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn rules_are_named_after_the_mark() {
        assert!(names("// byway-ignore module-state", "module-state"));
        assert!(names("x() // byway-ignore a, module-state -- counted on purpose", "module-state"));
        assert!(names("/* byway-ignore module-state */", "module-state"));
        assert!(!names("// byway-ignore a -- not module-state", "module-state"));
        assert!(!names("'byway-ignore module-state'", "module-state"));
        assert!(!names("// module-state", "module-state"));
    }
}
