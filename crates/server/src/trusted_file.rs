//! Files that decide who may log in: read only if nobody else could have written them.

use konko_trust::time_zone::TimeZone;
use std::ffi::OsStr;
use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

/// The largest file that is read, in bytes.
const MAXIMUM_FILE_LEN: u64 = 64 * 1024 * 1024;
/// Where the system has its time zones.
const ZONES: &str = "/usr/share/zoneinfo";
/// The time zone of the system.
const LOCAL_ZONE: &str = "/etc/localtime";
/// Whoever may write into a folder with this bit may only remove what is their own.
const STICKY: u32 = 0o1000;

/// Reads a file. It, and the folder in which it really is, must belong to the superuser or the user of this process,
/// and be writable by nobody else; and it must be a regular file, so that reading it does not wait for somebody.
pub(crate) fn read_trusted(path: &Path) -> io::Result<Vec<u8>> {
    let path = fs::canonicalize(path)?;
    let parent = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let folder = fs::metadata(parent)?;
    if !is_ours(&folder) {
        return Err(denied("its folder belongs to somebody else"));
    }
    if folder.mode() & 0o022 != 0 && folder.mode() & STICKY == 0 {
        return Err(denied("others than its owner may write to its folder"));
    }
    // A FIFO is opened without waiting for its other end, and refused then.
    let without_waiting = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let flags = without_waiting.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(&path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(denied("it is not a regular file"));
    }
    if !is_ours(&metadata) {
        return Err(denied("it belongs to somebody else"));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(denied("others than its owner may write to it"));
    }
    let mut contents = Vec::new();
    file.take(MAXIMUM_FILE_LEN + 1).read_to_end(&mut contents)?;
    if contents.len() as u64 > MAXIMUM_FILE_LEN {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(contents)
}

fn is_ours(metadata: &Metadata) -> bool {
    metadata.uid() == 0 || metadata.uid() == rustix::process::geteuid().as_raw()
}

fn denied(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why.to_owned())
}

/// The time zone of this process: `TZ`, or else the system's. Where it cannot be read it is UTC, and that is logged.
pub(crate) fn local_time_zone() -> TimeZone {
    let variable = std::env::var_os("TZ");
    zone_of(variable.as_deref()).unwrap_or_else(|error| {
        tracing::warn!(target: "konko::serve", %error, "the time zone cannot be read; it is taken to be UTC");
        TimeZone::Utc
    })
}

fn zone_of(variable: Option<&OsStr>) -> io::Result<TimeZone> {
    let path = match variable {
        None if !Path::new(LOCAL_ZONE).exists() => return Ok(TimeZone::Utc),
        None => PathBuf::from(LOCAL_ZONE),
        Some(name) => {
            let text = name.to_string_lossy();
            let name = text.strip_prefix(':').unwrap_or(&text);
            if name.is_empty() {
                return Ok(TimeZone::Utc);
            }
            if let Ok(zone) = TimeZone::parse_rule(name) {
                return Ok(zone);
            }
            let below = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
            if below { Path::new(ZONES).join(name) } else { PathBuf::from(name) }
        }
    };
    TimeZone::parse(&fs::read(path)?).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
    }

    /// covers: L11
    #[test]
    fn files_that_others_could_have_written_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        fs::write(&path, b"contents").expect("a file");
        for (mode, is_read) in [(0o600, true), (0o644, true), (0o664, false), (0o646, false)] {
            set_mode(&path, mode);
            assert_eq!(read_trusted(&path).is_ok(), is_read, "{mode:o}");
        }
        set_mode(&path, 0o600);
        for (mode, is_read) in [(0o755, true), (0o777, false), (0o775, false), (0o1777, true)] {
            set_mode(folder.path(), mode);
            assert_eq!(read_trusted(&path).is_ok(), is_read, "{mode:o}");
        }
        // Through a link, the folder of the file counts and not that of the link.
        set_mode(folder.path(), 0o777);
        let other = tempfile::tempdir().expect("a folder");
        let link = other.path().join("link");
        symlink(&path, &link).expect("a link");
        assert!(read_trusted(&link).is_err());
        set_mode(folder.path(), 0o700);
        assert_eq!(read_trusted(&link).expect("the contents"), b"contents");
    }

    /// A FIFO would be waited for.
    ///
    /// covers: L11
    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let fifo = folder.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status().expect("mkfifo");
        assert!(made.success());
        set_mode(&fifo, 0o600);
        assert_eq!(read_trusted(&fifo).expect_err("no file").kind(), io::ErrorKind::PermissionDenied);
        assert!(read_trusted(folder.path()).is_err());
        assert!(read_trusted(Path::new("/dev/null")).is_err());
        assert!(read_trusted(&folder.path().join("missing")).is_err());
    }

    /// covers: L10
    #[test]
    fn time_zones_by_rule_and_by_name() {
        let east = |name: &str| zone_of(Some(OsStr::new(name))).map(|zone| zone.east_at(1_719_792_000));
        assert_eq!(east("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone"), 7200);
        assert_eq!(east("").expect("UTC"), 0);
        assert!(east("../../etc/passwd").is_err());
        assert!(east("No/Such/Zone").is_err());
        if Path::new(ZONES).join("Europe/Berlin").exists() {
            assert_eq!(east("Europe/Berlin").expect("a zone"), 7200);
            assert_eq!(east(":Europe/Berlin").expect("a zone"), 7200);
        }
        assert!(zone_of(None).is_ok());
    }
}
