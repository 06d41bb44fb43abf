//! Questions to the user: on the terminal, through an askpass program, or else on standard input, as ssh-keygen
//! asks them.

use crate::askpass::{self, Use};
use crate::interruption::restore_terminal_on_signals;
use crate::keygen::error::KeygenError;
use crate::terminal;
use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use zeroize::Zeroizing;

/// A line of standard input without its end; `None` at the end of input.
fn stdin_line() -> io::Result<Option<Zeroizing<String>>> {
    let mut line = Zeroizing::new(String::with_capacity(1024));
    if io::stdin().lock().read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned())))
}

/// Asks for something secret.
///
/// # Errors
///
/// If there is nobody to ask, or the terminal fails.
pub fn secret(prompt: &str) -> Result<Zeroizing<String>, KeygenError> {
    let use_askpass = askpass::use_now();
    let answer = match (use_askpass, terminal::open()) {
        (Use::Always, _) => askpass::ask(prompt)?,
        (_, Ok(terminal)) => {
            restore_terminal_on_signals();
            terminal::read_line(&terminal, prompt, false)?
        }
        (Use::WithoutTerminal, Err(_)) => askpass::ask(prompt)?,
        (Use::Never, Err(_)) => stdin_line()?,
    };
    answer.ok_or_else(|| KeygenError::Other("nobody gave a passphrase".into()))
}

/// Asks for a new passphrase twice, until both are the same. An empty one is none.
///
/// # Errors
///
/// As [`secret`].
pub fn new_passphrase(prompt: &str) -> Result<Zeroizing<String>, KeygenError> {
    loop {
        let first = secret(&format!("{prompt} (empty for no passphrase): "))?;
        if *first == *secret("Enter same passphrase again: ")? {
            return Ok(first);
        }
        write("Passphrases do not match.  Try again.\n")?;
    }
}

/// Writes to standard output without a line end of its own.
///
/// # Errors
///
/// If standard output is closed.
pub fn write(text: &str) -> Result<(), KeygenError> {
    write_bytes(text.as_bytes())
}

/// The same of bytes that need not be text.
///
/// # Errors
///
/// If standard output is closed.
pub fn write_bytes(bytes: &[u8]) -> Result<(), KeygenError> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    Ok(out.flush()?)
}

/// Text of a file that must not steer the terminal: control characters as ssh-keygen shows them, `\033` and so on.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            shown.push_str(&format!("\\{:03o}", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Asks on standard output and takes a line of standard input.
///
/// # Errors
///
/// [`KeygenError::Other`] at the end of input.
pub fn line(prompt: &str) -> Result<String, KeygenError> {
    write(prompt)?;
    let line = stdin_line()?.ok_or_else(|| KeygenError::Other("nobody answers".into()))?;
    Ok(line.to_string())
}

/// Asks for the name of a file, with a proposal that an empty answer takes.
///
/// # Errors
///
/// As [`line`](fn@line).
pub fn file(prompt: &str, proposal: PathBuf) -> Result<PathBuf, KeygenError> {
    let answer = line(&format!("{prompt} ({}): ", proposal.display()))?;
    Ok(if answer.is_empty() { proposal } else { answer.into() })
}

/// Whether `path` may be written: it does not exist, or the user wants it replaced.
///
/// # Errors
///
/// If standard output is closed.
pub fn may_write(path: &std::path::Path) -> Result<bool, KeygenError> {
    if std::fs::symlink_metadata(path).is_err() {
        return Ok(true);
    }
    write(&format!("{} already exists.\nOverwrite (y/n)? ", path.display()))?;
    let answer = stdin_line()?;
    Ok(answer.is_some_and(|answer| answer.starts_with(['y', 'Y'])))
}
