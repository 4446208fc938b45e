//! Where to listen, and what is spoken there: an address and words behind it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::limits::UNIX_PATH_BYTES_MAX;

/// Who may connect to a Unix socket unless a setting says otherwise: its owner and its group.
const UNIX_MODE: u32 = 0o660;

/// An address to listen on, with words for what is special about it: `0.0.0.0:3000`,
/// `10.0.0.5:80 plain proxy_protocol`, `unix:/run/byway.sock mode=666`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddress {
    /// Where.
    pub place: ListenPlace,
    /// Whether TLS is spoken where the server has a certificate; never on Unix sockets.
    pub tls_wanted: bool,
    /// Whether each connection begins with a PROXY protocol header.
    pub proxy_protocol: bool,
}

/// Where a listener is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenPlace {
    /// A TCP port.
    Tcp {
        /// A name or an address, without brackets. It is kept as the user wrote it: it is also the host
        /// of `request.url`.
        host: String,
        /// 0 lets the system choose.
        port: u16,
    },
    /// A Unix socket.
    Unix {
        /// The socket's file.
        path: PathBuf,
        /// The file's permissions.
        mode: u32,
    },
}

impl ListenAddress {
    /// A TCP port with nothing special.
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        let place = ListenPlace::Tcp { host: host.into(), port };
        Self { place, tls_wanted: true, proxy_protocol: false }
    }

    /// The host of a TCP port.
    pub fn host(&self) -> Option<&str> {
        match &self.place {
            ListenPlace::Tcp { host, .. } => Some(host),
            ListenPlace::Unix { .. } => None,
        }
    }

    fn word(&mut self, word: &str) -> Result<(), String> {
        match (word, &mut self.place) {
            ("proxy_protocol", _) => self.proxy_protocol = true,
            ("plain", ListenPlace::Tcp { .. }) => self.tls_wanted = false,
            ("plain", ListenPlace::Unix { .. }) => {
                return Err("no TLS is spoken on a Unix socket: leave out `plain`".to_owned());
            }
            (word, ListenPlace::Unix { mode, .. }) if word.starts_with("mode=") => {
                let digits = word.trim_start_matches("mode=");
                let read = u32::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o777);
                *mode = read
                    .filter(|_| !digits.starts_with('+'))
                    .ok_or_else(|| "permissions are three octal digits: `mode=660`".to_owned())?;
            }
            _ => {
                return Err(format!(
                    "behind an address may stand `plain` (no TLS), `proxy_protocol` and, behind a Unix \
                     socket, `mode=660`; not `{word}`"
                ));
            }
        }
        Ok(())
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split_ascii_whitespace();
        let place: ListenPlace = words.next().unwrap_or_default().parse()?;
        let tls_wanted = matches!(place, ListenPlace::Tcp { .. });
        let mut address = Self { place, tls_wanted, proxy_protocol: false };
        words.try_for_each(|word| address.word(word))?;
        Ok(address)
    }
}

impl FromStr for ListenPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match path.len() {
                0 => Err("write the socket's file: `\"unix:/run/byway.sock\"`".to_owned()),
                1..=UNIX_PATH_BYTES_MAX => {
                    Ok(Self::Unix { path: PathBuf::from(path), mode: UNIX_MODE })
                }
                _ => Err(format!("a socket's path has at most {UNIX_PATH_BYTES_MAX} bytes")),
            };
        }
        let wrong = || {
            "write host and port, such as `\"0.0.0.0:3000\"` or `\"[::]:3000\"`, or \
             `\"unix:/run/byway.sock\"`"
                .to_owned()
        };
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let bare = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').ok_or_else(wrong)?,
            None => host,
        };
        // Without brackets the last number of an IPv6 address would be taken for the port.
        if bare.is_empty() || (bare.contains(':') && !host.starts_with('[')) {
            return Err(wrong());
        }
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        let port = port.parse().map_err(|_| wrong())?;
        if !bare.chars().all(valid) {
            return Err(wrong());
        }
        Ok(Self::Tcp { host: bare.to_owned(), port })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            ListenPlace::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}")?,
            ListenPlace::Tcp { host, port } => write!(f, "{host}:{port}")?,
            ListenPlace::Unix { path, mode } => {
                write!(f, "unix:{}", path.display())?;
                if *mode != UNIX_MODE {
                    write!(f, " mode={mode:o}")?;
                }
            }
        }
        if matches!(self.place, ListenPlace::Tcp { .. }) && !self.tls_wanted {
            f.write_str(" plain")?;
        }
        if self.proxy_protocol {
            f.write_str(" proxy_protocol")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{ListenAddress, ListenPlace};

    #[test]
    fn listen_addresses() {
        let read = |text: &str| text.parse::<ListenAddress>().map(|it| it.place);
        let tcp = |host: &str, port| Ok(ListenPlace::Tcp { host: host.to_owned(), port });
        assert_eq!(read("0.0.0.0:3000"), tcp("0.0.0.0", 3000));
        assert_eq!(read("localhost:0"), tcp("localhost", 0));
        assert_eq!(read("[::1]:80"), tcp("::1", 80));
        let unix = ListenPlace::Unix { path: "/run/b.sock".into(), mode: 0o660 };
        assert_eq!(read("unix:/run/b.sock"), Ok(unix));
        for wrong in [
            "3000",
            ":3000",
            "::1",
            "[::1]",
            "a b:1",
            "a:65536",
            "a:",
            "http://a:1",
            "[::1:1",
            "unix:",
            "",
            "a:1 tls",
            "a:1 mode=600",
            "unix:/a mode=888",
            "unix:/a mode=+77",
            "unix:/a mode=",
            "unix:/a plain",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(read(&format!("unix:/{}", "a".repeat(107))).is_err());
    }

    #[test]
    fn words_behind_an_address_say_what_is_special() {
        let read = |text: &str| text.parse::<ListenAddress>().unwrap();
        let plain = read("10.0.0.5:80  plain proxy_protocol");
        assert!(!plain.tls_wanted && plain.proxy_protocol);
        assert!(read("a:1").tls_wanted && !read("a:1").proxy_protocol);
        let unix = read("unix:/a mode=600 proxy_protocol");
        assert_eq!(unix.place, ListenPlace::Unix { path: "/a".into(), mode: 0o600 });
        assert!(!unix.tls_wanted && unix.proxy_protocol);
        for text in [
            "[::1]:80",
            "a:1",
            "a:1 plain proxy_protocol",
            "unix:/a",
            "unix:/a mode=666",
            "unix:/a proxy_protocol",
        ] {
            assert_eq!(read(text).to_string(), text);
        }
    }
}
