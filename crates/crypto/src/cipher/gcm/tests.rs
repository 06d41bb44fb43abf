use super::*;
use crate::vectors::records;
use std::collections::BTreeSet;

/// Every implementation there is of the key length.
fn implementations(key: &[u8]) -> Vec<Box<dyn GcmKey>> {
    let portable: Box<dyn GcmKey> = match key.len() {
        16 => Box::new(portable::aes128(key)),
        _ => Box::new(portable::aes256(key)),
    };
    [Some(portable), ring(key), graviola(key)].into_iter().flatten().collect()
}

#[cfg(feature = "ring")]
fn ring(key: &[u8]) -> Option<Box<dyn GcmKey>> {
    Some(match key.len() {
        16 => Box::new(accelerated::aes128(key)),
        _ => Box::new(accelerated::aes256(key)),
    })
}

#[cfg(not(feature = "ring"))]
fn ring(_key: &[u8]) -> Option<Box<dyn GcmKey>> {
    None
}

#[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn graviola(key: &[u8]) -> Option<Box<dyn GcmKey>> {
    crate::processor::runs_graviola().then(|| -> Box<dyn GcmKey> { Box::new(wide::aes(key)) })
}

#[cfg(not(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn graviola(_key: &[u8]) -> Option<Box<dyn GcmKey>> {
    None
}

#[test]
fn published_test_cases() {
    for record in records(include_str!("../../../../../vectors/cipher/aes-gcm.txt")) {
        let nonce = record.bytes("nonce").try_into().expect("12 bytes");
        let tag: [u8; TAG_LEN] = record.bytes("tag").try_into().expect("16 bytes");
        for key in implementations(&record.bytes("key")) {
            let mut body = record.bytes("plain");
            assert_eq!(key.seal(nonce, &record.bytes("associated"), &mut body), tag);
            assert_eq!(body, record.bytes("encrypted"), "case {}", record.text("case"));
            key.open(nonce, &record.bytes("associated"), &mut body, &tag).expect("a right tag");
            assert_eq!(body, record.bytes("plain"));
        }
    }
}

#[test]
fn implementations_open_each_others_packets() {
    for key_len in [16, 32] {
        let key: Vec<u8> = (0..key_len).map(|i: u8| i.wrapping_mul(17)).collect();
        let keys = implementations(&key);
        for len in (0..600).chain([1024, 4095, 4096, 32_768, 262_144]) {
            let plain: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let length = (len as u32).to_be_bytes();
            let nonce = std::array::from_fn(|i| (len >> i) as u8);
            for sealing in &keys {
                for opening in &keys {
                    let mut body = plain.clone();
                    let tag = sealing.seal(nonce, &length, &mut body);
                    opening.open(nonce, &length, &mut body, &tag).expect("a right tag");
                    assert_eq!(body, plain);
                }
            }
        }
    }
}

#[test]
fn no_implementation_takes_a_changed_packet() {
    for key in implementations(&[3; 16]).into_iter().chain(implementations(&[4; 32])) {
        for len in [0, 1, 16, 64, 255, 1000, 32_768] {
            let (length, mut body) = ([0, 0, 1, 2], vec![5; len]);
            let tag = key.seal([6; NONCE_LEN], &length, &mut body);
            for at in [0, 7, 15] {
                let mut wrong = tag;
                wrong[at] ^= 1;
                assert_eq!(key.open([6; NONCE_LEN], &length, &mut body.clone(), &wrong), Err(TagMismatch));
            }
            for at in [0, len / 2, len.saturating_sub(1)] {
                let mut wrong = body.clone();
                let Some(byte) = wrong.get_mut(at) else { continue };
                *byte ^= 0x10;
                assert_eq!(key.open([6; NONCE_LEN], &length, &mut wrong, &tag), Err(TagMismatch));
            }
            assert_eq!(key.open([6; NONCE_LEN], &[0, 0, 1, 3], &mut body.clone(), &tag), Err(TagMismatch));
            assert_eq!(key.open([7; NONCE_LEN], &length, &mut body.clone(), &tag), Err(TagMismatch));
            assert_eq!(key.open([6; NONCE_LEN], &length, &mut body, &tag), Ok(()));
        }
    }
}

/// A key that shows the nonces it is given.
struct NonceRecorder(std::sync::Mutex<Vec<[u8; NONCE_LEN]>>);

impl GcmKey for NonceRecorder {
    fn seal(&self, nonce: [u8; NONCE_LEN], _length: &[u8], _body: &mut [u8]) -> [u8; TAG_LEN] {
        self.0.lock().expect("no panic before").push(nonce);
        [0; TAG_LEN]
    }

    fn open(
        &self,
        nonce: [u8; NONCE_LEN],
        _length: &[u8],
        _body: &mut [u8],
        _tag: &[u8; TAG_LEN],
    ) -> Result<(), TagMismatch> {
        self.0.lock().expect("no panic before").push(nonce);
        Ok(())
    }
}

// covers: T16
#[test]
fn the_invocation_counter_carries_through_all_eight_bytes() {
    for start in [0, u64::from(u8::MAX), u64::from(u16::MAX), u64::from(u32::MAX), u64::MAX, (1 << 56) - 1] {
        let start = start.wrapping_sub(2);
        let iv = [&[0xa5, 0x5a, 0xff, 0xff][..], &start.to_be_bytes()].concat();
        let mut sealing = protect(NonceRecorder(Vec::new().into()), &iv);
        let mut opening = protect(NonceRecorder(Vec::new().into()), &iv);
        for sequence_number in 0..600 {
            sealing.seal(sequence_number, &mut [0; 16], &mut [0; TAG_LEN]);
            opening.open(sequence_number, &mut [0; 16], &[0; TAG_LEN]).expect("accepts everything");
        }
        let sealed = sealing.key.0.into_inner().expect("no panic before");
        assert_eq!(sealed, opening.key.0.into_inner().expect("no panic before"));
        for (nonce, i) in sealed.iter().zip(0..) {
            assert_eq!(nonce[..4], [0xa5, 0x5a, 0xff, 0xff], "the fixed field stays");
            assert_eq!(nonce[4..], start.wrapping_add(i).to_be_bytes());
        }
        assert_eq!(sealed.iter().collect::<BTreeSet<_>>().len(), sealed.len(), "no nonce comes twice");
    }
}
