//! What is printed of a key.

use crate::keyscan::arguments::KeyscanArguments;
use crate::keyscan::target::TargetError;
use konko::keys::identity::Identity;
use konko::transport::crypto::random::{SecureRandom, SystemRandom};
use konko::trust::known_hosts::line_for;
use konko::trust::sshfp::SshfpRecord;

const SSH_PORT: u16 = 22;
const SALT_LEN: usize = 20;

/// The lines of one key under these names, which are separated by commas.
///
/// # Errors
///
/// [`TargetError::Name`] for a name that would be read back as something else.
pub fn lines(
    arguments: &KeyscanArguments,
    names: &str,
    identity: &Identity,
) -> Result<Vec<String>, TargetError> {
    if arguments.dns {
        let records = SshfpRecord::of(identity.public_key());
        let all = names
            .split(',')
            .flat_map(|name| records.iter().map(move |record| format!("{name} IN SSHFP {record}")));
        return Ok(all.collect());
    }
    if let Identity::Certificate(certificate) = identity {
        // As ssh-keyscan: the names stand inside.
        return Ok(vec![certificate.to_openssh("")]);
    }
    let lower = names.to_lowercase();
    let line = |name: &str| {
        let mut salt = [0; SALT_LEN];
        SystemRandom.fill(&mut salt);
        let salt = arguments.hash.then_some(&salt);
        line_for(name, arguments.port, identity.public_key(), salt)
            .map_err(|error| TargetError::Name { name: name.to_owned(), error })
    };
    if arguments.hash || arguments.port != SSH_PORT {
        return lower.split(',').map(line).collect();
    }
    // One line for all names; each of them must be one.
    for name in lower.split(',') {
        line(name)?;
    }
    Ok(vec![format!("{lower} {}", identity.to_openssh(""))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        arguments: KeyscanArguments,
    }

    fn key() -> Identity {
        let line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIKTqQDI6+/jFQKGUoJpWXDSgR7AbQu6FbkIbZEAy5ZT";
        Identity::from_openssh(line).expect("a key").0
    }

    fn print(words: &[&str], names: &str) -> Result<Vec<String>, TargetError> {
        let words = ["keyscan"].iter().chain(words).chain(&["host"]);
        lines(&Program::parse_from(words).arguments, names, &key())
    }

    #[test]
    fn names_stand_together_on_the_usual_port() {
        let key = key().to_openssh("");
        assert_eq!(print(&[], "Web,192.0.2.7"), Ok(vec![format!("web,192.0.2.7 {key}")]));
        let each = vec![format!("[web]:2222 {key}"), format!("[192.0.2.7]:2222 {key}")];
        assert_eq!(print(&["-p", "2222"], "web,192.0.2.7"), Ok(each));
        let hashed = print(&["-H"], "web,192.0.2.7").expect("lines");
        assert!(hashed.len() == 2 && hashed.iter().all(|line| line.starts_with("|1|")));
        assert!(print(&["-D"], "web").expect("lines")[0].starts_with("web IN SSHFP 4 1 "));
        assert!(print(&[], "a*").is_err());
    }
}
