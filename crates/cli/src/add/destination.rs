//! Destinations on the command line (`-h`), and the host keys that they stand for.

use crate::add::failure::Failure;
use konko::client::KnownHostsFiles;
use konko::client::agent::protocol::{Constraint, DestinationConstraint, Hop, HostKeySpecification};
use konko::trust::known_hosts::{KnownHosts, Marker};
use std::path::{Path, PathBuf};

/// The port of names that stand for themselves: those of others are written `[host]:port`.
const PLAIN: u16 = 22;

/// The constraint that these destinations make; nothing without any.
///
/// # Errors
///
/// For a destination that is none, and for a host of which no key is known.
pub(crate) fn constraint(destinations: &[String], files: &[PathBuf]) -> Result<Option<Constraint>, Failure> {
    if destinations.is_empty() {
        return Ok(None);
    }
    let known = read_all(files)?;
    let parsed = destinations.iter().map(|text| destination(text, &known)).collect::<Result<_, _>>()?;
    Ok(Some(Constraint::RestrictDestination(parsed)))
}

fn read_all(files: &[PathBuf]) -> Result<Vec<KnownHosts>, Failure> {
    let usual = KnownHostsFiles::default();
    let (paths, optional): (Vec<&PathBuf>, bool) = if files.is_empty() {
        (usual.user.iter().chain(&usual.global).collect(), true)
    } else {
        (files.iter().collect(), false)
    };
    let read = |path: &PathBuf| match std::fs::read(path) {
        Ok(bytes) => Ok(Some(KnownHosts::parse(&bytes))),
        Err(error) if optional && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    };
    paths.into_iter().filter_map(|path| read(path).transpose()).collect()
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::other(format!("{}: {error}", path.display()))
}

fn destination(text: &str, known: &[KnownHosts]) -> Result<DestinationConstraint, Failure> {
    let (from, to) = match text.split_once('>') {
        None => (Hop::default(), text),
        Some((from, to)) => {
            if from.contains('@') {
                return Err(Failure::other(format!(
                    "Invalid key destination specification {text:?}: a user name where it begins"
                )));
            }
            (hop("", from, text, known)?, to)
        }
    };
    let (user, host) = to.rsplit_once('@').unwrap_or(("", to));
    if to.contains('@') && user.is_empty() {
        return Err(Failure::other(format!(
            "Invalid key destination specification {text:?}: an empty user name"
        )));
    }
    Ok(DestinationConstraint { from, to: hop(user, host, text, known)? })
}

fn hop(user: &str, host: &str, text: &str, known: &[KnownHosts]) -> Result<Hop, Failure> {
    if host.is_empty() || host.contains('>') {
        return Err(Failure::other(format!("Invalid key destination specification {text:?}")));
    }
    let name = host.to_lowercase();
    let lines: Vec<_> = known.iter().flat_map(|file| file.lines_for(&name, PLAIN)).collect();
    let revoked = |blob: &[u8]| {
        lines.iter().any(|line| line.marker() == Some(Marker::Revoked) && line.key().blob() == blob)
    };
    let mut host_keys: Vec<HostKeySpecification> = Vec::new();
    for line in lines.iter().filter(|line| line.marker() != Some(Marker::Revoked)) {
        let blob = line.key().blob().to_vec();
        let specification =
            HostKeySpecification { is_authority: line.marker() == Some(Marker::CertAuthority), blob };
        if !revoked(&specification.blob) && !host_keys.contains(&specification) {
            host_keys.push(specification);
        }
    }
    if host_keys.is_empty() {
        return Err(Failure::other(format!("No host keys found for destination \"{host}\"")));
    }
    Ok(Hop { user: user.to_owned(), host_name: host.to_owned(), host_keys })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = include_str!("../../../../vectors/keys/ed25519.pub");

    fn known() -> Vec<KnownHosts> {
        let key = KEY.trim_end();
        let lines = format!(
            "a.example,[b.example]:2222 {key}\n@cert-authority *.c.example {key}\n@revoked d.example {key}\nd.example {key}\n"
        );
        vec![KnownHosts::parse(lines.as_bytes())]
    }

    #[test]
    fn destinations_are_read_as_ssh_add_reads_them() {
        let known = known();
        assert_eq!(known[0].not_understood(), [0usize; 0], "the key is one");
        let parse = |text: &str| destination(text, &known);
        let plain = parse("a.example").expect("a destination");
        assert!(plain.from.is_origin() && plain.to.user.is_empty() && !plain.to.host_keys[0].is_authority);
        let full = parse("a.example>me@[b.example]:2222").expect("a destination");
        assert_eq!((full.from.host_name.as_str(), full.to.user.as_str()), ("a.example", "me"));
        assert_eq!(full.to.host_name, "[b.example]:2222");
        assert!(parse("x.c.example").expect("a destination").to.host_keys[0].is_authority);
        for wrong in
            ["", ">a.example", "a.example>", "u@a.example>a.example", "@a.example", "unknown", "d.example"]
        {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
