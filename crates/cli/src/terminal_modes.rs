//! The settings of a terminal as encoded terminal modes (RFC 4254 §8).

use konko::transport::wire::terminal_mode_rows;
use konko::transport::wire::terminal_modes::{CS7, CS8, DISABLED, INPUT_SPEED, OUTPUT_SPEED, TerminalModes};
use rustix::termios::{ControlModes, InputModes, LocalModes, OutputModes, SpecialCodeIndex, Termios};

/// What the system writes for that (_POSIX_VDISABLE).
#[cfg(target_os = "linux")]
const SYSTEM_DISABLED: u8 = 0;
#[cfg(not(target_os = "linux"))]
const SYSTEM_DISABLED: u8 = 255;

const SPECIAL_CODES: &[(u8, SpecialCodeIndex)] = terminal_mode_rows!(characters: SpecialCodeIndex);
const INPUT_MODES: &[(u8, InputModes)] = terminal_mode_rows!(input: InputModes);
const LOCAL_MODES: &[(u8, LocalModes)] = terminal_mode_rows!(local: LocalModes);
const OUTPUT_MODES: &[(u8, OutputModes)] = terminal_mode_rows!(output: OutputModes);
const CONTROL_MODES: &[(u8, ControlModes)] = terminal_mode_rows!(control: ControlModes);

/// All settings that have an opcode.
pub fn encode(termios: &Termios) -> TerminalModes {
    let mut modes = TerminalModes::default();
    modes.push(OUTPUT_SPEED, termios.output_speed());
    modes.push(INPUT_SPEED, termios.input_speed());
    for (opcode, index) in SPECIAL_CODES {
        let code = termios.special_codes[*index];
        modes.push(*opcode, if code == SYSTEM_DISABLED { DISABLED } else { code.into() });
    }
    let mut push = |opcode: u8, on: bool| modes.push(opcode, on.into());
    for (opcode, mode) in INPUT_MODES {
        push(*opcode, termios.input_modes.contains(*mode));
    }
    for (opcode, mode) in LOCAL_MODES {
        push(*opcode, termios.local_modes.contains(*mode));
    }
    for (opcode, mode) in OUTPUT_MODES {
        push(*opcode, termios.output_modes.contains(*mode));
    }
    let size = termios.control_modes & ControlModes::CSIZE;
    push(CS7, size == ControlModes::CS7);
    push(CS8, size == ControlModes::CS8);
    for (opcode, mode) in CONTROL_MODES {
        push(*opcode, termios.control_modes.contains(*mode));
    }
    modes
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pty::{OpenptFlags, grantpt, openpt, unlockpt};
    use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

    #[test]
    fn the_settings_of_a_terminal_are_encoded() {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&terminal).and_then(|()| unlockpt(&terminal)).expect("unlocked");
        let mut termios = tcgetattr(&terminal).expect("its settings");
        termios.special_codes[SpecialCodeIndex::VINTR] = 3;
        termios.special_codes[SpecialCodeIndex::VEOL2] = SYSTEM_DISABLED;
        termios.local_modes |= LocalModes::ECHO;
        termios.input_modes -= InputModes::IXON;
        termios.set_speed(38_400).expect("a speed");
        tcsetattr(&terminal, OptionalActions::Now, &termios).expect("set");
        let modes = encode(&tcgetattr(&terminal).expect("its settings"));
        let of = |opcode| modes.iter().find(|(other, _)| *other == opcode).map(|(_, argument)| argument);
        assert_eq!((of(INPUT_SPEED), of(OUTPUT_SPEED)), (Some(38_400), Some(38_400)));
        assert_eq!((of(1), of(7), of(53), of(38)), (Some(3), Some(DISABLED), Some(1), Some(0)));
        assert_eq!((of(CS7), of(CS8)), (Some(0), Some(1)));
    }
}
