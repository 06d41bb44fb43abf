//! A signal while a passphrase is typed must not leave the terminal without an echo.

use crate::signals::EndSignals;
use crate::terminal;
use std::sync::Once;

static LISTENING: Once = Once::new();

/// From now on, a signal that asks the program to end puts the terminal back before it does. Without threads or a
/// runtime for that, signals do what they always do.
pub fn restore_terminal_on_signals() {
    LISTENING.call_once(|| {
        let listen = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let mut signals = runtime.block_on(async { EndSignals::listen() })?;
            std::thread::Builder::new().name("signals".into()).spawn(move || {
                let signal = runtime.block_on(signals.next());
                terminal::restore();
                // What a shell says of a program that a signal ended.
                std::process::exit(128 + signal);
            })
        };
        if let Err(error) = listen() {
            tracing::debug!(%error, "nobody listens for signals");
        }
    });
}
