//! Encoded terminal modes (RFC 4254 §8) as settings of a terminal of this system. What the system does not know is
//! left alone.

use konko_transport::wire::terminal_mode_rows;
use konko_transport::wire::terminal_modes::{CS7, CS8, DISABLED, INPUT_SPEED, OUTPUT_SPEED, TerminalModes};
use rustix::termios::{ControlModes, InputModes, LocalModes, OutputModes, SpecialCodeIndex, Termios};

/// What the system writes for that (_POSIX_VDISABLE).
const SYSTEM_DISABLED: u8 = 0;

const SPECIAL_CODES: &[(u8, SpecialCodeIndex)] = terminal_mode_rows!(characters: SpecialCodeIndex);
const INPUT_MODES: &[(u8, InputModes)] = terminal_mode_rows!(input: InputModes);
const LOCAL_MODES: &[(u8, LocalModes)] = terminal_mode_rows!(local: LocalModes);
const OUTPUT_MODES: &[(u8, OutputModes)] = terminal_mode_rows!(output: OutputModes);
const CONTROL_MODES: &[(u8, ControlModes)] = terminal_mode_rows!(control: ControlModes);

/// Puts the modes into `termios`, in their order.
pub(crate) fn apply(modes: &TerminalModes, termios: &mut Termios) {
    for (opcode, argument) in modes.iter() {
        set_mode(termios, opcode, argument);
    }
}

fn set_mode(termios: &mut Termios, opcode: u8, argument: u32) {
    let on = argument != 0;
    if let Some(index) = row(SPECIAL_CODES, opcode) {
        let code = if argument == DISABLED { Some(SYSTEM_DISABLED) } else { u8::try_from(argument).ok() };
        if let Some(code) = code {
            termios.special_codes[index] = code;
        }
    } else if let Some(mode) = row(INPUT_MODES, opcode) {
        termios.input_modes.set(mode, on);
    } else if let Some(mode) = row(LOCAL_MODES, opcode) {
        termios.local_modes.set(mode, on);
    } else if let Some(mode) = row(OUTPUT_MODES, opcode) {
        termios.output_modes.set(mode, on);
    } else if let Some(mode) = row(CONTROL_MODES, opcode) {
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
