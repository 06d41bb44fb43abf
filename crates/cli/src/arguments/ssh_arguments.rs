//! The flags of `konko ssh`, as ssh(1) has them.

use crate::arguments::destination::{Destination, parse_forward};
use crate::arguments::error::ArgumentError;
use crate::option::choice::{AddressFamily, LogLevel, RequestTty, SessionType};
use crate::option::settings::{Settings, parse_escape_char, parse_port};
use std::ffi::OsString;

/// The flags of ssh(1) that take a value.
const WITH_VALUE: &str = "BbcDEeFIiJLlmOoPpQRSWw";
/// Those of them, and of the others, that are not supported.
const UNSUPPORTED: &str = "BDIJLOPQRSwAaGgKkMXxYy";

/// A command line that names a destination.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SshArguments {
    /// The host that was named; [`host_name`](Settings::host_name) may say where it really is.
    pub host: String,
    /// The command, its words joined by blanks; `None` for a shell.
    pub command: Option<String>,
    /// `-W`: where standard input and output are forwarded to.
    pub forward: Option<(String, u16)>,
    /// `-E`: the file that messages are appended to.
    pub log_file: Option<String>,
    /// `-F none`: no configuration file is read. None ever is, so this changes nothing.
    pub no_configuration: bool,
    /// The options, whether they came by `-o`, by a flag or with the destination.
    pub settings: Settings,
}

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invocation {
    /// To connect.
    Connect(Box<SshArguments>),
    /// `-V`.
    Version,
    /// `-h`.
    Help,
}

/// What ends the flags early.
enum Stop {
    Version,
    Help,
}

impl SshArguments {
    /// Reads a command line, without the program's name.
    ///
    /// Flags may stand before and after the destination, alone or together (`-vtt`), their values attached or in
    /// the next argument. The first argument after the destination that is no flag begins the command; `--` ends
    /// the flags.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, ArgumentError> {
        let mut rest = Vec::new();
        for argument in arguments {
            let text = argument
                .into_string()
                .map_err(|argument| ArgumentError::NotUtf8(argument.to_string_lossy().into_owned()))?;
            rest.push(text);
        }
        let mut parsed = Self::default();
        let mut rest = rest.into_iter().peekable();
        let mut destination = None;
        let mut flags_ended = false;
        loop {
            while !flags_ended {
                let Some(flag) = rest.next_if(|next| next.len() > 1 && next.starts_with('-')) else { break };
                if flag == "--" {
                    flags_ended = true;
                    break;
                }
                match parsed.cluster(&flag[1..], &mut rest)? {
                    Some(Stop::Version) => return Ok(Invocation::Version),
                    Some(Stop::Help) => return Ok(Invocation::Help),
                    None => {}
                }
            }
            if destination.is_some() {
                break;
            }
            let named = rest.next().ok_or(ArgumentError::NoDestination)?;
            destination = Some(parsed.destination(&named)?);
        }
        let command: Vec<String> = rest.collect();
        if !command.is_empty() {
            parsed.command = Some(command.join(" "));
        }
        parsed.check()?;
        Ok(Invocation::Connect(Box::new(parsed)))
    }

    /// What flags said before counts more than the destination.
    fn destination(&mut self, text: &str) -> Result<(), ArgumentError> {
        let Destination { user, host, port } = Destination::parse(text)?;
        self.host = host;
        self.settings.user = self.settings.user.take().or(user);
        self.settings.port = self.settings.port.or(port);
        Ok(())
    }

    /// Flags that stand together.
    fn cluster(
        &mut self,
        cluster: &str,
        rest: &mut impl Iterator<Item = String>,
    ) -> Result<Option<Stop>, ArgumentError> {
        let mut flags = cluster.chars();
        while let Some(flag) = flags.next() {
            if UNSUPPORTED.contains(flag) {
                return Err(ArgumentError::UnsupportedFlag(flag));
            }
            if WITH_VALUE.contains(flag) {
                let value = match flags.as_str() {
                    "" => rest.next().ok_or(ArgumentError::MissingValue(flag))?,
                    attached => attached.to_owned(),
                };
                self.flag_with_value(flag, value)?;
                return Ok(None);
            }
            match flag {
                'V' => return Ok(Some(Stop::Version)),
                'h' => return Ok(Some(Stop::Help)),
                flag => self.flag(flag)?,
            }
        }
        Ok(None)
    }

    fn flag(&mut self, flag: char) -> Result<(), ArgumentError> {
        let settings = &mut self.settings;
        match flag {
            '4' => settings.address_family = Some(AddressFamily::Inet),
            '6' => settings.address_family = Some(AddressFamily::Inet6),
            'C' => settings.compression = Some(true),
            'f' => (settings.fork_after_authentication, settings.stdin_null) = (Some(true), Some(true)),
            'n' => settings.stdin_null = Some(true),
            'N' => self.session_type(SessionType::None)?,
            'q' => settings.log_level = Some(LogLevel::Quiet),
            's' => self.session_type(SessionType::Subsystem)?,
            't' => {
                let asked = matches!(settings.request_tty, Some(RequestTty::Yes | RequestTty::Force));
                settings.request_tty = Some(if asked { RequestTty::Force } else { RequestTty::Yes });
            }
            'T' => settings.request_tty = Some(RequestTty::No),
            'v' => settings.log_level = Some(settings.log_level.unwrap_or(LogLevel::Info).louder()),
            flag => return Err(ArgumentError::UnknownFlag(flag)),
        }
        Ok(())
    }

    fn session_type(&mut self, session_type: SessionType) -> Result<(), ArgumentError> {
        match self.settings.session_type {
            Some(other) if other != session_type => {
                Err(ArgumentError::Conflict("-N, -s, -W and SessionType exclude each other"))
            }
            _ => {
                self.settings.session_type = Some(session_type);
                Ok(())
            }
        }
    }

    fn flag_with_value(&mut self, flag: char, value: String) -> Result<(), ArgumentError> {
        let invalid = |value: String, expected| ArgumentError::InvalidValue { flag, value, expected };
        if value.is_empty() {
            return Err(invalid(value, "a value"));
        }
        let settings = &mut self.settings;
        match flag {
            'b' => settings.bind_address = Some(value),
            'c' => settings.ciphers = Some(value),
            'e' => match parse_escape_char(&value) {
                Some(escape_char) => settings.escape_char = Some(escape_char),
                None => return Err(invalid(value, "an escape character")),
            },
            'E' => self.log_file = Some(value),
            'F' if value.eq_ignore_ascii_case("none") => self.no_configuration = true,
            'F' => return Err(invalid(value, "\"none\", and configuration files are not supported yet")),
            'i' => settings.add_identity_file(&value),
            'l' => settings.user = settings.user.take().or(Some(value)),
            'm' => settings.macs = Some(value),
            'o' => settings.set_line(&value)?,
            'p' => match parse_port(&value) {
                Some(port) => settings.port = settings.port.or(Some(port)),
                None => return Err(invalid(value, "a port")),
            },
            'W' => {
                if self.forward.is_some() {
                    return Err(ArgumentError::Conflict("-W can be given only once"));
                }
                match parse_forward(&value) {
                    Some(forward) => self.forward = Some(forward),
                    None => return Err(invalid(value, "host:port")),
                }
                self.settings.request_tty = Some(RequestTty::No);
                self.session_type(SessionType::None)?;
            }
            flag => return Err(ArgumentError::UnknownFlag(flag)),
        }
        Ok(())
    }

    /// What only the whole tells.
    fn check(&self) -> Result<(), ArgumentError> {
        let configured = self.settings.remote_command.as_ref().is_some_and(Option::is_some);
        let (session_type, command) = (self.settings.session_type, self.command.is_some());
        if command && configured {
            return Err(ArgumentError::Conflict("a command and RemoteCommand exclude each other"));
        }
        if command && session_type == Some(SessionType::None) {
            return Err(ArgumentError::Conflict("a command cannot be run without a session (-N, -W)"));
        }
        if session_type == Some(SessionType::Subsystem) && !command && !configured {
            return Err(ArgumentError::Conflict("a subsystem must be named (-s)"));
        }
        let forks = self.settings.fork_after_authentication == Some(true);
        if forks && !command && !configured && session_type != Some(SessionType::None) {
            return Err(ArgumentError::Conflict("no command is given to run in the background (-f)"));
        }
        Ok(())
    }
}
