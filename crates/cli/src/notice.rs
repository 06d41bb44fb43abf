//! Lines for the user on standard output and standard error.

use crate::terminal;
use std::fmt::Display;
use std::io::Write;

/// Writes a line to standard error. There is nobody to tell if that fails.
pub fn tell(line: impl Display) {
    let end = if terminal::is_raw() { "\r\n" } else { "\n" };
    let text = format!("{line}{end}");
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Writes a line to standard output, at once.
pub fn print(line: impl Display) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes())?;
    out.flush()
}
