//! Bytes of the peer, made safe to show.

use konko_wire::peer_text::is_harmless;

/// `bytes` as text that cannot do anything to a terminal: control characters, the C1 range, line and paragraph
/// separators and what changes the direction of text are written as escapes, and so are bytes that are not UTF-8.
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_harmless(character) {
                text.push(character);
            } else {
                text.extend(character.escape_default());
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: G14
    #[test]
    fn nothing_reaches_the_terminal() {
        assert_eq!(printable("Grüße".as_bytes()), "Grüße");
        assert_eq!(printable(b"a\x1b[2Jb\r\n"), "a\\u{1b}[2Jb\\r\\n");
        assert_eq!(printable("a\u{202e}b\u{9b}c".as_bytes()), "a\\u{202e}b\\u{9b}c");
        assert_eq!(printable(b"\xffx"), "\\xffx");
    }
}
