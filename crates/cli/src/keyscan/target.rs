//! Which servers to ask, and under which names to print them.

use konko::trust::known_hosts::HostNameError;
use std::net::IpAddr;

/// More addresses of one network are not asked.
const MOST_ADDRESSES: u128 = 65_536;

/// One server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Names or addresses under which it is tried, one after the other.
    pub addresses: Vec<String>,
    /// What is printed, separated by commas.
    pub names: String,
}

/// Why a line names no server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is empty.
    #[error("no host")]
    Empty,
    /// A network that is malformed.
    #[error("{0} is not a network")]
    Network(String),
    /// A network with more than 65536 addresses.
    #[error("{0} has more than {MOST_ADDRESSES} addresses")]
    TooLarge(String),
    /// A name that cannot stand in a known_hosts file.
    #[error("{name}: {error}")]
    Name {
        /// The name.
        name: String,
        /// Why not.
        error: HostNameError,
    },
}

/// Reads `addresses [names]`; a network becomes a target for each address.
///
/// # Errors
///
/// [`TargetError`].
pub fn parse(line: &str) -> Result<Vec<Target>, TargetError> {
    let mut words = line.split_whitespace();
    let addresses = words.next().ok_or(TargetError::Empty)?;
    let names = words.next();
    if addresses.contains('/') {
        let addresses = network(addresses)?;
        let target = |address: IpAddr| {
            let text = address.to_string();
            let names = names.map_or_else(|| text.clone(), |names| format!("{names},{text}"));
            Target { addresses: vec![text], names }
        };
        return Ok(addresses.into_iter().map(target).collect());
    }
    let list: Vec<_> = addresses.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if list.is_empty() {
        return Err(TargetError::Empty);
    }
    Ok(vec![Target { addresses: list, names: names.unwrap_or(addresses).to_owned() }])
}

/// All addresses of `address/prefix`; of a network of IPv4 those of no host are left out.
fn network(text: &str) -> Result<Vec<IpAddr>, TargetError> {
    let wrong = || TargetError::Network(text.to_owned());
    let (address, prefix) = text.split_once('/').ok_or_else(wrong)?;
    let (address, prefix): (IpAddr, u32) =
        (address.parse().map_err(|_| wrong())?, prefix.parse().map_err(|_| wrong())?);
    let (value, bits) = match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32u32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let host_bits = bits.checked_sub(prefix).ok_or_else(wrong)?;
    let count = 1u128.checked_shl(host_bits).filter(|count| *count <= MOST_ADDRESSES);
    let count = count.ok_or_else(|| TargetError::TooLarge(text.to_owned()))?;
    let first = value / count * count;
    // The first and the last address of such a network name the network and everybody in it.
    let (from, to) = if bits == 32 && count > 2 { (1, count - 1) } else { (0, count) };
    let address = |value: u128| match bits {
        // No more than 32 bits are set.
        32 => IpAddr::V4((value as u32).into()),
        _ => IpAddr::V6(value.into()),
    };
    Ok((from..to).map(|number| address(first + number)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(line: &str) -> Vec<String> {
        parse(line).expect(line).into_iter().map(|target| target.names).collect()
    }

    #[test]
    fn hosts_lists_and_networks() {
        let one = parse("192.0.2.7,host.example  web.example,www.example").expect("a target");
        assert_eq!(one[0].addresses, ["192.0.2.7", "host.example"]);
        assert_eq!(one[0].names, "web.example,www.example");
        assert_eq!(names("host.example"), ["host.example"]);
        assert_eq!(names("192.0.2.5/30"), ["192.0.2.5", "192.0.2.6"]);
        assert_eq!(names("192.0.2.5/32"), ["192.0.2.5"]);
        assert_eq!(names("192.0.2.4/31 web"), ["web,192.0.2.4", "web,192.0.2.5"]);
        assert_eq!(names("2001:db8::/127"), ["2001:db8::", "2001:db8::1"]);
        assert_eq!(names("10.0.0.0/16").len(), 65_534);
        for wrong in ["", " ", ",", "10.0.0.0/15", "10.0.0.0/33", "::/0", "host/24", "10.0.0.0/x"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
