//! What a configuration may ask for and this client does not do: where OpenSSH merely prefers, the user is told; where
//! it matters, there is no connection.

use crate::configured::error::Error;
use konko_config::{Keyword, Resolved, Value};

/// Keywords that matter, the value that is done all the same, and what cannot be done.
const REFUSED: &[(Keyword, &[&str], &str)] = &[
    (Keyword::ChannelTimeout, &["none"], "timeouts of channels are not supported"),
    (Keyword::PKCS11Provider, &["none"], "tokens are not supported; an agent can hold their keys"),
    (Keyword::ProxyUseFdpass, &["no"], "a proxy that passes a descriptor is not supported"),
    (Keyword::Tunnel, &["false"], "forwarding of network devices is not supported"),
];

/// Keywords that only prefer something, the values that ask for nothing, and what is done instead.
const NOTED: &[(Keyword, &[&str], &str)] = &[
    (Keyword::CheckHostIP, &["no"], "the host is looked up by its name only"),
    (Keyword::ControlMaster, &["false"], "connections are not shared; this one is its own"),
    (Keyword::ControlPersist, &["no"], "connections are not shared; this one ends with its session"),
    (Keyword::EnableEscapeCommandline, &["no"], "there is no command line behind the escape character"),
    (
        Keyword::EnableSSHKeysign,
        &["no"],
        "ssh-keysign is not called; the keys of this host have to be readable",
    ),
    (Keyword::FingerprintHash, &["SHA256", "MD5"], "fingerprints are shown by SHA-256"),
    (Keyword::ForwardX11, &["no"], "X11 is not forwarded"),
    (Keyword::GSSAPIAuthentication, &["no"], "GSSAPI is not supported; other methods are used"),
    (Keyword::GSSAPIKeyExchange, &["no"], "GSSAPI is not supported; other methods are used"),
    (Keyword::KbdInteractiveDevices, &[], "the server chooses the devices"),
    (Keyword::LogVerbose, &["none"], "LogLevel alone says what is told"),
    (Keyword::ObscureKeystrokeTiming, &["no"], "keystrokes are sent when they are typed"),
    (Keyword::SecurityKeyProvider, &["internal", "none"], "authenticators are used through an agent"),
    (Keyword::SyslogFacility, &["USER"], "nothing is told to the system's log"),
    (Keyword::VerifyHostKeyDNS, &["false"], "host keys are not looked for in the DNS"),
    (Keyword::WarnWeakCrypto, &["no"], "nothing is said of weak algorithms"),
];

/// Whether somebody gave the keyword a value that asks for something.
fn asks(config: &Resolved, keyword: Keyword, harmless: &[&str]) -> bool {
    let word = |word: &str| harmless.iter().any(|other| word.eq_ignore_ascii_case(other));
    config.is_given(keyword)
        && config.settings(keyword).iter().any(|setting| match &setting.value {
            Value::Choice(choice) => !word(choice),
            Value::Text(text) => !word(text),
            Value::Words(words) => !words.iter().all(|text| word(text)),
            _ => true,
        })
}

/// Refuses what matters and cannot be done, and tells what is not done.
pub(crate) fn check(config: &Resolved) -> Result<(), Error> {
    if let Some(message) = config.text(Keyword::RefuseConnection) {
        let origin = config.origin(Keyword::RefuseConnection);
        return Err(Error::Refused { origin, message: message.to_owned() });
    }
    for (keyword, harmless, reason) in REFUSED {
        if asks(config, *keyword, harmless) {
            return Err(Error::Unsupported { origin: config.origin(*keyword), keyword: *keyword, reason });
        }
    }
    for (keyword, harmless, reason) in NOTED {
        if asks(config, *keyword, harmless) {
            tracing::debug!("{}: {keyword}: {reason}.", config.origin(*keyword));
        }
    }
    for note in config.notes() {
        tracing::debug!("{note}.");
    }
    Ok(())
}
