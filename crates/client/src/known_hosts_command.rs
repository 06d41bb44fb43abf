//! A program that prints lines of known_hosts (ssh_config(5), KnownHostsCommand).

use crate::known_hosts_disk::read_to_end;
use base64ct::{Base64, Encoding};
use konko_transport::keys::public_key::PublicKey;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A program and its arguments. It is run without a shell, once to learn which keys are known and once for each key
/// that has to be looked up; what it prints counts like a file of the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownHostsCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments, in which `%H` is the name that is looked up (`host` or `[host]:port`), `%I` is why (`ORDER` or
    /// `HOSTNAME`), `%t`, `%f` and `%K` are the type, the fingerprint and the base64 text of the host key (`NONE`
    /// where there is none yet), and `%%` is `%`. Other tokens are for the caller to expand before.
    pub arguments: Vec<String>,
}

impl KnownHostsCommand {
    /// What it prints.
    ///
    /// # Errors
    ///
    /// An unknown token, a program that cannot be run, or one that fails: nothing can be said of the host then.
    pub(crate) fn run(&self, name: &str, key: Option<&PublicKey>) -> io::Result<Vec<u8>> {
        let arguments = self.arguments.iter().map(|argument| expand(argument, name, key));
        let arguments = arguments.collect::<Result<Vec<_>, _>>()?;
        let mut command = Command::new(&self.program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let printed = child.stdout.take().map_or_else(|| Ok(Vec::new()), read_to_end);
        if printed.is_err() {
            let _ = child.kill();
        }
        let status = child.wait()?;
        let printed = printed?;
        if status.success() { Ok(printed) } else { Err(io::Error::other(format!("it failed: {status}"))) }
    }
}

fn expand(argument: &str, name: &str, key: Option<&PublicKey>) -> io::Result<String> {
    let of_key = |text: &dyn Fn(&PublicKey) -> String| key.map_or_else(|| "NONE".to_owned(), text);
    let mut expanded = String::new();
    let mut rest = argument.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            expanded.push(c);
            continue;
        }
        match rest.next() {
            Some('%') => expanded.push('%'),
            Some('H') => expanded.push_str(name),
            Some('I') => expanded.push_str(if key.is_some() { "HOSTNAME" } else { "ORDER" }),
            Some('t') => expanded.push_str(&of_key(&|key| key.key_type().to_owned())),
            Some('f') => expanded.push_str(&of_key(&|key| key.fingerprint().to_string())),
            Some('K') => expanded.push_str(&of_key(&|key| Base64::encode_string(key.blob()))),
            token => {
                let token = token.map(String::from).unwrap_or_default();
                let what = format!("the token %{token} in the arguments is not known");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
            }
        }
    }
    Ok(expanded)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use konko_transport::crypto::random::SystemRandom;
    use konko_transport::keys::private_key::{KeyKind, PrivateKey};

    fn command(program: &str, arguments: &[&str]) -> KnownHostsCommand {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        KnownHostsCommand { program: program.into(), arguments }
    }

    #[test]
    fn tokens_stand_for_the_question() {
        let key = PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).expect("a key");
        let key = key.public_key();
        let all = command("/bin/echo", &["%H", "%I", "%t", "%f", "%K", "100%%", "$HOME;"]);
        let printed = all.run("[h]:22", Some(key)).expect("printed");
        let base64 = key.to_openssh("").split_once(' ').expect("two words").1.to_owned();
        let expected = format!("[h]:22 HOSTNAME ssh-ed25519 {} {base64} 100% $HOME;\n", key.fingerprint());
        assert_eq!(String::from_utf8(printed).expect("text"), expected);
        let none = all.run("h", None).expect("printed");
        assert_eq!(none, b"h ORDER NONE NONE NONE 100% $HOME;\n");
    }

    /// covers: L17, C02
    #[test]
    fn what_fails_is_an_error() {
        assert!(command("/bin/echo", &["%h"]).run("h", None).is_err());
        assert!(command("/bin/echo", &["%"]).run("h", None).is_err());
        assert!(command("/bin/false", &[]).run("h", None).is_err());
        assert!(command("/no/such/program", &[]).run("h", None).is_err());
    }
}
