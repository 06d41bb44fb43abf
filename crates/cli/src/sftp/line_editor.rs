//! Lines that a person types, with editing, history and completion.

use crate::sftp::completion::{Names, candidates};
use crate::sftp::trouble::Trouble;
use crate::terminal;
use konko::client::sftp::{RemotePath, Sftp};
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};
use std::fs::OpenOptions;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use tokio::runtime::Handle;

/// How many lines of earlier sessions are kept.
const HISTORY: usize = 1000;
/// What asks for a line.
pub(super) const PROMPT: &str = "sftp> ";

/// What was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Typed {
    /// A line.
    Line(String),
    /// A line that was given up.
    Nothing,
    /// There will be no more.
    End,
}

struct SftpHelper {
    names: Names,
}

impl Completer for SftpHelper {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, found) = candidates(line.get(..pos).unwrap_or(line), &self.names);
        let pairs = found.into_iter().map(|(display, replacement)| Pair { display, replacement });
        Ok((start, pairs.collect()))
    }
}

impl Hinter for SftpHelper {
    type Hint = String;
}
impl Highlighter for SftpHelper {}
impl Validator for SftpHelper {}
impl Helper for SftpHelper {}

/// Reads lines from the terminal.
pub(super) struct LineEditor {
    editor: Editor<SftpHelper, FileHistory>,
    history: Option<PathBuf>,
}

impl std::fmt::Debug for LineEditor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LineEditor").finish_non_exhaustive()
    }
}

impl LineEditor {
    /// An editor that completes names of this server's files.
    pub(super) fn new(sftp: Sftp, directory: RemotePath) -> Result<Self, Trouble> {
        let failed = |error: ReadlineError| Trouble(format!("the terminal: {error}"));
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .max_history_size(HISTORY)
            .map_err(failed)?
            .history_ignore_space(true)
            .auto_add_history(true)
            .build();
        let mut editor = Editor::with_config(config).map_err(failed)?;
        let names = Names { sftp, directory, runtime: Handle::current() };
        editor.set_helper(Some(SftpHelper { names }));
        let history = history_file();
        if let Some(path) = &history
            && let Err(error) = editor.load_history(path)
        {
            tracing::debug!(%error, "no history is read");
        }
        Ok(Self { editor, history })
    }

    /// Reads a line on a thread that may wait.
    pub(super) async fn read(mut self, directory: RemotePath) -> Result<(Self, Typed), Trouble> {
        if let Some(helper) = self.editor.helper_mut() {
            helper.names.directory = directory;
        }
        let read = tokio::task::spawn_blocking(move || {
            let turn = terminal::keyboard();
            let read = self.editor.readline(PROMPT);
            drop(turn);
            (self, read)
        });
        let (editor, read) = read.await.map_err(|error| Trouble(error.to_string()))?;
        match read {
            Ok(line) => Ok((editor, Typed::Line(line))),
            Err(ReadlineError::Interrupted) => Ok((editor, Typed::Nothing)),
            Err(ReadlineError::Eof) => Ok((editor, Typed::End)),
            Err(error) => Err(Trouble(format!("the terminal: {error}"))),
        }
    }

    /// Keeps what was typed for later sessions.
    pub(super) fn keep_history(&mut self) {
        let Some(path) = &self.history else { return };
        // Nobody else need know which files there are.
        let created = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        let kept = created.map_err(ReadlineError::from).and_then(|_| self.editor.append_history(path));
        if let Err(error) = kept {
            tracing::debug!(%error, "no history is kept");
        }
    }
}

/// `sftp_history` in the folder for what programs keep (XDG Base Directory Specification), which is made.
fn history_file() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let state = state.or_else(|| Some(std::env::home_dir()?.join(".local/state")))?;
    let folder = state.join("konko");
    if let Err(error) = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder) {
        tracing::debug!(%error, "no history is kept");
        return None;
    }
    Some(folder.join("sftp_history"))
}
