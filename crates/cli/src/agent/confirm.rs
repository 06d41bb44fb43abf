//! The question whether a key may be used, through an askpass program: it says yes by ending without an error, as
//! ssh-add(1) describes under `-c`.

use konko::client::agent::SignConfirmer;
use konko::client::agent::protocol::{SignQuestion, SignedData};
use konko::client::{BoxedFuture, printable};
use std::ffi::OsString;
use std::process::Stdio;
use tokio::process::Command;

/// The program where `SSH_ASKPASS` names none.
const DEFAULT_PROGRAM: &str = "/usr/bin/ssh-askpass";

/// Asks through the askpass program.
#[derive(Debug)]
pub(crate) struct AskpassConfirmer {
    /// Whether fingerprints are shown as MD5.
    pub(crate) md5: bool,
}

impl AskpassConfirmer {
    fn prompt(&self, question: &SignQuestion) -> String {
        let sha256 = question.fingerprint;
        let fingerprint = if self.md5 { sha256.md5().to_string() } else { sha256.to_string() };
        let comment = printable(&question.comment, false);
        let purpose = match &question.data {
            SignedData::Login(login) => {
                format!("\nIt is to log in as user {}.", printable(&login.user_name, false))
            }
            SignedData::Signature { namespace } => {
                format!("\nIt is to sign data for the namespace {}.", printable(namespace, false))
            }
            _ => "\nIt is to sign data of an unknown kind.".to_owned(),
        };
        let origin = if question.is_forwarded { "\nThe request comes from another host." } else { "" };
        format!("Allow use of key {comment}?\nKey fingerprint {fingerprint}.{purpose}{origin}")
    }
}

impl SignConfirmer for AskpassConfirmer {
    fn confirm(&self, question: SignQuestion) -> BoxedFuture<'_, bool> {
        Box::pin(async move {
            let program = std::env::var_os("SSH_ASKPASS").filter(|program| !program.is_empty());
            let program = program.unwrap_or_else(|| OsString::from(DEFAULT_PROGRAM));
            let asked = Command::new(&program)
                .arg(self.prompt(&question))
                .env("SSH_ASKPASS_PROMPT", "confirm")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .kill_on_drop(true)
                .status();
            match asked.await {
                Ok(status) => status.success(),
                Err(error) => {
                    tracing::warn!(program = %program.display(), %error, "nobody can be asked");
                    false
                }
            }
        })
    }
}
