//! Signals by their names on the wire (RFC 4254 §6.9, §6.10).

use rustix::process::Signal;

/// The signals that have a name in RFC 4254 §6.10.
const SIGNALS: [(&str, Signal); 13] = [
    ("ABRT", Signal::ABORT),
    ("ALRM", Signal::ALARM),
    ("FPE", Signal::FPE),
    ("HUP", Signal::HUP),
    ("ILL", Signal::ILL),
    ("INT", Signal::INT),
    ("KILL", Signal::KILL),
    ("PIPE", Signal::PIPE),
    ("QUIT", Signal::QUIT),
    ("SEGV", Signal::SEGV),
    ("TERM", Signal::TERM),
    ("USR1", Signal::USR1),
    ("USR2", Signal::USR2),
];

/// What stands for any other signal. RFC 4254 §6.10: "Additional 'signal name' values MAY be sent in the format
/// "sig-name@xyz""; this is OpenSSH's.
const OTHER: &str = "SIG@openssh.com";

/// The signal of that name.
pub(crate) fn by_name(name: &str) -> Option<Signal> {
    SIGNALS.iter().find(|(other, _)| *other == name).map(|(_, signal)| *signal)
}

/// The name of the signal of that number.
pub(crate) fn name(number: i32) -> &'static str {
    SIGNALS.iter().find(|(_, signal)| signal.as_raw() == number).map_or(OTHER, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_signals() {
        for (text, signal) in SIGNALS {
            assert_eq!(by_name(text), Some(signal));
            assert_eq!(name(signal.as_raw()), text);
        }
        assert_eq!(by_name("SIGTERM"), None);
        assert_eq!(name(Signal::STOP.as_raw()), OTHER);
    }
}
