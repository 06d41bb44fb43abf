//! The value of a keyword, from its words.

use crate::catalogue::Catalogue;
use crate::choice::{self, Choices, choose, quality_of_service};
use crate::error::Problem;
use crate::forward::{Direction, Forward};
use crate::jump::{Jumps, is_domain};
use crate::keyword::Kind;
use crate::number;
use crate::token::{Variables, expand_variables};
use crate::words::Words;

/// How many files, domains or rules a keyword takes.
const MAXIMUM_ENTRIES: usize = 32;
/// How many words of other keywords are taken.
const MAXIMUM_WORDS: usize = 256;

/// The value of a keyword.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// One of several words, as `ssh -G` prints it.
    Choice(&'static str),
    /// A number.
    Number(u32),
    /// A time in seconds; `None` is `none`.
    Seconds(Option<u32>),
    /// A word, or for commands the rest of the line.
    Text(String),
    /// Several words.
    Words(Vec<String>),
    /// `RekeyLimit`.
    RekeyLimit {
        /// After how many bytes; 0 is the default of the cipher.
        bytes: u64,
        /// After how many seconds, where that is said; 0 is never.
        seconds: Option<u32>,
    },
    /// `LocalForward`, `RemoteForward`, `DynamicForward`.
    Forward(Forward),
    /// `EscapeChar`; `None` is `none`.
    EscapeChar(Option<u8>),
    /// `TunnelDevice`, here and there; `None` is `any`.
    TunnelDevice(Option<u32>, Option<u32>),
    /// `IPQoS`, of sessions with and without a terminal; `None` leaves it to the operating system.
    Quality(Option<u8>, Option<u8>),
    /// `CanonicalizePermittedCNAMEs`: lists of patterns of names and of what they may be aliases of.
    PermittedCnames(Vec<(String, String)>),
    /// `AddKeysToAgent`: the choice, and for how many seconds, where 0 is for ever.
    AgentKeys(&'static str, u32),
    /// `ProxyJump`; `None` is `none`.
    Jumps(Option<Jumps>),
}

/// What values are read with.
pub(crate) struct Reading<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) variables: Variables<'a>,
    pub(crate) service: &'a dyn Fn(&str) -> Option<u16>,
}

fn invalid(value: impl Into<String>, expected: &'static str) -> Problem {
    Problem::Invalid { value: value.into(), expected }
}

impl Reading<'_> {
    /// The value of a keyword of that kind; `line` is all that follows the keyword, `words` the same taken apart.
    /// Words that are not taken are left.
    pub(crate) fn value(&self, kind: Kind, line: &str, words: &mut Words) -> Result<Value, Problem> {
        match kind {
            Kind::Choice(choices) => {
                let word = words.required()?;
                choose(choices, &word).map(Value::Choice).ok_or_else(|| invalid(word, expected(choices)))
            }
            Kind::Number => number(words).map(Value::Number),
            Kind::Time => time(words).map(Value::Seconds),
            Kind::Text => words.required().map(Value::Text),
            Kind::Command | Kind::ProxyCommand => {
                words.consume();
                Ok(Value::Text(line.trim_start_matches([' ', '\t', '\r', '\n', '=']).to_owned()))
            }
            Kind::Files => self.limited(words.all_or(&["none"])?, MAXIMUM_ENTRIES).map(Value::Words),
            Kind::Algorithms(list) => {
                let text = words.required()?;
                self.catalogue.check(list, &text)?;
                Ok(Value::Text(text))
            }
            Kind::Port => {
                let word = words.required()?;
                let port = number::port(&word).or_else(|| (self.service)(&word)).filter(|port| *port != 0);
                port.map(|port| Value::Number(port.into())).ok_or_else(|| invalid(word, "a port"))
            }
            Kind::RekeyLimit => rekey_limit(words),
            Kind::IdentityFile | Kind::CertificateFile => words.required().map(Value::Text),
            Kind::LocalForward => self.forward(words, Direction::Local),
            Kind::RemoteForward => self.forward(words, Direction::Remote),
            Kind::DynamicForward => self.forward(words, Direction::Dynamic { remote: false }),
            Kind::PermitRemoteOpen => self.permit_remote_open(words),
            Kind::EscapeChar => escape_char(&words.required()?),
            Kind::SendEnv => {
                let names = self.limited(words.all()?, MAXIMUM_WORDS)?;
                match names.iter().find(|name| name.contains('=')) {
                    None => Ok(Value::Words(names)),
                    Some(name) => Err(invalid(name, "the name of a variable")),
                }
            }
            Kind::SetEnv => self.set_env(words),
            Kind::ControlPersist => control_persist(&words.required()?),
            Kind::TunnelDevice => tunnel_device(&words.required()?),
            // ssh(1) takes only the first one.
            Kind::LogVerbose => {
                let mut patterns = words.all_or(&["none"])?;
                patterns.truncate(1);
                Ok(Value::Words(patterns))
            }
            Kind::IpQos => ip_qos(words),
            Kind::CanonicalDomains => self.canonical_domains(words),
            Kind::PermittedCnames => self.permitted_cnames(words),
            Kind::Mask => mask(&words.required()?),
            Kind::AddKeysToAgent => add_keys_to_agent(words),
            Kind::IdentityAgent => self.agent_path(words.required()?),
            Kind::ForwardAgent => {
                let word = words.required()?;
                match choose(choice::FLAG, &word) {
                    Some(flag) => Ok(Value::Choice(flag)),
                    None => self.agent_path(word),
                }
            }
            Kind::ProxyJump => {
                words.consume();
                self.jumps(line)
            }
            Kind::KeystrokeTiming => keystroke_timing(&words.required()?),
            Kind::ChannelTimeout => self.channel_timeouts(words),
            Kind::Host | Kind::Match | Kind::Include => Err(Problem::OnlyInFiles),
        }
    }

    fn jumps(&self, line: &str) -> Result<Value, Problem> {
        let text = line.trim_start_matches([' ', '\t', '\r', '\n', '=']);
        if text.eq_ignore_ascii_case("none") {
            return Ok(Value::Jumps(None));
        }
        let jumps = Jumps::parse(text, self.service);
        jumps.map(|jumps| Value::Jumps(Some(jumps))).ok_or_else(|| {
            invalid(text, "a list of hosts, each as [user@]host[:port] or ssh://[user@]host[:port]")
        })
    }

    fn channel_timeouts(&self, words: &mut Words) -> Result<Value, Problem> {
        let rules = self.limited(words.all_or(&["none"])?, MAXIMUM_ENTRIES)?;
        let is_rule = |rule: &&String| {
            *rule == "none" || rule.split_once('=').is_some_and(|(_, time)| number::seconds(time).is_some())
        };
        match rules.iter().find(|rule| !is_rule(rule)) {
            None => Ok(Value::Words(rules)),
            Some(rule) => Err(invalid(rule, "a type of channel, =, and a time")),
        }
    }

    fn limited(&self, words: Vec<String>, maximum: usize) -> Result<Vec<String>, Problem> {
        if words.len() > maximum { Err(Problem::TooMany(maximum)) } else { Ok(words) }
    }

    fn forward(&self, words: &mut Words, direction: Direction) -> Result<Value, Problem> {
        let from = words.required()?;
        let (text, direction) = match (direction, words.next().filter(|word| !word.is_empty())) {
            (Direction::Dynamic { .. }, Some(extra)) => return Err(Problem::ExtraArgument(extra)),
            (Direction::Dynamic { .. }, None) => (from, direction),
            (_, Some(to)) => (format!("{from}:{to}"), direction),
            (Direction::Remote, None) => (from, Direction::Dynamic { remote: true }),
            (Direction::Local, None) => return Err(Problem::MissingArgument),
        };
        let expanded = expand_variables(&text, self.variables)?;
        let forward = Forward::parse(&expanded, direction, self.service);
        forward.map(Value::Forward).ok_or_else(|| invalid(text, "a forwarding"))
    }

    fn permit_remote_open(&self, words: &mut Words) -> Result<Value, Problem> {
        let places = self.limited(words.all_or(&["none", "any"])?, MAXIMUM_WORDS)?;
        if places.is_empty() {
            return Err(Problem::MissingArgument);
        }
        let is_place = |place: &&String| {
            if ["none", "any"].iter().any(|word| place.eq_ignore_ascii_case(word)) {
                return true;
            }
            let port = match place.strip_prefix('[') {
                Some(bracketed) => bracketed.split_once(']').and_then(|(_, after)| after.strip_prefix(':')),
                None => place.split_once(':').map(|(_, port)| port),
            };
            let port = port.filter(|port| *port != "0");
            port.is_some_and(|port| {
                port == "*" || number::port(port).or_else(|| (self.service)(port)).is_some()
            })
        };
        match places.iter().find(|place| !is_place(place)) {
            None => Ok(Value::Words(places)),
            Some(place) => Err(invalid(place, "a host and a port, or \"any\", or \"none\"")),
        }
    }

    /// The first value of a name counts.
    fn set_env(&self, words: &mut Words) -> Result<Value, Problem> {
        let mut variables: Vec<String> = Vec::new();
        let name_of = |variable: &str| variable.split_once('=').map(|(name, _)| name.to_owned());
        for word in self.limited(words.all()?, MAXIMUM_WORDS)? {
            let name = name_of(&word).ok_or_else(|| invalid(word.as_str(), "NAME=VALUE"))?;
            if !variables.iter().any(|other| name_of(other).as_ref() == Some(&name)) {
                variables.push(word);
            }
        }
        Ok(Value::Words(variables))
    }

    fn canonical_domains(&self, words: &mut Words) -> Result<Value, Problem> {
        let mut domains = self.limited(words.all_or(&["none"])?, MAXIMUM_ENTRIES)?;
        for domain in &mut domains {
            if !is_domain(domain) {
                return Err(invalid(domain.as_str(), "a domain"));
            }
            domain.make_ascii_lowercase();
            if domain.ends_with('.') {
                domain.pop();
            }
        }
        Ok(Value::Words(domains))
    }

    fn permitted_cnames(&self, words: &mut Words) -> Result<Value, Problem> {
        let mut rules = Vec::new();
        for word in self.limited(words.all_or(&["none"])?, MAXIMUM_ENTRIES)? {
            rules.push(if word.eq_ignore_ascii_case("none") {
                continue;
            } else if word == "*" {
                ("*".to_owned(), "*".to_owned())
            } else {
                let lower = word.to_ascii_lowercase();
                let rule = lower.split_once(':').filter(|(_, target)| !target.is_empty());
                let (from, to) = rule.ok_or_else(|| invalid(word, "a rule as domains:domains"))?;
                (from.to_owned(), to.to_owned())
            });
        }
        Ok(Value::PermittedCnames(rules))
    }

    /// A path, or the name of a variable that holds one.
    fn agent_path(&self, word: String) -> Result<Value, Problem> {
        expand_variables(&word, self.variables)?;
        if let Some(name) = word.strip_prefix('$').filter(|name| !name.starts_with('{')) {
            let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !is_name {
                return Err(Problem::BadVariable(word));
            }
        }
        Ok(Value::Text(word))
    }
}

/// How errors name the words of a list.
fn expected(choices: Choices) -> &'static str {
    match choices.first() {
        _ if std::ptr::eq(choices, choice::STRICT_HOST_KEY_CHECKING) => "yes, no, ask, accept-new or off",
        _ if std::ptr::eq(choices, choice::YES_NO_ASK) => "yes, no or ask",
        _ if std::ptr::eq(choices, choice::CANONICALIZE_HOSTNAME) => "yes, no or always",
        _ if std::ptr::eq(choices, choice::CONTROL_MASTER) => "yes, no, ask, auto or autoask",
        _ if std::ptr::eq(choices, choice::TUNNEL) => "yes, no, point-to-point or ethernet",
        _ if std::ptr::eq(choices, choice::REQUEST_TTY) => "yes, no, auto or force",
        _ if std::ptr::eq(choices, choice::PUBKEY_AUTHENTICATION) => "yes, no, unbound or host-bound",
        Some(("any", _)) => "any, inet or inet6",
        Some(("none", _)) => "none, subsystem or default",
        Some(("md5", _)) => "md5, sha1, sha256, sha384 or sha512",
        Some(("quiet", _)) => "QUIET, FATAL, ERROR, INFO, VERBOSE, DEBUG, DEBUG1, DEBUG2 or DEBUG3",
        Some(("daemon", _)) => "DAEMON, USER, AUTH, AUTHPRIV or LOCAL0 to LOCAL7",
        _ => "yes or no",
    }
}

fn number(words: &mut Words) -> Result<u32, Problem> {
    let word = words.required()?;
    number::number(&word).ok_or_else(|| invalid(word, "a number from 0 to 2147483647"))
}

fn time(words: &mut Words) -> Result<Option<u32>, Problem> {
    let word = words.required()?;
    if word == "none" {
        return Ok(None);
    }
    number::seconds(&word).map(Some).ok_or_else(|| invalid(word, "a time such as 90, 10m or 1h30m, or none"))
}

fn rekey_limit(words: &mut Words) -> Result<Value, Problem> {
    let word = words.required()?;
    let bytes = if word == "default" {
        0
    } else {
        // Below one block every packet would bring about an exchange.
        let bytes = number::bytes(&word).filter(|bytes| *bytes == 0 || *bytes >= 16);
        bytes.ok_or_else(|| invalid(word, "an amount of data of at least 16 bytes, such as 512M or 1G"))?
    };
    let seconds = match words.next() {
        None => None,
        Some(word) if word == "none" => None,
        Some(word) => Some(
            number::seconds(&word)
                .ok_or_else(|| invalid(word, "a time such as 90, 10m or 1h30m, or none"))?,
        ),
    };
    Ok(Value::RekeyLimit { bytes, seconds })
}

fn escape_char(word: &str) -> Result<Value, Problem> {
    match word.as_bytes() {
        b"none" => Ok(Value::EscapeChar(None)),
        [byte] => Ok(Value::EscapeChar(Some(*byte))),
        [b'^', letter] if (64..128).contains(letter) => Ok(Value::EscapeChar(Some(letter & 31))),
        _ => Err(invalid(word, "a character, ^ and a letter, or none")),
    }
}

fn control_persist(word: &str) -> Result<Value, Problem> {
    match word {
        "yes" | "true" => Ok(Value::Choice("yes")),
        "no" | "false" => Ok(Value::Choice("no")),
        word => match number::seconds(word) {
            Some(0) => Ok(Value::Choice("yes")),
            Some(seconds) => Ok(Value::Seconds(Some(seconds))),
            None => Err(invalid(word, "yes, no or a time")),
        },
    }
}

fn tunnel_device(word: &str) -> Result<Value, Problem> {
    let unit = |text: &str| match text {
        "any" => Some(None),
        text => number::number(text).filter(|unit| *unit < 0x7fff_fffd).map(Some),
    };
    let ends = match word.split_once(':') {
        Some((here, there)) => unit(here).zip(unit(there)),
        None => unit(word).map(|here| (here, None)),
    };
    let (here, there) = ends.ok_or_else(|| invalid(word, "the numbers of devices as here:there"))?;
    Ok(Value::TunnelDevice(here, there))
}

fn ip_qos(words: &mut Words) -> Result<Value, Problem> {
    let quality = |word: String| {
        quality_of_service(&word)
            .ok_or_else(|| invalid(word, "a class such as af21, a number to 255, or none"))
    };
    let interactive = quality(words.required()?)?;
    let bulk = words.next().map(quality).transpose()?.unwrap_or(interactive);
    Ok(Value::Quality(interactive, bulk))
}

fn mask(word: &str) -> Result<Value, Problem> {
    let digits = word.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    let mask = u32::from_str_radix(word, 8).ok().filter(|mask| digits && *mask <= 0o777);
    mask.map(Value::Number).ok_or_else(|| invalid(word, "permissions from 0 to 0777"))
}

fn add_keys_to_agent(words: &mut Words) -> Result<Value, Problem> {
    let word = words.required()?;
    let seconds = |word: &str| number::seconds(word).ok_or_else(|| invalid(word, "a time"));
    match (choose(choice::ADD_KEYS_TO_AGENT, &word), words.next()) {
        (Some("confirm"), Some(time)) => Ok(Value::AgentKeys("confirm", seconds(&time)?)),
        (Some(choice), None) => Ok(Value::AgentKeys(choice, 0)),
        (Some(_), Some(extra)) => Err(Problem::ExtraArgument(extra)),
        (None, None) => match number::seconds(&word) {
            Some(seconds) => Ok(Value::AgentKeys("true", seconds)),
            None => Err(invalid(word, "yes, no, ask, confirm or a time")),
        },
        (None, Some(_)) => Err(invalid(word, "yes, no, ask, confirm or a time")),
    }
}

fn keystroke_timing(word: &str) -> Result<Value, Problem> {
    match word {
        "yes" | "true" => Ok(Value::Choice("yes")),
        "no" | "false" => Ok(Value::Choice("no")),
        word => {
            let interval = word.strip_prefix("interval:").and_then(number::number);
            let interval = interval.filter(|interval| (1..=1000).contains(interval));
            interval.map(Value::Number).ok_or_else(|| invalid(word, "yes, no or interval: and 1 to 1000"))
        }
    }
}

#[cfg(test)]
mod tests;
