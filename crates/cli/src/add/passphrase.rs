//! Passphrases and passwords, from the terminal, an askpass program, or standard input.

use crate::add::failure::Failure;
use crate::askpass::{self, Use};
use crate::interruption::restore_terminal_on_signals;
use crate::terminal;
use std::io::{self, BufRead};
use zeroize::Zeroizing;

/// Asks. `None` if nobody answers.
pub(crate) fn ask(prompt: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    let answer = match (askpass::use_now(), terminal::open()) {
        (Use::Always, _) | (Use::WithoutTerminal, Err(_)) => askpass::ask(prompt),
        (_, Ok(terminal)) => {
            restore_terminal_on_signals();
            terminal::read_line(&terminal, prompt, false)
        }
        (Use::Never, Err(_)) => stdin_line(),
    };
    answer.map_err(|error| Failure::other(format!("cannot ask for a passphrase: {error}")))
}

fn stdin_line() -> io::Result<Option<Zeroizing<String>>> {
    let mut line = Zeroizing::new(String::with_capacity(1024));
    if io::stdin().lock().read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned())))
}
