//! One question to the user, on the terminal or through an askpass program.

use crate::askpass::{self, Use};
use crate::terminal;
use std::io;
use zeroize::Zeroizing;

/// Asks, and waits for the answer; `None` if there is none. Blocks.
fn ask_here(prompt: &str, echo: bool) -> io::Result<Option<Zeroizing<String>>> {
    let use_askpass = askpass::use_now();
    if use_askpass == Use::Always {
        return askpass::ask(prompt);
    }
    match terminal::open() {
        Ok(terminal) => terminal::read_line(&terminal, prompt, echo),
        Err(_) if use_askpass == Use::WithoutTerminal => askpass::ask(prompt),
        Err(_) => Ok(None),
    }
}

/// Asks the user. `echo` says whether the answer is shown while it is typed. `None` if there is nobody to ask, or
/// no answer.
pub async fn ask(prompt: String, echo: bool) -> Option<Zeroizing<String>> {
    match tokio::task::spawn_blocking(move || ask_here(&prompt, echo)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            tracing::warn!(%error, "the user cannot be asked");
            None
        }
        Err(_) => None,
    }
}
