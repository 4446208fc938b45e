//! What an answer says about being kept for several clients (RFC 9111, RFC 5861), read strictly: what is
//! doubtful is not kept.

use std::time::{Duration, SystemTime};

use byway_config::limits::{CACHE_ENTRY_TAGS_MAX, CACHE_TAG_BYTES_MAX};
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, AGE, CACHE_CONTROL, DATE, EXPIRES, HeaderMap, HeaderName, ORIGIN,
    SET_COOKIE, VARY,
};
use http::{HeaderValue, StatusCode};

use crate::entry::Lifetime;

/// Names what an answer depends on, for a purge. Comma-separated.
const CACHE_TAG: HeaderName = HeaderName::from_static("cache-tag");
/// What RFC 9111 §1.2.2 lets stand for everything larger.
const SECONDS_MAX: u32 = 1 << 31;

/// How an answer may be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Fresh until `revalidate`; not to be used in any way after `expire`.
    pub lifetime: Lifetime,
    /// The request headers, of those that its maker was told, that it depends on.
    pub vary: Vec<HeaderName>,
    /// What a purge may name it by.
    pub tags: Vec<Box<str>>,
}

/// What the answer may be used for once it is not fresh any more, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Afterlife {
    /// As it is, while it is made anew (RFC 5861 §3).
    pub while_revalidate: u32,
    /// Where making it anew fails (RFC 5861 §4).
    pub if_error: u32,
}

/// `Cache-Control` of an answer, as far as it concerns a cache that several clients share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Directives {
    forbidden: bool,
    public: bool,
    must_revalidate: bool,
    max_age: Option<u32>,
    s_maxage: Option<u32>,
    afterlife: Afterlife,
}

impl Directives {
    fn of(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        for line in headers.get_all(CACHE_CONTROL) {
            // A line that is no text, or whose quotes are not clear, may say anything.
            let clear =
                |line: &&str| !line.contains('\\') && line.matches('"').count().is_multiple_of(2);
            let Some(line) = line.to_str().ok().filter(clear) else {
                return Self { forbidden: true, ..found };
            };
            for part in split_outside_quotes(line) {
                found.read(part);
            }
        }
        found
    }

    fn read(&mut self, part: &str) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim().trim_matches('"');
        let least = |known: &mut Option<u32>| {
            // Of several, the one that keeps for the shortest time; what is no number keeps for none.
            let seconds = seconds(value).unwrap_or(0);
            *known = Some(known.map_or(seconds, |known| known.min(seconds)));
        };
        match name.trim().to_ascii_lowercase().as_str() {
            // `no-cache` would let it be kept and asked about each time, which gains nothing here. Names
            // in `private` and `no-cache` limit them to some headers; who keeps nothing is on the safe side.
            "no-store" | "private" | "no-cache" => self.forbidden = true,
            "public" => self.public = true,
            "must-revalidate" | "proxy-revalidate" => self.must_revalidate = true,
            "max-age" => least(&mut self.max_age),
            "s-maxage" => least(&mut self.s_maxage),
            "stale-while-revalidate" => {
                self.afterlife.while_revalidate = seconds(value).unwrap_or(0);
            }
            "stale-if-error" => self.afterlife.if_error = seconds(value).unwrap_or(0),
            _ => {}
        }
    }

    fn afterlife(&self) -> Afterlife {
        // RFC 9111 §5.2.2.10: `s-maxage` alone does not forbid what RFC 5861 allows.
        if self.must_revalidate { Afterlife::default() } else { self.afterlife }
    }
}

/// The commas of a quoted text separate nothing.
fn split_outside_quotes(line: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    line.split(move |character| {
        quoted ^= character == '"';
        character == ',' && !quoted
    })
}

fn seconds(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().map_or(SECONDS_MAX, |seconds: u32| seconds.min(SECONDS_MAX)))
}

/// How an answer may be kept for everybody who asks the same; `None`: not at all. `request` is what its
/// maker was told.
pub fn terms(status: StatusCode, answer: &HeaderMap, request: &HeaderMap) -> Option<Terms> {
    // Without what has no body (CVE-2025-49826), is a part, or is an error that will pass.
    let known =
        matches!(status.as_u16(), 200 | 203 | 300..=302 | 307 | 308 | 404 | 405 | 410 | 414);
    let directives = Directives::of(answer);
    if !known || directives.forbidden || answer.contains_key(SET_COOKIE) {
        return None;
    }
    let fresh = fresh_for(&directives, answer).saturating_sub(age(answer));
    let afterlife = directives.afterlife();
    if fresh == 0 && afterlife == Afterlife::default() {
        return None;
    }
    let after = afterlife.while_revalidate.max(afterlife.if_error);
    Some(Terms {
        lifetime: Lifetime { revalidate: Some(fresh), expire: Some(fresh.saturating_add(after)) },
        vary: vary(answer, request)?,
        tags: tags(answer),
    })
}

/// What a kept answer may be used for after its time.
pub fn afterlife(answer: &HeaderMap) -> Afterlife {
    Directives::of(answer).afterlife()
}

/// Whether an answer says itself that it is for those too who send credentials (RFC 9111 §3.5).
pub fn is_public(answer: &HeaderMap) -> bool {
    Directives::of(answer).public
}

/// Seconds for which the answer calls itself fresh (RFC 9111 §4.2.1). Nothing is guessed.
fn fresh_for(directives: &Directives, answer: &HeaderMap) -> u32 {
    if let Some(seconds) = directives.s_maxage.or(directives.max_age) {
        return seconds;
    }
    let time = |name| {
        let value: Option<&HeaderValue> = answer.get(name);
        value.and_then(|value| httpdate::parse_http_date(value.to_str().ok()?).ok())
    };
    let Some(expires) = time(EXPIRES) else { return 0 };
    let from = time(DATE).unwrap_or_else(SystemTime::now);
    let left = expires.duration_since(from).unwrap_or(Duration::ZERO);
    u32::try_from(left.as_secs()).unwrap_or(SECONDS_MAX).min(SECONDS_MAX)
}

/// How old the answer is already, where it comes from another cache.
fn age(answer: &HeaderMap) -> u32 {
    let Some(age) = answer.get(AGE) else { return 0 };
    age.to_str().ok().and_then(|text| seconds(text.trim())).unwrap_or(SECONDS_MAX)
}

/// What the answer depends on; `None` where it would be one client's, or nobody can tell.
fn vary(answer: &HeaderMap, request: &HeaderMap) -> Option<Vec<HeaderName>> {
    let mut names = Vec::new();
    for line in answer.get_all(VARY) {
        for name in line.to_str().ok()?.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            // `*` is no name, but a token.
            let name = HeaderName::from_bytes(name.as_bytes()).ok().filter(|name| name != "*")?;
            if matches!(name.as_str(), "cookie" | "authorization") {
                return None;
            }
            // What its maker was not told, it cannot depend on.
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    // A handler that allows whoever asks, and forgets to say so.
    let origin = request.get(ORIGIN);
    let reflected = origin.is_some() && answer.get(ACCESS_CONTROL_ALLOW_ORIGIN) == origin;
    if reflected && !names.contains(&ORIGIN) {
        names.push(ORIGIN);
    }
    names.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    Some(names)
}

fn tags(answer: &HeaderMap) -> Vec<Box<str>> {
    let lines = answer.get_all(CACHE_TAG).iter().filter_map(|line| line.to_str().ok());
    let tags = lines.flat_map(|line| line.split(',')).map(str::trim);
    let tags = tags.filter(|tag| !tag.is_empty() && tag.len() <= CACHE_TAG_BYTES_MAX);
    tags.take(CACHE_ENTRY_TAGS_MAX).map(Into::into).collect()
}

#[cfg(test)]
mod tests;
