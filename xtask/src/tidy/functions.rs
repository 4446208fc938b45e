use super::{assert_none, sources};

/// Lines of a function's body that are neither blank nor comments.
const FUNCTION_LINES_MAX: usize = 70;

/// A function that is open while its lines are counted.
struct Open {
    name: String,
    depth: usize,
    lines: usize,
}

/// Names and lengths of the functions of a Rust file, as rustfmt writes it.
fn functions(lines: &[&str]) -> Vec<(String, usize)> {
    let mut done = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut depth = 0;
    let mut announced: Option<String> = None;
    for line in lines {
        let code = without_literals(line);
        let is_code = !code.trim().is_empty();
        if let Some(name) = function_name(&code) {
            announced = Some(name);
        }
        for function in &mut open {
            function.lines += usize::from(is_code);
        }
        for character in code.chars() {
            match character {
                '{' => {
                    depth += 1;
                    if let Some(name) = announced.take() {
                        open.push(Open { name, depth, lines: 0 });
                    }
                }
                '}' => {
                    if open.last().is_some_and(|function| function.depth == depth)
                        && let Some(function) = open.pop()
                    {
                        // The line of the closing brace was counted.
                        done.push((function.name, function.lines.saturating_sub(1)));
                    }
                    depth = depth.saturating_sub(1);
                }
                _ => {}
            }
        }
        // A declaration without a body.
        if code.trim_end().ends_with(';') {
            announced = None;
        }
    }
    done
}

fn function_name(code: &str) -> Option<String> {
    let (before, after) = code.split_once("fn ")?;
    let is_word = before.is_empty() || before.ends_with([' ', '(']);
    let name: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (is_word && !name.is_empty()).then_some(name)
}

/// The line without comments, strings and character literals, whose braces do not count. Text that
/// spans lines keeps its braces; they are balanced in JSON and format strings.
fn without_literals(line: &str) -> String {
    let mut code = String::new();
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '/' if characters.peek() == Some(&'/') => break,
            '"' => {
                while let Some(inside) = characters.next() {
                    match inside {
                        '\\' => drop(characters.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '\'' => {
                let rest: Vec<char> = characters.clone().take(2).collect();
                match rest.as_slice() {
                    ['\\', _] => {
                        characters.next();
                        characters.next();
                        characters.by_ref().find(|end| *end == '\'');
                    }
                    [_, '\''] => {
                        characters.next();
                        characters.next();
                    }
                    _ => {}
                }
            }
            other => code.push(other),
        }
    }
    code
}

#[test]
fn functions_fit_a_screen() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| source.has_extension(&["rs"])) {
        if source.is_test() {
            continue;
        }
        for (name, lines) in functions(&source.lines_without_tests()) {
            if lines > FUNCTION_LINES_MAX {
                wrong.push(format!("{}: fn {name} has {lines} lines", source.path));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn lengths_are_counted_without_blanks_and_comments() {
    let text = "
impl A {
    /// fn in_a_comment() {
    fn first(&self) -> [u8; 2] {
        // Why.
        let brace = '{';

        let text = \"fn x() { \\\" {\";
        [1, 2]
    }

    fn declared(&self);
}
pub(crate) async fn second<'a>(
    name: &'a str,
) -> usize {
    fn inner() {
        call()
    }
    inner();
}
";
    let lines: Vec<&str> = text.lines().collect();
    let found = functions(&lines);
    let expected = [("first".to_owned(), 3), ("inner".to_owned(), 1), ("second".to_owned(), 4)];
    assert_eq!(found, expected);
}
