//! Seals and opens packets with every row of the cipher table: `cargo bench --bench ciphers`.

use konko_transport::crypto::cipher::{CIPHERS, CipherAlgorithm};
use konko_transport::crypto::compose;
use konko_transport::crypto::mac::{MACS, MacAlgorithm};
use std::time::Instant;

const SIZES: [usize; 4] = [64, 1024, 8192, 32_768];

fn main() {
    println!("| cipher | MAC | {} |", SIZES.map(|size| format!("{size} B seal / open, MB/s")).join(" | "));
    println!("|---|---|{}", "---|".repeat(SIZES.len()));
    for cipher in CIPHERS {
        if cipher.is_aead() {
            row(cipher, None);
        } else {
            for mac in MACS {
                row(cipher, Some(mac));
            }
        }
    }
}

fn row(cipher: &'static CipherAlgorithm, mac: Option<&'static MacAlgorithm>) {
    let cells = SIZES.map(|size| cell(cipher, mac, size));
    let mac = mac.map_or("", |mac| mac.name);
    println!("| {} | {mac} | {} |", cipher.name, cells.join(" | "));
}

fn cell(cipher: &'static CipherAlgorithm, mac: Option<&'static MacAlgorithm>, size: usize) -> String {
    let (key, iv) = (vec![1; cipher.key_len], vec![2; cipher.iv_len]);
    let mac_key = vec![3; mac.map_or(0, |mac| mac.key_len)];
    let (Ok(mut seal), Ok(mut open)) =
        (compose::seal(cipher, mac, &key, &iv, &mac_key), compose::open(cipher, mac, &key, &iv, &mac_key))
    else {
        return "-".into();
    };
    let aligned = size + seal.aligned_from();
    let mut packet = vec![0; aligned];
    packet[..4].copy_from_slice(&((aligned - 4) as u32).to_be_bytes());
    let mut tag = vec![0; seal.tag_len()];
    let (mut sealing, mut opening, mut rounds) = (0.0, 0.0, 0u32);
    while sealing + opening < 0.1 {
        let begin = Instant::now();
        seal.seal(rounds, &mut packet, &mut tag);
        sealing += begin.elapsed().as_secs_f64();
        let begin = Instant::now();
        let prefix_len = open.prefix_len();
        open.open_length(rounds, &mut packet[..prefix_len]);
        if open.open(rounds, &mut packet, &tag).is_err() {
            return "mismatch".into();
        }
        opening += begin.elapsed().as_secs_f64();
        packet[..4].copy_from_slice(&((aligned - 4) as u32).to_be_bytes());
        rounds += 1;
    }
    let megabytes = f64::from(rounds) * size as f64 / 1e6;
    format!("{:.0} / {:.0}", megabytes / sealing, megabytes / opening)
}
