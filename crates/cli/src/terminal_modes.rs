//! The settings of a terminal as encoded terminal modes (RFC 4254 §8).

use konko::transport::wire::terminal_modes::TerminalModes;
use rustix::termios::{ControlModes, InputModes, LocalModes, OutputModes, SpecialCodeIndex, Termios};

/// RFC 4254 §8: "255 indicates that the character is not present/disabled".
const DISABLED: u32 = 255;
/// What the system writes for that (_POSIX_VDISABLE).
#[cfg(target_os = "linux")]
const SYSTEM_DISABLED: u8 = 0;
#[cfg(not(target_os = "linux"))]
const SYSTEM_DISABLED: u8 = 255;

/// TTY_OP_ISPEED and TTY_OP_OSPEED.
const INPUT_SPEED: u8 = 128;
const OUTPUT_SPEED: u8 = 129;
/// CS7 and CS8, which are values of one field and not flags.
const CS7: u8 = 90;
const CS8: u8 = 91;

const SPECIAL_CODES: &[(u8, SpecialCodeIndex)] = &[
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
    #[cfg(target_os = "linux")]
    (16, SpecialCodeIndex::VSWTC),
    (18, SpecialCodeIndex::VDISCARD),
];

const INPUT_MODES: &[(u8, InputModes)] = &[
    (30, InputModes::IGNPAR),
    (31, InputModes::PARMRK),
    (32, InputModes::INPCK),
    (33, InputModes::ISTRIP),
    (34, InputModes::INLCR),
    (35, InputModes::IGNCR),
    (36, InputModes::ICRNL),
    #[cfg(target_os = "linux")]
    (37, InputModes::IUCLC),
    (38, InputModes::IXON),
    (39, InputModes::IXANY),
    (40, InputModes::IXOFF),
    (41, InputModes::IMAXBEL),
    #[cfg(target_os = "linux")]
    (42, InputModes::IUTF8),
];

const LOCAL_MODES: &[(u8, LocalModes)] = &[
    (50, LocalModes::ISIG),
    (51, LocalModes::ICANON),
    #[cfg(target_os = "linux")]
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

const OUTPUT_MODES: &[(u8, OutputModes)] = &[
    (70, OutputModes::OPOST),
    #[cfg(target_os = "linux")]
    (71, OutputModes::OLCUC),
    (72, OutputModes::ONLCR),
    (73, OutputModes::OCRNL),
    (74, OutputModes::ONOCR),
    (75, OutputModes::ONLRET),
];

const CONTROL_MODES: &[(u8, ControlModes)] = &[(92, ControlModes::PARENB), (93, ControlModes::PARODD)];

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
