//! The groups that a server offers in a group exchange (RFC 4419), in the format of moduli(5).

use crate::kex::diffie_hellman::{DhGroup, MAX_GROUP_BITS, MIN_GROUP_BITS, magnitude_bits};
use crate::kex::groups;
use crate::random::SecureRandom;

/// Of one size, no more groups than this are kept.
const MAX_PER_SIZE: usize = 100;

/// moduli(5): '"Safe" prime; (p-1)/2 is also prime.'
const TYPE_SAFE: u32 = 2;
/// moduli(5): "composite number – not prime".
const TESTS_COMPOSITE: u32 = 1;

/// A server's collection of groups.
#[derive(Debug, Clone)]
pub struct Moduli {
    entries: Vec<Entry>,
    skipped: usize,
}

#[derive(Debug, Clone)]
struct Entry {
    bits: u32,
    prime: Vec<u8>,
    generator: Vec<u8>,
}

impl Moduli {
    /// Reads the text of a moduli(5) file.
    ///
    /// Kept are lines of type 2 (safe primes) that some test has found prime, with an odd prime of 2048 to 8192 bits
    /// that has the size the line states, and a generator that fits it; at most 100 of each size. Comments and empty
    /// lines aside, other lines are skipped and counted. The primes themselves are trusted.
    pub fn parse(text: &str) -> Self {
        let mut moduli = Self { entries: Vec::new(), skipped: 0 };
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match parse_line(line) {
                Some(entry) if moduli.of_size(entry.bits).count() < MAX_PER_SIZE => {
                    moduli.entries.push(entry)
                }
                _ => moduli.skipped += 1,
            }
        }
        moduli
    }

    /// The groups of RFC 3526 of 2048, 3072, 4096, 6144 and 8192 bits.
    pub fn builtin() -> Self {
        let primes: [&[u8]; 5] =
            [&groups::GROUP14, &groups::GROUP15, &groups::GROUP16, &groups::GROUP17, &groups::GROUP18];
        let entries = primes.into_iter().map(|prime| Entry {
            bits: magnitude_bits(prime),
            prime: prime.to_vec(),
            generator: vec![groups::GENERATOR],
        });
        Self { entries: entries.collect(), skipped: 0 }
    }

    /// How many groups there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no group.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many lines of the file were not usable.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// Chooses a group for a client's request, all three in bits of the prime.
    ///
    /// The window is narrowed to 2048 and 8192 bits; `preferred` beyond these limits counts as the limit. Of the sizes
    /// in the window, the smallest that is at least `preferred` is taken, else the largest; among groups of that size
    /// one at random. `None` if `preferred` is not in the narrowed window, or no group is.
    pub fn choose(
        &self,
        min: u32,
        preferred: u32,
        max: u32,
        random: &mut dyn SecureRandom,
    ) -> Option<DhGroup> {
        let window = min.max(MIN_GROUP_BITS)..=max.min(MAX_GROUP_BITS);
        let preferred = preferred.clamp(MIN_GROUP_BITS, MAX_GROUP_BITS);
        if !window.contains(&preferred) {
            return None;
        }
        let sizes = || self.entries.iter().map(|entry| entry.bits).filter(|bits| window.contains(bits));
        // RFC 4419 §3: "the server should return the smallest group it knows that is larger than the size the client
        // requested"; "If the server does not know a group that is larger than the client request, then it SHOULD
        // return the largest group it knows."
        let size = sizes().filter(|bits| *bits >= preferred).min().or_else(|| sizes().max())?;
        let count = self.of_size(size).count();
        let mut draw = [0; 8];
        random.fill(&mut draw);
        let index = u64::from_be_bytes(draw) % count as u64;
        let entry = self.of_size(size).nth(index as usize)?;
        DhGroup::new(&entry.prime, &entry.generator)
    }

    fn of_size(&self, bits: u32) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.bits == bits)
    }
}

/// Fields of a line: time, type, tests, trials, size, generator, modulus.
fn parse_line(line: &str) -> Option<Entry> {
    let mut fields = line.split_ascii_whitespace();
    let _time = fields.next()?;
    let kind: u32 = fields.next()?.parse().ok()?;
    let tests: u32 = fields.next()?.parse().ok()?;
    let _trials: u32 = fields.next()?.parse().ok()?;
    let size: u32 = fields.next()?.parse().ok()?;
    let generator = hexadecimal(fields.next()?)?;
    let prime = hexadecimal(fields.next()?)?;
    if fields.next().is_some() || kind != TYPE_SAFE {
        return None;
    }
    if tests & TESTS_COMPOSITE != 0 || tests & !TESTS_COMPOSITE == 0 {
        return None;
    }
    let bits = magnitude_bits(&prime);
    // The manual says that the size is in bits; the files that exist hold one less.
    if bits != size.checked_add(1)? || !(MIN_GROUP_BITS..=MAX_GROUP_BITS).contains(&bits) {
        return None;
    }
    let group = DhGroup::new(&prime, &generator)?;
    Some(Entry { bits, prime: group.prime_bytes(), generator: group.generator_bytes() })
}

/// Decodes up to 8192 bits, with an odd number of digits too.
fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    if digits.is_empty() || digits.len() > MAX_GROUP_BITS as usize / 4 {
        return None;
    }
    let values: Option<Vec<u8>> =
        digits.chars().map(|digit| digit.to_digit(16).and_then(|value| u8::try_from(value).ok())).collect();
    let bytes = values?
        .rchunks(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
        .collect::<Vec<u8>>();
    Some(bytes.into_iter().rev().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_numbers_have_any_number_of_digits() {
        assert_eq!(hexadecimal("2"), Some(vec![2]));
        assert_eq!(hexadecimal("1Ff"), Some(vec![0x01, 0xff]));
        assert_eq!(hexadecimal("abcd"), Some(vec![0xab, 0xcd]));
        assert_eq!(hexadecimal(""), None);
        assert_eq!(hexadecimal("0x2"), None);
        assert_eq!(hexadecimal("+2"), None);
        assert_eq!(hexadecimal("é"), None);
        assert_eq!(hexadecimal(&"f".repeat(2049)), None);
    }
}
