//! Which requests may be at work at once. The order of requests about one file is kept (draft-13 §3.1: "The protocol
//! and implementations MUST process requests relating to the same file in the order in which they are received"),
//! all else may overtake.

use crate::server::handles::Handle;
use crate::server::request_name::RequestName;
use konko_wire::decode::Reader;

/// What a request is about and what it does there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Neither a handle nor a path.
    Session,
    /// Looks at an open file or directory.
    Look(Handle),
    /// Changes an open file, or where it stands.
    Change(Handle),
    /// Waits until all is done for an open file, and changes nothing.
    Settle(Handle),
    /// Copies from one open file to another.
    Copy(Handle, Handle),
    /// Looks at a path.
    LookAtPath,
    /// Changes a path or what it leads to.
    ChangePath,
}

/// The flags of OPEN by which nothing can come into being or change.
const OPEN_TO_READ: u32 = 1;

impl Scope {
    /// The scope of a request with these fields. It does not matter for fields that do not parse: those are refused
    /// whenever it is their turn.
    pub(super) fn of(name: RequestName, fields: &[u8]) -> Self {
        use RequestName as Name;
        match name {
            Name::Limits | Name::HomeDirectory | Name::UsersGroupsById => Self::Session,
            Name::Read | Name::Fstat | Name::Fstatvfs => Self::Look(first_handle(fields)),
            Name::CheckFile | Name::CheckFileHandle | Name::Md5HashHandle => Self::Look(first_handle(fields)),
            Name::Write | Name::Fsetstat | Name::Readdir => Self::Change(first_handle(fields)),
            Name::Close | Name::Fsync => Self::Settle(first_handle(fields)),
            Name::CopyData => {
                let mut reader = Reader::new(fields);
                let source = handle(reader.read_string().unwrap_or_default());
                let target = reader.read_bytes(16).and_then(|_| reader.read_string()).unwrap_or_default();
                Self::Copy(source, handle(target))
            }
            Name::Lstat | Name::Stat | Name::Opendir | Name::Realpath | Name::Readlink => Self::LookAtPath,
            Name::Statvfs | Name::ExpandPath | Name::CheckFileName | Name::Md5Hash => Self::LookAtPath,
            Name::Open if opens_to_read(fields) => Self::LookAtPath,
            Name::Open
            | Name::Setstat
            | Name::Remove
            | Name::Mkdir
            | Name::Rmdir
            | Name::Rename
            | Name::Symlink
            | Name::PosixRename
            | Name::Hardlink
            | Name::Lsetstat => Self::ChangePath,
        }
    }

    /// Whether a later request must wait for this one.
    pub(super) fn holds_back(self, later: Self) -> bool {
        let on_paths = |scope| matches!(scope, Self::LookAtPath | Self::ChangePath);
        match (self, later) {
            (Self::Session, _) | (_, Self::Session) => false,
            (Self::LookAtPath, Self::LookAtPath) => false,
            (one, other) if on_paths(one) && on_paths(other) => true,
            // A path may lead to any of the open files.
            (path, open) | (open, path) if on_paths(path) => match open {
                Self::Change(_) | Self::Copy(..) => true,
                Self::Look(_) => path == Self::ChangePath,
                _ => false,
            },
            (Self::Look(_), Self::Look(_)) => false,
            (one, other) => {
                one.handles().iter().flatten().any(|handle| other.handles().contains(&Some(*handle)))
            }
        }
    }

    const fn handles(self) -> [Option<Handle>; 2] {
        match self {
            Self::Look(handle) | Self::Change(handle) | Self::Settle(handle) => [Some(handle), None],
            Self::Copy(source, target) => [Some(source), Some(target)],
            Self::Session | Self::LookAtPath | Self::ChangePath => [None, None],
        }
    }
}

fn first_handle(fields: &[u8]) -> Handle {
    handle(Reader::new(fields).read_string().unwrap_or_default())
}

/// A handle as ours are. One of another length is none of ours.
fn handle(bytes: &[u8]) -> Handle {
    bytes.try_into().unwrap_or_default()
}

fn opens_to_read(fields: &[u8]) -> bool {
    let mut reader = Reader::new(fields);
    reader.read_string().is_ok() && reader.read_u32() == Ok(OPEN_TO_READ)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_one_file_is_kept_and_others_overtake() {
        let (a, b) = ([1; 16], [2; 16]);
        let reads = Scope::Look(a);
        assert!(!reads.holds_back(Scope::Look(a)));
        assert!(reads.holds_back(Scope::Change(a)));
        assert!(Scope::Change(a).holds_back(reads));
        assert!(Scope::Change(a).holds_back(Scope::Settle(a)));
        assert!(Scope::Settle(a).holds_back(Scope::Change(a)));
        assert!(!Scope::Settle(a).holds_back(Scope::Change(b)));
        assert!(!Scope::Change(a).holds_back(Scope::Change(b)));
        assert!(Scope::Copy(a, b).holds_back(Scope::Look(b)));
        assert!(!Scope::Copy(a, b).holds_back(Scope::Look([3; 16])));
        assert!(Scope::ChangePath.holds_back(Scope::LookAtPath));
        assert!(!Scope::LookAtPath.holds_back(Scope::LookAtPath));
        assert!(Scope::Change(a).holds_back(Scope::LookAtPath));
        assert!(Scope::ChangePath.holds_back(Scope::Look(a)));
        assert!(!Scope::Settle(a).holds_back(Scope::ChangePath));
        assert!(!Scope::ChangePath.holds_back(Scope::Session));
    }
}
