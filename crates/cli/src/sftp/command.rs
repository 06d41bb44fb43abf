//! The commands of sftp(1), and how lines become them.

use crate::sftp::words::{Unterminated, Word, split};

/// How files are transferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TransferFlags {
    /// `-a`: what is there already is gone on with.
    pub resume: bool,
    /// `-f`: written data is on the disk before it counts.
    pub sync: bool,
    /// `-p` or `-P`: modes and times are preserved.
    pub preserve: bool,
    /// `-R` or `-r`: directories with all that is in them.
    pub recursive: bool,
}

/// What `ls` shows, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ListFlags {
    /// `-1`: one name a line.
    pub single: bool,
    /// `-a`: names that begin with a dot, too.
    pub all: bool,
    /// `-f`: in the order of the server, which `-r` does not turn round.
    pub unsorted: bool,
    /// `-h`: sizes in units; with a long listing.
    pub human: bool,
    /// `-l`: attributes, too.
    pub long: bool,
    /// `-n`: attributes, too, with numbers for users and groups.
    pub numeric: bool,
    /// `-r`: the other way round.
    pub reverse: bool,
    /// `-S`: by size.
    pub by_size: bool,
    /// `-t`: by time of the last change.
    pub by_time: bool,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `bye`, `exit`, `quit`.
    Quit,
    /// `cd`.
    ChangeDirectory(Option<Word>),
    /// `chgrp`.
    ChangeGroup { no_follow: bool, gid: u32, path: Word },
    /// `chmod`.
    ChangeMode { no_follow: bool, mode: u32, path: Word },
    /// `chown`.
    ChangeOwner { no_follow: bool, uid: u32, path: Word },
    /// `copy`, `cp`.
    Copy { from: Word, to: Word },
    /// `df`.
    DiskFree { human: bool, inodes: bool, path: Option<Word> },
    /// `get`, `reget`.
    Get { flags: TransferFlags, remote: Word, local: Option<Word> },
    /// `help`, `?`.
    Help,
    /// `lcd`.
    LocalChangeDirectory(Option<Word>),
    /// `lls`, with the rest of the line as it is.
    LocalList(String),
    /// `lmkdir`.
    LocalMakeDirectory(Word),
    /// `ln`, `symlink`.
    Link { symbolic: bool, from: Word, to: Word },
    /// `lpwd`.
    LocalWorkingDirectory,
    /// `ls`, `dir`.
    List { flags: ListFlags, path: Option<Word> },
    /// `lumask`.
    LocalUmask(u32),
    /// `mkdir`.
    MakeDirectory(Word),
    /// `progress`.
    Progress,
    /// `put`, `reput`.
    Put { flags: TransferFlags, local: Word, remote: Option<Word> },
    /// `pwd`.
    WorkingDirectory,
    /// `rename`.
    Rename { legacy: bool, from: Word, to: Word },
    /// `rm`.
    Remove(Word),
    /// `rmdir`.
    RemoveDirectory(Word),
    /// `!`, with a command line for the shell or without.
    Shell(Option<String>),
    /// `version`.
    Version,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `-` before the command: its failure does not end a batch.
    pub ignores_failure: bool,
    /// `@` before the command: a batch does not show it.
    pub is_silent: bool,
    /// The command; `None` for an empty line or a comment.
    pub command: Option<Command>,
}

/// Why a line is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// No command has that name.
    #[error("invalid command \"{0}\"; \"help\" lists all")]
    Unknown(String),
    /// The name is the beginning of several.
    #[error("ambiguous command \"{0}\"")]
    Ambiguous(String),
    /// A flag is none of the command's.
    #[error("{0}: invalid flag -{1}")]
    Flag(&'static str, char),
    /// An argument is missing.
    #[error("{0}: {1} is missing")]
    Missing(&'static str, &'static str),
    /// There are more arguments than can be.
    #[error("{0}: too many arguments")]
    TooMany(&'static str),
    /// An argument is no number.
    #[error("{0}: \"{1}\" is not {2}")]
    Number(&'static str, String, &'static str),
    /// A quote is open.
    #[error(transparent)]
    Unterminated(#[from] Unterminated),
}

/// A command's name, its flags, and how it is made of its arguments.
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// Its flags.
    flags: &'static str,
    /// Its arguments, as the help shows them.
    pub usage: &'static str,
    /// What it does, as the help says it.
    pub help: &'static str,
    /// What its arguments name, for completion.
    pub completes: Completes,
    make: fn(Arguments) -> Result<Command, LineError>,
}

/// What the arguments of a command name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completes {
    /// Nothing that could be looked up.
    Nothing,
    /// Files there.
    Remote,
    /// Files here.
    Local,
    /// A file there, then one here.
    RemoteThenLocal,
    /// A file here, then one there.
    LocalThenRemote,
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Row").field(&self.name).finish()
    }
}

/// Flags and words of a line.
struct Arguments {
    name: &'static str,
    flags: Vec<char>,
    words: std::vec::IntoIter<Word>,
}

impl Arguments {
    fn has(&self, flag: char) -> bool {
        self.flags.contains(&flag)
    }

    fn next(&mut self, what: &'static str) -> Result<Word, LineError> {
        self.words.next().ok_or(LineError::Missing(self.name, what))
    }

    fn number(&mut self, radix: u32, maximum: u32, expected: &'static str) -> Result<u32, LineError> {
        let word = String::from_utf8_lossy(&self.next(expected)?.plain()).into_owned();
        let is_plain = !word.is_empty() && word.chars().all(|digit| digit.is_digit(radix));
        let parsed = if is_plain { u32::from_str_radix(&word, radix).ok() } else { None };
        parsed.filter(|number| *number <= maximum).ok_or(LineError::Number(self.name, word, expected))
    }

    fn end(mut self, command: Command) -> Result<Command, LineError> {
        match self.words.next() {
            Some(_) => Err(LineError::TooMany(self.name)),
            None => Ok(command),
        }
    }

    fn transfer(&self, resume: bool) -> TransferFlags {
        TransferFlags {
            resume: resume || self.has('a'),
            sync: self.has('f'),
            preserve: self.has('p') || self.has('P'),
            recursive: self.has('r') || self.has('R'),
        }
    }
}

fn get(mut arguments: Arguments, resume: bool) -> Result<Command, LineError> {
    let flags = arguments.transfer(resume);
    let (remote, local) = (arguments.next("a remote file")?, arguments.words.next());
    arguments.end(Command::Get { flags, remote, local })
}

fn put(mut arguments: Arguments, resume: bool) -> Result<Command, LineError> {
    let flags = arguments.transfer(resume);
    let (local, remote) = (arguments.next("a local file")?, arguments.words.next());
    arguments.end(Command::Put { flags, local, remote })
}

fn list(mut arguments: Arguments) -> Result<Command, LineError> {
    // As in sftp(1), the last of flags that contradict each other counts.
    let order = arguments.flags.iter().rev().find(|flag| matches!(flag, 'S' | 't' | 'f'));
    let single = arguments.flags.iter().rposition(|flag| *flag == '1');
    let view = arguments.flags.get(single.map_or(0, |at| at + 1)..).unwrap_or_default();
    let long = view.contains(&'l') || view.contains(&'n');
    let flags = ListFlags {
        single: single.is_some() && !long,
        all: arguments.has('a'),
        unsorted: order == Some(&'f'),
        human: arguments.has('h'),
        long,
        numeric: view.contains(&'n'),
        reverse: arguments.has('r'),
        by_size: order == Some(&'S'),
        by_time: order == Some(&'t'),
    };
    let path = arguments.words.next();
    arguments.end(Command::List { flags, path })
}

fn link(mut arguments: Arguments, symbolic: bool) -> Result<Command, LineError> {
    let symbolic = symbolic || arguments.has('s');
    let (from, to) = (arguments.next("what is linked to")?, arguments.next("the link")?);
    arguments.end(Command::Link { symbolic, from, to })
}

fn copy(mut arguments: Arguments) -> Result<Command, LineError> {
    let (from, to) = (arguments.next("the source")?, arguments.next("the target")?);
    arguments.end(Command::Copy { from, to })
}

fn quit(arguments: Arguments) -> Result<Command, LineError> {
    arguments.end(Command::Quit)
}

const PATH: &str = "a path";
const NUMBER: &str = "a number";
const MODE: &str = "an octal mode";

macro_rules! rows {
    ($($name:literal $flags:literal $usage:literal $help:literal $completes:ident |$arguments:ident| $make:expr;)*) => {
        /// All commands, in the order of the help. Some have several names.
        pub const COMMANDS: &[Row] = &[$(Row {
            name: $name,
            flags: $flags,
            usage: $usage,
            help: $help,
            completes: Completes::$completes,
            make: {
                #[allow(unused_mut, reason = "not every command takes words")]
                fn make(mut $arguments: Arguments) -> Result<Command, LineError> { $make }
                make
            },
        }),*];
    };
}

rows! {
    "bye" "" "" "Quit" Nothing |a| quit(a);
    "cd" "" "[path]" "Change the remote directory" Remote |a| {
        let path = a.words.next();
        a.end(Command::ChangeDirectory(path))
    };
    "chgrp" "h" "[-h] group path" "Change the group of remote files to a number" Remote |a| {
        let (no_follow, gid) = (a.has('h'), a.number(10, u32::MAX, NUMBER)?);
        let path = a.next(PATH)?;
        a.end(Command::ChangeGroup { no_follow, gid, path })
    };
    "chmod" "h" "[-h] mode path" "Change the permissions of remote files" Remote |a| {
        let (no_follow, mode) = (a.has('h'), a.number(8, 0o7777, MODE)?);
        let path = a.next(PATH)?;
        a.end(Command::ChangeMode { no_follow, mode, path })
    };
    "chown" "h" "[-h] owner path" "Change the owner of remote files to a number" Remote |a| {
        let (no_follow, uid) = (a.has('h'), a.number(10, u32::MAX, NUMBER)?);
        let path = a.next(PATH)?;
        a.end(Command::ChangeOwner { no_follow, uid, path })
    };
    "copy" "" "from to" "Copy a remote file on the server" Remote |a| copy(a);
    "cp" "" "from to" "Copy a remote file on the server" Remote |a| copy(a);
    "df" "hi" "[-hi] [path]" "Show how much room there is" Remote |a| {
        let (human, inodes, path) = (a.has('h'), a.has('i'), a.words.next());
        a.end(Command::DiskFree { human, inodes, path })
    };
    "dir" "1afhlnrSt" "[-1afhlnrSt] [path]" "List remote files" Remote |a| list(a);
    "exit" "" "" "Quit" Nothing |a| quit(a);
    "get" "afpPrR" "[-afpR] remote [local]" "Download" RemoteThenLocal |a| get(a, false);
    "help" "" "" "Show this" Nothing |a| a.end(Command::Help);
    "lcd" "" "[path]" "Change the local directory" Local |a| {
        let path = a.words.next();
        a.end(Command::LocalChangeDirectory(path))
    };
    "lls" "" "[flags [path]]" "List local files" Local |a| a.end(Command::LocalList(String::new()));
    "lmkdir" "" "path" "Create a local directory" Local |a| {
        let path = a.next(PATH)?;
        a.end(Command::LocalMakeDirectory(path))
    };
    "ln" "s" "[-s] from to" "Link a remote file" Remote |a| link(a, false);
    "lpwd" "" "" "Show the local directory" Nothing |a| a.end(Command::LocalWorkingDirectory);
    "ls" "1afhlnrSt" "[-1afhlnrSt] [path]" "List remote files" Remote |a| list(a);
    "lumask" "" "umask" "Set the local umask" Nothing |a| {
        let mask = a.number(8, 0o777, "an octal mask")?;
        a.end(Command::LocalUmask(mask))
    };
    "mkdir" "" "path" "Create a remote directory" Remote |a| {
        let path = a.next(PATH)?;
        a.end(Command::MakeDirectory(path))
    };
    "progress" "" "" "Show progress, or no longer" Nothing |a| a.end(Command::Progress);
    "put" "afpPrR" "[-afpR] local [remote]" "Upload" LocalThenRemote |a| put(a, false);
    "pwd" "" "" "Show the remote directory" Nothing |a| a.end(Command::WorkingDirectory);
    "quit" "" "" "Quit" Nothing |a| quit(a);
    "reget" "fpPrR" "[-fpR] remote [local]" "Go on with a download" RemoteThenLocal |a| get(a, true);
    "rename" "l" "[-l] from to" "Rename a remote file" Remote |a| {
        let legacy = a.has('l');
        let (from, to) = (a.next("the old name")?, a.next("the new name")?);
        a.end(Command::Rename { legacy, from, to })
    };
    "reput" "fpPrR" "[-fpR] local [remote]" "Go on with an upload" LocalThenRemote |a| put(a, true);
    "rm" "" "path" "Remove remote files" Remote |a| {
        let path = a.next(PATH)?;
        a.end(Command::Remove(path))
    };
    "rmdir" "" "path" "Remove a remote directory" Remote |a| {
        let path = a.next(PATH)?;
        a.end(Command::RemoveDirectory(path))
    };
    "symlink" "" "from to" "Link a remote file symbolically" Remote |a| link(a, true);
    "version" "" "" "Show the version of the protocol" Nothing |a| a.end(Command::Version);
    "!" "" "[command]" "Run a command here, or a shell" Nothing |a| a.end(Command::Shell(None));
    "?" "" "" "Show this" Nothing |a| a.end(Command::Help);
}

/// The command of that name, or the only one that begins so.
pub fn find(name: &str) -> Result<&'static Row, LineError> {
    let lower = name.to_ascii_lowercase();
    if let Some(row) = COMMANDS.iter().find(|row| row.name == lower) {
        return Ok(row);
    }
    let mut begin = COMMANDS.iter().filter(|row| row.name.starts_with(&lower));
    match (begin.next(), begin.next()) {
        (Some(row), None) => Ok(row),
        (Some(_), Some(_)) => Err(LineError::Ambiguous(name.to_owned())),
        (None, _) => Err(LineError::Unknown(name.to_owned())),
    }
}

/// Reads a line.
///
/// # Errors
///
/// [`LineError`] says what is wrong with it.
pub fn parse(line: &str) -> Result<Line, LineError> {
    let mut rest = line.trim();
    let (mut ignores_failure, mut is_silent) = (false, false);
    loop {
        let flag = match rest.as_bytes().first() {
            Some(b'-') if !ignores_failure => &mut ignores_failure,
            Some(b'@') if !is_silent => &mut is_silent,
            _ => break,
        };
        *flag = true;
        rest = rest[1..].trim_start();
    }
    let command = command(rest)?;
    Ok(Line { ignores_failure, is_silent, command })
}

fn command(line: &str) -> Result<Option<Command>, LineError> {
    if let Some(shell) = line.strip_prefix('!') {
        let shell = shell.trim();
        return Ok(Some(Command::Shell((!shell.is_empty()).then(|| shell.to_owned()))));
    }
    let mut words = split(line.as_bytes())?.into_iter();
    let Some(name) = words.next() else { return Ok(None) };
    let name = String::from_utf8_lossy(&name.plain()).into_owned();
    let row = find(&name)?;
    if row.name == "lls" {
        let rest = line.split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim());
        return Ok(Some(Command::LocalList(rest.to_owned())));
    }
    let mut flags = Vec::new();
    let mut words = words.peekable();
    while let Some(word) = words.next_if(|word| !row.flags.is_empty() && is_flags(word)) {
        let text = String::from_utf8_lossy(&word.plain()).into_owned();
        if text == "--" {
            break;
        }
        for flag in text.chars().skip(1) {
            if !row.flags.contains(flag) {
                return Err(LineError::Flag(row.name, flag));
            }
            flags.push(flag);
        }
    }
    let words: Vec<Word> = words.collect();
    (row.make)(Arguments { name: row.name, flags, words: words.into_iter() }).map(Some)
}

fn is_flags(word: &Word) -> bool {
    word.pattern().starts_with(b"-") && word.pattern().len() > 1
}
