//! Words of the peer, made safe for a terminal and a log.

use konko_wire::peer_text::is_harmless;

/// The text without what could steer a terminal, which is shown as escapes; what is not UTF-8 is shown as the
/// replacement character.
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for character in String::from_utf8_lossy(bytes).chars() {
        if is_harmless(character) {
            text.push(character);
        } else {
            text.extend(character.escape_default());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::printable;

    // covers: Y04
    #[test]
    fn escapes_do_not_reach_a_terminal() {
        assert_eq!(printable(b"a\x1b[2Jb\r\x07\xff"), "a\\u{1b}[2Jb\\r\\u{7}\u{fffd}");
        assert_eq!(printable("a\u{200b}b\u{61c}c\u{feff}".as_bytes()), "a\\u{200b}b\\u{61c}c\\u{feff}");
        assert_eq!(printable("täxt.\u{202e}x".as_bytes()), "täxt.\\u{202e}x");
    }
}
