//! Hosts that are named by number.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The address that `host` names by number, in its usual form: dotted decimals, the shorter and other forms of
/// inet_aton(3), or IPv6, perhaps with a scope. `None` for a name.
pub(crate) fn numeric_host(host: &str) -> Option<String> {
    let (address, scope) = host.split_at(host.find('%').unwrap_or(host.len()));
    if let Ok(address) = address.parse::<Ipv6Addr>() {
        let usual = format!("{address}{scope}");
        // As ssh(1) has it, the case of letters is kept where nothing else changes.
        return Some(if usual.eq_ignore_ascii_case(host) { host.to_owned() } else { usual });
    }
    inet_aton(host).map(|address| address.to_string())
}

/// One to four numbers, decimal, octal (`0…`) or hexadecimal (`0x…`), the last of which fills what is left.
fn inet_aton(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u32> = text.split('.').map(part).collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|part| *part > 0xff) {
        return None;
    }
    let left = 32 - 8 * u32::try_from(first.len()).ok()?;
    if u64::from(*last) >= 1u64 << left {
        return None;
    }
    let mut address: u32 = *last;
    for (index, part) in first.iter().enumerate() {
        address |= part << (24 - 8 * index);
    }
    Some(Ipv4Addr::from(address))
}

fn part(text: &str) -> Option<u32> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (text.get(2..)?, 16),
        [b'0', _, ..] => (text.get(1..)?, 8),
        _ => (text, 10),
    };
    if !digits.starts_with(|first: char| first.is_digit(radix)) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_hosts() {
        for (host, expected) in [
            ("127.1", Some("127.0.0.1")),
            ("10", Some("0.0.0.10")),
            ("0x7f.1", Some("127.0.0.1")),
            ("010.1.1.1", Some("8.1.1.1")),
            ("1.2.3", Some("1.2.0.3")),
            ("1.2.3.4.5", None),
            ("1.2.3.256", None),
            ("4294967296", None),
            ("09", None),
            ("1.2.3.", None),
            ("FE80::1%lo", Some("FE80::1%lo")),
            ("0:0:0:0:0:0:0:1", Some("::1")),
            ("foo", None),
            ("+1.2.3.4", None),
        ] {
            assert_eq!(numeric_host(host).as_deref(), expected, "{host}");
        }
    }
}
