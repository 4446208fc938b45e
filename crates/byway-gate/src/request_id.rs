//! A name for each request, by which a log line, a handler's own log and a client's report find together.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use http::header::{HeaderMap, HeaderName, HeaderValue};

/// A longer id from a proxy is replaced: it is copied into logs and answers.
const ID_BYTES_MAX: usize = 128;
/// Steps of the counter behind the ids; odd, so that it meets every number.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Makes ids: unlike each other across processes and machines, and not guessable by accident.
#[derive(Debug)]
pub struct RequestIds {
    header: HeaderName,
    start: u64,
    counter: AtomicU64,
    answer: bool,
}

impl RequestIds {
    /// Ids in the header `header`; `answer`: clients see them too.
    pub fn new(header: HeaderName, answer: bool) -> Self {
        // Two of the system's random keys: the only randomness that std offers, and enough for names.
        let random = || RandomState::new().hash_one(std::process::id());
        Self { header, start: random(), counter: AtomicU64::new(random()), answer }
    }

    /// The request's id: its own where it comes from a trusted proxy and makes sense, else a new one,
    /// which the headers then carry to the handler.
    pub fn assign(&self, trusted: bool, headers: &mut HeaderMap) -> HeaderValue {
        if trusted {
            let mut lines = headers.get_all(&self.header).iter();
            if let (Some(id), None) = (lines.next(), lines.next())
                && is_valid(id.as_bytes())
            {
                return id.clone();
            }
        }
        let id = self.make();
        headers.insert(&self.header, id.clone());
        id
    }

    /// Puts the id on an answer, where clients are to see it.
    pub fn answer(&self, id: HeaderValue, answer: &mut HeaderMap) {
        if self.answer {
            answer.insert(&self.header, id);
        }
    }

    fn make(&self) -> HeaderValue {
        let count = self.counter.fetch_add(STEP, Ordering::Relaxed);
        let mut text = [0; 32];
        hex(mix(self.start ^ count), &mut text[..16]);
        hex(mix(count), &mut text[16..]);
        HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static("-"))
    }
}

/// Letters, digits and a few signs: nothing that a log or a shell would read as more than a word.
fn is_valid(id: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@~".contains(byte);
    (1..=ID_BYTES_MAX).contains(&id.len()) && id.iter().all(fits)
}

/// The finisher of splitmix64: neighbours become strangers, none become equal.
fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

fn hex(number: u64, out: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (index, digit) in out.iter_mut().enumerate() {
        let shift = 60 - 4 * index.min(15);
        *digit = DIGITS[(number >> shift) as usize & 15];
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use http::header::{HeaderMap, HeaderName, HeaderValue};

    use super::RequestIds;

    fn ids() -> RequestIds {
        RequestIds::new(HeaderName::from_static("x-request-id"), true)
    }

    #[test]
    fn ids_are_different_words_of_32_digits() {
        let ids = ids();
        let mut seen = HashSet::new();
        for _ in 0..10_000 {
            let mut headers = HeaderMap::new();
            let id = ids.assign(false, &mut headers);
            assert_eq!(headers["x-request-id"], id);
            assert!(id.len() == 32 && id.as_bytes().iter().all(u8::is_ascii_hexdigit), "{id:?}");
            assert!(seen.insert(id));
        }
    }

    #[test]
    fn only_a_trusted_proxy_names_a_request() {
        let ids = ids();
        let check = |value: &'static str, trusted, kept: bool| {
            let mut headers = HeaderMap::new();
            headers.insert("x-request-id", HeaderValue::from_static(value));
            let id = ids.assign(trusted, &mut headers);
            assert_eq!(id == value, kept, "{value}");
            assert_eq!(headers.get_all("x-request-id").iter().collect::<Vec<_>>(), [&id]);
        };
        check("abc-1.2:3", true, true);
        check("abc", false, false);
        for wrong in ["", "a b", "a\"b", "a;b", "${jndi}", "a\tb"] {
            check(wrong, true, false);
        }
        let mut two = HeaderMap::new();
        two.append("x-request-id", HeaderValue::from_static("a"));
        two.append("x-request-id", HeaderValue::from_static("b"));
        assert_eq!(ids.assign(true, &mut two).len(), 32);
        assert_eq!(two.get_all("x-request-id").iter().count(), 1);
    }
}
