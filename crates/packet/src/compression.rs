//! Compression of payloads (RFC 4253 §6.2) and its delayed form `zlib@openssh.com`.

use crate::error::PacketError;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// When a compression begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompressionStart {
    /// Never: the row is `none`.
    Never,
    /// With the keys that it was negotiated with.
    WithKeys,
    /// Once the user is authenticated.
    AfterAuthentication,
}

/// One row: a compression algorithm. All that compress are the zlib format (RFC 1950) with a partial flush
/// after each payload.
#[derive(Debug)]
pub struct CompressionAlgorithm {
    /// Its name on the wire.
    pub name: &'static str,
    /// Only offered after an explicit opt-in.
    pub legacy: bool,
    /// When it begins.
    pub start: CompressionStart,
}

/// `none`.
pub static NONE: CompressionAlgorithm =
    CompressionAlgorithm { name: "none", legacy: false, start: CompressionStart::Never };
/// `zlib@openssh.com`: begins after authentication, so that a stranger never reaches the decompressor.
pub static ZLIB_OPENSSH: CompressionAlgorithm = CompressionAlgorithm {
    name: "zlib@openssh.com",
    legacy: false,
    start: CompressionStart::AfterAuthentication,
};
/// `zlib` (RFC 4253 §6.2): begins at once, also for strangers, and is legacy for that reason.
pub static ZLIB: CompressionAlgorithm =
    CompressionAlgorithm { name: "zlib", legacy: true, start: CompressionStart::WithKeys };

/// Every compression algorithm.
pub static COMPRESSION_ALGORITHMS: &[&CompressionAlgorithm] = &[&NONE, &ZLIB_OPENSSH, &ZLIB];

impl CompressionAlgorithm {
    /// Whether it compresses now.
    pub(crate) fn runs(&self, authenticated: bool) -> bool {
        match self.start {
            CompressionStart::Never => false,
            CompressionStart::WithKeys => true,
            CompressionStart::AfterAuthentication => authenticated,
        }
    }
}

/// The room that is added to an output that is full.
const STEP: usize = 4 * 1024;

/// Compresses one payload after another; they share a dictionary.
#[derive(Debug)]
pub(crate) struct Deflater {
    stream: Compress,
    output: Vec<u8>,
}

impl Deflater {
    pub(crate) fn new() -> Self {
        Self { stream: Compress::new(Compression::default(), true), output: Vec::new() }
    }

    /// The compressed form of `payload`; it lives until the next call.
    pub(crate) fn compress(&mut self, payload: &[u8]) -> Result<&[u8], PacketError> {
        let failed = |_| PacketError::Compression("the compressor failed");
        self.output.clear();
        let mut rest = payload;
        loop {
            if self.output.capacity() - self.output.len() < STEP {
                self.output.reserve(STEP.max(payload.len() / 2));
            }
            let before = self.stream.total_in();
            // RFC 4253 §6.2: "After each packet, ... a partial flush is performed".
            let flush = FlushCompress::Partial;
            self.stream.compress_vec(rest, &mut self.output, flush).map_err(failed)?;
            let taken = usize::try_from(self.stream.total_in() - before).unwrap_or(usize::MAX);
            rest = rest.get(taken..).unwrap_or_default();
            // With room left over, everything that the flush wanted to write is written.
            if rest.is_empty() && self.output.len() < self.output.capacity() {
                return Ok(&self.output);
            }
        }
    }

    /// Gives memory back.
    pub(crate) fn release(&mut self) {
        self.output = Vec::new();
    }
}

/// Decompresses one payload after another.
#[derive(Debug)]
pub(crate) struct Inflater {
    stream: Decompress,
}

impl Inflater {
    pub(crate) fn new() -> Self {
        Self { stream: Decompress::new(true) }
    }

    /// Decompresses a payload into at most `limit` bytes.
    pub(crate) fn decompress(&mut self, payload: &[u8], limit: usize) -> Result<Vec<u8>, PacketError> {
        let mut output = Vec::with_capacity((payload.len() * 4).clamp(256, limit));
        let mut rest = payload;
        loop {
            let (before_in, before_out) = (self.stream.total_in(), output.len());
            let flush = FlushDecompress::Sync;
            let status = self.stream.decompress_vec(rest, &mut output, flush);
            let status = status.map_err(|_| PacketError::Compression("the data is damaged"))?;
            let taken = usize::try_from(self.stream.total_in() - before_in).unwrap_or(usize::MAX);
            rest = rest.get(taken..).unwrap_or_default();
            if output.len() > limit {
                return Err(PacketError::Compression("a payload is beyond the limit"));
            }
            if status == Status::StreamEnd {
                return Err(PacketError::Compression("the stream ended"));
            }
            if output.len() < output.capacity() {
                // Room is left over and yet nothing moves: all that the payload holds is out.
                if rest.is_empty() {
                    return Ok(output);
                }
                if taken == 0 && output.len() == before_out {
                    return Err(PacketError::Compression("the data is damaged"));
                }
            } else {
                output.reserve(output.len().clamp(256, limit + 1 - output.len()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(len: usize, entropy: u32) -> Vec<u8> {
        let mut state = 0x9e37_79b9_u32;
        let next = |index: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if entropy == 0 { (index / 100) as u8 } else { (state >> 24) as u8 % entropy.min(255) as u8 }
        };
        (0..len).map(next).collect()
    }

    /// covers: Z04
    #[test]
    fn payloads_of_every_size_and_entropy_come_back() {
        for entropy in [0, 2, 16, 255] {
            let (mut deflater, mut inflater) = (Deflater::new(), Inflater::new());
            for len in (0..300).chain([1000, 4095, 4096, 4097, 32 * 1024, 65_535, 65_536, 200_000]) {
                let sent = payload(len, entropy);
                let compressed = deflater.compress(&sent).expect("compresses").to_vec();
                let received = inflater.decompress(&compressed, 256 * 1024).expect("decompresses");
                assert!(received == sent, "entropy {entropy}, length {len}");
            }
        }
    }

    /// covers: Z01
    #[test]
    fn a_bomb_is_stopped_at_the_limit() {
        let mut deflater = Deflater::new();
        let bomb = deflater.compress(&vec![0; 64 * 1024 * 1024]).expect("compresses").to_vec();
        assert!(bomb.len() < 256 * 1024);
        let beyond = PacketError::Compression("a payload is beyond the limit");
        assert_eq!(Inflater::new().decompress(&bomb, 256 * 1024), Err(beyond.clone()));
        let exact = Deflater::new().compress(&[7; 1000]).expect("compresses").to_vec();
        assert!(Inflater::new().decompress(&exact, 1000).is_ok());
        assert_eq!(Inflater::new().decompress(&exact, 999), Err(beyond));
    }

    /// covers: Z04
    #[test]
    fn damage_and_ends_of_streams_are_errors() {
        let damaged = PacketError::Compression("the data is damaged");
        assert_eq!(Inflater::new().decompress(b"not zlib at all", 1000), Err(damaged));
        let mut finished = Vec::with_capacity(1000);
        let mut stream = Compress::new(Compression::default(), true);
        stream.compress_vec(b"text", &mut finished, FlushCompress::Finish).expect("compresses");
        let ended = PacketError::Compression("the stream ended");
        assert_eq!(Inflater::new().decompress(&finished, 1000), Err(ended.clone()));
        finished.extend_from_slice(b"more");
        assert_eq!(Inflater::new().decompress(&finished, 1000), Err(ended));
    }
}
