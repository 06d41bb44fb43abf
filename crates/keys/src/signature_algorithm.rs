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
    SecurityKey,
    WebAuthn,
    #[cfg(feature = "mldsa")]
    MlDsa44Ed25519,
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
    /// For a row of certificates, the row under which the certified key signs.
    underlying: Option<&'static SignatureAlgorithm>,
}

impl SignatureAlgorithm {
    /// Whether this row stands for a certificate: its name is offered and requested, and never stands inside a
    /// signature.
    pub const fn is_certificate(&self) -> bool {
        self.underlying.is_some()
    }

    /// The row whose name stands inside the signature: for a row of certificates that of the certified key, for
    /// every other row it itself.
    ///
    /// ```
    /// use konko_keys::signature_algorithm::certificate_by_name;
    /// let row = certificate_by_name("rsa-sha2-512-cert-v01@openssh.com").unwrap();
    /// assert_eq!(row.key_type, "ssh-rsa-cert-v01@openssh.com");
    /// assert_eq!(row.of_signature().name, "rsa-sha2-512");
    /// ```
    pub const fn of_signature(&'static self) -> &'static Self {
        match self.underlying {
            Some(underlying) => underlying,
            None => self,
        }
    }
}

const fn row(name: &'static str, key_type: &'static str, scheme: Scheme) -> SignatureAlgorithm {
    let legacy = matches!(scheme, Scheme::RsaSha1 | Scheme::Dss);
    SignatureAlgorithm { name, key_type, legacy, scheme, underlying: None }
}

/// A row of certificates; `key_type` is the type of the certificate.
const fn certificate(
    name: &'static str,
    key_type: &'static str,
    underlying: &'static SignatureAlgorithm,
) -> SignatureAlgorithm {
    let SignatureAlgorithm { legacy, scheme, .. } = *underlying;
    SignatureAlgorithm { name, key_type, legacy, scheme, underlying: Some(underlying) }
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

/// `sk-ssh-ed25519@openssh.com`: Ed25519 in a FIDO authenticator (PROTOCOL.u2f).
pub static SK_SSH_ED25519: SignatureAlgorithm =
    row("sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519@openssh.com", Scheme::SecurityKey);
/// `sk-ecdsa-sha2-nistp256@openssh.com`: ECDSA in a FIDO authenticator (PROTOCOL.u2f).
pub static SK_ECDSA_SHA2_NISTP256: SignatureAlgorithm =
    row("sk-ecdsa-sha2-nistp256@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com", Scheme::SecurityKey);
/// `webauthn-sk-ecdsa-sha2-nistp256@openssh.com`: the same key, signing through a browser (PROTOCOL.u2f).
pub static WEBAUTHN_SK_ECDSA_SHA2_NISTP256: SignatureAlgorithm = row(
    "webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    Scheme::WebAuthn,
);

/// `ssh-ed25519-cert-v01@openssh.com` (PROTOCOL.certkeys).
pub static SSH_ED25519_CERT_V01: SignatureAlgorithm =
    certificate("ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519-cert-v01@openssh.com", &SSH_ED25519);
/// `ecdsa-sha2-nistp256-cert-v01@openssh.com` (PROTOCOL.certkeys).
pub static ECDSA_SHA2_NISTP256_CERT_V01: SignatureAlgorithm = certificate(
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    &ECDSA_SHA2_NISTP256,
);
/// `ecdsa-sha2-nistp384-cert-v01@openssh.com` (PROTOCOL.certkeys).
pub static ECDSA_SHA2_NISTP384_CERT_V01: SignatureAlgorithm = certificate(
    "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    &ECDSA_SHA2_NISTP384,
);
/// `ecdsa-sha2-nistp521-cert-v01@openssh.com` (PROTOCOL.certkeys).
pub static ECDSA_SHA2_NISTP521_CERT_V01: SignatureAlgorithm = certificate(
    "ecdsa-sha2-nistp521-cert-v01@openssh.com",
    "ecdsa-sha2-nistp521-cert-v01@openssh.com",
    &ECDSA_SHA2_NISTP521,
);
/// `sk-ssh-ed25519-cert-v01@openssh.com` (PROTOCOL.u2f).
pub static SK_SSH_ED25519_CERT_V01: SignatureAlgorithm = certificate(
    "sk-ssh-ed25519-cert-v01@openssh.com",
    "sk-ssh-ed25519-cert-v01@openssh.com",
    &SK_SSH_ED25519,
);
/// `sk-ecdsa-sha2-nistp256-cert-v01@openssh.com` (PROTOCOL.u2f).
pub static SK_ECDSA_SHA2_NISTP256_CERT_V01: SignatureAlgorithm = certificate(
    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
    &SK_ECDSA_SHA2_NISTP256,
);
/// `rsa-sha2-512-cert-v01@openssh.com` (PROTOCOL.certkeys).
pub static RSA_SHA2_512_CERT_V01: SignatureAlgorithm =
    certificate("rsa-sha2-512-cert-v01@openssh.com", "ssh-rsa-cert-v01@openssh.com", &RSA_SHA2_512);
/// `rsa-sha2-256-cert-v01@openssh.com` (PROTOCOL.certkeys).
pub static RSA_SHA2_256_CERT_V01: SignatureAlgorithm =
    certificate("rsa-sha2-256-cert-v01@openssh.com", "ssh-rsa-cert-v01@openssh.com", &RSA_SHA2_256);
/// `ssh-rsa-cert-v01@openssh.com`: a certified RSA key that signs with SHA-1 (PROTOCOL.certkeys).
pub static SSH_RSA_CERT_V01: SignatureAlgorithm =
    certificate("ssh-rsa-cert-v01@openssh.com", "ssh-rsa-cert-v01@openssh.com", &SSH_RSA);
/// `ssh-dss-cert-v01@openssh.com`: verified and never made.
pub static SSH_DSS_CERT_V01: SignatureAlgorithm =
    certificate("ssh-dss-cert-v01@openssh.com", "ssh-dss-cert-v01@openssh.com", &SSH_DSS);

/// `ssh-mldsa44-ed25519@openssh.com`: ML-DSA-44 and Ed25519
/// (draft-miller-sshm-mldsa44-ed25519-composite-sigs-00). It stands in no default list, as in OpenSSH 10.5.
#[cfg(feature = "mldsa")]
pub static SSH_MLDSA44_ED25519: SignatureAlgorithm =
    row("ssh-mldsa44-ed25519@openssh.com", "ssh-mldsa44-ed25519@openssh.com", Scheme::MlDsa44Ed25519);
/// `ssh-mldsa44-ed25519-cert-v01@openssh.com`.
#[cfg(feature = "mldsa")]
pub static SSH_MLDSA44_ED25519_CERT_V01: SignatureAlgorithm = certificate(
    "ssh-mldsa44-ed25519-cert-v01@openssh.com",
    "ssh-mldsa44-ed25519-cert-v01@openssh.com",
    &SSH_MLDSA44_ED25519,
);

/// Signature algorithms that are found by name and stand in no other table: what is still a draft. None without the
/// feature `mldsa`.
pub static DRAFT_ALGORITHMS: &[&SignatureAlgorithm] = &[
    #[cfg(feature = "mldsa")]
    &SSH_MLDSA44_ED25519,
];

/// The algorithms of certificates of such keys.
pub static DRAFT_CERTIFICATE_ALGORITHMS: &[&SignatureAlgorithm] = &[
    #[cfg(feature = "mldsa")]
    &SSH_MLDSA44_ED25519_CERT_V01,
];

/// The signature algorithms of FIDO authenticators, the preferred one first. A private half of theirs signs only
/// inside the authenticator, so they stand in a table of their own.
pub static SECURITY_KEY_ALGORITHMS: &[&SignatureAlgorithm] =
    &[&SK_SSH_ED25519, &SK_ECDSA_SHA2_NISTP256, &WEBAUTHN_SK_ECDSA_SHA2_NISTP256];

/// The algorithms of certificates, in the order of the algorithms of the keys that they certify.
pub static CERTIFICATE_ALGORITHMS: &[&SignatureAlgorithm] = &[
    &SSH_ED25519_CERT_V01,
    &ECDSA_SHA2_NISTP256_CERT_V01,
    &ECDSA_SHA2_NISTP384_CERT_V01,
    &ECDSA_SHA2_NISTP521_CERT_V01,
    &SK_SSH_ED25519_CERT_V01,
    &SK_ECDSA_SHA2_NISTP256_CERT_V01,
    &RSA_SHA2_512_CERT_V01,
    &RSA_SHA2_256_CERT_V01,
    &SSH_RSA_CERT_V01,
    &SSH_DSS_CERT_V01,
];

/// Every signature algorithm of a plain key that can be held in memory, the preferred one first.
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

/// Every row that stands inside signatures.
fn of_plain_keys() -> impl Iterator<Item = &'static SignatureAlgorithm> {
    SIGNATURE_ALGORITHMS.iter().chain(SECURITY_KEY_ALGORITHMS).chain(DRAFT_ALGORITHMS).copied()
}

/// Every row of certificates.
fn of_certificates() -> impl Iterator<Item = &'static SignatureAlgorithm> {
    CERTIFICATE_ALGORITHMS.iter().chain(DRAFT_CERTIFICATE_ALGORITHMS).copied()
}

/// The row of this name, among [`SIGNATURE_ALGORITHMS`], [`SECURITY_KEY_ALGORITHMS`] and [`DRAFT_ALGORITHMS`].
pub fn by_name(name: &str) -> Option<&'static SignatureAlgorithm> {
    of_plain_keys().find(|algorithm| algorithm.name == name)
}

/// The rows that a key of this type can sign under, the preferred one first; none for an unknown type and for a
/// certificate.
pub fn for_key_type(key_type: &str) -> impl Iterator<Item = &'static SignatureAlgorithm> {
    of_plain_keys().filter(move |algorithm| algorithm.key_type == key_type)
}

/// The row of this name among [`CERTIFICATE_ALGORITHMS`] and [`DRAFT_CERTIFICATE_ALGORITHMS`].
pub fn certificate_by_name(name: &str) -> Option<&'static SignatureAlgorithm> {
    of_certificates().find(|algorithm| algorithm.name == name)
}

/// The rows that stand for a certificate of this type, the preferred one first; none for any other type.
pub fn for_certificate_type(certificate_type: &str) -> impl Iterator<Item = &'static SignatureAlgorithm> {
    of_certificates().filter(move |algorithm| algorithm.key_type == certificate_type)
}

/// The type of the certificates of keys of this type; nothing where there are none.
pub fn certificate_type_of(key_type: &str) -> Option<&'static str> {
    let row = of_certificates().find(|row| row.of_signature().key_type == key_type)?;
    Some(row.key_type)
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

    #[test]
    fn certificates_have_names_of_their_own() {
        let names: Vec<_> =
            for_certificate_type("ssh-rsa-cert-v01@openssh.com").map(|row| row.name).collect();
        let expected = ["rsa-sha2-512-cert-v01@openssh.com", "rsa-sha2-256-cert-v01@openssh.com"];
        assert_eq!(names[..2], expected);
        for row in CERTIFICATE_ALGORITHMS {
            assert!(row.is_certificate());
            let plain = row.of_signature();
            assert_eq!(
                row.name,
                format!("{}-cert-v01@openssh.com", plain.name.trim_end_matches("@openssh.com"))
            );
            assert_eq!(row.legacy, plain.legacy);
            assert_eq!(by_name(plain.name), Some(plain));
            assert_eq!(certificate_by_name(row.name), Some(*row));
            assert!(by_name(row.name).is_none());
        }
        let of_key: Vec<_> = for_key_type("sk-ecdsa-sha2-nistp256@openssh.com").map(|row| row.name).collect();
        assert_eq!(of_key, [SK_ECDSA_SHA2_NISTP256.name, WEBAUTHN_SK_ECDSA_SHA2_NISTP256.name]);
    }
}
