//! What each byte means in a path, and percent-decoding.

/// What a byte of a raw path asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Stands for itself.
    Plain,
    /// `/`.
    Slash,
    /// `\`, which URLs take for a slash.
    Backslash,
    /// `%`, the start of an encoded byte.
    Percent,
    /// Allowed, but URLs show it encoded: `"`, `<`, `>`, `` ` ``, `{`, `}`.
    Escaped,
    /// `?` or `#`: the path ends before it.
    End,
    /// Not allowed in a target: controls, space, and everything that is not ASCII.
    Refused,
}

/// The class of every byte.
pub(crate) const CLASSES: [Class; 256] = classes();

const fn classes() -> [Class; 256] {
    let mut classes = [Class::Refused; 256];
    let mut byte = 0x21;
    while byte < 0x7F {
        classes[byte as usize] = match byte {
            b'/' => Class::Slash,
            b'\\' => Class::Backslash,
            b'%' => Class::Percent,
            b'"' | b'<' | b'>' | b'`' | b'{' | b'}' => Class::Escaped,
            b'?' | b'#' => Class::End,
            _ => Class::Plain,
        };
        byte += 1;
    }
    classes
}

/// Whether the byte may stand in a target at all.
pub(crate) fn is_printable_ascii(byte: u8) -> bool {
    (0x21..0x7F).contains(&byte)
}

/// A percent-decoded text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// The text.
    pub(crate) text: String,
    /// Whether only bytes were encoded that a URL's path cannot have raw. The one spelling of a
    /// text that static segments match, apart from the case of the hexadecimal digits.
    pub(crate) is_canonical: bool,
    /// Whether a letter, a digit, `-`, `.`, `_` or `~` was encoded, for which RFC 3986 §2.3 knows no reason.
    pub(crate) hides_letters: bool,
}

/// Decodes once. `None`: a `%` without two hexadecimal digits, or bytes that are not UTF-8.
pub(crate) fn percent_decode(raw: &str) -> Option<Decoded> {
    let mut text = Vec::with_capacity(raw.len());
    let (mut is_canonical, mut hides_letters) = (true, false);
    let mut rest = raw.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            let (&[high, low], after) = rest.split_first_chunk()?;
            let decoded = hex_digit(high)? << 4 | hex_digit(low)?;
            is_canonical &= !matches!(CLASSES[decoded as usize], Class::Plain);
            hides_letters |=
                decoded.is_ascii_alphanumeric() || matches!(decoded, b'-' | b'.' | b'_' | b'~');
            text.push(decoded);
            rest = after;
        } else {
            text.push(byte);
        }
    }
    let text = String::from_utf8(text).ok()?;
    Some(Decoded { text, is_canonical, hides_letters })
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
