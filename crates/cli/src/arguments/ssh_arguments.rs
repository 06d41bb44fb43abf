//! The flags of `konko ssh`, as ssh(1) has them.

use crate::arguments::destination::{Destination, parse_forward};
use crate::arguments::error::ArgumentError;
use konko::client::SystemSource;
use konko::client::config::{Configuration, Files, Keyword, Origin, Request, SessionType, Value};
use konko::client::configured::catalogue;
use std::ffi::OsString;

/// The flags of ssh(1) that take a value.
const WITH_VALUE: &str = "BbcDEeFIiJLlmOoPpQRSWw";
/// Those of them, and of the others, that are not supported.
const UNSUPPORTED: &str = "Oy";
/// What this program calls itself, for `Match version`.
const VERSION: &str = concat!("konko_", env!("CARGO_PKG_VERSION"));

/// A command line that names a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshArguments {
    /// The host that was named; the configuration may say where it really is.
    pub host: String,
    /// The command, its words joined by blanks; `None` for a shell.
    pub command: Option<String>,
    /// `-W`: where standard input and output are forwarded to.
    pub forward: Option<(String, u16)>,
    /// `-E`: the file that messages are appended to.
    pub log_file: Option<String>,
    /// `-F`: the files that are read.
    pub files: Files,
    /// `-G`: only to print what applies to the host.
    pub dumps: bool,
    /// The options, whether they came by `-o`, by a flag or with the destination.
    pub configuration: Configuration,
    /// What the user is told before anything is done.
    pub warnings: Vec<String>,
    /// How often `-v` was given.
    verbosity: usize,
    /// How often `-t` was given.
    terminals: usize,
}

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invocation {
    /// To connect, or to tell how.
    Connect(Box<SshArguments>),
    /// `-V`.
    Version,
    /// `-h`.
    Help,
    /// `-Q`: to list algorithms of that kind.
    Query(String),
}

/// What ends the flags early.
enum Stop {
    Version,
    Help,
    Query(String),
}

/// What a session is for: where its parts exclude each other, that is told.
#[derive(Debug)]
pub struct Purpose {
    /// Whether the command line has a command.
    pub command: bool,
    /// Whether `RemoteCommand` is one.
    pub configured_command: bool,
    /// `SessionType`.
    pub session_type: SessionType,
    /// `ForkAfterAuthentication`.
    pub forks: bool,
}

impl Purpose {
    /// What excludes what, in ssh(1)'s sense.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Conflict`].
    pub fn check(&self) -> Result<(), ArgumentError> {
        let any = self.command || self.configured_command;
        let none = self.session_type == SessionType::None;
        let why = if self.command && self.configured_command {
            "a command and RemoteCommand exclude each other"
        } else if self.command && none {
            "a command cannot be run without a session (-N, -W)"
        } else if self.session_type == SessionType::Subsystem && !any {
            "a subsystem must be named (-s)"
        } else if self.forks && !any && !none {
            "no command is given to run in the background (-f)"
        } else {
            return Ok(());
        };
        Err(ArgumentError::Conflict(why))
    }
}

impl SshArguments {
    /// Without any.
    pub fn new() -> Self {
        Self {
            host: String::new(),
            command: None,
            forward: None,
            log_file: None,
            files: Files::Usual,
            dumps: false,
            configuration: Configuration::new(SystemSource::local(VERSION), catalogue()),
            warnings: Vec::new(),
            verbosity: 0,
            terminals: 0,
        }
    }

    /// Reads a command line, without the program's name.
    ///
    /// Flags may stand before and after the destination, alone or together (`-vtt`), their values attached or in
    /// the next argument. The first argument after the destination that is no flag begins the command; `--` ends
    /// the flags.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, ArgumentError> {
        let mut rest = Vec::new();
        for argument in arguments {
            let text = argument
                .into_string()
                .map_err(|argument| ArgumentError::NotUtf8(argument.to_string_lossy().into_owned()))?;
            rest.push(text);
        }
        let mut parsed = Self::new();
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
                    Some(Stop::Query(what)) => return Ok(Invocation::Query(what)),
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

    /// What is asked of the files.
    pub fn request(&self) -> Request {
        Request::new(self.host.as_str())
            .with_files(self.files.clone())
            .with_command(self.command.clone())
            .with_stdio_forwarding(self.forward.is_some())
    }

    /// What flags said before counts more than the destination.
    fn destination(&mut self, text: &str) -> Result<(), ArgumentError> {
        let Destination { user, host, port } = Destination::parse(text)?;
        self.host = host;
        let origin = Origin::command_line(text);
        if let Some(user) = user {
            self.configuration.give(Keyword::User, Value::Text(user), origin.clone())?;
        }
        if let Some(port) = port {
            self.configuration.give(Keyword::Port, Value::Number(port.into()), origin)?;
        }
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
                if value.is_empty() {
                    return Err(ArgumentError::InvalidValue { flag, value, expected: "a value" });
                }
                if flag == 'Q' {
                    return Ok(Some(Stop::Query(value)));
                }
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

    /// Says something of a keyword, whatever was said of it before.
    fn say(&mut self, flag: char, keyword: Keyword, value: &str) -> Result<(), ArgumentError> {
        let origin = Origin::command_line(format!("-{flag}"));
        Ok(self.configuration.replace(keyword, value, origin, &mut SystemSource::default())?)
    }

    fn flag(&mut self, flag: char) -> Result<(), ArgumentError> {
        match flag {
            '4' => self.say(flag, Keyword::AddressFamily, "inet"),
            '6' => self.say(flag, Keyword::AddressFamily, "inet6"),
            'A' => self.say(flag, Keyword::ForwardAgent, "yes"),
            'a' => self.say(flag, Keyword::ForwardAgent, "no"),
            'C' => self.say(flag, Keyword::Compression, "yes"),
            'f' => {
                self.say(flag, Keyword::ForkAfterAuthentication, "yes")?;
                self.say(flag, Keyword::StdinNull, "yes")
            }
            'G' => {
                self.dumps = true;
                Ok(())
            }
            'g' => self.say(flag, Keyword::GatewayPorts, "yes"),
            'K' => {
                self.say(flag, Keyword::GSSAPIAuthentication, "yes")?;
                self.say(flag, Keyword::GSSAPIDelegateCredentials, "yes")
            }
            'k' => self.say(flag, Keyword::GSSAPIDelegateCredentials, "no"),
            'M' => self.say(flag, Keyword::ControlMaster, "yes"),
            'n' => self.say(flag, Keyword::StdinNull, "yes"),
            'N' => self.session_type(flag, SessionType::None),
            'q' => self.say(flag, Keyword::LogLevel, "QUIET"),
            's' => self.session_type(flag, SessionType::Subsystem),
            't' => {
                self.terminals += 1;
                let word = if self.terminals > 1 { "force" } else { "yes" };
                self.say(flag, Keyword::RequestTTY, word)
            }
            'T' => self.say(flag, Keyword::RequestTTY, "no"),
            'v' => {
                self.verbosity += 1;
                let level = ["DEBUG1", "DEBUG2", "DEBUG3"][self.verbosity.min(3) - 1];
                self.say(flag, Keyword::LogLevel, level)
            }
            'X' | 'Y' => {
                self.say(flag, Keyword::ForwardX11, "yes")?;
                if flag == 'Y' { self.say(flag, Keyword::ForwardX11Trusted, "yes") } else { Ok(()) }
            }
            'x' => self.say(flag, Keyword::ForwardX11, "no"),
            flag => Err(ArgumentError::UnknownFlag(flag)),
        }
    }

    fn session_type(&mut self, flag: char, session_type: SessionType) -> Result<(), ArgumentError> {
        let (word, other) = match session_type {
            SessionType::Subsystem => ("subsystem", "none"),
            _ => ("none", "subsystem"),
        };
        let given = self.configuration.given(Keyword::SessionType).map(|setting| &setting.value);
        if given == Some(&Value::Choice(other)) {
            return Err(ArgumentError::Conflict("-N, -s, -W and SessionType exclude each other"));
        }
        self.say(flag, Keyword::SessionType, word)
    }

    fn flag_with_value(&mut self, flag: char, value: String) -> Result<(), ArgumentError> {
        let origin = Origin::command_line(format!("-{flag} {value}"));
        let mut source = SystemSource::default();
        let configuration = &mut self.configuration;
        let invalid = |value: String, expected| ArgumentError::InvalidValue { flag, value, expected };
        // These are taken as they are, and the last of a flag counts.
        let text = match flag {
            'B' => Some(Keyword::BindInterface),
            'b' => Some(Keyword::BindAddress),
            'I' => Some(Keyword::PKCS11Provider),
            'P' => Some(Keyword::Tag),
            'S' => Some(Keyword::ControlPath),
            _ => None,
        };
        if let Some(keyword) = text {
            configuration.forget(keyword);
            return Ok(configuration.give(keyword, Value::Text(value), origin)?);
        }
        match flag {
            'c' => configuration.replace(Keyword::Ciphers, &value, origin, &mut source)?,
            'D' => configuration.add_forward(Keyword::DynamicForward, &value, origin, &source)?,
            'e' => configuration.replace(Keyword::EscapeChar, &value, origin, &mut source)?,
            'E' => self.log_file = Some(value),
            'F' if value.eq_ignore_ascii_case("none") => self.files = Files::None,
            'F' => self.files = Files::Only(value),
            'i' => self.identity_file(value, origin)?,
            'J' => configuration.set(&format!("ProxyJump={value}"), origin, &mut source)?,
            'L' => configuration.add_forward(Keyword::LocalForward, &value, origin, &source)?,
            'l' => configuration.give(Keyword::User, Value::Text(value), origin)?,
            'm' => configuration.replace(Keyword::MACs, &value, origin, &mut source)?,
            'o' => configuration.set(&value, Origin::command_line(format!("-o {value}")), &mut source)?,
            'p' => configuration.set(&format!("Port={value}"), origin, &mut source)?,
            'R' => configuration.add_forward(Keyword::RemoteForward, &value, origin, &source)?,
            'W' => {
                if self.forward.is_some() {
                    return Err(ArgumentError::Conflict("-W can be given only once"));
                }
                match parse_forward(&value) {
                    Some(forward) => self.forward = Some(forward),
                    None => return Err(invalid(value, "host:port")),
                }
                self.say(flag, Keyword::RequestTTY, "no")?;
                self.session_type(flag, SessionType::None)?;
            }
            'w' => {
                configuration.replace(Keyword::TunnelDevice, &value, origin.clone(), &mut source)?;
                configuration.set("Tunnel=yes", origin, &mut source)?;
            }
            flag => return Err(ArgumentError::UnknownFlag(flag)),
        }
        Ok(())
    }

    /// A file that is not there is a warning, and not used.
    fn identity_file(&mut self, path: String, origin: Origin) -> Result<(), ArgumentError> {
        let here = match (path.strip_prefix("~/"), std::env::home_dir()) {
            (Some(below), Some(home)) => home.join(below),
            _ => path.as_str().into(),
        };
        // A public half beside it may stand for a key of the agent.
        let mut public = here.clone().into_os_string();
        public.push(".pub");
        match std::fs::metadata(&here) {
            Err(error) if !path.contains('%') && std::fs::metadata(public).is_err() => {
                self.warnings.push(format!("Identity file {path} not accessible: {error}."));
                Ok(())
            }
            _ => Ok(self.configuration.give(Keyword::IdentityFile, Value::Text(path), origin)?),
        }
    }

    /// What only the whole tells.
    fn check(&self) -> Result<(), ArgumentError> {
        let value = |keyword| self.configuration.given(keyword).map(|setting| &setting.value);
        let configured_command =
            matches!(value(Keyword::RemoteCommand), Some(Value::Text(text)) if text != "none");
        let session_type = match value(Keyword::SessionType) {
            Some(Value::Choice("none")) => SessionType::None,
            Some(Value::Choice("subsystem")) => SessionType::Subsystem,
            _ => SessionType::Default,
        };
        // The files may name a command for the background.
        Purpose { command: self.command.is_some(), configured_command, session_type, forks: false }.check()
    }
}
