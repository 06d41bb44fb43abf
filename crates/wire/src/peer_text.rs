//! What of the other side's text may be shown as it is. RFC 4251 §9.2: "When displaying text to a user, such as error or
//! debug messages, the client software SHOULD replace any control characters (except tab, carriage return, and newline)
//! with safe sequences to avoid attacks by sending terminal control characters."

/// The most characters of a name that is put into an error.
const LONGEST_NAME: usize = 64;

/// Whether a character can neither steer a terminal nor change how others are shown. Control characters can (those of
/// C1, and tabs and line ends, among them), and so can separators of lines and paragraphs, what has no width, and what
/// changes the direction of writing.
pub fn is_harmless(character: char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}

/// A name to be put into an error: no more than 64 characters, and what is not printable US-ASCII replaced by `?`.
pub fn printable_ascii(name: &[u8]) -> String {
    let visible = |byte: &u8| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '?' };
    name.iter().take(LONGEST_NAME).map(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: C09
    #[test]
    fn what_steers_a_terminal_is_not_harmless() {
        for character in
            "\0\t\r\n\u{1b}\u{7f}\u{85}\u{9b}\u{61c}\u{200b}\u{200e}\u{2028}\u{202e}\u{2066}\u{2069}\u{feff}"
                .chars()
        {
            assert!(!is_harmless(character), "{character:?}");
        }
        for character in " a\u{e4}\u{65e5}\u{1f600}\u{a0}\u{200a}\u{2010}\u{2030}".chars() {
            assert!(is_harmless(character), "{character:?}");
        }
    }

    #[test]
    fn a_name_in_an_error_is_short_and_plain() {
        assert_eq!(printable_ascii(b"aes128-ctr \x1b[\xff"), "aes128-ctr ?[?");
        assert_eq!(printable_ascii(&[b'x'; 1000]).len(), LONGEST_NAME);
    }
}
