//! The program that asks the user in place of a terminal: `SSH_ASKPASS`, as ssh(1) has it.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::process::{Command, Stdio};
use zeroize::Zeroizing;

/// The program where `SSH_ASKPASS` names none.
const DEFAULT_PROGRAM: &str = "/usr/bin/ssh-askpass";
/// The longest answer that is taken, in bytes.
const MAXIMUM_ANSWER_LEN: u64 = 8 * 1024;

/// When the program is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Never.
    Never,
    /// If there is no terminal.
    WithoutTerminal,
    /// Always.
    Always,
}

/// What `SSH_ASKPASS_REQUIRE`, `DISPLAY` and `WAYLAND_DISPLAY` say about it. A display that is named by an empty
/// text is none; what is required is read without regard to case, and other words than those of ssh(1) say nothing.
pub fn use_of(require: Option<&OsStr>, displays: [Option<&OsStr>; 2]) -> Use {
    let has_display = displays.into_iter().flatten().any(|display| !display.is_empty());
    let usual = if has_display { Use::WithoutTerminal } else { Use::Never };
    match require.and_then(OsStr::to_str) {
        Some(word) if word.eq_ignore_ascii_case("force") => Use::Always,
        Some(word) if word.eq_ignore_ascii_case("prefer") && has_display => Use::Always,
        Some(word) if word.eq_ignore_ascii_case("never") => Use::Never,
        _ => usual,
    }
}

/// The same of the environment of this process.
pub fn use_now() -> Use {
    let (x11, wayland) = (std::env::var_os("DISPLAY"), std::env::var_os("WAYLAND_DISPLAY"));
    use_of(std::env::var_os("SSH_ASKPASS_REQUIRE").as_deref(), [x11.as_deref(), wayland.as_deref()])
}

/// Lets the program ask. `None` if the user gives no answer.
///
/// # Errors
///
/// If the program cannot be run, or its answer is longer than 8 KiB or not UTF-8.
pub fn ask(prompt: &str) -> io::Result<Option<Zeroizing<String>>> {
    let program = std::env::var_os("SSH_ASKPASS").unwrap_or_else(|| OsString::from(DEFAULT_PROGRAM));
    let mut child = Command::new(program).arg(prompt).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut answer = Zeroizing::new(Vec::with_capacity(MAXIMUM_ANSWER_LEN as usize + 1));
    let read = match child.stdout.take() {
        Some(stdout) => stdout.take(MAXIMUM_ANSWER_LEN + 1).read_to_end(&mut answer),
        None => Ok(0),
    };
    let status = child.wait()?;
    read?;
    if !status.success() {
        return Ok(None);
    }
    if answer.len() as u64 > MAXIMUM_ANSWER_LEN {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is too long"));
    }
    let line = answer.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    match std::str::from_utf8(line) {
        Ok(text) => Ok(Some(Zeroizing::new(text.to_owned()))),
        Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_or_force_is_needed() {
        let (none, empty, display) = (None, Some(OsStr::new("")), Some(OsStr::new(":0")));
        let table = [
            (None, [none, none], Use::Never),
            (None, [empty, none], Use::Never),
            (None, [display, none], Use::WithoutTerminal),
            (None, [none, display], Use::WithoutTerminal),
            (Some("force"), [none, none], Use::Always),
            (Some("FORCE"), [display, none], Use::Always),
            (Some("prefer"), [none, none], Use::Never),
            (Some("prefer"), [display, none], Use::Always),
            (Some("never"), [display, display], Use::Never),
            (Some("perhaps"), [display, none], Use::WithoutTerminal),
        ];
        for (require, displays, expected) in table {
            assert_eq!(use_of(require.map(OsStr::new), displays), expected, "{require:?} {displays:?}");
        }
    }
}
