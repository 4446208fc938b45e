//! `[store]`: a Redis or Valkey server that machines share.

use std::fmt;

use crate::reader::{Key, Reader};

/// What the addresses of stores begin with.
const SCHEMES: [&str; 4] = ["redis://", "valkey://", "unix://", "redis+unix://"];
/// What stands for a password.
const HIDDEN: &str = "***";

/// `[store]`: where machines keep together what they count and cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// Where it is; without it each machine keeps to itself.
    pub url: Option<StoreUrl>,
    /// What the names of all keys begin with.
    pub prefix: String,
}

/// The address of a store. It may have a password, which neither `Debug` nor `Display` shows.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreUrl(String);

impl StoreUrl {
    /// The address with its password, for whoever connects.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for StoreUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("rediss://") || text.starts_with("valkeys://") {
            return Err("byway speaks no TLS to stores: use a tunnel or a private network".into());
        }
        let rest = SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme));
        if rest.is_some_and(|rest| !rest.is_empty()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(String::new())
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted(&self.0))
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({self})")
    }
}

/// `redis://user:secret@host/0` without the secret, and `unix:///path?pass=secret` without it too.
fn redacted(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    // A password may have any of these bytes in it; whoever cannot tell shows less.
    let rest = match rest.rsplit_once('@') {
        Some((login, host)) => match login.split_once(':') {
            Some((user, _)) => format!("{user}:{HIDDEN}@{host}"),
            None => rest.to_owned(),
        },
        None => rest.to_owned(),
    };
    let rest = match rest.split_once('?') {
        None => rest,
        Some((path, query)) => {
            let hide = |pair: &str| match pair.split_once('=') {
                Some((name @ "pass", _)) => format!("{name}={HIDDEN}"),
                _ => pair.to_owned(),
            };
            format!("{path}?{}", query.split('&').map(hide).collect::<Vec<_>>().join("&"))
        }
    };
    format!("{scheme}://{rest}")
}

impl StoreSettings {
    pub(crate) fn read(table: &Reader<'_, '_>) -> Self {
        let key = Key(
            "url",
            "A Redis (6 or newer) or Valkey server for what several machines have in common: counters of \
             rate limits, cached answers and values, invalidations. While it is down, each machine works \
             by itself.",
            "\"redis://:password@10.0.0.5:6379\"",
        );
        let form = "`redis://…`, `valkey://…` or `unix://…`";
        let url: Option<StoreUrl> = table.text(key, form, None, str::parse);
        if let Some(url) = &url {
            table.show_instead(&key, format!("{:?}", url.to_string()));
        }
        let prefix = table.text(
            Key(
                "prefix",
                "What the names of all keys in it begin with. Projects that share a server need \
                 different ones.",
                "\"shop\"",
            ),
            "letters, digits, `-`, `_`, `.` and `:`",
            Some("byway"),
            |text| {
                let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
                let fine = (1..=64).contains(&text.len()) && text.bytes().all(fits);
                if fine { Ok(text.to_owned()) } else { Err(String::new()) }
            },
        );
        Self { url, prefix: prefix.unwrap_or_else(|| "byway".to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::StoreUrl;

    #[test]
    fn passwords_are_never_shown() {
        for (url, shown) in [
            ("redis://10.0.0.5", "redis://10.0.0.5"),
            ("redis://user@10.0.0.5/1", "redis://user@10.0.0.5/1"),
            ("redis://user:secret@10.0.0.5:6379/0", "redis://user:***@10.0.0.5:6379/0"),
            ("redis://:s:e@c@10.0.0.5", "redis://:***@10.0.0.5"),
            ("unix:///run/redis.sock?db=1&pass=secret", "unix:///run/redis.sock?db=1&pass=***"),
        ] {
            let parsed: StoreUrl = url.parse().unwrap();
            assert_eq!(parsed.to_string(), shown);
            assert_eq!(format!("{parsed:?}"), format!("StoreUrl({shown})"));
            assert_eq!(parsed.secret(), url);
        }
    }

    #[test]
    fn other_addresses_are_none() {
        for wrong in ["", "redis://", "10.0.0.5:6379", "http://10.0.0.5", "rediss://10.0.0.5"] {
            assert!(wrong.parse::<StoreUrl>().is_err(), "{wrong}");
        }
    }
}
