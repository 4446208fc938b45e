//! The parts of a path pattern, as path-to-regexp 6 splits it.

use std::iter::Peekable;
use std::str::CharIndices;

use super::pattern::PathPatternError;

/// How often a parameter or group may occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Modifier {
    Once,
    Optional,
    ZeroOrMore,
    OneOrMore,
}

impl Modifier {
    pub(super) fn repeats(self) -> bool {
        matches!(self, Self::ZeroOrMore | Self::OneOrMore)
    }

    pub(super) fn may_be_absent(self) -> bool {
        matches!(self, Self::Optional | Self::ZeroOrMore)
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Once => "",
            Self::Optional => "?",
            Self::ZeroOrMore => "*",
            Self::OneOrMore => "+",
        }
    }

    fn of(character: char) -> Option<Self> {
        Some(match character {
            '?' => Self::Optional,
            '*' => Self::ZeroOrMore,
            '+' => Self::OneOrMore,
            _ => return None,
        })
    }
}

/// A part that stands for something: `:name`, `(regex)`, `{-:name}?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    /// `None` for a group without a name.
    pub(super) name: Option<String>,
    pub(super) prefix: String,
    pub(super) suffix: String,
    pub(super) regex: SlotRegex,
    pub(super) modifier: Modifier,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SlotRegex {
    /// `(regex)`, as it was written.
    Own(String),
    /// Everything up to the next delimiter, or up to this text.
    Default { until: String },
    /// `{text}` without a parameter.
    None,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Text(String),
    Slot(Slot),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Lexeme {
    Character(char),
    Escaped(char),
    Name(String),
    Regex(String),
    Modifier(Modifier),
    Open,
    Close,
}

/// What is asked of two parameters in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Adjacent {
    /// Text must be between them, or nobody could tell where one ends. For matching.
    Refused,
    /// They are joined. For filling in.
    Allowed,
}

/// Splits a pattern into its parts.
pub(super) fn tokens(pattern: &str, adjacent: Adjacent) -> Result<Vec<Token>, PathPatternError> {
    let lexemes = Lexer { text: pattern, rest: pattern.char_indices().peekable() }.lexemes()?;
    Parser {
        lexemes: lexemes.into_iter().peekable(),
        found: Vec::new(),
        text: String::new(),
        adjacent,
    }
    .tokens()
}

struct Lexer<'t> {
    text: &'t str,
    rest: Peekable<CharIndices<'t>>,
}

/// Where it is, and what it is.
type Placed = (usize, Lexeme);

impl Lexer<'_> {
    fn lexemes(mut self) -> Result<Vec<Placed>, PathPatternError> {
        let mut found = Vec::new();
        while let Some((at, character)) = self.rest.next() {
            let lexeme = match character {
                '\\' => match self.rest.next() {
                    Some((_, escaped)) => Lexeme::Escaped(escaped),
                    None => return Err(PathPatternError::new(at, "a backslash at the end")),
                },
                '{' => Lexeme::Open,
                '}' => Lexeme::Close,
                ':' => Lexeme::Name(self.name(at)?),
                '(' => Lexeme::Regex(self.regex(at)?),
                other => match Modifier::of(other) {
                    Some(modifier) => Lexeme::Modifier(modifier),
                    None => Lexeme::Character(other),
                },
            };
            found.push((at, lexeme));
        }
        Ok(found)
    }

    fn name(&mut self, at: usize) -> Result<String, PathPatternError> {
        let mut name = String::new();
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        while let Some((_, character)) = self.rest.next_if(|(_, next)| is_word(*next)) {
            name.push(character);
        }
        if name.is_empty() {
            return Err(PathPatternError::new(at, "`:` without a parameter's name"));
        }
        Ok(name)
    }

    /// After `(`, up to the parenthesis that closes it.
    fn regex(&mut self, at: usize) -> Result<String, PathPatternError> {
        let error = |at, reason| Err(PathPatternError::new(at, reason));
        let start = at + 1;
        if self.rest.peek().is_some_and(|(_, next)| *next == '?') {
            return error(start, "a group cannot start with `?`");
        }
        let mut depth = 1;
        while let Some((index, character)) = self.rest.next() {
            match character {
                '\\' => {
                    self.rest.next();
                }
                '(' => {
                    depth += 1;
                    let kind = self.text.get(index + 1..).unwrap_or_default();
                    let is_named = kind.starts_with("?<")
                        && !kind.starts_with("?<=")
                        && !kind.starts_with("?<!");
                    if !kind.starts_with('?') || is_named {
                        return error(
                            index,
                            "a group within a group must start with `?:`, `?=` or `?!`",
                        );
                    }
                }
                ')' => {
                    depth -= 1;
                    if depth == 0 {
                        let regex = self.text.get(start..index).unwrap_or_default();
                        if regex.is_empty() {
                            return error(at, "an empty group");
                        }
                        return Ok(regex.to_owned());
                    }
                }
                _ => {}
            }
        }
        error(at, "a parenthesis that is not closed")
    }
}

struct Parser {
    lexemes: Peekable<std::vec::IntoIter<Placed>>,
    found: Vec<Token>,
    /// Text that is not in `found` yet.
    text: String,
    adjacent: Adjacent,
}

impl Parser {
    fn tokens(mut self) -> Result<Vec<Token>, PathPatternError> {
        while let Some((at, lexeme)) = self.lexemes.next() {
            match lexeme {
                Lexeme::Character(character) if self.slot_follows() => {
                    let mut prefix = String::new();
                    if matches!(character, '.' | '/') { &mut prefix } else { &mut self.text }
                        .push(character);
                    let (name, regex) = self.name_and_regex();
                    self.slot(at, name, regex, prefix)?;
                }
                Lexeme::Character(character) | Lexeme::Escaped(character) => {
                    self.text.push(character);
                }
                Lexeme::Name(name) => {
                    let regex = self.regex();
                    self.slot(at, Some(name), regex, String::new())?;
                }
                Lexeme::Regex(regex) => self.slot(at, None, Some(regex), String::new())?,
                Lexeme::Open => self.braces(at)?,
                Lexeme::Modifier(modifier) => {
                    let reason = format!("`{}` has nothing to repeat", modifier.as_str());
                    return Err(PathPatternError::new(at, reason));
                }
                Lexeme::Close => return Err(PathPatternError::new(at, "`}` without `{`")),
            }
        }
        self.end_text();
        Ok(self.found)
    }

    fn slot_follows(&mut self) -> bool {
        matches!(self.lexemes.peek(), Some((_, Lexeme::Name(_) | Lexeme::Regex(_))))
    }

    fn end_text(&mut self) {
        if !self.text.is_empty() {
            self.found.push(Token::Text(std::mem::take(&mut self.text)));
        }
    }

    fn name_and_regex(&mut self) -> (Option<String>, Option<String>) {
        let is_name = |next: &Placed| matches!(next.1, Lexeme::Name(_));
        let name = match self.lexemes.next_if(is_name) {
            Some((_, Lexeme::Name(name))) => Some(name),
            _ => None,
        };
        (name, self.regex())
    }

    fn regex(&mut self) -> Option<String> {
        match self.lexemes.next_if(|next| matches!(next.1, Lexeme::Regex(_))) {
            Some((_, Lexeme::Regex(regex))) => Some(regex),
            _ => None,
        }
    }

    fn modifier(&mut self) -> Modifier {
        match self.lexemes.next_if(|next| matches!(next.1, Lexeme::Modifier(_))) {
            Some((_, Lexeme::Modifier(modifier))) => modifier,
            _ => Modifier::Once,
        }
    }

    fn slot(
        &mut self,
        at: usize,
        name: Option<String>,
        regex: Option<String>,
        prefix: String,
    ) -> Result<(), PathPatternError> {
        self.end_text();
        let regex = match regex {
            Some(regex) => SlotRegex::Own(regex),
            None => self.default_regex(at, &prefix)?,
        };
        let modifier = self.modifier();
        let suffix = String::new();
        self.found.push(Token::Slot(Slot { name, prefix, suffix, regex, modifier }));
        Ok(())
    }

    fn default_regex(&self, at: usize, prefix: &str) -> Result<SlotRegex, PathPatternError> {
        let until = match self.found.last() {
            _ if !prefix.is_empty() => prefix,
            Some(Token::Text(text)) => text,
            Some(Token::Slot(_)) if self.adjacent == Adjacent::Refused => {
                return Err(PathPatternError::new(at, "text must be between two parameters"));
            }
            _ => "",
        };
        Ok(SlotRegex::Default { until: until.to_owned() })
    }

    /// After `{`: text, at most one parameter, text, `}`, and a modifier.
    fn braces(&mut self, at: usize) -> Result<(), PathPatternError> {
        self.end_text();
        let prefix = self.consume_text();
        let (name, regex) = self.name_and_regex();
        let suffix = self.consume_text();
        match self.lexemes.next() {
            Some((_, Lexeme::Close)) => {}
            Some((at, _)) => return Err(PathPatternError::new(at, "`}` was expected here")),
            None => return Err(PathPatternError::new(at, "`{` is not closed")),
        }
        let regex = match (&name, regex) {
            (_, Some(regex)) => SlotRegex::Own(regex),
            (Some(_), None) => self.default_regex(at, &prefix)?,
            (None, None) => SlotRegex::None,
        };
        let modifier = self.modifier();
        self.found.push(Token::Slot(Slot { name, prefix, suffix, regex, modifier }));
        Ok(())
    }

    fn consume_text(&mut self) -> String {
        let mut text = String::new();
        let is_text = |next: &Placed| matches!(next.1, Lexeme::Character(_) | Lexeme::Escaped(_));
        while let Some((_, Lexeme::Character(character) | Lexeme::Escaped(character))) =
            self.lexemes.next_if(is_text)
        {
            text.push(character);
        }
        text
    }
}
