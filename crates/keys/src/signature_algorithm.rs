//! The table of signature algorithms: the names that stand in `server_host_key_algorithms`, in publickey requests
//! and inside signatures, and the key type each belongs to.

/// How a signature is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Ed25519,
    Ecdsa,
    RsaSha1,
    RsaSha256,
    RsaSha512,
    Dss,
}

/// One row: a signature algorithm.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignatureAlgorithm {
    /// Its name on the wire.
    pub name: &'static str,
    /// The type of the keys that it belongs to, as it stands at the beginning of a public key. It differs from
    /// the name for `rsa-sha2-256` and `rsa-sha2-512` (RFC 8332 §3).
    pub key_type: &'static str,
    /// Only used after an explicit opt-in: it stands on SHA-1.
    pub legacy: bool,
    pub(crate) scheme: Scheme,
}

const fn row(name: &'static str, key_type: &'static str, scheme: Scheme) -> SignatureAlgorithm {
    SignatureAlgorithm { name, key_type, legacy: matches!(scheme, Scheme::RsaSha1 | Scheme::Dss), scheme }
}

/// `ssh-ed25519` (RFC 8709).
pub static SSH_ED25519: SignatureAlgorithm = row("ssh-ed25519", "ssh-ed25519", Scheme::Ed25519);
/// `ecdsa-sha2-nistp256` (RFC 5656 §3).
pub static ECDSA_SHA2_NISTP256: SignatureAlgorithm =
    row("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", Scheme::Ecdsa);
/// `ecdsa-sha2-nistp384` (RFC 5656 §3).
pub static ECDSA_SHA2_NISTP384: SignatureAlgorithm =
    row("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", Scheme::Ecdsa);
/// `ecdsa-sha2-nistp521` (RFC 5656 §3).
pub static ECDSA_SHA2_NISTP521: SignatureAlgorithm =
    row("ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521", Scheme::Ecdsa);
/// `rsa-sha2-512` (RFC 8332).
pub static RSA_SHA2_512: SignatureAlgorithm = row("rsa-sha2-512", "ssh-rsa", Scheme::RsaSha512);
/// `rsa-sha2-256` (RFC 8332).
pub static RSA_SHA2_256: SignatureAlgorithm = row("rsa-sha2-256", "ssh-rsa", Scheme::RsaSha256);
/// `ssh-rsa`: RSA with SHA-1 (RFC 4253 §6.6).
pub static SSH_RSA: SignatureAlgorithm = row("ssh-rsa", "ssh-rsa", Scheme::RsaSha1);
/// `ssh-dss`: DSA with SHA-1 (RFC 4253 §6.6). It is verified and never made: no private DSA key is read.
pub static SSH_DSS: SignatureAlgorithm = row("ssh-dss", "ssh-dss", Scheme::Dss);

/// Every signature algorithm, the preferred one first.
pub static SIGNATURE_ALGORITHMS: &[&SignatureAlgorithm] = &[
    &SSH_ED25519,
    &ECDSA_SHA2_NISTP256,
    &ECDSA_SHA2_NISTP384,
    &ECDSA_SHA2_NISTP521,
    &RSA_SHA2_512,
    &RSA_SHA2_256,
    &SSH_RSA,
    &SSH_DSS,
];

/// The row of this name.
pub fn by_name(name: &str) -> Option<&'static SignatureAlgorithm> {
    SIGNATURE_ALGORITHMS.iter().copied().find(|algorithm| algorithm.name == name)
}

/// The rows that a key of this type can sign under, the preferred one first; none for an unknown type.
pub fn for_key_type(key_type: &str) -> impl Iterator<Item = &'static SignatureAlgorithm> {
    SIGNATURE_ALGORITHMS.iter().copied().filter(move |algorithm| algorithm.key_type == key_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8332 §3: keys of the type "ssh-rsa" may sign under three names.
    #[test]
    fn names_of_signatures_are_not_types_of_keys() {
        let names: Vec<_> = for_key_type("ssh-rsa").map(|algorithm| algorithm.name).collect();
        assert_eq!(names, ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"]);
        assert_eq!(for_key_type("rsa-sha2-512").count(), 0);
        assert_eq!(by_name("rsa-sha2-256").map(|algorithm| algorithm.key_type), Some("ssh-rsa"));
        assert!(by_name("ssh-rsa-cert-v01@openssh.com").is_none());
    }

    #[test]
    fn what_stands_on_sha1_is_legacy_and_comes_last() {
        let legacy: Vec<_> = SIGNATURE_ALGORITHMS.iter().map(|algorithm| algorithm.legacy).collect();
        assert_eq!(legacy, [false, false, false, false, false, false, true, true]);
    }
}
