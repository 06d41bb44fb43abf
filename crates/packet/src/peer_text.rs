//! Text of the peer, made safe for a log or a terminal.

use konko_wire::peer_text::is_harmless;

/// The most bytes of such text that are kept.
pub(crate) const MAXIMUM_LEN: usize = 1024;

/// At most 1 KiB of `bytes` as text: what is not UTF-8 is replaced, control characters and characters that
/// change the direction of writing are escaped.
pub(crate) fn escape(bytes: &[u8]) -> String {
    let mut text = String::new();
    for character in String::from_utf8_lossy(bytes.get(..MAXIMUM_LEN).unwrap_or(bytes)).chars() {
        let before = text.len();
        if is_harmless(character) {
            text.push(character);
        } else {
            text.extend(character.escape_unicode());
        }
        if text.len() > MAXIMUM_LEN {
            text.truncate(before);
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: T26, T27
    #[test]
    fn nothing_that_moves_a_cursor_passes() {
        assert_eq!(escape(b"plain text"), "plain text");
        assert_eq!(escape(b"a\x1b[2J\r\nb\x07"), "a\\u{1b}[2J\\u{d}\\u{a}b\\u{7}");
        assert_eq!(escape("a\u{202e}b\u{9b}c".as_bytes()), "a\\u{202e}b\\u{9b}c");
        assert_eq!(escape(b"\xff\xfe"), "\u{fffd}\u{fffd}");
    }

    #[test]
    fn it_is_no_longer_than_1_kib() {
        for byte in [b'x', 0x1b, 0xff] {
            let text = escape(&vec![byte; 200 * 1024]);
            assert!(text.len() <= MAXIMUM_LEN && text.len() > MAXIMUM_LEN - 8);
        }
    }
}
