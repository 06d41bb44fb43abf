//! Hashes of parts of files (draft-ietf-secsh-filexfer-extensions-00 §3).

use crate::message::number::StatusCode;
use crate::server::answer::Hashes;
use crate::server::cancellation::Cancellation;
use crate::server::failure::Failure;
use crate::server::question::HashForm;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

/// The algorithms that are there, by the names of the draft, best first.
pub(super) const ALGORITHM_NAMES: &str = "sha256,sha512,sha384,sha224,sha1,md5";
/// §3: "Block size [...] must be at least 256 bytes".
const SMALLEST_BLOCK: u32 = 256;
/// The most bytes of hashes that go into one answer.
const MAXIMUM_HASHES: usize = 128 * 1024;
/// What is read at once.
const PIECE: usize = 256 * 1024;
/// How much the quick check of `md5-hash` covers.
const QUICK_CHECK: u64 = 2048;

/// Reads at an offset into a buffer.
pub(super) type ReadAt<'a> = dyn Fn(u64, &mut [u8]) -> Result<usize, Failure> + 'a;

/// A part of something that can be read.
pub(super) struct HashedPart<'a> {
    /// Reads at an offset; nothing means the end.
    pub(super) read: &'a ReadAt<'a>,
    /// From where, in bytes.
    pub(super) offset: u64,
    /// How many bytes; zero means to the end.
    pub(super) length: u64,
    /// Stops it.
    pub(super) cancellation: &'a Cancellation,
}

impl HashedPart<'_> {
    /// The hashes of the part.
    pub(super) fn hashes(
        mut self,
        algorithms: &[u8],
        block: u32,
        form: &HashForm,
    ) -> Result<Hashes, Failure> {
        match form {
            HashForm::CheckFile => {
                if block != 0 && block < SMALLEST_BLOCK {
                    return Err(Failure::new(StatusCode::BAD_MESSAGE, "Block size too small"));
                }
                self.check_file(algorithms, u64::from(block))
            }
            HashForm::Md5Hash(quick) => {
                if !quick.is_empty() {
                    let first = match self.length {
                        0 => QUICK_CHECK,
                        length => length.min(QUICK_CHECK),
                    };
                    let length = std::mem::replace(&mut self.length, first);
                    if self.blocks::<Md5>(0)? != *quick {
                        return Ok(Hashes::Md5Hash(Vec::new()));
                    }
                    self.length = length;
                }
                self.blocks::<Md5>(0).map(Hashes::Md5Hash)
            }
        }
    }

    /// §3: the first algorithm of the client's that we have.
    fn check_file(&mut self, algorithms: &[u8], block: u64) -> Result<Hashes, Failure> {
        for name in algorithms.split(|&byte| byte == b',') {
            let (algorithm, hashes) = match name {
                b"sha256" => ("sha256", self.blocks::<Sha256>(block)?),
                b"sha512" => ("sha512", self.blocks::<Sha512>(block)?),
                b"sha384" => ("sha384", self.blocks::<Sha384>(block)?),
                b"sha224" => ("sha224", self.blocks::<Sha224>(block)?),
                b"sha1" => ("sha1", self.blocks::<Sha1>(block)?),
                b"md5" => ("md5", self.blocks::<Md5>(block)?),
                _ => continue,
            };
            return Ok(Hashes::CheckFile { algorithm, hashes });
        }
        Err(Failure::other("No supported hash algorithm"))
    }

    /// Hash after hash of blocks of `block` bytes; zero means one block.
    fn blocks<H: Digest>(&mut self, block: u64) -> Result<Vec<u8>, Failure> {
        let end = match self.length {
            0 => u64::MAX,
            length => self.offset.saturating_add(length),
        };
        let mut hashes = Vec::new();
        let mut buffer = vec![0; PIECE];
        let mut at = self.offset;
        let mut is_end = at >= end;
        loop {
            let block_end = if block == 0 { end } else { end.min(at.saturating_add(block)) };
            let (start, mut hash) = (at, H::new());
            while at < block_end && !is_end {
                if self.cancellation.is_cancelled() {
                    return Err(Failure::other("Cancelled"));
                }
                let n = usize::try_from(block_end - at).unwrap_or(PIECE).min(PIECE);
                let read = (self.read)(at, &mut buffer[..n])?.min(n);
                hash.update(&buffer[..read]);
                at += read as u64;
                is_end = read == 0;
            }
            // An empty part has one hash, and a whole number of blocks no empty one behind them.
            if at > start || hashes.is_empty() {
                hashes.extend_from_slice(&hash.finalize());
            }
            if is_end || at >= end {
                return Ok(hashes);
            }
            if hashes.len() > MAXIMUM_HASHES {
                return Err(Failure::other("Too many blocks"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &[u8], offset: u64, length: u64, block: u32) -> Result<Vec<u8>, Failure> {
        let read = |at: u64, buffer: &mut [u8]| {
            let rest = content.get(at as usize..).unwrap_or_default();
            // Short reads are no end.
            let n = rest.len().min(buffer.len()).min(100);
            buffer[..n].copy_from_slice(&rest[..n]);
            Ok(n)
        };
        let part = HashedPart { read: &read, offset, length, cancellation: &Cancellation::default() };
        match part.hashes(b"whirlpool,md5", block, &HashForm::CheckFile)? {
            Hashes::CheckFile { algorithm: "md5", hashes } => Ok(hashes),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn hashes_are_those_of_the_blocks() {
        let content: Vec<u8> = (0..1000u32).map(|i| i as u8).collect();
        let md5 = |part: &[u8]| Md5::digest(part).to_vec();
        assert_eq!(check(&content, 0, 0, 0).unwrap(), md5(&content));
        assert_eq!(check(&content, 10, 500, 0).unwrap(), md5(&content[10..510]));
        assert_eq!(
            check(&content, 0, 0, 256).unwrap(),
            [&content[..256], &content[256..512], &content[512..768], &content[768..]].map(md5).concat()
        );
        assert_eq!(
            check(&content, 0, 512, 256).unwrap(),
            [&content[..256], &content[256..512]].map(md5).concat()
        );
        assert_eq!(check(&content[..512], 0, 0, 256).unwrap().len(), 32);
        assert_eq!(check(b"", 0, 0, 0).unwrap(), md5(b""));
        assert_eq!(check(&content, u64::MAX, 1, 0).unwrap(), md5(b""));
        assert!(check(&content, 0, 0, 255).is_err());
    }
}
