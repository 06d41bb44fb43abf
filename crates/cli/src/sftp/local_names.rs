//! Names of files here: patterns and completion.

use crate::sftp::words::Word;
use konko::client::sftp::machine::text::printable;
use konko::pattern::glob::{is_special, unescaped};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The most names that a pattern may match.
const MAXIMUM_MATCHES: usize = 100_000;

/// The path that a word names.
pub fn path_of(word: &Word) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(&word.plain()))
}

/// The files that a word names, sorted; a word that is no pattern names one, whether it is there or not.
///
/// # Errors
///
/// In words, if nothing matches, or too much.
pub fn expand(word: &Word) -> Result<Vec<PathBuf>, String> {
    if !word.is_pattern() {
        return Ok(vec![path_of(word)]);
    }
    let pattern = word.pattern();
    let mut found = vec![PathBuf::from(if pattern.first() == Some(&b'/') { "/" } else { "" })];
    let components: Vec<&[u8]> =
        pattern.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).collect();
    for component in components {
        let mut next = Vec::new();
        for directory in &found {
            next.extend(matching(directory, component));
            if next.len() > MAXIMUM_MATCHES {
                return Err(format!("{}: too many files match", printable(pattern)));
            }
        }
        found = next;
    }
    found.sort();
    if found.is_empty() { Err(format!("{}: no file matches", printable(pattern))) } else { Ok(found) }
}

/// Those of a directory that match; a component that is no pattern matches itself, if it is there.
fn matching(directory: &Path, component: &[u8]) -> Vec<PathBuf> {
    if !is_special(component) {
        let path = directory.join(OsStr::from_bytes(&unescaped(component)));
        return if path.symlink_metadata().is_ok() { vec![path] } else { Vec::new() };
    }
    let listed = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let Ok(entries) = fs::read_dir(listed) else { return Vec::new() };
    let names = entries.filter_map(Result::ok).map(|entry| entry.file_name());
    names
        .filter(|name| konko::client::scp::matches_pattern(component, name.as_bytes()))
        .map(|name| directory.join(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(pattern: &str) -> Result<Vec<String>, String> {
        let word = crate::sftp::words::split(pattern.as_bytes()).unwrap().remove(0);
        let paths = expand(&word)?;
        Ok(paths.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect())
    }

    #[test]
    fn patterns_name_the_files_that_are_there() {
        let home = tempfile::tempdir().unwrap();
        for name in ["a.c", "b.c", "c.h", ".hidden.c", "x*y"] {
            fs::write(home.path().join(name), "").unwrap();
        }
        fs::create_dir(home.path().join("d")).unwrap();
        fs::write(home.path().join("d/e.c"), "").unwrap();
        let in_home = |pattern: &str| expanded(&format!("{}/{pattern}", home.path().display()));
        assert_eq!(in_home("*.c").unwrap(), ["a.c", "b.c"]);
        assert_eq!(in_home("[bc].?").unwrap(), ["b.c", "c.h"]);
        assert_eq!(in_home("*/e.c").unwrap(), ["e.c"]);
        assert_eq!(in_home("d/*").unwrap(), ["e.c"]);
        assert_eq!(in_home("x\\**").unwrap(), ["x*y"]);
        assert_eq!(in_home(".*.c").unwrap(), [".hidden.c"]);
        assert!(in_home("*.z").is_err());
        assert_eq!(in_home("missing").unwrap(), ["missing"]);
    }
}
