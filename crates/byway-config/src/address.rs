//! Which addresses are meant, and which proxies are believed.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A block of addresses, `10.0.0.0/8`; a single address is the smallest block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressBlock {
    base: IpAddr,
    prefix: u8,
}

impl AddressBlock {
    /// Whether the address is in the block. An IPv4-mapped IPv6 address counts as what it stands for.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                mask_v4(base, self.prefix) == mask_v4(address, self.prefix)
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                mask_v6(base, self.prefix) == mask_v6(address, self.prefix)
            }
            _ => false,
        }
    }
}

fn mask_v4(address: Ipv4Addr, prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0) & address.to_bits()
}

fn mask_v6(address: Ipv6Addr, prefix: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0) & address.to_bits()
}

impl FromStr for AddressBlock {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write an address or a block of them, such as `\"10.0.0.0/8\"` or `\"::1\"`";
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let base: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if base.is_ipv4() { 32 } else { 128 };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = match prefix {
            Some(text) if digits(text) => text.parse::<u8>().map_err(|_| wrong())?,
            Some(_) => return Err(wrong().to_owned()),
            None => longest,
        };
        if prefix > longest {
            return Err(format!("the prefix of `{address}` is at most {longest}"));
        }
        let block = Self { base, prefix };
        let first: IpAddr = match base {
            IpAddr::V4(base) => Ipv4Addr::from_bits(mask_v4(base, prefix)).into(),
            IpAddr::V6(base) => Ipv6Addr::from_bits(mask_v6(base, prefix)).into(),
        };
        // A block with bits behind its prefix is a slip that would trust more than was meant.
        if first == base {
            Ok(block)
        } else {
            Err(format!("the block begins at `{first}/{prefix}`"))
        }
    }
}

impl fmt::Display for AddressBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

/// A proxy that is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrustedProxy {
    /// At one of these addresses.
    At(AddressBlock),
    /// At the other end of a Unix socket: whoever its permissions let connect.
    Unix,
}

impl FromStr for TrustedProxy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "unix" { Ok(Self::Unix) } else { text.parse().map(Self::At) }
    }
}

#[cfg(test)]
mod tests {
    use super::{AddressBlock, TrustedProxy};

    #[test]
    fn blocks_of_addresses() {
        let contains = |block: &str, address: &str| {
            block.parse::<AddressBlock>().unwrap().contains(address.parse().unwrap())
        };
        assert!(contains("10.0.0.0/8", "10.255.0.1"));
        assert!(contains("10.0.0.0/8", "::ffff:10.1.1.1"));
        assert!(!contains("10.0.0.0/8", "11.0.0.0"));
        assert!(!contains("10.0.0.0/8", "::1"));
        assert!(contains("0.0.0.0/0", "203.0.113.9"));
        assert!(contains("2001:db8::/32", "2001:db8:1::1"));
        assert!(!contains("2001:db8::/32", "2001:db9::1"));
        assert!(contains("::/0", "::1"));
        assert!(contains("127.0.0.1", "127.0.0.1"));
        assert!(!contains("127.0.0.1", "127.0.0.2"));
        for wrong in
            ["10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10/8", "x", "10.0.0.0/+8", "fe80::1%1"]
        {
            assert!(wrong.parse::<AddressBlock>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_unix_socket_is_a_proxy_by_its_name() {
        assert_eq!("unix".parse(), Ok(TrustedProxy::Unix));
        assert_eq!("::1".parse(), Ok(TrustedProxy::At("::1".parse().unwrap())));
        assert!("unix:/a".parse::<TrustedProxy>().is_err());
    }
}
