//! Reads lines and files into settings.

use crate::catalogue::Catalogue;
use crate::criteria::{self, Facts};
use crate::error::{ConfigError, Note, Problem};
use crate::keyword::{Keyword, Kind, Meaning, Retired, meaning};
use crate::origin::Origin;
use crate::pattern::{matches, matches_list_of_any_case};
use crate::settings::Settings;
use crate::source::{Local, Source};
use crate::token::{Tokens, connection_hash, expand_tilde};
use crate::value::{Reading, Value};
use crate::words::{Words, keyword_and_value};
use std::io;
use std::sync::Arc;

/// The largest file, in bytes.
pub(crate) const MAXIMUM_FILE_LEN: usize = 1 << 20;
/// The longest line, in bytes.
pub(crate) const MAXIMUM_LINE_LEN: usize = 8192;
/// How deep files may include each other.
const MAXIMUM_DEPTH: usize = 16;
/// How many files may be included.
const MAXIMUM_FILES: usize = 1024;
/// How many bytes all of them may have.
const MAXIMUM_BYTES: usize = 16 << 20;
/// After how many errors no more are looked for.
const MAXIMUM_ERRORS: usize = 100;
/// How many notes are kept.
const MAXIMUM_NOTES: usize = 100;
/// Where the system's configuration includes files from.
const SYSTEM_DIRECTORY: &str = "/etc/ssh";

/// Enough is enough: the errors that were found say why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Abort;

/// For whom, and for which time, the files are read.
#[derive(Debug)]
pub(crate) struct Pass {
    /// The host that `Host` patterns are held against.
    pub(crate) host: String,
    /// The host as it was named.
    pub(crate) original_host: String,
    /// The command of the command line.
    pub(crate) command: Option<String>,
    /// Whether this is the last time.
    pub(crate) is_final: bool,
}

/// Where lines stand.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// In a file of the user's.
    of_user: bool,
    /// In a file that is included where nothing counts.
    never: bool,
    depth: usize,
}

/// Reads lines and files into settings.
pub(crate) struct Reader<'a> {
    pub(crate) source: &'a mut dyn Source,
    pub(crate) local: &'a Local,
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) settings: Settings,
    pub(crate) pass: Pass,
    /// Whether a `Match final` asks for one more time.
    pub(crate) wants_final: bool,
    pub(crate) errors: Vec<ConfigError>,
    pub(crate) notes: Vec<Note>,
    /// How many files and bytes were read.
    pub(crate) read: (usize, usize),
}

impl Reader<'_> {
    /// Reads a file; `false` if there is none.
    pub(crate) fn file(&mut self, path: &str, of_user: bool, private: bool) -> Result<bool, Abort> {
        let place = Place { of_user, never: false, depth: 0 };
        self.file_at(path, private, &mut true, place, &Origin::Default)
    }

    fn file_at(
        &mut self,
        path: &str,
        private: bool,
        active: &mut bool,
        place: Place,
        included_by: &Origin,
    ) -> Result<bool, Abort> {
        if place.depth > MAXIMUM_DEPTH {
            self.error(included_by, "Include", Problem::TooDeep)?;
            return Err(Abort);
        }
        let origin = Origin::File { path: Arc::from(path), line: 0 };
        let bytes = match self.source.read(path, MAXIMUM_FILE_LEN + 1, private) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(false),
            // A pattern may match one among files; there is nothing in it for ssh(1).
            Err(error) if error.kind() == io::ErrorKind::IsADirectory && place.depth > 0 => {
                self.note(included_by, format!("{path} is a directory"));
                return Ok(true);
            }
            Err(error) => {
                let problem = Problem::Source { what: path.to_owned(), reason: error.to_string() };
                self.error(included_by, "", problem)?;
                return Ok(true);
            }
        };
        self.read = (self.read.0 + 1, self.read.1 + bytes.len());
        if self.read.0 > MAXIMUM_FILES || self.read.1 > MAXIMUM_BYTES {
            self.error(included_by, "", Problem::TooManyFiles)?;
            return Err(Abort);
        }
        if bytes.len() > MAXIMUM_FILE_LEN {
            self.error(&origin, "", Problem::FileTooLong)?;
            return Ok(true);
        }
        let path: Arc<str> = Arc::from(path);
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let line_number = u32::try_from(index + 1).unwrap_or(u32::MAX);
            let origin = Origin::File { path: Arc::clone(&path), line: line_number };
            match text_of(line) {
                Ok(None) => {}
                Ok(Some(text)) => self.line(text, &origin, active, Some(place))?,
                Err(problem) => self.error(&origin, "", problem)?,
            }
        }
        Ok(true)
    }

    /// Reads an option of the command line.
    pub(crate) fn option(&mut self, line: &str, origin: &Origin) -> Result<(), Abort> {
        match text_of(line.as_bytes()) {
            Ok(_) => self.line(line, origin, &mut true, None),
            Err(problem) => self.error(origin, "", problem),
        }
    }

    pub(crate) fn error(&mut self, origin: &Origin, keyword: &str, problem: Problem) -> Result<(), Abort> {
        self.errors.push(ConfigError { origin: origin.clone(), keyword: keyword.to_owned(), problem });
        if self.errors.len() >= MAXIMUM_ERRORS { Err(Abort) } else { Ok(()) }
    }

    pub(crate) fn note(&mut self, origin: &Origin, text: String) {
        // Files are read more than once.
        let note = Note { origin: origin.clone(), text };
        if self.notes.len() < MAXIMUM_NOTES && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Reads a line; `place` is `None` for the command line.
    fn line(
        &mut self,
        line: &str,
        origin: &Origin,
        active: &mut bool,
        place: Option<Place>,
    ) -> Result<(), Abort> {
        let (name, value) = match keyword_and_value(line) {
            Ok(Some(parts)) => parts,
            Ok(None) => return Ok(()),
            Err(problem) => return self.error(origin, "", problem),
        };
        if value.is_empty() {
            return self.error(origin, &name, Problem::MissingArgument);
        }
        let words = match Words::split(&value) {
            Ok(words) => words,
            Err(problem) => return self.error(origin, &name, problem),
        };
        let keyword = match meaning(&name) {
            Some(Meaning::Keyword(keyword)) => keyword,
            Some(Meaning::Retired(retired)) => {
                if retired != Retired::Ignored {
                    let how = if retired == Retired::Deprecated { "deprecated" } else { "not supported" };
                    self.note(origin, format!("the keyword {name} is {how}"));
                }
                return Ok(());
            }
            None => {
                let ignored = self.settings.text(Keyword::IgnoreUnknown);
                if ignored.is_some_and(|list| matches_list_of_any_case(list, &name)) {
                    return Ok(());
                }
                return self.error(origin, &name, Problem::UnknownKeyword);
            }
        };
        let result = match (keyword.row().kind, place) {
            (Kind::Include, Some(place)) => return self.include(&name, words, origin, active, place),
            (Kind::Host, Some(place)) => self.host(words, active, place),
            (Kind::Match, Some(place)) => self.matching(&value, active, place),
            (kind, _) => self.value(keyword, kind, &value, words, origin, *active),
        };
        match result {
            Ok(()) => Ok(()),
            Err(problem) => self.error(origin, &name, problem),
        }
    }

    fn value(
        &mut self,
        keyword: Keyword,
        kind: Kind,
        line: &str,
        mut words: Words,
        origin: &Origin,
        active: bool,
    ) -> Result<(), Problem> {
        let source = &*self.source;
        let reading = Reading {
            catalogue: self.catalogue,
            variables: &|name| source.variable(name),
            service: &|name| source.service(name),
        };
        let value = reading.value(kind, line, &mut words)?;
        words.end()?;
        if active { self.settings.add(keyword, value, origin.clone()) } else { Ok(()) }
    }

    fn host(&self, mut words: Words, active: &mut bool, place: Place) -> Result<(), Problem> {
        *active = false;
        for pattern in words.all()? {
            match pattern.strip_prefix('!') {
                Some(negated) if matches(negated, &self.pass.host) => {
                    *active = false;
                    break;
                }
                None if matches(&pattern, &self.pass.host) => *active = !place.never,
                _ => {}
            }
        }
        Ok(())
    }

    fn matching(&mut self, line: &str, active: &mut bool, place: Place) -> Result<(), Problem> {
        *active = false;
        let facts = self.facts();
        let verdict = criteria::evaluate(line, &facts, self.source, place.never)?;
        self.wants_final |= verdict.wants_final;
        *active = verdict.matched && !place.never;
        Ok(())
    }

    /// What is known at this line.
    fn facts(&self) -> Facts {
        let settings = &self.settings;
        let host = match settings.text(Keyword::Hostname) {
            Some(name) if self.pass.is_final => name.to_owned(),
            Some(name) => {
                let tokens = Tokens::default().with('h', self.pass.host.as_str());
                // What is wrong with it is told when it is taken.
                tokens.expand(name, None).unwrap_or_else(|_| self.pass.host.clone())
            }
            None => self.pass.host.clone(),
        };
        let user = settings.text(Keyword::User).unwrap_or(&self.local.user).to_owned();
        let port = settings.number(Keyword::Port).and_then(|port| u16::try_from(port).ok()).unwrap_or(22);
        let alias = settings.text(Keyword::HostKeyAlias).unwrap_or(&host).to_owned();
        let command = self.pass.command.clone();
        let configured = settings.text(Keyword::RemoteCommand).filter(|text| *text != "none");
        let session_type = match settings.choice(Keyword::SessionType) {
            Some("subsystem") => "subsystem",
            Some("none") => "none",
            _ if command.is_some() || configured.is_some() => "exec",
            _ => "shell",
        };
        let tokens = connection_tokens(self.local, &host, &self.pass.original_host, port, &user, &alias);
        Facts {
            host,
            original_host: self.pass.original_host.clone(),
            remote_user: user,
            local_user: self.local.user.clone(),
            tag: settings.text(Keyword::Tag).unwrap_or_default().to_owned(),
            version: self.local.version.clone(),
            session_type,
            command: command.or(configured.map(str::to_owned)).unwrap_or_default(),
            is_final: self.pass.is_final,
            tokens,
        }
    }

    fn include(
        &mut self,
        name: &str,
        mut words: Words,
        origin: &Origin,
        active: &mut bool,
        place: Place,
    ) -> Result<(), Abort> {
        let patterns = match words.all() {
            Ok(patterns) => patterns,
            Err(problem) => return self.error(origin, name, problem),
        };
        let was_active = *active;
        for pattern in patterns {
            let paths = match self.paths(&pattern, place.of_user) {
                Ok(paths) => paths,
                Err(problem) => {
                    self.error(origin, name, problem)?;
                    continue;
                }
            };
            for path in paths {
                let place = Place { never: place.never || !was_active, depth: place.depth + 1, ..place };
                self.file_at(&path, true, active, place, origin)?;
                // What the file says with Host and Match ends with it.
                *active = was_active;
            }
        }
        Ok(())
    }

    /// The files that a word of `Include` names.
    fn paths(&mut self, pattern: &str, of_user: bool) -> Result<Vec<String>, Problem> {
        let anchored = if pattern.starts_with('/') {
            pattern.to_owned()
        } else if !of_user {
            if pattern.starts_with('~') {
                return Err(Problem::Invalid {
                    value: pattern.to_owned(),
                    expected: "a path for the system's configuration, which has no home directory",
                });
            }
            format!("{SYSTEM_DIRECTORY}/{pattern}")
        } else {
            let path =
                if pattern.starts_with('~') { pattern.to_owned() } else { format!("~/.ssh/{pattern}") };
            let source = &*self.source;
            expand_tilde(&path, self.local.home.as_deref(), &|user| source.home_of(user))?
        };
        self.source
            .glob(&anchored)
            .map_err(|error| Problem::Source { what: anchored.clone(), reason: error.to_string() })
    }
}

/// The tokens that nearly every keyword takes.
pub(crate) fn connection_tokens(
    local: &Local,
    host: &str,
    original_host: &str,
    port: u16,
    user: &str,
    host_key_alias: &str,
) -> Tokens {
    let short = local.host_name.split('.').next().unwrap_or_default();
    let values = [
        ('C', connection_hash(&local.host_name, host, port, user)),
        ('L', short.to_owned()),
        ('d', local.home.clone().unwrap_or_default()),
        ('h', host.to_owned()),
        ('i', local.uid.to_string()),
        ('k', host_key_alias.to_owned()),
        ('l', local.host_name.clone()),
        ('n', original_host.to_owned()),
        ('p', port.to_string()),
        ('r', user.to_owned()),
        ('u', local.user.clone()),
    ];
    Tokens::new(values)
}

/// A line as text; `None` for one that says nothing, which may be anything.
fn text_of(line: &[u8]) -> Result<Option<&str>, Problem> {
    if line.len() > MAXIMUM_LINE_LEN {
        return Err(Problem::LineTooLong);
    }
    if matches!(line.trim_ascii().first(), None | Some(b'#')) {
        return Ok(None);
    }
    if line.contains(&0) {
        return Err(Problem::Nul);
    }
    std::str::from_utf8(line).map(Some).map_err(|_| Problem::NotUtf8)
}

/// The default of a keyword, which is never wrong.
pub(crate) fn default_value(keyword: Keyword) -> Option<Value> {
    let row = keyword.row();
    let text = row.default?;
    let catalogue = Catalogue::default();
    let reading = Reading { catalogue: &catalogue, variables: &|_| None, service: &|_| None };
    let mut words = Words::split(text).ok()?;
    reading.value(row.kind, text, &mut words).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_a_value() {
        for keyword in Keyword::all() {
            assert_eq!(default_value(keyword).is_some(), keyword.row().default.is_some(), "{keyword}");
        }
    }

    #[test]
    fn comments_may_be_anything() {
        assert_eq!(text_of(b"  # \xff"), Ok(None));
        assert_eq!(text_of(b"\t"), Ok(None));
        assert_eq!(text_of(b"User \xff"), Err(Problem::NotUtf8));
        assert_eq!(text_of(b"User a\0b"), Err(Problem::Nul));
        assert_eq!(text_of(&[b'#'; MAXIMUM_LINE_LEN + 1]), Err(Problem::LineTooLong));
    }
}
