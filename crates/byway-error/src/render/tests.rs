use proptest::prelude::*;

use crate::{Diagnostic, Location};

fn at(line: u32, column: u32, length: u32) -> Location {
    Location { line, column, length }
}

fn check(diagnostic: &Diagnostic, expect: &str) {
    assert_eq!(diagnostic.render(false), expect, "\n{}", diagnostic.render(false));
}

#[test]
fn a_message_alone() {
    check(&Diagnostic::warning("something is odd"), "warning: something is odd\n");
}

#[test]
fn a_frame_with_a_hint() {
    let source = "import a from './a';\nimport { b } from './b';\n\nexport const GET = () => b;\n";
    let diagnostic = Diagnostic::error("cannot find `./b`")
        .in_file("app/x/route.ts")
        .at(at(2, 19, 5), source)
        .with_help("did you mean `./B`?");
    check(
        &diagnostic,
        "error: cannot find `./b`\n \
         --> app/x/route.ts:2:19\n  \
         |\n\
         1 | import a from './a';\n\
         2 | import { b } from './b';\n  \
         |                   ^^^^^\n\
         3 |\n\
         4 | export const GET = () => b;\n  \
         |\n\
         hint: did you mean `./B`?\n",
    );
}

#[test]
fn tabs_and_wide_numbers_stay_aligned() {
    let mut source = "\n".repeat(9);
    source.push_str("\tlet\tx;\n");
    let diagnostic = Diagnostic::error("no").in_file("a.ts").at(at(10, 6, 1), source);
    check(
        &diagnostic,
        "error: no\n --> a.ts:10:6\n   |\n 8 |\n 9 |\n10 |     let    x;\n   |            ^\n   |\n",
    );
}

#[test]
fn long_lines_are_cut_around_the_finding() {
    let source = format!("{}BAD{}", "a".repeat(500), "b".repeat(500));
    let text = Diagnostic::error("no").in_file("a.ts").at(at(1, 501, 3), source).render(false);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[3].chars().count() < 120, "{}", lines[3]);
    assert!(lines[3].contains('…'));
    let column = lines[3].chars().position(|c| c == 'B');
    assert_eq!(lines[4].chars().position(|c| c == '^'), column);
    assert_eq!(lines[4].matches('^').count(), 3);
}

#[test]
fn colour_changes_nothing_but_colour() {
    let diagnostic = Diagnostic::error("no").in_file("a.ts").at(at(1, 1, 1), "x").with_help("yes");
    let coloured = diagnostic.render(true);
    assert!(coloured.contains("\u{1b}[1;31merror\u{1b}[0m"));
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |it| it.1);
    }
    plain.push_str(rest);
    assert_eq!(plain, diagnostic.render(false));
}

#[test]
fn control_characters_of_a_file_do_not_reach_the_terminal() {
    let source = "const a = '\u{1b}[31m\u{7}';";
    let text =
        Diagnostic::error("no\u{1b}[2J").in_file("a.ts").at(at(1, 1, 5), source).render(false);
    assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'), "{text:?}");
}

#[test]
fn a_finding_behind_the_last_line_has_no_frame_of_its_own() {
    let text = Diagnostic::error("no").in_file("a.ts").at(at(2, 1, 1), "a\n").render(false);
    assert!(text.contains("1 | a"), "{text}");
    let text = Diagnostic::error("no").in_file("a.ts").at(at(700, 1, 1), "a\n").render(false);
    assert_eq!(text, "error: no\n --> a.ts:700:1\n");
}

proptest! {
    #[test]
    fn odd_places_never_panic(
        source in "(\\PC|\n|\r|\t){0,300}",
        line in any::<u32>().prop_map(|it| it % 12),
        column in prop_oneof![0_u32..400, Just(u32::MAX)],
        length in prop_oneof![0_u32..400, Just(u32::MAX)],
        bytes in any::<(u16, u16)>(),
    ) {
        let diagnostic = Diagnostic::error("x").in_file("y").at(at(line, column, length), source.clone());
        let text = diagnostic.render(false);
        prop_assert!(text.len() < 8 * (WIDTH_BYTES + 20));
        let bytes = usize::from(bytes.0)..usize::from(bytes.1);
        let location = Location::of_bytes(&source, &bytes);
        prop_assert!(location.line >= 1 && location.column >= 1 && location.length >= 1);
        Diagnostic::error("x").in_file("y").at(location, source).render(true);
    }
}

/// A line of a frame at its widest: every character a tab or four bytes.
const WIDTH_BYTES: usize = 100 * 4 + 8;
