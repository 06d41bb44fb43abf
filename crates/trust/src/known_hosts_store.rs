//! Several known_hosts files, in their order, taken together.

use crate::known_hosts::{HostKeyLine, KnownHosts, Marker};
use konko_keys::certificate::Certificate;
use konko_keys::certificate_check::CertificateCheck;
use konko_keys::certificate_kind::CertificateKind;
use konko_keys::error::CertificateError;
use konko_keys::fingerprint::Fingerprint;
use konko_keys::public_key::PublicKey;
use konko_keys::signature_algorithm::{self, SignatureAlgorithm};
use std::path::PathBuf;

/// What the names of algorithms of certificates end with.
const CERTIFICATE_SUFFIX: &str = "-cert-v01@openssh.com";

/// Where lines come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// What a command printed (`KnownHostsCommand`).
    Command,
    /// What this process learnt and could not write down.
    Memory,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Command => f.write_str("KnownHostsCommand"),
            Self::Memory => f.write_str("this process"),
        }
    }
}

/// A line of a file; lines are counted from 1. It is written `file:line`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Location {
    /// Where the line is.
    pub source: Source,
    /// Its number.
    pub line: usize,
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.source, self.line)
    }
}

/// A key by which a host is known, and where that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKey {
    /// The key.
    pub key: PublicKey,
    /// Where it stands.
    pub at: Location,
}

/// What all files together say of a key that a host showed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreVerdict {
    /// The host is known by this key.
    Known {
        /// The first line that says so.
        at: Location,
    },
    /// Nothing is known of the host.
    Unknown,
    /// The host is known by other keys of the same type: it was replaced, or somebody else answers.
    Changed {
        /// The key that was shown.
        shown: Fingerprint,
        /// The keys of the same type that the host is known by; there is at least one.
        expected: Vec<KnownKey>,
    },
    /// The host is known by keys of other types only.
    NewKeyType {
        /// All of them.
        known: Vec<KnownKey>,
    },
    /// The key is marked `@revoked` for this host: it must not be accepted whatever else is said.
    Revoked {
        /// The line that says so.
        at: Location,
    },
}

/// What all files together say of the certificate of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateVerdict {
    /// Signed by an authority of this host, and good.
    SignedBy {
        /// The authority, and the first line that marks it `@cert-authority` for this host.
        authority: KnownKey,
    },
    /// Nothing is said of its authority for this host. Its key may still be known.
    UnknownAuthority,
    /// Signed by an authority of this host, and not good: too old, for another host. Its key may still be known.
    NotGood {
        /// The authority, and its line.
        authority: KnownKey,
        /// What is wrong with it.
        error: CertificateError,
    },
    /// The authority, or the key that it certifies, is marked `@revoked` for this host.
    Revoked {
        /// The line that says so.
        at: Location,
    },
}

/// Several known_hosts files, in their order.
#[derive(Debug, Default)]
pub struct KnownHostsStore {
    files: Vec<(Source, KnownHosts)>,
}

impl KnownHostsStore {
    /// A store that knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file after the others.
    pub fn push(&mut self, source: Source, contents: KnownHosts) {
        self.files.push((source, contents));
    }

    /// The files, in their order.
    pub fn files(&self) -> &[(Source, KnownHosts)] {
        &self.files
    }

    fn lines_for<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> impl Iterator<Item = (&'a Source, &'a HostKeyLine)> {
        let of_file = move |(source, hosts): &'a (Source, KnownHosts)| {
            hosts.lines_for(host, port).map(move |line| (source, line))
        };
        self.files.iter().flat_map(of_file)
    }

    fn marked(&self, host: &str, port: u16, marker: Option<Marker>) -> Vec<KnownKey> {
        let lines = self.lines_for(host, port).filter(|(_, line)| line.marker() == marker);
        lines.map(|(source, line)| KnownKey { key: line.key().clone(), at: location(source, line) }).collect()
    }

    /// The keys by which the host is known, in the order of the files.
    pub fn known_keys(&self, host: &str, port: u16) -> Vec<KnownKey> {
        self.marked(host, port, None)
    }

    /// The authorities that may sign certificates of the host, in the order of the files.
    pub fn authorities(&self, host: &str, port: u16) -> Vec<KnownKey> {
        self.marked(host, port, Some(Marker::CertAuthority))
    }

    /// Where this key is marked as revoked for the host.
    pub fn revoked_at(&self, host: &str, port: u16, key: &PublicKey) -> Option<Location> {
        let mut lines = self.lines_for(host, port);
        let revoked = lines.find(|(_, line)| line.marker() == Some(Marker::Revoked) && line.key() == key);
        revoked.map(|(source, line)| location(source, line))
    }

    /// What the files say of `key` for `host`, a name or an address, at `port`. Every line of every file is looked
    /// at: a revocation anywhere counts before all else, then a line with this key.
    pub fn lookup(&self, host: &str, port: u16, key: &PublicKey) -> StoreVerdict {
        if let Some(at) = self.revoked_at(host, port, key) {
            return StoreVerdict::Revoked { at };
        }
        let known = self.known_keys(host, port);
        if let Some(found) = known.iter().find(|known| known.key == *key) {
            return StoreVerdict::Known { at: found.at.clone() };
        }
        let (expected, known): (Vec<_>, Vec<_>) =
            known.into_iter().partition(|known| known.key.key_type() == key.key_type());
        match (expected.is_empty(), known.is_empty()) {
            (false, _) => StoreVerdict::Changed { shown: key.fingerprint(), expected },
            (true, false) => StoreVerdict::NewKeyType { known },
            (true, true) => StoreVerdict::Unknown,
        }
    }

    /// What the files say of a certificate that `host` showed. A revoked key does not come back inside a
    /// certificate, nor does a revoked authority. `principal` is what the certificate must be for: the name of the
    /// host without a port, or its alias. `now` is in seconds since 1970; the authority may have signed under
    /// `algorithms`, `None` being all but those on SHA-1.
    pub fn lookup_certificate(
        &self,
        (host, port): (&str, u16),
        certificate: &Certificate,
        principal: &str,
        now: u64,
        algorithms: Option<&[&'static SignatureAlgorithm]>,
    ) -> CertificateVerdict {
        let (authority, subject) = (certificate.signature_key(), certificate.public_key());
        let revoked = self.revoked_at(host, port, subject).or_else(|| self.revoked_at(host, port, authority));
        if let Some(at) = revoked {
            return CertificateVerdict::Revoked { at };
        }
        let known = self.authorities(host, port).into_iter().find(|known| known.key == *authority);
        let Some(known) = known else { return CertificateVerdict::UnknownAuthority };
        let mut check = CertificateCheck::new(&known.key, CertificateKind::Host, now, Some(principal));
        if let Some(algorithms) = algorithms {
            check.signature_algorithms = algorithms.to_vec();
        }
        match certificate.check(&check) {
            Ok(()) => CertificateVerdict::SignedBy { authority: known },
            Err(error) => CertificateVerdict::NotGood { authority: known, error },
        }
    }

    /// The same algorithms, those first under which the host can show something that is known: certificates where
    /// an authority is known, then the types of the known keys. Certificates come last where no authority is
    /// known. Otherwise the order stays as it was.
    pub fn order_algorithms<'a>(&self, host: &str, port: u16, algorithms: &[&'a str]) -> Vec<&'a str> {
        let has_authority = !self.authorities(host, port).is_empty();
        let known = self.known_keys(host, port);
        let rank = |name: &str| {
            if name.ends_with(CERTIFICATE_SUFFIX) {
                return if has_authority { 0 } else { 3 };
            }
            let key_type = signature_algorithm::by_name(name).map(|algorithm| algorithm.key_type);
            let is_known = known.iter().any(|known| Some(known.key.key_type()) == key_type);
            if is_known { 1 } else { 2 }
        };
        let mut ordered = algorithms.to_vec();
        ordered.sort_by_key(|name| rank(name));
        ordered
    }
}

fn location(source: &Source, line: &HostKeyLine) -> Location {
    Location { source: source.clone(), line: line.line() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{private, public};
    use konko_keys::certificate::Validity;
    use konko_keys::certificate_builder::CertificateBuilder;
    use konko_keys::signature_algorithm::by_name;

    fn store(files: &[&str]) -> KnownHostsStore {
        let mut store = KnownHostsStore::new();
        for (number, contents) in files.iter().enumerate() {
            store.push(Source::File(format!("file{number}").into()), KnownHosts::parse(contents.as_bytes()));
        }
        store
    }

    fn at(file: usize, line: usize) -> Location {
        Location { source: Source::File(format!("file{file}").into()), line }
    }

    fn line(names: &str, key: &str) -> String {
        format!("{names} {}\n", public(key).to_openssh(""))
    }

    /// covers: L12
    #[test]
    fn all_files_count_and_a_revocation_in_any_counts_first() {
        let first = line("h", "ed25519") + &line("h", "rsa2048");
        let second = line("h", "rsa3072") + &line("@revoked h", "ecdsa384") + &line("@revoked *", "ecdsa256");
        let third = line("h", "ecdsa256");
        let known = store(&[&first, &second, &third]);
        assert_eq!(known.lookup("h", 22, &public("rsa3072")), StoreVerdict::Known { at: at(1, 1) });
        assert_eq!(known.lookup("h", 22, &public("ecdsa256")), StoreVerdict::Revoked { at: at(1, 3) });
        assert_eq!(known.lookup("other", 22, &public("rsa2048")), StoreVerdict::Unknown);
        let StoreVerdict::NewKeyType { known: others } = known.lookup("h", 22, &public("ecdsa521")) else {
            panic!("another type")
        };
        assert_eq!(others.len(), 4);
        let changed = store(&[&line("h", "ecdsa256"), &first]).lookup("h", 22, &public("rsa3072"));
        let expected = vec![KnownKey { key: public("rsa2048"), at: at(1, 2) }];
        assert_eq!(changed, StoreVerdict::Changed { shown: public("rsa3072").fingerprint(), expected });
        assert_eq!(at(1, 2).to_string(), "file1:2");
    }

    /// covers: A17, A19, A21
    #[test]
    fn authorities_are_trusted_for_their_hosts_and_until_they_are_revoked() {
        let certify = |kind, principals: &[&str]| {
            let row = by_name("rsa-sha2-512").expect("a row");
            CertificateBuilder::new(kind, &public("ed25519"), "a host")
                .principals(principals.iter().copied())
                .validity(Validity { after: 100, before: 200 })
                .sign(&private("rsa2048"), row, &mut konko_crypto::random::SystemRandom)
                .expect("a certificate")
        };
        let certificate = certify(CertificateKind::Host, &["a.example", "*.b.example"]);
        let verdict = |files: &[&str], host: &str, now| {
            store(files).lookup_certificate((host, 22), &certificate, host, now, None)
        };
        let trusted = line("@cert-authority *.example,!bad.example", "rsa2048");
        let authority = || KnownKey { key: public("rsa2048"), at: at(0, 1) };
        let signed = CertificateVerdict::SignedBy { authority: authority() };
        assert_eq!(verdict(&[&trusted], "a.example", 150), signed);
        assert_eq!(verdict(&[&trusted], "x.b.example", 150), signed);
        assert_eq!(verdict(&[&trusted], "bad.example", 150), CertificateVerdict::UnknownAuthority);
        let not_good = |error| CertificateVerdict::NotGood { authority: authority(), error };
        let principal = "c.example".to_owned();
        let error = CertificateError::OtherPrincipals { principal };
        assert_eq!(verdict(&[&trusted], "c.example", 150), not_good(error));
        let error = CertificateError::Expired { before: 200 };
        assert_eq!(verdict(&[&trusted], "a.example", 200), not_good(error));
        // A host key is no authority, and an authority no host key.
        let plain = line("a.example", "rsa2048");
        assert_eq!(verdict(&[&plain], "a.example", 150), CertificateVerdict::UnknownAuthority);
        assert_eq!(store(&[&trusted]).lookup("a.example", 22, &public("rsa2048")), StoreVerdict::Unknown);
        for key in ["rsa2048", "ed25519"] {
            let revoked = verdict(&[&trusted, &line("@revoked *", key)], "a.example", 150);
            assert_eq!(revoked, CertificateVerdict::Revoked { at: at(1, 1) });
        }
        for (certificate, error) in [
            (certify(CertificateKind::Host, &[]), CertificateError::NoPrincipals),
            (
                certify(CertificateKind::User, &["a.example"]),
                CertificateError::WrongKind { kind: CertificateKind::User },
            ),
        ] {
            let host = ("a.example", 22);
            let verdict = store(&[&trusted]).lookup_certificate(host, &certificate, "a.example", 150, None);
            assert_eq!(verdict, not_good(error));
        }
    }

    #[test]
    fn what_is_known_is_asked_for_first() {
        let algorithms = [
            "ssh-ed25519-cert-v01@openssh.com",
            "ssh-ed25519",
            "ecdsa-sha2-nistp256",
            "rsa-sha2-512",
            "rsa-sha2-256",
        ];
        let order = |contents: &str| store(&[contents]).order_algorithms("h", 22, &algorithms);
        let [certificate, ed25519, ecdsa, rsa512, rsa256] = algorithms;
        assert_eq!(order(""), [ed25519, ecdsa, rsa512, rsa256, certificate]);
        assert_eq!(order(&line("h", "rsa2048")), [rsa512, rsa256, ed25519, ecdsa, certificate]);
        let authority = line("@cert-authority h", "rsa2048") + &line("h", "ecdsa256");
        assert_eq!(order(&authority), [certificate, ecdsa, ed25519, rsa512, rsa256]);
    }
}
