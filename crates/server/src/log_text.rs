//! Text of the peer, made safe for one line of a log.

use std::fmt::{Display, Formatter, Result, Write};

/// The most bytes of such text that are shown.
const MAXIMUM_LEN: usize = 256;

/// Shows at most 256 bytes of the peer's text on one line: anything but visible ASCII and blanks is escaped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogText<'a>(pub(crate) &'a [u8]);

impl Display for LogText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for byte in self.0.iter().take(MAXIMUM_LEN) {
            Display::fmt(&byte.escape_ascii(), f)?;
        }
        if self.0.len() > MAXIMUM_LEN { f.write_char('…') } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: O01, A29
    #[test]
    fn it_is_one_short_line_of_ascii() {
        assert_eq!(LogText(b"plain %n%s").to_string(), "plain %n%s");
        assert_eq!(LogText(b"a\x1b[2J\r\nb").to_string(), "a\\x1b[2J\\r\\nb");
        assert!(LogText("\u{202e}".as_bytes()).to_string().is_ascii());
        assert!(LogText(&vec![0x1b; 200 * 1024]).to_string().len() <= 4 * MAXIMUM_LEN + 3);
    }
}
