//! Key revocation lists and files of revoked keys: any file. What is read and written again says the same.
#![no_main]

use konko_fuzz::endpoints::{host_key, user_key};
use konko_trust::krl::{KeyRevocationList, SpecifiedAuthority};
use konko_trust::revoked_keys::RevokedKeys;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (one, two) = (user_key().public_key().clone().into(), host_key().public_key().clone().into());
    if let Ok(list) = KeyRevocationList::decode(data) {
        let again = KeyRevocationList::decode(&list.encode()).expect("our own list");
        for identity in [&one, &two] {
            assert_eq!(list.check(identity), again.check(identity));
        }
        assert_eq!(again.encode(), list.encode());
    }
    let mut revoked = RevokedKeys::new();
    if revoked.add(data).is_ok() {
        let _ = (revoked.check(&one), revoked.check(&two));
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let mut list = KeyRevocationList::new();
        let applied = list.apply_specification(text, SpecifiedAuthority::Any);
        assert!(applied.is_err() || KeyRevocationList::decode(&list.encode()).is_ok());
    }
});
