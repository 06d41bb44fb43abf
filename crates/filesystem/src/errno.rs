//! What the system's errors are to a client of SFTP.

use konko_sftp::message::number::StatusCode;
use konko_sftp::server::failure::Failure;
use rustix::io::Errno;
use std::io;

/// The status code that OpenSSH's server gives for an error, and the system's words for it.
pub(crate) fn failure(errno: Errno) -> Failure {
    let code = match errno {
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP => StatusCode::NO_SUCH_FILE,
        Errno::PERM | Errno::ACCESS | Errno::ROFS => StatusCode::PERMISSION_DENIED,
        Errno::NAMETOOLONG => StatusCode::BAD_MESSAGE,
        Errno::NOSYS | Errno::OPNOTSUPP => StatusCode::OP_UNSUPPORTED,
        _ => StatusCode::FAILURE,
    };
    Failure { code, ..Failure::from(io::Error::from(errno)) }
}
