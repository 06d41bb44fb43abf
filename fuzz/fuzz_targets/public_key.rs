//! Public keys and signatures, as they travel and as lines of text.
#![no_main]

use konko_fuzz::choices::Choices;
use konko_keys::public_key::PublicKey;
use konko_keys::signature_algorithm::SIGNATURE_ALGORITHMS;
use libfuzzer_sys::fuzz_target;

fn check(key: &PublicKey) {
    assert_eq!(PublicKey::decode(key.blob()).as_ref(), Ok(key));
    let line = key.to_openssh("a comment");
    assert_eq!(PublicKey::from_openssh(&line), Ok((key.clone(), "a comment".to_owned())));
    assert!(key.bits() > 0 && key.bits() <= 16 * 1024);
    assert_eq!(key.fingerprint().as_bytes().len(), 32);
}

fuzz_target!(|data: &[u8]| {
    if let Ok(key) = PublicKey::decode(data) {
        assert_eq!(key.blob(), data);
        check(&key);
    }
    let mut choices = Choices::new(data);
    let algorithm = SIGNATURE_ALGORITHMS[choices.below(SIGNATURE_ALGORITHMS.len())];
    let blob = choices.long_bytes();
    let signature = choices.rest();
    if let Ok(key) = PublicKey::decode(blob) {
        check(&key);
        // Right or wrong: it must answer.
        let _ = key.verify(algorithm, b"message", signature);
    }
    if let Ok(line) = std::str::from_utf8(data)
        && let Ok((key, comment)) = PublicKey::from_openssh(line)
    {
        assert!(line.contains(&comment));
        check(&key);
    }
});
