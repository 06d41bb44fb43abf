//! Signatures of files, and files of allowed signers: any bytes. Nothing verifies that nobody has signed.
#![no_main]

use konko_fuzz::endpoints::user_key;
use konko_keys::security_key::SecurityKeyPolicy;
use konko_trust::allowed_signers::{AllowedSigners, SignatureUse};
use konko_trust::sshsig::SshSig;
use konko_trust::time_zone::TimeZone;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for signature in [SshSig::decode(data), SshSig::from_armored(data)].into_iter().flatten() {
        assert_eq!(SshSig::decode(&signature.encode()).as_ref(), Ok(&signature));
        assert_eq!(SshSig::from_armored(signature.to_armored().as_bytes()).as_ref(), Ok(&signature));
        let digest = signature.hash().digest(b"a message that nobody has signed");
        assert!(signature.verify(signature.namespace(), &digest, SecurityKeyPolicy::ANY).is_err());
    }
    let allowed = AllowedSigners::parse(data);
    let used = SignatureUse { namespace: "git", time: 1, zone: &TimeZone::Utc };
    let key = user_key().public_key().clone();
    let is_allowed = allowed.check("someone", &key.clone().into(), &used).is_ok();
    assert!(!is_allowed || allowed.signers().iter().any(|signer| signer.key == key));
    let _ = allowed.find_principals(&key.into(), &used);
    let _ = TimeZone::parse(data).map(|zone| (zone.to_utc(0), zone.to_utc(i64::MAX), zone.to_utc(i64::MIN)));
});
