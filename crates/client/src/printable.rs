//! Text of the server, made safe for a terminal.

use konko_transport::wire::peer_text::is_harmless;

/// The same text with control characters, and characters that change the direction of writing, escaped. Line
/// feeds and tabs stay where `multiline` says so; a carriage return before a line feed is left out then.
///
/// Use it for banners, prompts and messages: a server must not be able to draw on the user's terminal.
pub fn printable(text: &str, multiline: bool) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' | '\t' if multiline => shown.push(character),
            '\r' if multiline && characters.peek() == Some(&'\n') => {}
            _ if !is_harmless(character) => shown.extend(character.escape_unicode()),
            _ => shown.push(character),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: C09
    #[test]
    fn nothing_that_moves_a_cursor_passes() {
        assert_eq!(printable("a\r\nb\tc\n", true), "a\nb\tc\n");
        assert_eq!(printable("a\nb", false), "a\\u{a}b");
        assert_eq!(printable("\u{1b}]0;title\u{7}", true), "\\u{1b}]0;title\\u{7}");
        assert_eq!(printable("\u{9b}2J \u{202e}txt", true), "\\u{9b}2J \\u{202e}txt");
        assert_eq!(printable("naïve 日本語", false), "naïve 日本語");
        assert_eq!(printable("over\rwritten", true), "over\\u{d}written");
    }
}
