//! The words that keywords choose between. Each list gives the words in any case, and the one word that stands for
//! the choice, which is how `ssh -G` prints it.

/// Words, and what they stand for.
pub(crate) type Choices = &'static [(&'static str, &'static str)];

/// What `word` stands for.
pub(crate) fn choose(choices: Choices, word: &str) -> Option<&'static str> {
    choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, meaning)| *meaning)
}

pub(crate) const FLAG: Choices = &[("yes", "yes"), ("true", "yes"), ("no", "no"), ("false", "no")];
pub(crate) const COMPRESSION: Choices = &[("yes", "yes"), ("no", "no")];
pub(crate) const YES_NO_ASK: Choices =
    &[("yes", "true"), ("true", "true"), ("no", "false"), ("false", "false"), ("ask", "ask")];
pub(crate) const STRICT_HOST_KEY_CHECKING: Choices = &[
    ("yes", "true"),
    ("true", "true"),
    ("no", "false"),
    ("false", "false"),
    ("off", "false"),
    ("ask", "ask"),
    ("accept-new", "accept-new"),
];
pub(crate) const ADD_KEYS_TO_AGENT: Choices = &[
    ("yes", "true"),
    ("true", "true"),
    ("no", "false"),
    ("false", "false"),
    ("ask", "ask"),
    ("confirm", "confirm"),
];
pub(crate) const ADDRESS_FAMILY: Choices = &[("any", "any"), ("inet", "inet"), ("inet6", "inet6")];
pub(crate) const CONTROL_MASTER: Choices = &[
    ("yes", "true"),
    ("true", "true"),
    ("no", "false"),
    ("false", "false"),
    ("auto", "auto"),
    ("ask", "ask"),
    ("autoask", "autoask"),
];
pub(crate) const TUNNEL: Choices = &[
    ("yes", "point-to-point"),
    ("true", "point-to-point"),
    ("point-to-point", "point-to-point"),
    ("ethernet", "ethernet"),
    ("no", "false"),
    ("false", "false"),
];
pub(crate) const REQUEST_TTY: Choices = &[
    ("yes", "true"),
    ("true", "true"),
    ("no", "false"),
    ("false", "false"),
    ("force", "force"),
    ("auto", "auto"),
];
pub(crate) const SESSION_TYPE: Choices =
    &[("none", "none"), ("subsystem", "subsystem"), ("default", "default")];
pub(crate) const CANONICALIZE_HOSTNAME: Choices =
    &[("yes", "true"), ("true", "true"), ("no", "false"), ("false", "false"), ("always", "always")];
pub(crate) const PUBKEY_AUTHENTICATION: Choices = &[
    ("yes", "true"),
    ("true", "true"),
    ("no", "false"),
    ("false", "false"),
    ("unbound", "unbound"),
    ("host-bound", "host-bound"),
];
pub(crate) const FINGERPRINT_HASH: Choices =
    &[("md5", "MD5"), ("sha1", "SHA1"), ("sha256", "SHA256"), ("sha384", "SHA384"), ("sha512", "SHA512")];
pub(crate) const LOG_LEVEL: Choices = &[
    ("quiet", "QUIET"),
    ("fatal", "FATAL"),
    ("error", "ERROR"),
    ("info", "INFO"),
    ("verbose", "VERBOSE"),
    ("debug", "DEBUG"),
    ("debug1", "DEBUG"),
    ("debug2", "DEBUG2"),
    ("debug3", "DEBUG3"),
];
pub(crate) const SYSLOG_FACILITY: Choices = &[
    ("daemon", "DAEMON"),
    ("user", "USER"),
    ("auth", "AUTH"),
    ("authpriv", "AUTHPRIV"),
    ("local0", "LOCAL0"),
    ("local1", "LOCAL1"),
    ("local2", "LOCAL2"),
    ("local3", "LOCAL3"),
    ("local4", "LOCAL4"),
    ("local5", "LOCAL5"),
    ("local6", "LOCAL6"),
    ("local7", "LOCAL7"),
];
/// Classes of traffic (RFC 2474, RFC 8622), and the types of service of before.
const QUALITIES: &[(&str, u8)] = &[
    ("af11", 0x28),
    ("af12", 0x30),
    ("af13", 0x38),
    ("af21", 0x48),
    ("af22", 0x50),
    ("af23", 0x58),
    ("af31", 0x68),
    ("af32", 0x70),
    ("af33", 0x78),
    ("af41", 0x88),
    ("af42", 0x90),
    ("af43", 0x98),
    ("cs0", 0x00),
    ("cs1", 0x20),
    ("cs2", 0x40),
    ("cs3", 0x60),
    ("cs4", 0x80),
    ("cs5", 0xa0),
    ("cs6", 0xc0),
    ("cs7", 0xe0),
    ("ef", 0xb8),
    ("le", 0x04),
    ("lowdelay", 0x10),
    ("throughput", 0x08),
];

/// The byte of the IP header that a word, or a number from 0 to 255, asks for; `Some(None)` leaves it to the
/// operating system.
pub(crate) fn quality_of_service(word: &str) -> Option<Option<u8>> {
    if word.eq_ignore_ascii_case("none") {
        return Some(None);
    }
    if let Some((_, value)) = QUALITIES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) {
        return Some(Some(*value));
    }
    // "reliability" was taken from the table when its value became that of "le".
    if word.eq_ignore_ascii_case("reliability") {
        return Some(Some(0x04));
    }
    let (digits, radix) = match word.as_bytes() {
        [b'0', b'x' | b'X', ..] => (word.get(2..)?, 16),
        [b'0', _, ..] => (word.get(1..)?, 8),
        _ => (word, 10),
    };
    let first_is_digit = digits.starts_with(|first: char| first.is_digit(radix));
    if first_is_digit { u8::from_str_radix(digits, radix).ok().map(Some) } else { None }
}

/// How `ssh -G` prints it.
pub(crate) fn name_of_quality(value: Option<u8>) -> String {
    match value {
        None => "none".to_owned(),
        Some(value) => match QUALITIES.iter().find(|(_, other)| *other == value) {
            Some((name, _)) => (*name).to_owned(),
            None => format!("0x{value:02x}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_chosen_in_any_case() {
        assert_eq!(choose(FLAG, "YES"), Some("yes"));
        assert_eq!(choose(STRICT_HOST_KEY_CHECKING, "Off"), Some("false"));
        assert_eq!(choose(LOG_LEVEL, "debug1"), Some("DEBUG"));
        assert_eq!(choose(FLAG, "y"), None);
    }

    #[test]
    fn qualities_have_names_and_numbers() {
        for (word, value, printed) in [
            ("AF21", Some(0x48), "af21"),
            ("0x48", Some(0x48), "af21"),
            ("7", Some(7), "0x07"),
            ("010", Some(8), "throughput"),
            ("none", None, "none"),
            ("reliability", Some(4), "le"),
        ] {
            assert_eq!(quality_of_service(word), Some(value), "{word}");
            assert_eq!(name_of_quality(value), printed, "{word}");
        }
        for word in ["256", "0x", "x", "", "-1", "+1"] {
            assert_eq!(quality_of_service(word), None, "{word}");
        }
    }
}
