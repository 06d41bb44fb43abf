//! What the Tab key adds: names of commands, and of files here and there.

use crate::sftp::command::{COMMANDS, Completes, find};
use crate::sftp::words::{Reading, quoted, read};
use konko::client::sftp::{RemotePath, Sftp};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use tokio::runtime::Handle;

/// The most names that are looked at.
const MAXIMUM_NAMES: usize = 10_000;

/// A name that could stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    /// Without its directory.
    pub(super) name: String,
    /// Whether more can follow it.
    pub(super) is_directory: bool,
}

/// Where names are looked up.
pub(super) struct Names {
    pub(super) sftp: Sftp,
    pub(super) directory: RemotePath,
    pub(super) runtime: Handle,
}

/// What is to be completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The name of a command.
    Command,
    /// A file there.
    Remote,
    /// A file here.
    Local,
    /// Nothing that could be looked up.
    Nothing,
}

/// What a line up to the cursor wants completed: what it is, where its last word begins, that word as far as it
/// goes, and the quote that is open.
pub(super) fn wanted(line: &str) -> (Wanted, usize, String, Option<char>) {
    let Reading { words, open, last } = read(line.as_bytes());
    let start = last.unwrap_or(line.len());
    let word = match (last, words.last()) {
        (Some(_), Some(word)) => String::from_utf8_lossy(&word.plain()).into_owned(),
        _ => String::new(),
    };
    let before = words.len() - usize::from(last.is_some());
    let open = open.map(char::from);
    let first = words.first().map(|word| String::from_utf8_lossy(&word.plain()).into_owned());
    let Some(first) = first.filter(|_| before > 0) else {
        return (Wanted::Command, start, word, open);
    };
    let Ok(row) = find(first.trim_start_matches(['-', '@'])) else {
        return (Wanted::Nothing, start, word, open);
    };
    let is_operand = |word: &&crate::sftp::words::Word| !word.pattern().starts_with(b"-");
    let operands = words.get(1..before).unwrap_or_default().iter().filter(is_operand).count();
    let wanted = match (row.completes, operands) {
        (Completes::Nothing, _) => Wanted::Nothing,
        (Completes::Remote, _) | (Completes::RemoteThenLocal, 0) | (Completes::LocalThenRemote, 1) => {
            Wanted::Remote
        }
        (Completes::Local, _) | (Completes::RemoteThenLocal, 1) | (Completes::LocalThenRemote, 0) => {
            Wanted::Local
        }
        _ => Wanted::Nothing,
    };
    (wanted, start, word, open)
}

/// The words that could stand in place of the last one, as they are to be written.
pub(super) fn candidates(line: &str, names: &Names) -> (usize, Vec<(String, String)>) {
    let (wanted, start, word, open) = wanted(line);
    let (folder, beginning) = match word.rfind('/') {
        Some(slash) => word.split_at(slash + 1),
        None => ("", word.as_str()),
    };
    let found = match wanted {
        Wanted::Nothing => Vec::new(),
        Wanted::Command => {
            let rows = COMMANDS.iter().filter(|row| row.name.starts_with(word.as_str()));
            return (start, rows.map(|row| (row.name.to_owned(), format!("{} ", row.name))).collect());
        }
        Wanted::Remote => names.remote(folder, beginning),
        Wanted::Local => local(folder, beginning),
    };
    let written = |name: &Name| {
        let end = match (name.is_directory, open) {
            (true, _) => "/".to_owned(),
            (false, Some(quote)) => format!("{quote} "),
            (false, None) => " ".to_owned(),
        };
        let quote = open.map(String::from).unwrap_or_default();
        let shown = format!("{}{}", name.name, if name.is_directory { "/" } else { "" });
        (shown, format!("{quote}{}{end}", quoted(&format!("{folder}{}", name.name), open)))
    };
    (start, found.iter().map(written).collect())
}

impl Names {
    /// The names in a remote directory that begin so. Failures complete nothing.
    fn remote(&self, folder: &str, beginning: &str) -> Vec<Name> {
        self.runtime.block_on(async {
            let directory = self.directory.join(folder);
            let Ok(mut listing) = self.sftp.read_dir(directory).await else { return Vec::new() };
            let mut names = Vec::new();
            let mut looked_at = 0;
            while let Ok(Some(entry)) = listing.next_entry().await {
                looked_at += 1;
                if looked_at > MAXIMUM_NAMES {
                    break;
                }
                let is_directory = match entry.metadata() {
                    metadata if metadata.is_dir() => true,
                    metadata if metadata.is_symlink() => {
                        self.sftp.metadata(entry.path()).await.is_ok_and(|found| found.is_dir())
                    }
                    _ => false,
                };
                names.extend(candidate(entry.file_name(), beginning, is_directory));
            }
            sorted(names)
        })
    }
}

/// The names in a local directory that begin so. Failures complete nothing.
fn local(folder: &str, beginning: &str) -> Vec<Name> {
    let directory = if folder.is_empty() { Path::new(".") } else { Path::new(folder) };
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let names = entries.take(MAXIMUM_NAMES).filter_map(Result::ok).filter_map(|entry| {
        let is_directory = entry.path().is_dir();
        candidate(entry.file_name().as_bytes(), beginning, is_directory)
    });
    sorted(names.collect())
}

/// A name, if it begins so and can be typed.
fn candidate(name: &[u8], beginning: &str, is_directory: bool) -> Option<Name> {
    let name = std::str::from_utf8(name).ok()?;
    let is_hidden = name.starts_with('.') && !beginning.starts_with('.');
    let can_be_shown = !name.chars().any(char::is_control);
    (name.starts_with(beginning) && !is_hidden && can_be_shown)
        .then(|| Name { name: name.to_owned(), is_directory })
}

fn sorted(mut names: Vec<Name>) -> Vec<Name> {
    names.sort_by(|one, other| one.name.cmp(&other.name));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_depends_on_the_command_and_the_place() {
        for (line, expected, start, word, open) in [
            ("", Wanted::Command, 0, "", None),
            ("ge", Wanted::Command, 0, "ge", None),
            ("get ", Wanted::Remote, 4, "", None),
            ("get -r a", Wanted::Remote, 7, "a", None),
            ("get a b", Wanted::Local, 6, "b", None),
            ("get a b c", Wanted::Nothing, 8, "c", None),
            ("put 'a b", Wanted::Local, 4, "a b", Some('\'')),
            ("put a b/c\\ d", Wanted::Remote, 6, "b/c d", None),
            ("-put x", Wanted::Local, 5, "x", None),
            ("cd x", Wanted::Remote, 3, "x", None),
            ("lcd x", Wanted::Local, 4, "x", None),
            ("pwd x", Wanted::Nothing, 4, "x", None),
            ("xyzzy x", Wanted::Nothing, 6, "x", None),
        ] {
            assert_eq!(wanted(line), (expected, start, word.to_owned(), open), "{line:?}");
        }
    }

    #[test]
    fn names_are_offered_if_they_can_be_typed() {
        assert!(candidate(b"abc", "ab", false).is_some());
        assert!(candidate(b".abc", "", false).is_none());
        assert!(candidate(b".abc", ".", false).is_some());
        assert!(candidate(b"a\nb", "a", false).is_none());
        assert!(candidate(b"a\xff", "a", false).is_none());
    }
}
