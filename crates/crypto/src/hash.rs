//! The hash functions that key exchange methods name.

use sha2::Digest;

/// One row: a hash function.
#[derive(Debug)]
pub struct HashAlgorithm {
    /// Its usual name, for example `SHA-256`.
    pub name: &'static str,
    /// Bytes of output.
    pub output_len: usize,
    /// Starts a computation.
    pub start: fn() -> Box<dyn HashContext>,
}

/// A running hash computation.
pub trait HashContext: Send {
    /// Takes more input.
    fn update(&mut self, input: &[u8]);
    /// Ends the computation.
    fn finish(self: Box<Self>) -> HashOutput;
}

/// The output of a hash function: up to 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashOutput {
    bytes: [u8; 64],
    len: usize,
}

impl HashOutput {
    fn new(output: &[u8]) -> Self {
        let mut bytes = [0; 64];
        bytes[..output.len()].copy_from_slice(output);
        Self { bytes, len: output.len() }
    }
}

impl std::ops::Deref for HashOutput {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl std::fmt::Debug for HashOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HashOutput({} bytes)", self.len)
    }
}

impl HashAlgorithm {
    /// Hashes the concatenation of `parts`.
    pub fn digest(&self, parts: &[&[u8]]) -> HashOutput {
        let mut context = (self.start)();
        for part in parts {
            context.update(part);
        }
        context.finish()
    }
}

struct Running<D>(D);

impl<D: Digest + Send> HashContext for Running<D> {
    fn update(&mut self, input: &[u8]) {
        Digest::update(&mut self.0, input);
    }
    fn finish(self: Box<Self>) -> HashOutput {
        HashOutput::new(&self.0.finalize())
    }
}

fn start<D: Digest + Send + 'static>() -> Box<dyn HashContext> {
    Box::new(Running(D::new()))
}

/// SHA-1, for legacy key exchange methods only.
pub static SHA1: HashAlgorithm = HashAlgorithm { name: "SHA-1", output_len: 20, start: start::<sha1::Sha1> };
/// SHA-256 (RFC 6234).
pub static SHA256: HashAlgorithm =
    HashAlgorithm { name: "SHA-256", output_len: 32, start: start::<sha2::Sha256> };
/// SHA-384 (RFC 6234).
pub static SHA384: HashAlgorithm =
    HashAlgorithm { name: "SHA-384", output_len: 48, start: start::<sha2::Sha384> };
/// SHA-512 (RFC 6234).
pub static SHA512: HashAlgorithm =
    HashAlgorithm { name: "SHA-512", output_len: 64, start: start::<sha2::Sha512> };
