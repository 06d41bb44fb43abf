//! Patterns of IP addresses: networks as `from=`, `source-address` and `Match address` write them.

use crate::wildcard::{self, ListMatch};
use std::net::IpAddr;

/// The longest list that is read, in bytes.
pub const LONGEST_LIST: usize = 16 * 1024;

/// Why a list of addresses is not used. Whoever wrote the list is to blame; nobody may be let in by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressListError {
    /// The list is longer than 16 KiB.
    TooLong,
    /// An entry is empty.
    Empty,
    /// An entry that must be a network is none.
    NotANetwork,
    /// A mask is longer than the address, or the address has bits beyond its mask.
    Mask,
}

impl std::fmt::Display for AddressListError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the list of addresses is longer than 16 KiB",
            Self::Empty => "an entry of the list of addresses is empty",
            Self::NotANetwork => "an entry is neither an address nor a network",
            Self::Mask => "an address and the length of its mask do not agree",
        })
    }
}

impl std::error::Error for AddressListError {}

/// The addresses that begin with the same bits: `192.0.2.0/24`, `2001:db8::/32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Reads `address` or `address/bits`.
    ///
    /// # Errors
    ///
    /// [`AddressListError::NotANetwork`] for a text of another shape, [`AddressListError::Mask`] for more bits
    /// than the address has, or for an address with bits set beyond them.
    pub fn parse(text: &str) -> Result<Self, AddressListError> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| AddressListError::NotANetwork)?;
        let width: u8 = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match bits {
            None => width,
            Some(digits) if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                return Err(AddressListError::NotANetwork);
            }
            Some(digits) => digits.parse().map_err(|_| AddressListError::Mask)?,
        };
        let network = Self { address, prefix };
        if prefix > width || network.masked(address) != number(address) {
            return Err(AddressListError::Mask);
        }
        Ok(network)
    }

    /// Whether the address belongs to it. An IPv4 address that is written as an IPv6 one (`::ffff:192.0.2.1`)
    /// is an IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && self.masked(address) == number(self.address)
    }

    fn masked(&self, address: IpAddr) -> u128 {
        let width = if address.is_ipv4() { 32 } else { 128 };
        let free = u32::from(u8::saturating_sub(width, self.prefix));
        number(address).checked_shr(free).and_then(|kept| kept.checked_shl(free)).unwrap_or(0)
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Networks and nothing else, separated by commas, as the certificate option `source-address` has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkList(Vec<Network>);

impl NetworkList {
    /// Reads a list. No entry may be negated, a wildcard or empty.
    ///
    /// # Errors
    ///
    /// What is wrong with the first bad entry.
    pub fn parse(list: &str) -> Result<Self, AddressListError> {
        if list.len() > LONGEST_LIST {
            return Err(AddressListError::TooLong);
        }
        let network = |entry: &str| match entry {
            "" => Err(AddressListError::Empty),
            entry => Network::parse(entry),
        };
        list.split(',').map(network).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a network of the list has the address.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// The networks, in their order.
    pub fn networks(&self) -> &[Network] {
        &self.0
    }
}

/// One entry of an [`AddressList`].
#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    Network(Network),
    /// Whatever is no network is a pattern for the text of the address.
    Wildcard(String),
}

/// Addresses, networks and wildcards of addresses, separated by commas; an entry that begins with `!` is negated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressList(Vec<(bool, Entry)>);

impl AddressList {
    /// Reads a list. What is not an address or a network is taken for a wildcard and never matches unless it has
    /// the shape of an address: so a list may also hold host names.
    ///
    /// # Errors
    ///
    /// [`AddressListError`] for a list that is too long, an empty entry, or a mask that does not fit its address:
    /// such a list means nothing at all.
    pub fn parse(list: &str) -> Result<Self, AddressListError> {
        if list.len() > LONGEST_LIST {
            return Err(AddressListError::TooLong);
        }
        let mut entries = Vec::new();
        for entry in list.split(',') {
            let (negated, text) = match entry.strip_prefix('!') {
                Some(text) => (true, text),
                None => (false, entry),
            };
            let entry = match Network::parse(text) {
                _ if text.is_empty() => return Err(AddressListError::Empty),
                Ok(network) => Entry::Network(network),
                Err(AddressListError::Mask) => return Err(AddressListError::Mask),
                Err(_) => Entry::Wildcard(text.to_owned()),
            };
            entries.push((negated, entry));
        }
        Ok(Self(entries))
    }

    /// What the list says of an address: a negated entry that matches decides, wherever it stands.
    pub fn matches(&self, address: IpAddr) -> ListMatch {
        let address = address.to_canonical();
        let text = address.to_string();
        let mut result = ListMatch::NotMatched;
        for (negated, entry) in &self.0 {
            let matched = match entry {
                Entry::Network(network) => network.contains(address),
                Entry::Wildcard(pattern) => wildcard::matches(pattern.as_bytes(), text.as_bytes()),
            };
            match (matched, negated) {
                (true, true) => return ListMatch::Negated,
                (true, false) => result = ListMatch::Matched,
                (false, _) => {}
            }
        }
        result
    }
}

/// Patterns of host names, addresses and networks in one list, as `from=` has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostList {
    text: String,
    addresses: AddressList,
}

impl HostList {
    /// Reads a list.
    ///
    /// # Errors
    ///
    /// As [`AddressList::parse`].
    pub fn parse(list: &str) -> Result<Self, AddressListError> {
        Ok(Self { text: list.to_owned(), addresses: AddressList::parse(list)? })
    }

    /// What the list says of a peer: its address, and its name where that is known and was verified. A negated
    /// entry that matches either decides.
    pub fn matches(&self, host: Option<&str>, address: IpAddr) -> ListMatch {
        let by_address = self.addresses.matches(address);
        let by_name = match host {
            Some(host) => wildcard::matches_list(self.text.as_bytes(), host.as_bytes()),
            None => ListMatch::NotMatched,
        };
        match (by_address, by_name) {
            (ListMatch::Negated, _) | (_, ListMatch::Negated) => ListMatch::Negated,
            (ListMatch::Matched, _) | (_, ListMatch::Matched) => ListMatch::Matched,
            _ => ListMatch::NotMatched,
        }
    }

    /// The list as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ListMatch::{Matched, Negated, NotMatched};

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn networks_hold_what_begins_with_their_bits() {
        let cases = [
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("0.0.0.0/0", "255.255.255.255", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "::1", true),
            ("::/0", "192.0.2.1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::", false),
            ("192.0.2.0/24", "::ffff:192.0.2.7", true),
            ("128.0.0.0/1", "127.0.0.1", false),
        ];
        for (network, address, expected) in cases {
            assert_eq!(Network::parse(network).expect(network).contains(ip(address)), expected, "{network}");
        }
    }

    #[test]
    fn masks_must_fit() {
        for text in
            ["192.0.2.1/24", "192.0.2.0/33", "2001:db8::1/64", "::/129", "::/256", "0.0.0.0/4294967296"]
        {
            assert_eq!(Network::parse(text), Err(AddressListError::Mask), "{text}");
        }
        for text in
            ["", "x", "192.0.2.0/", "192.0.2.0/x", "192.0.2.0/+8", "/8", "192.0.2/24", "192.0.2.0/8/8"]
        {
            assert_eq!(Network::parse(text), Err(AddressListError::NotANetwork), "{text}");
        }
    }

    /// covers: A15
    #[test]
    fn strict_lists_hold_nothing_but_networks() {
        let list = NetworkList::parse("192.0.2.0/24,2001:db8::1").expect("a list");
        assert!(list.contains(ip("192.0.2.9")) && list.contains(ip("2001:db8::1")));
        assert!(list.contains(ip("::ffff:192.0.2.9")) && !list.contains(ip("198.51.100.1")));
        let bad = ["", ",", "192.0.2.1,", "!192.0.2.1", "192.0.2.*", "host", "192.0.2.1/24", " 192.0.2.1"];
        for text in bad {
            assert!(NetworkList::parse(text).is_err(), "{text}");
        }
        assert_eq!(NetworkList::parse(&"1,".repeat(LONGEST_LIST)), Err(AddressListError::TooLong));
    }

    /// covers: L10
    #[test]
    fn a_negated_entry_decides_wherever_it_stands() {
        let cases = [
            ("192.0.2.0/24,!192.0.2.7", "192.0.2.7", Negated),
            ("!192.0.2.7,192.0.2.0/24", "192.0.2.7", Negated),
            ("!192.0.2.7,192.0.2.0/24", "192.0.2.8", Matched),
            ("!192.0.2.7", "192.0.2.8", NotMatched),
            ("192.0.2.*", "192.0.2.8", Matched),
            ("192.0.2.?", "192.0.2.88", NotMatched),
            ("*", "2001:db8::1", Matched),
            ("2001:DB8::*", "2001:db8::1", Matched),
            ("*.example", "192.0.2.1", NotMatched),
        ];
        for (list, address, expected) in cases {
            assert_eq!(AddressList::parse(list).expect(list).matches(ip(address)), expected, "{list}");
        }
        assert_eq!(AddressList::parse(""), Err(AddressListError::Empty));
        assert_eq!(AddressList::parse("*,!"), Err(AddressListError::Empty));
        assert_eq!(AddressList::parse("*,192.0.2.1/8"), Err(AddressListError::Mask));
    }

    /// covers: L10
    #[test]
    fn names_and_addresses_in_one_list() {
        let list = HostList::parse("*.example,!bad.example,192.0.2.0/24,!192.0.2.7").expect("a list");
        let other = ip("198.51.100.1");
        assert_eq!(list.matches(Some("good.EXAMPLE"), other), Matched);
        assert_eq!(list.matches(Some("bad.example"), ip("192.0.2.1")), Negated);
        assert_eq!(list.matches(Some("good.example"), ip("192.0.2.7")), Negated);
        assert_eq!(list.matches(None, ip("192.0.2.1")), Matched);
        assert_eq!(list.matches(None, other), NotMatched);
        assert_eq!(list.matches(Some("elsewhere"), other), NotMatched);
    }
}
