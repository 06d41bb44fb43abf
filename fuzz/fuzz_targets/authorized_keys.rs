//! authorized_keys: any file. Lines are used or refused, and no key is found that the file does not hold.
#![no_main]

use konko_fuzz::endpoints::user_key;
use konko_trust::authorized_keys::AuthorizedKeys;
use konko_keys::public_key::PublicKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let file = AuthorizedKeys::parse(data);
    let lines = data.split(|byte| *byte == b'\n').count();
    assert!(file.keys().len() + file.refused().len() <= lines);
    for entry in file.keys() {
        assert!((1..=lines).contains(&entry.line));
        assert!(entry.options.iter().all(|(name, _)| !name.is_empty() && entry.has_option(name)));
        assert!(file.find_all(&entry.key).any(|found| found == entry));
        assert_eq!(PublicKey::decode(entry.key.blob()).as_ref(), Ok(&entry.key));
    }
    let key = user_key().public_key();
    let line = key.to_openssh("");
    let base64 = line.split(' ').nth(1).expect("a type and a key").as_bytes();
    if file.find(key).is_some() {
        assert!(
            data.windows(base64.len()).any(|window| window == base64),
            "a key that is not there is found"
        );
    }
});
