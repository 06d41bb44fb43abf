//! The terminal of this end: its size, its raw mode, and lines read from it. Whatever was changed is put back on
//! every way out of the program.

use konko::client::WindowSize;
use rustix::termios::{
    ControlModes, InputModes, LocalModes, OptionalActions, OutputModes, SpecialCodeIndex, Termios, isatty,
    tcgetattr, tcgetwinsize, tcsetattr,
};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use zeroize::Zeroizing;

/// The terminal of this process, wherever its streams go.
const TERMINAL: &str = "/dev/tty";
/// The longest line that is taken, in bytes.
const MAXIMUM_LINE_LEN: usize = 8 * 1024;

/// A terminal whose settings were changed, and how they were.
struct Changed {
    terminal: OwnedFd,
    before: Termios,
    raw: bool,
}

/// The changes that are in effect, the latest last: a question may come up during a session.
static CHANGES: Mutex<Vec<Changed>> = Mutex::new(Vec::new());
/// Held by whoever reads the keyboard.
static KEYBOARD: Mutex<()> = Mutex::new(());

fn changes() -> MutexGuard<'static, Vec<Changed>> {
    CHANGES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn put_back(changed: &Changed) {
    // There is nothing to be done about a terminal that is gone.
    let _ = tcsetattr(&changed.terminal, OptionalActions::Drain, &changed.before);
}

/// Puts a changed terminal back as it was before all changes. Does nothing if none is changed.
pub fn restore() {
    let mut changes = changes();
    while let Some(changed) = changes.pop() {
        put_back(&changed);
    }
}

/// Whether the terminal is raw, so that lines must end with a carriage return.
pub fn is_raw() -> bool {
    changes().last().is_some_and(|changed| changed.raw)
}

/// The sole right to read the keyboard, until it is dropped. Waits for whoever has it.
pub fn keyboard() -> MutexGuard<'static, ()> {
    KEYBOARD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts the terminal back before a panic is told.
pub fn restore_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        restore();
        report(panic);
    }));
}

/// As long as it lives, a terminal has other settings.
#[derive(Debug)]
#[must_use = "the settings are put back when this is dropped"]
pub struct ChangedTerminal(());

impl ChangedTerminal {
    fn change(terminal: BorrowedFd<'_>, raw: bool, change: impl FnOnce(&mut Termios)) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let terminal = terminal.try_clone_to_owned()?;
        let mut changes = changes();
        // Whatever a session has made of it, a question is asked at the terminal as the user had it.
        let mut after = changes.first().map_or(&before, |first| &first.before).clone();
        change(&mut after);
        changes.push(Changed { terminal: terminal.try_clone()?, before, raw });
        drop(changes);
        let guard = Self(());
        tcsetattr(&terminal, OptionalActions::Drain, &after)?;
        Ok(guard)
    }

    /// Makes the terminal at `terminal` pass every key on, and everything that is written as it is.
    ///
    /// # Errors
    ///
    /// If it is no terminal.
    pub fn raw(terminal: BorrowedFd<'_>) -> io::Result<Self> {
        Self::change(terminal, true, |termios| {
            termios.input_modes |= InputModes::IGNPAR;
            termios.input_modes -= InputModes::ISTRIP
                | InputModes::INLCR
                | InputModes::IGNCR
                | InputModes::ICRNL
                | InputModes::IXON
                | InputModes::IXANY
                | InputModes::IXOFF;
            termios.local_modes -= LocalModes::ISIG
                | LocalModes::ICANON
                | LocalModes::ECHO
                | LocalModes::ECHOE
                | LocalModes::ECHOK
                | LocalModes::ECHONL
                | LocalModes::IEXTEN;
            termios.output_modes -= OutputModes::OPOST;
            termios.control_modes = (termios.control_modes - ControlModes::CSIZE) | ControlModes::CS8;
            termios.special_codes[SpecialCodeIndex::VMIN] = 1;
            termios.special_codes[SpecialCodeIndex::VTIME] = 0;
        })
    }

    fn for_question(terminal: BorrowedFd<'_>, echo: bool) -> io::Result<Self> {
        Self::change(terminal, false, |termios| {
            if !echo {
                termios.local_modes -=
                    LocalModes::ECHO | LocalModes::ECHOE | LocalModes::ECHOK | LocalModes::ECHONL;
            }
        })
    }
}

impl Drop for ChangedTerminal {
    fn drop(&mut self) {
        // Nothing is left if everything was restored before.
        let changed = changes().pop();
        if let Some(changed) = changed {
            put_back(&changed);
        }
    }
}

/// Whether standard input is a terminal.
pub fn stdin_is_terminal() -> bool {
    isatty(rustix::stdio::stdin())
}

/// The settings of the terminal at standard input, if it is one.
pub fn stdin_settings() -> Option<Termios> {
    tcgetattr(rustix::stdio::stdin()).ok()
}

/// The size of the terminal at standard input; all zero if it is none, as OpenSSH sends it.
pub fn stdin_size() -> WindowSize {
    match tcgetwinsize(rustix::stdio::stdin()) {
        Ok(size) => WindowSize {
            columns: size.ws_col.into(),
            rows: size.ws_row.into(),
            width_pixels: size.ws_xpixel.into(),
            height_pixels: size.ws_ypixel.into(),
        },
        Err(_) => WindowSize { columns: 0, rows: 0, width_pixels: 0, height_pixels: 0 },
    }
}

/// The terminal of this process, if it has one.
///
/// # Errors
///
/// If it has none.
pub fn open() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(TERMINAL)
}

/// Writes `prompt` to the terminal and reads a line from it, without its end. `None` at the end of the input. Nobody
/// else reads the keyboard in the meantime.
///
/// # Errors
///
/// If the terminal cannot be read or written, or the line is longer than 8 KiB or not UTF-8.
pub fn read_line(terminal: &File, prompt: &str, echo: bool) -> io::Result<Option<Zeroizing<String>>> {
    let _turn = keyboard();
    let _guard = ChangedTerminal::for_question(terminal.as_fd(), echo)?;
    (&mut &*terminal).write_all(prompt.as_bytes())?;
    let mut line = Zeroizing::new(Vec::with_capacity(MAXIMUM_LINE_LEN));
    let mut byte = Zeroizing::new([0]);
    let ended = loop {
        if (&mut &*terminal).read(byte.as_mut_slice())? == 0 {
            break true;
        }
        match byte[0] {
            b'\n' | b'\r' => break false,
            _ if line.len() == MAXIMUM_LINE_LEN => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the line is too long"));
            }
            other => line.push(other),
        }
    };
    if !echo {
        // The end of the line was not shown either.
        (&mut &*terminal).write_all(b"\n")?;
    }
    if ended && line.is_empty() {
        return Ok(None);
    }
    match std::str::from_utf8(&line) {
        Ok(text) => Ok(Some(Zeroizing::new(text.to_owned()))),
        Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
    }
}
