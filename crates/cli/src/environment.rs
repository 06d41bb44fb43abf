//! The variables that are sent to the other end: `SendEnv` and `SetEnv`.

use konko::client::config::Resolved;
use konko::pattern::wildcard::matches_exactly;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Names and values, byte for byte.
pub type Variables = Vec<(Vec<u8>, Vec<u8>)>;

/// The variables to send, those of this process that `SendEnv` names before those of `SetEnv`.
pub fn variables(config: &Resolved, process: impl Iterator<Item = (OsString, OsString)>) -> Variables {
    let patterns: Vec<&str> = config.send_env().collect();
    let wanted = |name: &[u8]| patterns.iter().any(|pattern| matches_exactly(pattern.as_bytes(), name));
    let mut variables: Variables = process
        .filter(|(name, _)| wanted(name.as_bytes()))
        .map(|(name, value)| (name.into_vec(), value.into_vec()))
        .collect();
    variables.extend(config.set_env().map(|(name, value)| (name.into(), value.into())));
    variables
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::ssh_arguments::{Invocation, SshArguments};
    use konko::client::SystemSource;

    #[test]
    fn those_that_are_set_come_after_those_that_are_sent() {
        let line = ["-F", "none", "-o", "SendEnv=LC_* X", "-o", "SetEnv=A=b", "host"];
        let Ok(Invocation::Connect(arguments)) = SshArguments::parse(line.map(OsString::from)) else {
            panic!("a destination");
        };
        let resolved = arguments.configuration.resolve(&arguments.request(), &mut SystemSource::default());
        let process = [("LC_ALL", "C"), ("HOME", "/"), ("X", ""), ("XY", ""), ("x", "")]
            .map(|(n, v)| (n.into(), v.into()));
        let sent = variables(&resolved.expect("good options"), process.into_iter());
        let sent: Vec<_> = sent.iter().map(|(n, v)| (n.as_slice(), v.as_slice())).collect();
        assert_eq!(sent, [(&b"LC_ALL"[..], &b"C"[..]), (b"X", b""), (b"A", b"b")]);
    }
}
