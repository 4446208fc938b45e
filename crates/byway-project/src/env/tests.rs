//! Values as `@next/env` 16 reads them, and which file they come from.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;

use super::{ENV_FILE_BYTES_MAX, EnvFiles, Mode, load};

fn project(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn read(files: &[(&str, &str)], mode: Mode, existing: &[(&str, &str)]) -> EnvFiles {
    load(project(files).path(), mode, &map(existing)).unwrap()
}

/// A file's text and its variables where the process has `EX=exist`; recorded from `@next/env`
/// 16.4.6. A file in which a variable refers to itself has none.
#[rustfmt::skip]
const CASES: &[(&str, &[(&str, &str)])] = &[
    ("A=1", &[("A", "1")]),
    ("A = padded value   ", &[("A", "padded value")]),
    ("export A=1", &[("A", "1")]),
    ("  export  A=1", &[("A", "1")]),
    ("A: yaml", &[("A", "yaml")]),
    ("A:none", &[]),
    ("A=", &[("A", "")]),
    ("A=\"\"", &[("A", "")]),
    ("A", &[]),
    ("=x", &[]),
    ("A=#c", &[("A", "")]),
    ("A=a#b", &[("A", "a")]),
    ("A=a #b", &[("A", "a")]),
    ("A=\"a#b\" # c", &[("A", "a#b")]),
    ("A=\"a\" b", &[("A", "\"a\" b")]),
    ("A=\"a", &[("A", "\"a")]),
    ("A=\"a\\nb", &[("A", "\"a\nb")]),
    ("A='a\\nb'", &[("A", "a\\nb")]),
    ("A=\"a\\nb\\r\\tc\"", &[("A", "a\nb\r\\tc")]),
    ("A=`it's \"x\"`", &[("A", "it's \"x\"")]),
    ("A=\"one\ntwo\"", &[("A", "one\ntwo")]),
    ("A='one\r\ntwo'", &[("A", "one\ntwo")]),
    ("A=\"a\\\"b\"", &[("A", "a\\\"b")]),
    ("A='a\\'b'", &[("A", "a\\'b")]),
    ("A=\"a\" # \"b\"", &[("A", "a")]),
    ("A=\"a\"b\"", &[("A", "a\"b")]),
    ("A= \"a\" ", &[("A", "a")]),
    ("A=a=b=c", &[("A", "a=b=c")]),
    ("A.B-c=1", &[("A.B-c", "1")]),
    ("A-=1", &[("A-", "1")]),
    ("a b=1", &[]),
    ("# A=1", &[]),
    ("  # A=1\nB=2", &[("B", "2")]),
    ("\u{feff}A=1", &[("A", "1")]),
    ("A=1\r\nB=2\rC=3", &[("A", "1"), ("B", "2"), ("C", "3")]),
    ("A=1\nA=2", &[("A", "2")]),
    ("A=\u{a0}x\u{a0}", &[("A", "x")]),
    ("B=b\nA=$B", &[("A", "b"), ("B", "b")]),
    ("B=b\nA=${B}c", &[("A", "bc"), ("B", "b")]),
    ("B=b\nA=$Bc", &[("A", ""), ("B", "b")]),
    ("A=${N:-x}", &[("A", "x")]),
    ("A=${N:-x y}", &[("A", "x y")]),
    ("A=${N:-}", &[("A", "")]),
    ("A=$N:-x y", &[("A", "x y")]),
    ("A=${N", &[("A", "")]),
    ("A=$N}", &[("A", "")]),
    ("A=\\$B", &[("A", "$B")]),
    ("A=a\\$b\\${c}", &[("A", "a$b${c}")]),
    ("A=$", &[("A", "$")]),
    ("A=a$ b", &[("A", "a$ b")]),
    ("A=$$", &[("A", "$$")]),
    ("A=pa$$word", &[("A", "pa$")]),
    ("A=$1", &[("A", "")]),
    ("B=b\nA='$B'", &[("A", "b"), ("B", "b")]),
    ("B=b\nA=\"$B\"", &[("A", "b"), ("B", "b")]),
    ("B=b\nA=`$B`", &[("A", "b"), ("B", "b")]),
    ("A=${N:-${M:-x}}", &[("A", "x")]),
    ("B=b\nA=${N:-$B}", &[("A", "b"), ("B", "b")]),
    ("B=b\nA=${N:-${B}}", &[("A", "b"), ("B", "b")]),
    ("A=$B\nB=b", &[("A", "b"), ("B", "b")]),
    ("A=$B\nB=$C\nC=c", &[("A", "c"), ("B", "c"), ("C", "c")]),
    ("B=\nA=${B:-x}", &[("A", "x"), ("B", "")]),
    ("B=b\nA=\\$B $B", &[("A", "\\b b"), ("B", "b")]),
    ("B=$$x\nA=$B", &[("A", "$"), ("B", "$")]),
    ("EMPTY=\nA=$EMPTY|", &[("A", "|"), ("EMPTY", "")]),
    ("A=$EX", &[("A", "exist")]),
    ("A=${EX:-no}", &[("A", "exist")]),
    ("EX=file\nA=$EX", &[("A", "exist")]),
    ("A=$A", &[]),
    ("A=x$A\nB=1", &[]),
    ("A=$B\nB=$A", &[]),
    ("10=a\n2=b$10\nA=$2", &[("10", "a"), ("2", "ba"), ("A", "ba")]),
    ("A=\"{\\\"a\\\": 1}\"", &[("A", "{\\\"a\\\": 1}")]),
    ("A={\"a\":\"b\"}", &[("A", "{\"a\":\"b\"}")]),
    ("A='{\"a\":\"b\"}'", &[("A", "{\"a\":\"b\"}")]),
    ("A=http://x/?a=b#c", &[("A", "http://x/?a=b")]),
    ("A=a\\b", &[("A", "a\\b")]),
    ("A=a\\\\$N", &[("A", "a\\$N")]),
    ("A=\"-----BEGIN\nMII\n-----END\"\nB=1", &[("A", "-----BEGIN\nMII\n-----END"), ("B", "1")]),
    ("A=\"unclosed\nB=2", &[("A", "\"unclosed"), ("B", "2")]),
    ("A='a'\nB=\"b\"\nC=`c`", &[("A", "a"), ("B", "b"), ("C", "c")]),
    ("A=1 # c \"q\"", &[("A", "1")]),
    ("A=\"1\nB=2\"", &[("A", "1\nB=2")]),
    ("A=x\"y\"", &[("A", "x\"y\"")]),
    ("A=${B:-a\\}b}", &[("A", "a\\}b}")]),
    ("B=$&\nA=x$B", &[]),
    ("N1=a\nA=$N1'", &[("A", "a'"), ("N1", "a")]),
    ("A=${}", &[("A", "${}")]),
    ("A=${B C}", &[("A", " C}")]),
    ("A=é✓", &[("A", "é✓")]),
    ("A=a\tb\t", &[("A", "a\tb")]),
    ("A=x\u{feff}", &[("A", "x")]),
    ("A=\u{2003}x\u{2003}y\u{3000}", &[("A", "x\u{2003}y")]),
    ("A=\u{85}x", &[("A", "\u{85}x")]),
    ("A=\\$y\n2=$A", &[("2", "$y"), ("A", "$y")]),
    ("B=$'|\nA=x$B y", &[("A", "x y| y"), ("B", "$'|")]),
    ("B=$`|\nA=x$B y", &[("A", "xx| y"), ("B", "$`|")]),
    ("B=$$|\nA=x$B y", &[("A", "x$| y"), ("B", "$$|")]),
    ("B=$1|\nA=x$B y", &[("A", "x| y"), ("B", "|")]),
    ("__X=1\n_=2", &[("_", "2"), ("__X", "1")]),
];

#[test]
fn values_are_read_as_next_reads_them() {
    for (text, expect) in CASES {
        let found = read(&[(".env", text)], Mode::Production, &[("EX", "exist")]);
        assert_eq!(found.variables, map(expect), "{text:?}");
    }
}

#[test]
fn a_file_that_refers_to_itself_is_passed_over_with_a_warning() {
    let files = [(".env", "A=x$B\nB=$A\nC=c"), (".env.local", "D=d")];
    let found = read(&files, Mode::Production, &[]);
    assert_eq!(found.variables, map(&[("D", "d")]));
    assert_eq!(found.files, [".env.local", ".env"]);
    let [warning] = &found.warnings[..] else { panic!("{found:?}") };
    assert!(!warning.is_error());
    assert_eq!(warning.file.as_deref(), Some(".env"));
    assert!(warning.message.contains("`A` refers to itself"), "{}", warning.message);
    // With the variable in the process's environment there is no circle.
    assert_eq!(read(&[(".env", "A=$A\nC=c")], Mode::Production, &[("A", "1")]).warnings, []);
}

#[test]
fn growth_is_bounded() {
    let mut text = "A0=".to_owned() + &"x".repeat(1000) + "\n";
    for level in 1..40 {
        writeln!(text, "A{level}=$A{0}$A{0}", level - 1).unwrap();
    }
    let found = read(&[(".env", &text)], Mode::Production, &[]);
    assert!(found.variables.is_empty());
    assert!(found.warnings[0].message.contains("longer than"), "{:?}", found.warnings);
}

/// The files of a project in which each says which one it is.
const FILES: [(&str, &str); 8] = [
    (".env", "BASE=1\nWHO=env\nMODE=env\nLOCAL=env\nLOCAL_OR_MODE=env\nSEES=$WHO-$MODE"),
    (".env.local", "WHO=local\nLOCAL=local\nLOCAL_OR_MODE=local"),
    (".env.production", "MODE=production\nLOCAL_OR_MODE=production"),
    (".env.production.local", "WHO=production.local"),
    (".env.development", "MODE=development\nLOCAL_OR_MODE=development"),
    (".env.development.local", "WHO=development.local"),
    (".env.test", "MODE=test\nLOCAL_OR_MODE=test"),
    (".env.test.local", "WHO=test.local"),
];

#[test]
fn files_are_read_in_the_order_of_the_mode() {
    let check = |mode, files: &[&str], variables: &[(&str, &str)]| {
        let found = read(&FILES, mode, &[]);
        assert_eq!(found.files, files);
        let mut expect = map(variables);
        expect.insert("BASE".to_owned(), "1".to_owned());
        assert_eq!(found.variables, expect);
    };
    check(
        Mode::Production,
        &[".env.production.local", ".env.local", ".env.production", ".env"],
        &[
            ("WHO", "production.local"),
            ("LOCAL", "local"),
            ("LOCAL_OR_MODE", "local"),
            ("MODE", "production"),
            ("SEES", "production.local-production"),
        ],
    );
    check(
        Mode::Development,
        &[".env.development.local", ".env.local", ".env.development", ".env"],
        &[
            ("WHO", "development.local"),
            ("LOCAL", "local"),
            ("LOCAL_OR_MODE", "local"),
            ("MODE", "development"),
            ("SEES", "development.local-development"),
        ],
    );
    check(
        Mode::Test,
        &[".env.test.local", ".env.test", ".env"],
        &[
            ("WHO", "test.local"),
            ("LOCAL", "env"),
            ("LOCAL_OR_MODE", "test"),
            ("MODE", "test"),
            ("SEES", "test.local-test"),
        ],
    );
}

#[test]
fn the_environment_of_the_process_wins() {
    let text = "A=file\nB=$A\nEMPTY=file\nC=${EMPTY:-default}\nDOLLAR=file";
    let existing = [("A", "process"), ("EMPTY", ""), ("DOLLAR", "pa$$word")];
    let found = read(&[(".env", text)], Mode::Production, &existing);
    assert_eq!(found.variables, map(&[("B", "process"), ("C", "default")]));
}

#[test]
fn every_notation_in_one_file() {
    let text = "FROM_ENV=base\nEXPANDED=${FROM_ENV}-expanded\n\
        EXPANDED_DEFAULT=${NOT_SET_ANYWHERE:-fallback}\nESCAPED=a\\$b\n\
        SINGLE='single $FROM_ENV'\nDOUBLE=\"double $FROM_ENV\"\nMULTI=\"line1\nline2\"\n\
        NEWLINES=\"a\\nb\"\nWITH_HASH=\"a#b\" # comment\nUNQUOTED_HASH=abc # comment\n\
        SPACED=   padded value   \nEMPTY=\nexport EXPORTED=yes\n";
    let expect = [
        ("FROM_ENV", "base"),
        ("EXPANDED", "base-expanded"),
        ("EXPANDED_DEFAULT", "fallback"),
        ("ESCAPED", "a$b"),
        ("SINGLE", "single base"),
        ("DOUBLE", "double base"),
        ("MULTI", "line1\nline2"),
        ("NEWLINES", "a\nb"),
        ("WITH_HASH", "a#b"),
        ("UNQUOTED_HASH", "abc"),
        ("SPACED", "padded value"),
        ("EMPTY", ""),
        ("EXPORTED", "yes"),
    ];
    for text in [text.to_owned(), text.replace('\n', "\r\n"), format!("\u{feff}{text}")] {
        assert_eq!(read(&[(".env", &text)], Mode::Production, &[]).variables, map(&expect));
    }
}

#[test]
fn missing_files_and_folders_are_no_files() {
    let dir = project(&[]);
    fs::create_dir(dir.path().join(".env")).unwrap();
    let found = load(dir.path(), Mode::Production, &BTreeMap::new()).unwrap();
    assert_eq!(found, EnvFiles::default());
    let found = load(Path::new("/no/such/project"), Mode::Test, &BTreeMap::new()).unwrap();
    assert_eq!(found, EnvFiles::default());
}

#[test]
fn invalid_utf8_is_replaced() {
    let dir = project(&[]);
    fs::write(dir.path().join(".env"), b"A=a\xffb\nB=b").unwrap();
    let found = load(dir.path(), Mode::Production, &BTreeMap::new()).unwrap();
    assert_eq!(found.variables, map(&[("A", "a\u{fffd}b"), ("B", "b")]));
}

#[test]
fn a_file_that_is_too_long_is_an_error() {
    let longest = "A=".to_owned() + &"x".repeat(ENV_FILE_BYTES_MAX as usize - 2);
    let found = read(&[(".env", &longest)], Mode::Production, &[]);
    assert_eq!(found.variables["A"].len(), longest.len() - 2);
    let dir = project(&[(".env", &(longest + "x"))]);
    let error = load(dir.path(), Mode::Production, &BTreeMap::new()).unwrap_err();
    assert_eq!(error.file.as_deref(), Some(".env"));
    assert!(error.is_error());
}

/// Texts of the pieces that mean something in a `.env` file.
fn text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "A", "B", "=", ": ", " ", "\n", "\r\n", "\r", "'", "\"", "`", "#", "$", "{", "}", "${A}",
        "$B", "${A:-b}", ":-", "\\", "\\$", "\\n", "export ", "\u{feff}", "é", "x", "$&", "$'",
    ]);
    prop::collection::vec(pieces, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics_and_names_are_names(text in prop_oneof![text(), any::<String>()]) {
        let found = read(&[(".env", &text)], Mode::Production, &[("B", "process")]);
        prop_assert!(!found.variables.contains_key("B"));
        for name in found.variables.keys() {
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            prop_assert!(!name.is_empty() && name.bytes().all(is_name), "{name}");
        }
        prop_assert!(found.warnings.is_empty() || found.variables.is_empty());
    }

    #[test]
    fn plain_values_come_back_as_they_are(
        values in prop::collection::btree_map(
            "[A-Z][A-Z0-9_]{0,8}", "[a-zA-Z0-9/:?&=+,.@ é-]{0,20}", 0..8),
        quote in prop::sample::select(vec!["'", "\"", "`"]),
        line_end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
    ) {
        let line = |(name, value): (&String, &String)| {
            format!("{name}={quote}{value}{quote}{line_end}")
        };
        let text: String = values.iter().map(line).collect();
        prop_assert_eq!(read(&[(".env", &text)], Mode::Development, &[]).variables, values);
    }
}
