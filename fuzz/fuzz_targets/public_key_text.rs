//! Public keys in text of any format: what is read is written and read back the same in each.
#![no_main]

use konko_keys::identity::Identity;
use konko_keys::public_key::PublicKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok((identity, _)) = Identity::from_any_format(data) {
        let _ = identity.blob();
    }
    let Ok((key, comment)) = PublicKey::from_any_format(data) else { return };
    let again = |text: &str| PublicKey::from_any_format(text.as_bytes()).map(|(key, _)| key);
    assert_eq!(again(&key.to_openssh(&comment)).as_ref(), Ok(&key));
    assert_eq!(again(&Identity::from(key.clone()).to_rfc4716(&comment)).as_ref(), Ok(&key));
    for text in [key.to_pkcs8(), key.to_pem()].into_iter().flatten() {
        assert_eq!(again(&text).as_ref(), Ok(&key));
    }
});
