//! Words of the peer, made safe for a terminal and a log.

/// The text without what could steer a terminal: control characters are shown as escapes, what is not UTF-8 as the
/// replacement character.
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for character in String::from_utf8_lossy(bytes).chars() {
        if character.is_control() || is_directional(character) {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    text
}

/// Characters that change the order in which others are shown.
const fn is_directional(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::printable;

    // covers: Y04
    #[test]
    fn escapes_do_not_reach_a_terminal() {
        assert_eq!(printable(b"a\x1b[2Jb\r\x07\xff"), "a\\u{1b}[2Jb\\r\\u{7}\u{fffd}");
        assert_eq!(printable("täxt.\u{202e}x".as_bytes()), "täxt.\\u{202e}x");
    }
}
