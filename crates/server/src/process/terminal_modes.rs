//! Encoded terminal modes (RFC 4254 §8) as settings of a terminal of this system. What the system does not know is
//! left alone.

use konko_transport::wire::terminal_modes::TerminalModes;
use rustix::termios::{ControlModes, InputModes, LocalModes, OutputModes, SpecialCodeIndex, Termios};

/// RFC 4254 §8: "255 indicates that the character is not present/disabled".
const DISABLED: u32 = 255;
/// What the system writes for that (_POSIX_VDISABLE).
const SYSTEM_DISABLED: u8 = 0;

/// TTY_OP_ISPEED and TTY_OP_OSPEED.
const INPUT_SPEED: u8 = 128;
const OUTPUT_SPEED: u8 = 129;
/// CS7 and CS8, which are values of one field and not flags.
const CS7: u8 = 90;
const CS8: u8 = 91;

const SPECIAL_CODES: [(u8, SpecialCodeIndex); 15] = [
    (1, SpecialCodeIndex::VINTR),
    (2, SpecialCodeIndex::VQUIT),
    (3, SpecialCodeIndex::VERASE),
    (4, SpecialCodeIndex::VKILL),
    (5, SpecialCodeIndex::VEOF),
    (6, SpecialCodeIndex::VEOL),
    (7, SpecialCodeIndex::VEOL2),
    (8, SpecialCodeIndex::VSTART),
    (9, SpecialCodeIndex::VSTOP),
    (10, SpecialCodeIndex::VSUSP),
    (12, SpecialCodeIndex::VREPRINT),
    (13, SpecialCodeIndex::VWERASE),
    (14, SpecialCodeIndex::VLNEXT),
    (16, SpecialCodeIndex::VSWTC),
    (18, SpecialCodeIndex::VDISCARD),
];

const INPUT_MODES: [(u8, InputModes); 13] = [
    (30, InputModes::IGNPAR),
    (31, InputModes::PARMRK),
    (32, InputModes::INPCK),
    (33, InputModes::ISTRIP),
    (34, InputModes::INLCR),
    (35, InputModes::IGNCR),
    (36, InputModes::ICRNL),
    (37, InputModes::IUCLC),
    (38, InputModes::IXON),
    (39, InputModes::IXANY),
    (40, InputModes::IXOFF),
    (41, InputModes::IMAXBEL),
    (42, InputModes::IUTF8),
];

const LOCAL_MODES: [(u8, LocalModes); 13] = [
    (50, LocalModes::ISIG),
    (51, LocalModes::ICANON),
    (52, LocalModes::XCASE),
    (53, LocalModes::ECHO),
    (54, LocalModes::ECHOE),
    (55, LocalModes::ECHOK),
    (56, LocalModes::ECHONL),
    (57, LocalModes::NOFLSH),
    (58, LocalModes::TOSTOP),
    (59, LocalModes::IEXTEN),
    (60, LocalModes::ECHOCTL),
    (61, LocalModes::ECHOKE),
    (62, LocalModes::PENDIN),
];

const OUTPUT_MODES: [(u8, OutputModes); 6] = [
    (70, OutputModes::OPOST),
    (71, OutputModes::OLCUC),
    (72, OutputModes::ONLCR),
    (73, OutputModes::OCRNL),
    (74, OutputModes::ONOCR),
    (75, OutputModes::ONLRET),
];

const CONTROL_MODES: [(u8, ControlModes); 2] = [(92, ControlModes::PARENB), (93, ControlModes::PARODD)];

/// Puts the modes into `termios`, in their order.
pub(crate) fn apply(modes: &TerminalModes, termios: &mut Termios) {
    for (opcode, argument) in modes.iter() {
        set_mode(termios, opcode, argument);
    }
}

fn set_mode(termios: &mut Termios, opcode: u8, argument: u32) {
    let on = argument != 0;
    if let Some(index) = row(&SPECIAL_CODES, opcode) {
        let code = if argument == DISABLED { Some(SYSTEM_DISABLED) } else { u8::try_from(argument).ok() };
        if let Some(code) = code {
            termios.special_codes[index] = code;
        }
    } else if let Some(mode) = row(&INPUT_MODES, opcode) {
        termios.input_modes.set(mode, on);
    } else if let Some(mode) = row(&LOCAL_MODES, opcode) {
        termios.local_modes.set(mode, on);
    } else if let Some(mode) = row(&OUTPUT_MODES, opcode) {
        termios.output_modes.set(mode, on);
    } else if let Some(mode) = row(&CONTROL_MODES, opcode) {
        termios.control_modes.set(mode, on);
    } else {
        set_size_or_speed(termios, opcode, argument);
    }
}

fn set_size_or_speed(termios: &mut Termios, opcode: u8, argument: u32) {
    let size = match opcode {
        CS7 => ControlModes::CS7,
        CS8 => ControlModes::CS8,
        INPUT_SPEED | OUTPUT_SPEED => {
            let set = if opcode == INPUT_SPEED {
                termios.set_input_speed(argument)
            } else {
                termios.set_output_speed(argument)
            };
            if let Err(error) = set {
                tracing::debug!(%error, argument, "a terminal does not know this speed");
            }
            return;
        }
        _ => return,
    };
    if argument != 0 {
        termios.control_modes = (termios.control_modes - ControlModes::CSIZE) | size;
    }
}

fn row<T: Copy>(rows: &[(u8, T)], opcode: u8) -> Option<T> {
    rows.iter().find(|(other, _)| *other == opcode).map(|(_, value)| *value)
}
