//! What the cipher's own crate takes from the heap for a packet. Nothing in a release build; with debug assertions one
//! of them asks the environment for permission to use the processor, each time.

use crate::heap::Heap;
use konko_transport::crypto::cipher::{CIPHERS, CipherKind};

/// The cipher of every connection here.
pub const CIPHER: &str = "aes128-gcm@openssh.com";

/// How often something is taken to seal a packet, or to open one, at most.
pub fn allocations_per_packet() -> u64 {
    let row = CIPHERS.iter().find(|row| row.name == CIPHER).expect("a cipher of the table");
    let CipherKind::Aead { seal, open } = row.kind else { panic!("{CIPHER} is an AEAD cipher") };
    let (key, iv) = (vec![1; row.key_len], vec![2; row.iv_len]);
    let (mut seal, mut open) = (seal(&key, &iv), open(&key, &iv));
    let mut most = 0;
    for (sequence_number, length) in [(0, 32), (1, 32), (2, 32_784)] {
        let mut packet = vec![0; 4 + length];
        packet[..4].copy_from_slice(&(length as u32).to_be_bytes());
        let mut tag = vec![0; seal.tag_len()];
        let (mut sealing, mut opening) = (Heap::default(), Heap::default());
        sealing.charge(|| seal.seal(sequence_number, &mut packet, &mut tag));
        opening.charge(|| {
            let prefix = open.prefix_len();
            open.open_length(sequence_number, &mut packet[..prefix]);
            open.open(sequence_number, &mut packet, &tag).expect("the tag of the same packet");
        });
        if sequence_number > 0 {
            most = most.max(sealing.allocations).max(opening.allocations);
        }
    }
    most
}

#[test]
fn no_allocation_is_made_for_a_packet_where_nobody_looks_for_mistakes() {
    assert!(cfg!(debug_assertions) || allocations_per_packet() == 0);
}
