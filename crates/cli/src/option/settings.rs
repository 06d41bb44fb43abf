//! All options together. The first value given to one is the one that counts.

use crate::option::choice::{
    AddressFamily, Choice, LogLevel, RequestTty, SessionType, StrictHostKeyChecking,
};
use crate::option::error::OptionError;
use crate::option::keyword::Keyword;
use crate::option::size::parse_size;
use crate::option::time::parse_time;
use crate::option::words::{split_name, split_words};
use std::time::Duration;

/// When keys are exchanged again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RekeyLimit {
    /// After how many bytes; `None` is the default of the cipher.
    pub bytes: Option<u64>,
    /// After what time; `None` is never.
    pub interval: Option<Duration>,
}

/// What was given of the options of ssh_config(5). `None` is what was not given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is described in ssh_config(5) under its name")]
pub struct Settings {
    pub address_family: Option<AddressFamily>,
    pub batch_mode: Option<bool>,
    pub bind_address: Option<String>,
    pub ciphers: Option<String>,
    pub compression: Option<bool>,
    /// `Some(None)`: for ever.
    pub connect_timeout: Option<Option<Duration>>,
    /// At least 1.
    pub connection_attempts: Option<u32>,
    /// `Some(None)`: no escape character.
    pub escape_char: Option<Option<u8>>,
    pub fork_after_authentication: Option<bool>,
    /// Empty: none at all.
    pub global_known_hosts_files: Option<Vec<String>>,
    pub hash_known_hosts: Option<bool>,
    pub host_key_algorithms: Option<String>,
    pub host_key_alias: Option<String>,
    pub host_name: Option<String>,
    pub identities_only: Option<bool>,
    /// All that were given; empty: none at all, not even the default ones.
    pub identity_files: Option<Vec<String>>,
    pub kbd_interactive_authentication: Option<bool>,
    pub kex_algorithms: Option<String>,
    pub log_level: Option<LogLevel>,
    pub macs: Option<String>,
    pub number_of_password_prompts: Option<u32>,
    pub password_authentication: Option<bool>,
    pub port: Option<u16>,
    pub preferred_authentications: Option<Vec<String>>,
    pub pubkey_accepted_algorithms: Option<String>,
    pub pubkey_authentication: Option<bool>,
    pub rekey_limit: Option<RekeyLimit>,
    /// `Some(None)`: none, whatever comes later.
    pub remote_command: Option<Option<String>>,
    pub request_tty: Option<RequestTty>,
    /// In bits.
    pub required_rsa_size: Option<u32>,
    /// Names with wildcards, all that were given.
    pub send_env: Vec<String>,
    pub server_alive_count_max: Option<u32>,
    /// Zero: never.
    pub server_alive_interval: Option<Duration>,
    pub session_type: Option<SessionType>,
    /// Names and values.
    pub set_env: Option<Vec<(String, String)>>,
    pub stdin_null: Option<bool>,
    pub strict_host_key_checking: Option<StrictHostKeyChecking>,
    pub tcp_keep_alive: Option<bool>,
    pub user: Option<String>,
    /// Empty: none at all.
    pub user_known_hosts_files: Option<Vec<String>>,
}

/// One option as it was written.
struct Line<'a> {
    name: &'a str,
    value: &'a str,
    words: Vec<String>,
}

impl Line<'_> {
    fn invalid(&self, expected: &'static str) -> OptionError {
        OptionError::Invalid { name: self.name.to_owned(), value: self.value.to_owned(), expected }
    }

    fn unsupported(&self) -> OptionError {
        OptionError::UnsupportedValue { name: self.name.to_owned(), value: self.value.to_owned() }
    }

    /// The only word.
    fn word(&self) -> Result<&str, OptionError> {
        match self.words.as_slice() {
            [word] => Ok(word),
            [] => Err(OptionError::MissingValue(self.name.to_owned())),
            [_, extra, ..] => Err(OptionError::TooMuch { name: self.name.to_owned(), extra: extra.clone() }),
        }
    }

    fn parsed<T>(
        &self,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, OptionError> {
        parse(self.word()?).ok_or_else(|| self.invalid(expected))
    }

    fn choice<T: Choice>(&self) -> Result<T, OptionError> {
        self.parsed(T::EXPECTED, T::parse)
    }

    fn number(&self, minimum: u32) -> Result<u32, OptionError> {
        self.parsed("a number in range", |word| {
            decimal(word).filter(|number| *number >= minimum && *number <= i32::MAX.unsigned_abs())
        })
    }

    fn text(&self) -> Result<String, OptionError> {
        self.parsed("a text", |word| (!word.is_empty()).then(|| word.to_owned()))
    }

    /// The names of files, where the single word `none` means no file.
    fn files(&self) -> Result<Vec<String>, OptionError> {
        match self.words.as_slice() {
            [] => Err(OptionError::MissingValue(self.name.to_owned())),
            [none] if none.eq_ignore_ascii_case("none") => Ok(Vec::new()),
            words if words.iter().any(|word| word.is_empty() || word.eq_ignore_ascii_case("none")) => {
                Err(self.invalid("a list of files, or \"none\" alone"))
            }
            words => Ok(words.to_vec()),
        }
    }

    fn rekey_limit(&self) -> Result<RekeyLimit, OptionError> {
        let expected = "an amount of data, and perhaps a time";
        let (bytes, interval) = match self.words.as_slice() {
            [bytes] => (bytes, None),
            [bytes, time] => (bytes, Some(time)),
            [] => return Err(OptionError::MissingValue(self.name.to_owned())),
            [_, _, extra, ..] => {
                return Err(OptionError::TooMuch { name: self.name.to_owned(), extra: extra.clone() });
            }
        };
        let bytes = match parse_size(bytes) {
            _ if bytes.eq_ignore_ascii_case("default") => None,
            // Below one block every packet would bring about an exchange.
            Some(bytes) if bytes >= 16 => Some(bytes),
            _ => return Err(self.invalid(expected)),
        };
        let interval = match interval {
            None => None,
            Some(time) if time.eq_ignore_ascii_case("none") => None,
            Some(time) => {
                let time = parse_time(time).ok_or_else(|| self.invalid(expected))?;
                (!time.is_zero()).then_some(time)
            }
        };
        Ok(RekeyLimit { bytes, interval })
    }

    fn environment(&self) -> Result<Vec<(String, String)>, OptionError> {
        if self.words.is_empty() {
            return Err(OptionError::MissingValue(self.name.to_owned()));
        }
        let pair = |word: &String| {
            let (name, value) = word.split_once('=').filter(|(name, _)| !name.is_empty())?;
            Some((name.to_owned(), value.to_owned()))
        };
        self.words.iter().map(pair).collect::<Option<_>>().ok_or_else(|| self.invalid("a list of NAME=VALUE"))
    }

    fn patterns(&self) -> Result<Vec<String>, OptionError> {
        match self.words.as_slice() {
            [] => Err(OptionError::MissingValue(self.name.to_owned())),
            words if words.iter().any(|word| word.starts_with('-')) => Err(self.unsupported()),
            words if words.iter().any(|word| word.is_empty() || word.contains('=')) => {
                Err(self.invalid("a list of names"))
            }
            words => Ok(words.to_vec()),
        }
    }
}

/// A number of digits only.
pub fn decimal<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A TCP port that can be connected to.
pub fn parse_port(text: &str) -> Option<u16> {
    decimal(text).filter(|port| *port != 0)
}

/// `none`, one character, or `^` and a letter.
pub fn parse_escape_char(text: &str) -> Option<Option<u8>> {
    match text.as_bytes() {
        _ if text.eq_ignore_ascii_case("none") => Some(None),
        [byte] if byte.is_ascii() => Some(Some(*byte)),
        [b'^', byte @ 64..=127] => Some(Some(byte & 31)),
        _ => None,
    }
}

fn comma_list(text: &str) -> Option<Vec<String>> {
    let names: Vec<String> = text.split(',').map(str::to_owned).collect();
    names.iter().all(|name| !name.is_empty()).then_some(names)
}

impl Settings {
    /// Takes one `Name=Value` or `Name Value`.
    pub fn set_line(&mut self, line: &str) -> Result<(), OptionError> {
        let (name, value) = split_name(line);
        if name.is_empty() {
            return Err(OptionError::Unknown(line.to_owned()));
        }
        self.set(name, value)
    }

    /// Takes one option. A value is checked even if an earlier one counts.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), OptionError> {
        let keyword = Keyword::by_name(name)?;
        let value = value.trim();
        if value.is_empty() {
            return Err(OptionError::MissingValue(name.to_owned()));
        }
        // A command has words and quotes of its own.
        let words = if keyword == Keyword::RemoteCommand { Vec::new() } else { split_words(name, value)? };
        let line = Line { name, value, words };
        self.set_host(keyword, &line)?;
        self.set_authentication(keyword, &line)?;
        self.set_session(keyword, &line)
    }

    /// Options about the other host, how it is reached and proves itself.
    fn set_host(&mut self, keyword: Keyword, line: &Line<'_>) -> Result<(), OptionError> {
        match keyword {
            Keyword::AddressFamily => first(&mut self.address_family, line.choice()?),
            Keyword::BindAddress => first(&mut self.bind_address, line.text()?),
            // Since OpenSSH 8.5 it is off unless it is asked for.
            Keyword::CheckHostIP if line.choice()? => return Err(line.unsupported()),
            Keyword::Ciphers => first(&mut self.ciphers, line.text()?),
            Keyword::Compression => first(&mut self.compression, line.choice()?),
            Keyword::ConnectTimeout => first(&mut self.connect_timeout, line.parsed("a time", none_or_time)?),
            Keyword::ConnectionAttempts => first(&mut self.connection_attempts, line.number(1)?),
            Keyword::GlobalKnownHostsFile => first(&mut self.global_known_hosts_files, line.files()?),
            Keyword::HashKnownHosts => first(&mut self.hash_known_hosts, line.choice()?),
            Keyword::HostKeyAlgorithms => first(&mut self.host_key_algorithms, line.text()?),
            Keyword::HostKeyAlias => first(&mut self.host_key_alias, line.text()?),
            Keyword::HostName => first(&mut self.host_name, line.text()?),
            Keyword::KexAlgorithms => first(&mut self.kex_algorithms, line.text()?),
            Keyword::MACs => first(&mut self.macs, line.text()?),
            Keyword::Port => first(&mut self.port, line.parsed("a port", parse_port)?),
            Keyword::RekeyLimit => first(&mut self.rekey_limit, line.rekey_limit()?),
            Keyword::RequiredRSASize => first(&mut self.required_rsa_size, line.number(0)?),
            Keyword::ServerAliveCountMax => first(&mut self.server_alive_count_max, line.number(0)?),
            Keyword::ServerAliveInterval => {
                let interval = line.parsed("a time", none_or_time)?;
                first(&mut self.server_alive_interval, interval.unwrap_or_default());
            }
            Keyword::StrictHostKeyChecking => first(&mut self.strict_host_key_checking, line.choice()?),
            Keyword::TCPKeepAlive => first(&mut self.tcp_keep_alive, line.choice()?),
            Keyword::UserKnownHostsFile => first(&mut self.user_known_hosts_files, line.files()?),
            _ => {}
        }
        Ok(())
    }

    /// Options about the user and how he proves himself.
    fn set_authentication(&mut self, keyword: Keyword, line: &Line<'_>) -> Result<(), OptionError> {
        match keyword {
            Keyword::BatchMode => first(&mut self.batch_mode, line.choice()?),
            Keyword::IdentitiesOnly => first(&mut self.identities_only, line.choice()?),
            Keyword::IdentityFile => self.add_identity_file(&line.text()?),
            Keyword::KbdInteractiveAuthentication => {
                first(&mut self.kbd_interactive_authentication, line.choice()?);
            }
            Keyword::NumberOfPasswordPrompts => first(&mut self.number_of_password_prompts, line.number(0)?),
            Keyword::PasswordAuthentication => first(&mut self.password_authentication, line.choice()?),
            Keyword::PreferredAuthentications => {
                let methods = line.parsed("a list of methods", comma_list)?;
                first(&mut self.preferred_authentications, methods);
            }
            Keyword::PubkeyAcceptedAlgorithms => first(&mut self.pubkey_accepted_algorithms, line.text()?),
            Keyword::PubkeyAuthentication => {
                if ["unbound", "host-bound"].iter().any(|word| word.eq_ignore_ascii_case(line.value)) {
                    return Err(line.unsupported());
                }
                first(&mut self.pubkey_authentication, line.choice()?);
            }
            Keyword::User => first(&mut self.user, line.text()?),
            _ => {}
        }
        Ok(())
    }

    /// Options about what is run, and about this end.
    fn set_session(&mut self, keyword: Keyword, line: &Line<'_>) -> Result<(), OptionError> {
        match keyword {
            Keyword::EscapeChar => {
                first(&mut self.escape_char, line.parsed("an escape character", parse_escape_char)?);
            }
            Keyword::ForkAfterAuthentication => first(&mut self.fork_after_authentication, line.choice()?),
            Keyword::LogLevel => first(&mut self.log_level, line.choice()?),
            Keyword::RemoteCommand => {
                let none = line.value.eq_ignore_ascii_case("none");
                first(&mut self.remote_command, (!none).then(|| line.value.to_owned()));
            }
            Keyword::RequestTTY => first(&mut self.request_tty, line.choice()?),
            Keyword::SendEnv => self.send_env.extend(line.patterns()?),
            Keyword::SessionType => first(&mut self.session_type, line.choice()?),
            Keyword::SetEnv => first(&mut self.set_env, line.environment()?),
            Keyword::StdinNull => first(&mut self.stdin_null, line.choice()?),
            _ => {}
        }
        Ok(())
    }

    /// One more file with a key; `none` adds none, and keeps the default ones out.
    pub fn add_identity_file(&mut self, file: &str) {
        let files = self.identity_files.get_or_insert_default();
        if !file.eq_ignore_ascii_case("none") && !files.iter().any(|other| other == file) {
            files.push(file.to_owned());
        }
    }
}

fn none_or_time(text: &str) -> Option<Option<Duration>> {
    if text.eq_ignore_ascii_case("none") {
        return Some(None);
    }
    parse_time(text).map(|time| (!time.is_zero()).then_some(time))
}

fn first<T>(setting: &mut Option<T>, value: T) {
    setting.get_or_insert(value);
}
