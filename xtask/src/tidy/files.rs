use super::{Source, assert_none, sources};

/// Lines of a file, its tests left out.
const FILE_LINES_MAX: usize = 500;
/// rustfmt keeps code within 100 columns; this is for what it leaves alone, comments and strings.
const COLUMNS_MAX: usize = 110;
const SOURCE: [&str; 6] = ["rs", "ts", "tsx", "js", "mjs", "cjs"];
const TEXT: [&str; 10] = ["rs", "ts", "tsx", "js", "mjs", "cjs", "toml", "md", "sh", "json"];

/// Written in two halves, so that this file does not contain them.
const WORDS_FORBIDDEN: [&str; 6] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("HACK", ":"),
    concat!("#[ign", "ore"),
    concat!("test.sk", "ip("),
];

#[test]
fn files_are_short() {
    let too_long = |source: &&Source| {
        source.has_extension(&SOURCE)
            && !source.is_test()
            && source.lines_without_tests().len() > FILE_LINES_MAX
    };
    let wrong: Vec<String> = sources()
        .iter()
        .filter(too_long)
        .map(|source| format!("{}: {} lines", source.path, source.lines_without_tests().len()))
        .collect();
    assert_none(&wrong);
}

#[test]
fn rust_lines_fit_the_screen() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| source.has_extension(&["rs"])) {
        // Test data may be long; what people read may not.
        for (index, line) in source.lines_without_tests().iter().enumerate() {
            let columns = line.chars().count();
            if columns > COLUMNS_MAX && !source.is_test() {
                wrong.push(format!("{}:{}: {columns} columns", source.path, index + 1));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn rust_files_say_why_they_exist() {
    let silent = |source: &&Source| {
        source.has_extension(&["rs"]) && !source.is_test() && !source.text.starts_with("//!")
    };
    let all = sources();
    let in_tidy = |source: &&Source| !source.path.starts_with("xtask/src/tidy/");
    let wrong: Vec<String> =
        all.iter().filter(silent).filter(in_tidy).map(|source| source.path.clone()).collect();
    assert_none(&wrong);
}

#[test]
fn nothing_is_left_for_later() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| source.has_extension(&TEXT)) {
        for (index, line) in source.text.lines().enumerate() {
            for word in WORDS_FORBIDDEN.iter().filter(|word| line.contains(**word)) {
                wrong.push(format!("{}:{}: `{word}`", source.path, index + 1));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn modules_are_named_for_what_they_hold() {
    let vague = ["utils", "util", "helpers", "helper", "common", "misc", "manager"];
    let is_vague = |source: &&Source| {
        let mut parts = source.path.split(['/', '.']);
        source.has_extension(&SOURCE) && parts.any(|part| vague.contains(&part))
    };
    let all = sources();
    let wrong: Vec<String> =
        all.iter().filter(is_vague).map(|source| source.path.clone()).collect();
    assert_none(&wrong);
}

#[test]
fn lock_files_name_no_download_host() {
    let all = sources();
    let names_host = |source: &&Source| {
        source.path.ends_with("package-lock.json") && source.text.contains("\"resolved\": \"http")
    };
    let wrong: Vec<String> =
        all.iter().filter(names_host).map(|source| source.path.clone()).collect();
    assert_none(&wrong);
}
