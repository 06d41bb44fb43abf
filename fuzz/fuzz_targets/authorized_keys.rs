//! authorized_keys: any file. Lines are used or refused, and no key is found that the file does not hold.
#![no_main]

use konko_fuzz::endpoints::user_key;
use konko_keys::public_key::PublicKey;
use konko_trust::authorisation::{LoginAttempt, UserTrust};
use konko_trust::authorized_keys::AuthorizedKeys;
use konko_trust::authorized_principals::AuthorizedPrincipals;
use konko_trust::revoked_keys::RevokedKeys;
use konko_trust::time_zone::TimeZone;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let file = AuthorizedKeys::parse(data);
    let lines = data.split(|byte| *byte == b'\n').count();
    assert!(file.keys().len() + file.refused().len() <= lines);
    for entry in file.keys() {
        assert!((1..=lines).contains(&entry.line));
        assert!(entry.options.environment.iter().all(|(name, _)| !name.is_empty()));
        // The key of an authority logs nobody in by itself.
        let found = file.find_all(&entry.key).any(|found| found == entry);
        assert_eq!(found, !entry.options.cert_authority);
        assert_eq!(PublicKey::decode(entry.key.blob()).as_ref(), Ok(&entry.key));
    }
    let key = user_key().public_key();
    let line = key.to_openssh("");
    let base64 = line.split(' ').nth(1).expect("a type and a key").as_bytes();
    let is_there = data.windows(base64.len()).any(|window| window == base64);
    let revoked = RevokedKeys::new();
    let mut trust = UserTrust::new(&revoked);
    trust.authorized_keys = vec![&file];
    let address = "192.0.2.1".parse().ok();
    let attempt = LoginAttempt { user: "user", address, host_name: None, now: 1, zone: &TimeZone::Utc };
    let granted = trust.authorise(&key.clone().into(), &attempt).is_ok();
    assert!(is_there || !granted, "a key that is not there is let in");
    assert!(!granted || file.find(key).is_some());

    let principals = AuthorizedPrincipals::parse(data);
    assert!(principals.principals().iter().all(|line| !line.principal.is_empty()));
});
