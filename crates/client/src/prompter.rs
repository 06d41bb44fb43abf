//! Asking the user.

use crate::boxed_future::BoxedFuture;
use crate::host_keys::HostKeyUpdate;
use crate::secret::Secret;
use std::path::Path;

/// One prompt of keyboard-interactive authentication (RFC 4256 §3.2).
pub use konko_transport::userauth::Prompt;

/// Asks the user for secrets, and for leave. The server's deadlines do not run while it does. `None` says that nobody answers;
/// the credential is then given up.
///
/// Texts of the server come as they are: show them through [`printable`](crate::printable::printable). Everything
/// has a default, which answers nothing.
pub trait Prompter: Send + Sync {
    /// The password of `user` at `host`; `attempt` counts from 1.
    fn password<'a>(&'a self, user: &'a str, host: &'a str, attempt: u32) -> BoxedFuture<'a, Option<Secret>> {
        let _ = (user, host, attempt);
        Box::pin(async { None })
    }

    /// The passphrase of a key file; `attempt` counts from 1.
    fn passphrase<'a>(&'a self, path: &'a Path, attempt: u32) -> BoxedFuture<'a, Option<Secret>> {
        let _ = (path, attempt);
        Box::pin(async { None })
    }

    /// Answers to the server's prompts, one for each, in order. Without prompts there is only something to show,
    /// and the answer is of no effect.
    fn prompts<'a>(
        &'a self,
        name: &'a str,
        instruction: &'a str,
        prompts: &'a [Prompt],
    ) -> BoxedFuture<'a, Option<Vec<Secret>>> {
        let _ = (name, instruction, prompts);
        Box::pin(async { None })
    }

    /// The password has expired: `message` is what the server says. The old and the new one, in this order.
    fn change_password<'a>(
        &'a self,
        user: &'a str,
        message: &'a str,
    ) -> BoxedFuture<'a, Option<(Secret, Secret)>> {
        let _ = (user, message);
        Box::pin(async { None })
    }

    /// Shall the key of this file, which has just been opened, be given to the agent (`AddKeysToAgent ask`)? `comment`
    /// is the key's own, or the path once more.
    fn add_key_to_agent<'a>(&'a self, path: &'a Path, comment: &'a str) -> BoxedFuture<'a, bool> {
        let _ = (path, comment);
        Box::pin(async { false })
    }

    /// Shall the known_hosts files be changed like this (`UpdateHostKeys ask`)? This is asked once the user is logged
    /// in, while the connection is being used.
    fn update_host_keys<'a>(&'a self, update: &'a HostKeyUpdate) -> BoxedFuture<'a, bool> {
        let _ = update;
        Box::pin(async { false })
    }

    /// The server shows a text before login (RFC 4252 §5.4).
    fn banner<'a>(&'a self, text: &'a str) -> BoxedFuture<'a, ()> {
        let _ = text;
        Box::pin(async {})
    }
}
