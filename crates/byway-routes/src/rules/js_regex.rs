//! JavaScript's regular expressions, as they stand in rules, in Rust.
//!
//! A rule's text is translated to the dialect of `fancy-regex`, character class by character class, so that
//! it means the same: `\d` is a digit of ASCII, `[` within a class is a bracket, `\/` is a slash.
//! What has neither lookaround nor backreferences runs in time linear in the text; the rest is
//! bounded by [`BACKTRACKS_MAX`].

use fancy_regex::{Captures, RegexBuilder};
use thiserror::Error;

/// Bytes of a regular expression, as under Next.
pub const REGEX_BYTES_MAX: usize = 4096;
/// Steps back that matching one text may take. Beyond it the text counts as [`TooComplex`].
pub const BACKTRACKS_MAX: usize = 100_000;
/// Bytes of memory of one compiled expression.
const COMPILED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct JsRegex(fancy_regex::Regex);

/// Matching was given up after [`BACKTRACKS_MAX`] steps back. Whether the text matches is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("matching takes more than {BACKTRACKS_MAX} steps back")]
pub struct TooComplex;

/// Why a text is no regular expression.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RegexError {
    /// Longer than [`REGEX_BYTES_MAX`].
    #[error("the regular expression has more than {REGEX_BYTES_MAX} bytes")]
    TooLong,
    /// JavaScript would refuse it as well, or it asks for what no engine here has.
    #[error("the regular expression `{text}` is not valid: {reason}")]
    Invalid {
        /// The text as it was written.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl JsRegex {
    /// Compiles an expression in JavaScript's syntax, without the flags `u` and `m`.
    pub fn new(text: &str, case_sensitive: bool) -> Result<Self, RegexError> {
        if text.len() > REGEX_BYTES_MAX {
            return Err(RegexError::TooLong);
        }
        let invalid = |reason: String| RegexError::Invalid { text: text.to_owned(), reason };
        let translated = translate(text).map_err(|reason| invalid(reason.to_owned()))?;
        RegexBuilder::new(&translated)
            .case_insensitive(!case_sensitive)
            .backtrack_limit(BACKTRACKS_MAX)
            .delegate_size_limit(COMPILED_BYTES_MAX)
            .build()
            .map(Self)
            .map_err(|error| invalid(error.to_string()))
    }

    /// The groups of the first match.
    pub fn captures<'t>(&self, text: &'t str) -> Result<Option<Captures<'t, str>>, TooComplex> {
        self.0.captures(text).map_err(|_| TooComplex)
    }

    /// Whether it matches anywhere in the text.
    pub fn is_match(&self, text: &str) -> Result<bool, TooComplex> {
        self.0.is_match(text).map_err(|_| TooComplex)
    }

    /// The names of the groups that have one, in the order of the expression.
    pub fn group_names(&self) -> impl Iterator<Item = &str> {
        self.0.capture_names().flatten()
    }
}

const DIGITS: &str = "0-9";
const NOT_DIGITS: &str = "[^0-9]";
const WORDS: &str = "0-9A-Za-z_";
const NOT_WORDS: &str = "[^0-9A-Za-z_]";
const SPACES: &str =
    r"\t-\r \u{A0}\u{1680}\u{2000}-\u{200A}\u{2028}\u{2029}\u{202F}\u{205F}\u{3000}\u{FEFF}";
const NOT_SPACES: &str =
    r"[^\t-\r \u{A0}\u{1680}\u{2000}-\u{200A}\u{2028}\u{2029}\u{202F}\u{205F}\u{3000}\u{FEFF}]";
const ANY_BUT_LINE_ENDS: &str = r"[^\n\r\u{2028}\u{2029}]";

/// Walks an expression and writes it in the other dialect.
struct Translator<'t> {
    rest: std::iter::Peekable<std::str::Chars<'t>>,
    out: String,
    /// Whether the part before can take a quantifier.
    can_repeat: bool,
}

fn translate(text: &str) -> Result<String, &'static str> {
    let out = String::with_capacity(text.len() + 16);
    let mut walk = Translator { rest: text.chars().peekable(), out, can_repeat: false };
    while let Some(character) = walk.rest.next() {
        walk.step(character)?;
    }
    Ok(walk.out)
}

impl Translator<'_> {
    fn step(&mut self, character: char) -> Result<(), &'static str> {
        match character {
            '\\' => return self.escape(),
            '[' => self.class()?,
            '.' => self.out.push_str(ANY_BUT_LINE_ENDS),
            '(' => return self.open(),
            '|' | '^' => {
                self.out.push(character);
                self.can_repeat = false;
                return Ok(());
            }
            '$' => {
                self.out.push_str(r"\z");
                self.can_repeat = false;
                return Ok(());
            }
            ')' => self.out.push(')'),
            '*' | '+' | '?' => return self.quantifier(&character.to_string()),
            '{' => match self.counts() {
                Some(counts) => return self.quantifier(&counts),
                None => push_literal(&mut self.out, '{'),
            },
            other => push_literal(&mut self.out, other),
        }
        self.can_repeat = true;
        Ok(())
    }

    fn quantifier(&mut self, quantifier: &str) -> Result<(), &'static str> {
        if !self.can_repeat {
            return Err("nothing to repeat");
        }
        self.out.push_str(quantifier);
        if self.rest.next_if_eq(&'?').is_some() {
            self.out.push('?');
        }
        self.can_repeat = false;
        Ok(())
    }

    /// `{2}`, `{2,}`, `{2,4}` after the brace; anything else is a brace.
    fn counts(&mut self) -> Option<String> {
        let ahead: String = self.rest.clone().take_while(|&character| character != '}').collect();
        let (least, most) = ahead.split_once(',').unwrap_or((&ahead, "0"));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let closed = self.rest.clone().nth(ahead.chars().count()) == Some('}');
        if !closed || least.is_empty() || !is_number(least) || !is_number(most) {
            return None;
        }
        self.rest.nth(ahead.chars().count());
        Some(format!("{{{ahead}}}"))
    }

    /// After `(`: the kinds of groups are written the same in both dialects.
    fn open(&mut self) -> Result<(), &'static str> {
        self.out.push('(');
        self.can_repeat = false;
        if self.rest.next_if_eq(&'?').is_none() {
            return Ok(());
        }
        self.out.push('?');
        match self.rest.next() {
            Some(kind @ (':' | '=' | '!')) => self.out.push(kind),
            Some('<') => {
                self.out.push('<');
                if let Some(behind) = self.rest.next_if(|next| matches!(next, '=' | '!')) {
                    self.out.push(behind);
                    return Ok(());
                }
                let name = self.name().ok_or("a group's name is not closed")?;
                self.out.push_str(&name);
                self.out.push('>');
            }
            _ => return Err("an unknown kind of group"),
        }
        Ok(())
    }

    /// A group's name up to its `>`.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        loop {
            match self.rest.next()? {
                '>' if !name.is_empty() => return Some(name),
                character if character.is_ascii_alphanumeric() || character == '_' => {
                    name.push(character);
                }
                _ => return None,
            }
        }
    }

    /// After a backslash, outside of a class.
    fn escape(&mut self) -> Result<(), &'static str> {
        let next = self.rest.next().ok_or("a backslash at the end")?;
        self.can_repeat = true;
        match next {
            'd' => self.out.push_str("[0-9]"),
            'D' => self.out.push_str(NOT_DIGITS),
            'w' => self.out.push_str("[0-9A-Za-z_]"),
            'W' => self.out.push_str(NOT_WORDS),
            's' => {
                self.out.push('[');
                self.out.push_str(SPACES);
                self.out.push(']');
            }
            'S' => self.out.push_str(NOT_SPACES),
            'b' | 'B' => {
                self.out.push_str(if next == 'b' { WORD_EDGE } else { NO_WORD_EDGE });
                self.can_repeat = false;
            }
            'k' => {
                let name = self.rest.next_if_eq(&'<').and_then(|_| self.name());
                let name = name.ok_or("`\\k` without a group's name")?;
                self.out.extend(["\\k<", &name, ">"]);
            }
            '1'..='9' => {
                let mut number = next.to_string();
                while let Some(digit) = self.rest.next_if(char::is_ascii_digit) {
                    number.push(digit);
                }
                // In parentheses, so that a digit that follows is no part of it.
                self.out.extend(["(?:\\", &number, ")"]);
            }
            'p' | 'P' => return Err("`\\p` needs the flag `u`, which rules cannot set"),
            other => {
                let literal = self.character(other)?;
                push_literal(&mut self.out, literal);
            }
        }
        Ok(())
    }

    /// The character that an escape stands for; `letter` follows the backslash.
    fn character(&mut self, letter: char) -> Result<char, &'static str> {
        Ok(match letter {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{B}',
            'f' => '\u{C}',
            '0' => '\0',
            'x' => self.hex(2).unwrap_or('x'),
            'u' => self.hex(4).unwrap_or('u'),
            'c' => match self.rest.next_if(char::is_ascii_alphabetic) {
                Some(control) => char::from(control as u8 % 32),
                None => return Err("`\\c` without a letter"),
            },
            other => other,
        })
    }

    fn hex(&mut self, digits: usize) -> Option<char> {
        let text: String = self.rest.clone().take(digits).collect();
        let is_hex = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let found = char::from_u32(u32::from_str_radix(&text, 16).ok()?).filter(|_| is_hex)?;
        self.rest.nth(digits - 1);
        Some(found)
    }

    /// After `[`.
    fn class(&mut self) -> Result<(), &'static str> {
        let negated = self.rest.next_if_eq(&'^').is_some();
        if self.rest.next_if_eq(&']').is_some() {
            // JavaScript's empty class: nothing, or everything.
            self.out.push_str(if negated { r"[\s\S]" } else { r"[^\s\S]" });
            return Ok(());
        }
        self.out.push_str(if negated { "[^" } else { "[" });
        loop {
            match self.class_item()? {
                None => break,
                Some(Item::Set(set)) => self.out.push_str(set),
                Some(Item::One(from)) => {
                    push_literal(&mut self.out, from);
                    self.range()?;
                }
            }
        }
        self.out.push(']');
        Ok(())
    }

    /// What may follow a character of a class: `-` and the end of a range.
    fn range(&mut self) -> Result<(), &'static str> {
        let mut ahead = self.rest.clone();
        if ahead.next() != Some('-') || matches!(ahead.next(), Some(']') | None) {
            return Ok(());
        }
        self.rest.next();
        match self.class_item()? {
            Some(Item::One(to)) => {
                self.out.push('-');
                push_literal(&mut self.out, to);
            }
            // Beside a set, JavaScript takes a hyphen for itself: `[\w-.]`.
            Some(Item::Set(set)) => {
                self.out.push_str(r"\-");
                self.out.push_str(set);
            }
            None => {}
        }
        Ok(())
    }

    /// The next character or set of a class, `None` at its end.
    fn class_item(&mut self) -> Result<Option<Item>, &'static str> {
        let character = match self.rest.next().ok_or("a class without `]`")? {
            ']' => return Ok(None),
            '\\' => self.rest.next().ok_or("a backslash at the end")?,
            other => return Ok(Some(Item::One(other))),
        };
        let set = match character {
            'd' => DIGITS,
            'D' => NOT_DIGITS,
            'w' => WORDS,
            'W' => NOT_WORDS,
            's' => SPACES,
            'S' => NOT_SPACES,
            'b' => return Ok(Some(Item::One('\u{8}'))),
            other => return self.character(other).map(|literal| Some(Item::One(literal))),
        };
        Ok(Some(Item::Set(set)))
    }
}

enum Item {
    One(char),
    Set(&'static str),
}

const WORD_EDGE: &str = r"(?:(?<=[0-9A-Za-z_])(?![0-9A-Za-z_])|(?<![0-9A-Za-z_])(?=[0-9A-Za-z_]))";
const NO_WORD_EDGE: &str =
    r"(?:(?<=[0-9A-Za-z_])(?=[0-9A-Za-z_])|(?<![0-9A-Za-z_])(?![0-9A-Za-z_]))";

/// Writes a character that stands for itself, within a class or outside.
fn push_literal(out: &mut String, character: char) {
    match character {
        'a'..='z'
        | 'A'..='Z'
        | '0'..='9'
        | '_'
        | '/'
        | '<'
        | '>'
        | '%'
        | '='
        | '!'
        | ':'
        | ','
        | '@'
        | ';'
        | '"'
        | '\''
        | '`' => out.push(character),
        '\0'..=' ' | '\u{7F}' => {
            let digit = |value: u32| char::from_digit(value, 16);
            let (high, low) = (digit(character as u32 >> 4), digit(character as u32 & 15));
            out.push_str(r"\x");
            out.extend(high.into_iter().chain(low));
        }
        '!'..='~' => {
            out.push('\\');
            out.push(character);
        }
        other => out.push(other),
    }
}

#[cfg(test)]
mod tests;
