//! Encoded terminal modes (RFC 4254 §8), and the opcodes of the flags and characters that POSIX has.

use crate::decode::{DecodeError, Reader};

/// The most modes that are kept of one request.
pub const MAXIMUM_MODES: usize = 256;

/// RFC 4254 §8: "255 indicates that the character is not present/disabled".
pub const DISABLED: u32 = 255;
/// TTY_OP_ISPEED: bits per second.
pub const INPUT_SPEED: u8 = 128;
/// TTY_OP_OSPEED: bits per second.
pub const OUTPUT_SPEED: u8 = 129;
/// CS7. It and [`CS8`] are values of one field, and not flags of their own.
pub const CS7: u8 = 90;
/// CS8.
pub const CS8: u8 = 91;

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

/// Rows of opcodes and what the types of a system call them (RFC 4254 §8): the special characters, and the flags of each
/// field of `struct termios`. The type is named by the caller and has constants by the names of the RFC; some only Linux
/// has.
#[macro_export]
macro_rules! terminal_mode_rows {
    (characters: $type:ident) => {
        $crate::terminal_mode_rows!(@rows $type {
            1 VINTR, 2 VQUIT, 3 VERASE, 4 VKILL, 5 VEOF, 6 VEOL, 7 VEOL2, 8 VSTART, 9 VSTOP, 10 VSUSP, 12 VREPRINT,
            13 VWERASE, 14 VLNEXT, #[cfg(target_os = "linux")] 16 VSWTC, 18 VDISCARD,
        })
    };
    (input: $type:ident) => {
        $crate::terminal_mode_rows!(@rows $type {
            30 IGNPAR, 31 PARMRK, 32 INPCK, 33 ISTRIP, 34 INLCR, 35 IGNCR, 36 ICRNL,
            #[cfg(target_os = "linux")] 37 IUCLC, 38 IXON, 39 IXANY, 40 IXOFF, 41 IMAXBEL,
            #[cfg(target_os = "linux")] 42 IUTF8,
        })
    };
    (local: $type:ident) => {
        $crate::terminal_mode_rows!(@rows $type {
            50 ISIG, 51 ICANON, #[cfg(target_os = "linux")] 52 XCASE, 53 ECHO, 54 ECHOE, 55 ECHOK, 56 ECHONL,
            57 NOFLSH, 58 TOSTOP, 59 IEXTEN, 60 ECHOCTL, 61 ECHOKE, 62 PENDIN,
        })
    };
    (output: $type:ident) => {
        $crate::terminal_mode_rows!(@rows $type {
            70 OPOST, #[cfg(target_os = "linux")] 71 OLCUC, 72 ONLCR, 73 OCRNL, 74 ONOCR, 75 ONLRET,
        })
    };
    (control: $type:ident) => {
        $crate::terminal_mode_rows!(@rows $type { 92 PARENB, 93 PARODD, })
    };
    (@rows $type:ident { $($(#[$condition:meta])? $opcode:literal $name:ident,)* }) => {
        &[$($(#[$condition])? ($opcode, $type::$name),)*]
    };
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
