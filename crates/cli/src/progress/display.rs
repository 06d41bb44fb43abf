//! The lines of all files under way, on a terminal.

use crate::progress::meter::Meter;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use konko::client::printable;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// How often a second lines are drawn.
const DRAWN_PER_SECOND: u8 = 8;
/// How many files have a line of their own at once.
const MAXIMUM_LINES: usize = 16;
/// The width of a terminal that does not say.
const USUAL_WIDTH: usize = 80;

/// Shows the files under way. Clones show the same.
#[derive(Clone)]
pub struct Display {
    shared: Option<Arc<Shared>>,
}

struct Shared {
    all: MultiProgress,
    files: Mutex<HashMap<Vec<u8>, Shown>>,
}

struct Shown {
    meter: Meter,
    line: Option<ProgressBar>,
}

impl std::fmt::Debug for Display {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Display").field("shows", &self.shared.is_some()).finish()
    }
}

/// How far one file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step<'a> {
    /// What tells it from others under way, and is shown.
    pub name: &'a [u8],
    /// Its size, if it is known.
    pub size: Option<u64>,
    /// How much of it is there.
    pub transferred: u64,
    /// Whether it is done, well or not.
    pub is_finished: bool,
}

impl Display {
    /// One that shows, if standard output is a terminal.
    pub fn new(wanted: bool) -> Self {
        if !wanted || !rustix::termios::isatty(rustix::stdio::stdout()) {
            return Self { shared: None };
        }
        let target = ProgressDrawTarget::stdout_with_hz(DRAWN_PER_SECOND);
        let all = MultiProgress::with_draw_target(target);
        Self { shared: Some(Arc::new(Shared { all, files: Mutex::default() })) }
    }

    /// Whether anything is shown.
    pub const fn shows(&self) -> bool {
        self.shared.is_some()
    }

    /// Something of a file has come.
    pub fn step(&self, step: &Step<'_>) {
        if let Some(shared) = &self.shared {
            shared.step(step, Instant::now());
        }
    }
}

impl Shared {
    fn files(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Shown>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step(&self, step: &Step<'_>, now: Instant) {
        let mut files = self.files();
        let lines = files.values().filter(|shown| shown.line.is_some()).count();
        let shown = files.entry(step.name.to_vec()).or_insert_with(|| {
            let name = printable(&String::from_utf8_lossy(step.name), false);
            let meter = Meter::new(&name, step.size, step.transferred, now);
            Shown { meter, line: (lines < MAXIMUM_LINES).then(|| self.new_line()) }
        });
        shown.meter.advance(step.transferred, now);
        if !step.is_finished {
            if let Some(line) = &shown.line {
                line.set_message(shown.meter.line(width(), now));
            }
            return;
        }
        shown.meter.finish(now);
        let last = shown.meter.line(width(), now);
        if let Some(line) = &shown.line {
            line.finish_and_clear();
            self.all.remove(line);
        }
        files.remove(step.name);
        drop(files);
        // A terminal that is gone shows nothing.
        let _ = self.all.println(last.trim_end());
    }

    fn new_line(&self) -> ProgressBar {
        let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        self.all.add(ProgressBar::no_length().with_style(style))
    }
}

fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stdout());
    match size {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col) - 1,
        _ => USUAL_WIDTH - 1,
    }
}
