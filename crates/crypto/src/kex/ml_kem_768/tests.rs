use super::*;
use crate::random::SystemRandom;

/// The operating system's bytes, not said to be that: whoever asks takes the portable implementation.
struct Plain;

impl SecureRandom for Plain {
    fn fill(&mut self, out: &mut [u8]) {
        SystemRandom.fill(out);
    }
}

/// A source for each implementation that runs here.
fn sources() -> Vec<Box<dyn SecureRandom>> {
    vec![Box::new(Plain), Box::new(SystemRandom)]
}

#[test]
fn implementations_understand_each_other() {
    for _ in 0..20 {
        for mut client in sources() {
            for mut server in sources() {
                let pair = generate(&mut *client);
                let encapsulated = encapsulate(&mut *server, &pair.encapsulation_key).unwrap();
                let secret = pair.decapsulation_key.decapsulate(&encapsulated.ciphertext);
                assert_eq!(secret, encapsulated.secret);
            }
        }
    }
}

// covers: K21
#[test]
fn coefficients_beyond_the_modulus_are_refused() {
    for mut random in sources() {
        let good = generate(&mut *random).encapsulation_key;
        // Each coefficient has 12 bits: the first is all ones, then the last.
        for at in [0, 1150] {
            let mut key = good;
            key[at] = 0xff;
            key[at + 1] = 0xff;
            assert_eq!(encapsulate(&mut *random, &key).err(), Some(KexError::InvalidValue));
        }
        assert!(encapsulate(&mut *random, &good).is_ok());
    }
}

/// FIPS 203 §6.3: a damaged ciphertext gives a secret all the same, always the same one for the same key and
/// ciphertext, and unrelated to the true one.
#[test]
fn a_damaged_ciphertext_is_rejected_without_a_sign() {
    for mut random in sources() {
        for at in [0, 500, CIPHERTEXT_LEN - 1] {
            let pair = generate(&mut *random);
            let encapsulated = encapsulate(&mut *random, &pair.encapsulation_key).unwrap();
            let mut damaged = encapsulated.ciphertext;
            damaged[at] ^= 1;
            assert_ne!(pair.decapsulation_key.decapsulate(&damaged), encapsulated.secret);
        }
    }
}

/// From the same seeds both give the same keys, ciphertexts and secrets, and for damaged ciphertexts, too. The
/// functions of `graviola` that take seeds are not documented; nothing but this test calls them.
#[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[test]
fn implementations_give_the_same_from_the_same_seeds() {
    use graviola::key_agreement::mlkem768::{DecapKey, EncapKey, Message};
    use ml_kem::kem::{KeyExport, KeyInit};
    use ml_kem::ml_kem_768::DecapsulationKey as Portable;
    if !crate::processor::runs_graviola() {
        return;
    }
    for round in 0..50u8 {
        let mut seed = [0; 64];
        SystemRandom.fill(&mut seed);
        let message = [round; 32];
        let portable = Portable::new_from_slice(&seed).unwrap();
        let accelerated = DecapKey::keygen_internal(&seed);
        let public = portable.encapsulation_key().to_bytes();
        assert_eq!(accelerated.encapsulation_key().as_bytes()[..], public[..]);

        let (ciphertext, secret) = portable.encapsulation_key().encapsulate_deterministic(&message.into());
        let (other_secret, other_ciphertext) =
            EncapKey::from_bytes(&public.into()).unwrap().encaps_internal(Message(message));
        assert_eq!(other_ciphertext.as_ref()[..], ciphertext[..]);
        assert_eq!(other_secret.as_ref()[..], secret[..]);

        let mut ciphertext: [u8; CIPHERTEXT_LEN] = ciphertext.into();
        for damage in [0, 1] {
            ciphertext[usize::from(round) * 20] ^= damage;
            let expected = DecapsulationKey::decapsulate(Box::new(portable.clone()), &ciphertext);
            let found =
                DecapsulationKey::decapsulate(Box::new(DecapKey::keygen_internal(&seed)), &ciphertext);
            assert_eq!(found, expected);
        }
    }
}
