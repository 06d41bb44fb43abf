//! Fields of messages as the vectors write them.

use konko_wire::decode::{Rest, Secret};
use konko_wire::mpint::Mpint;
use konko_wire::name_list::NameList;
use konko_wire::number::{DisconnectReason, ExtendedDataType, OpenFailureReason};

/// A field in words.
pub trait InWords {
    fn in_words(&self) -> String;
}

/// Hexadecimal, `-` for nothing.
pub fn hexadecimal(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".to_owned();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of hexadecimal text.
pub fn bytes(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16).expect("a digit")).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

macro_rules! decimal {
    ($($type:ty => $value:expr),* $(,)?) => {$(
        impl InWords for $type {
            fn in_words(&self) -> String {
                let value: fn(&$type) -> u32 = $value;
                value(self).to_string()
            }
        }
    )*};
}

decimal! {
    u32 => |value| *value,
    DisconnectReason => |value| value.0,
    OpenFailureReason => |value| value.0,
    ExtendedDataType => |value| value.0,
}

impl InWords for bool {
    fn in_words(&self) -> String {
        self.to_string()
    }
}

impl InWords for &[u8] {
    fn in_words(&self) -> String {
        hexadecimal(self)
    }
}

impl<const N: usize> InWords for [u8; N] {
    fn in_words(&self) -> String {
        hexadecimal(self)
    }
}

impl InWords for Rest<'_> {
    fn in_words(&self) -> String {
        hexadecimal(self.0)
    }
}

impl InWords for Secret<'_> {
    fn in_words(&self) -> String {
        hexadecimal(self.0)
    }
}

impl InWords for Mpint<'_> {
    fn in_words(&self) -> String {
        hexadecimal(self.as_bytes())
    }
}

impl InWords for NameList<'_> {
    fn in_words(&self) -> String {
        if self.as_str().is_empty() { "-".to_owned() } else { self.as_str().to_owned() }
    }
}
