//! Encoded terminal modes (RFC 4254 §8).

use crate::decode::{DecodeError, Reader};

/// The most modes that are kept of one request.
pub const MAXIMUM_MODES: usize = 256;

/// TTY_OP_END.
const END: u8 = 0;

/// Terminal modes: opcodes with their arguments, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TerminalModes {
    modes: Vec<(u8, u32)>,
}

impl TerminalModes {
    /// Decodes the contents of the string in a `pty-req`.
    ///
    /// RFC 4254 §8: "Opcodes 1 to 159 have a single uint32 argument. Opcodes 160 to 255 are not yet defined, and
    /// cause parsing to stop". A missing TTY_OP_END is forgiven, as OpenSSH does; a cut argument is not, and more
    /// than 256 modes are refused.
    pub fn decode(encoded: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(encoded);
        let mut modes = Vec::new();
        while !reader.is_empty() {
            let opcode = reader.read_u8()?;
            if opcode == END || opcode >= 160 {
                break;
            }
            if modes.len() == MAXIMUM_MODES {
                return Err(DecodeError::TooMany);
            }
            modes.push((opcode, reader.read_u32()?));
        }
        Ok(Self { modes })
    }

    /// Adds a mode; opcodes are 1 to 159, others are left out.
    pub fn push(&mut self, opcode: u8, argument: u32) {
        if (1..160).contains(&opcode) && self.modes.len() < MAXIMUM_MODES {
            self.modes.push((opcode, argument));
        }
    }

    /// The modes in order.
    pub fn iter(&self) -> impl Iterator<Item = (u8, u32)> + '_ {
        self.modes.iter().copied()
    }

    /// The contents of the string in a `pty-req`.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.modes.len() * 5 + 1);
        for (opcode, argument) in &self.modes {
            out.push(*opcode);
            out.extend_from_slice(&argument.to_be_bytes());
        }
        out.push(END);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_survive_the_wire() {
        let mut modes = TerminalModes::default();
        modes.push(3, 127);
        modes.push(128, 38400);
        modes.push(200, 1);
        assert_eq!(modes.encode(), [3, 0, 0, 0, 127, 128, 0, 0, 0x96, 0, 0]);
        assert_eq!(TerminalModes::decode(&modes.encode()), Ok(modes));
    }

    /// covers: H12
    #[test]
    fn malformed_modes_are_refused_or_stop_the_parsing() {
        assert_eq!(TerminalModes::decode(&[]).map(|m| m.modes.len()), Ok(0));
        assert_eq!(TerminalModes::decode(&[1, 0, 0]), Err(DecodeError::Truncated));
        assert_eq!(TerminalModes::decode(&[1, 0, 0, 0, 1]).map(|m| m.modes.len()), Ok(1));
        assert_eq!(TerminalModes::decode(&[1, 0, 0, 0, 1, 160, 9]).map(|m| m.modes.len()), Ok(1));
        let many = [1u8, 0, 0, 0, 0].repeat(51_000);
        assert_eq!(TerminalModes::decode(&many), Err(DecodeError::TooMany));
    }
}
