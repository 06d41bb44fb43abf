//! What a line says of who logs in with its key: the options of authorized_keys (sshd(8)).

use crate::forward_permission::ForwardPermission;
use crate::option_list::{RawOption, split_options};
use crate::timestamp::Timestamp;
use konko_pattern::address::{AddressListError, HostList};

/// How many variables, and how many permissions of one kind, a line may have.
const MOST_OF_A_KIND: usize = 1024;
/// The largest number of a tunnel device.
const LARGEST_TUNNEL: u32 = 0x7fff_fffe;

/// Which tunnel device is used on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TunnelDevice {
    /// The next one that is free.
    Any,
    /// This one.
    Number(u32),
}

/// Why the options of a line are not used. Whoever wrote the line is to blame; it lets nobody in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionError {
    /// Quotes that are not closed, a value without quotes, or an empty name.
    #[error("the options are malformed")]
    Malformed,
    /// An option that this library does not know, or one with a value that it must not have, or without one that it
    /// must.
    #[error("the option {name:?} is not known in this form")]
    Unknown {
        /// Its name, in lower case.
        name: String,
    },
    /// An option that may stand once stands twice.
    #[error("the option {name:?} stands twice")]
    Twice {
        /// Its name.
        name: &'static str,
    },
    /// More than 1024 of one kind.
    #[error("there are more than 1024 options {name:?}")]
    TooMany {
        /// Its name.
        name: &'static str,
    },
    /// A value that the option cannot have.
    #[error("the option {name:?} cannot have this value")]
    Value {
        /// Its name.
        name: &'static str,
    },
    /// The list of `from` means nothing.
    #[error("the option \"from\": {0}")]
    From(AddressListError),
}

/// The options of a line, all of them. [`Default`] is a line without options.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyOptions {
    /// `cert-authority`: the key signs certificates, and does not log in itself.
    pub cert_authority: bool,
    /// `command`: what runs in place of whatever is asked for.
    pub command: Option<String>,
    /// `environment`: variables, the first of a name counts.
    pub environment: Vec<(String, String)>,
    /// `expiry-time`: when the key ceases to be accepted; all must lie ahead.
    pub expiry_times: Vec<Timestamp>,
    /// `from`: where the peer must be.
    pub from: Option<HostList>,
    /// `permitopen`: where connections may be opened to; anywhere if it is empty.
    pub permit_open: Vec<ForwardPermission>,
    /// `permitlisten`: where may be listened; anywhere if it is empty.
    pub permit_listen: Vec<ForwardPermission>,
    /// `principals`: the names of which a certificate must have one, in place of the user's name.
    pub principals: Option<Vec<String>>,
    /// `tunnel`: the tunnel device.
    pub tunnel: Option<TunnelDevice>,
    /// Whether the agent may be forwarded. Default: yes.
    pub agent_forwarding: bool,
    /// Whether ports and sockets may be forwarded. Default: yes.
    pub port_forwarding: bool,
    /// Whether there may be a terminal. Default: yes.
    pub pty: bool,
    /// Whether `~/.ssh/rc` runs. Default: yes.
    pub user_rc: bool,
    /// Whether X11 may be forwarded. Default: yes.
    pub x11_forwarding: bool,
    /// `no-touch-required`: a security key need not have been touched.
    pub no_touch_required: bool,
    /// `verify-required`: a security key must have verified its user, by a PIN or otherwise.
    pub verify_required: bool,
}

impl Default for KeyOptions {
    fn default() -> Self {
        Self {
            cert_authority: false,
            command: None,
            environment: Vec::new(),
            expiry_times: Vec::new(),
            from: None,
            permit_open: Vec::new(),
            permit_listen: Vec::new(),
            principals: None,
            tunnel: None,
            agent_forwarding: true,
            port_forwarding: true,
            pty: true,
            user_rc: true,
            x11_forwarding: true,
            no_touch_required: false,
            verify_required: false,
        }
    }
}

impl KeyOptions {
    /// Reads a list of options. Names are the same in upper and lower case. They count in their order: after
    /// `restrict`, `pty` allows terminals again.
    ///
    /// # Errors
    ///
    /// [`OptionError`]: a line with anything that is not understood must not be used.
    pub fn parse(text: &str) -> Result<Self, OptionError> {
        let mut options = Self::default();
        for option in split_options(text).ok_or(OptionError::Malformed)? {
            options.take(option)?;
        }
        Ok(options)
    }

    fn take(&mut self, (name, value): RawOption) -> Result<(), OptionError> {
        match value {
            None => self.take_switch(&name),
            Some(value) => self.take_value(&name, value),
        }
    }

    fn take_switch(&mut self, name: &str) -> Result<(), OptionError> {
        match name {
            "cert-authority" => self.cert_authority = true,
            "restrict" => {
                self.agent_forwarding = false;
                self.port_forwarding = false;
                self.pty = false;
                self.user_rc = false;
                self.x11_forwarding = false;
            }
            _ => {
                let (positive, yes) = match name.strip_prefix("no-") {
                    Some(positive) => (positive, false),
                    None => (name, true),
                };
                match positive {
                    "agent-forwarding" => self.agent_forwarding = yes,
                    "port-forwarding" => self.port_forwarding = yes,
                    "pty" => self.pty = yes,
                    "user-rc" => self.user_rc = yes,
                    "x11-forwarding" => self.x11_forwarding = yes,
                    "touch-required" => self.no_touch_required = !yes,
                    "verify-required" => self.verify_required = yes,
                    _ => return Err(OptionError::Unknown { name: name.to_owned() }),
                }
            }
        }
        Ok(())
    }

    fn take_value(&mut self, name: &str, value: String) -> Result<(), OptionError> {
        match name {
            "command" => once(&mut self.command, "command", value),
            "principals" => {
                let names: Vec<_> = value.split(',').map(str::to_owned).collect();
                if names.iter().any(String::is_empty) {
                    return Err(OptionError::Value { name: "principals" });
                }
                once(&mut self.principals, "principals", names)
            }
            "from" => once(&mut self.from, "from", HostList::parse(&value).map_err(OptionError::From)?),
            "expiry-time" => {
                let time =
                    Timestamp::parse(&value).map_err(|_| OptionError::Value { name: "expiry-time" })?;
                push(&mut self.expiry_times, "expiry-time", time)
            }
            "environment" => {
                let (variable, value) =
                    parse_variable(&value).ok_or(OptionError::Value { name: "environment" })?;
                if self.environment.iter().any(|(other, _)| other == variable) {
                    return Ok(());
                }
                push(&mut self.environment, "environment", (variable.to_owned(), value.to_owned()))
            }
            "permitopen" => {
                let permission =
                    ForwardPermission::parse_open(&value).ok_or(OptionError::Value { name: "permitopen" })?;
                push(&mut self.permit_open, "permitopen", permission)
            }
            "permitlisten" => {
                let permission = ForwardPermission::parse_listen(&value)
                    .ok_or(OptionError::Value { name: "permitlisten" })?;
                push(&mut self.permit_listen, "permitlisten", permission)
            }
            "tunnel" => {
                let device = parse_tunnel(&value).ok_or(OptionError::Value { name: "tunnel" })?;
                once(&mut self.tunnel, "tunnel", device)
            }
            _ => Err(OptionError::Unknown { name: name.to_owned() }),
        }
    }
}

fn once<T>(slot: &mut Option<T>, name: &'static str, value: T) -> Result<(), OptionError> {
    if slot.is_some() {
        return Err(OptionError::Twice { name });
    }
    *slot = Some(value);
    Ok(())
}

fn push<T>(list: &mut Vec<T>, name: &'static str, value: T) -> Result<(), OptionError> {
    if list.len() >= MOST_OF_A_KIND {
        return Err(OptionError::TooMany { name });
    }
    list.push(value);
    Ok(())
}

/// `NAME=value`, where the name has letters, digits and `_`.
fn parse_variable(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once('=')?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (!name.is_empty() && name.bytes().all(is_name)).then_some((name, value))
}

fn parse_tunnel(text: &str) -> Option<TunnelDevice> {
    if text.eq_ignore_ascii_case("any") {
        return Some(TunnelDevice::Any);
    }
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number: u32 = if digits { text.parse().ok()? } else { return None };
    (number <= LARGEST_TUNNEL).then_some(TunnelDevice::Number(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward_permission::PortPattern;

    fn parse(text: &str) -> Result<KeyOptions, OptionError> {
        KeyOptions::parse(text)
    }

    /// covers: L09
    #[test]
    fn restrict_takes_all_and_later_options_give_back() {
        let restricted = parse("restrict").expect("options");
        let switches = |options: &KeyOptions| {
            let KeyOptions { agent_forwarding, port_forwarding, pty, user_rc, x11_forwarding, .. } = options;
            [*agent_forwarding, *port_forwarding, *pty, *user_rc, *x11_forwarding]
        };
        assert_eq!(switches(&restricted), [false; 5]);
        assert_eq!(switches(&KeyOptions::default()), [true; 5]);
        let back = parse("restrict,PTY,agent-forwarding,X11-forwarding").expect("options");
        assert_eq!(switches(&back), [true, false, true, false, true]);
        // The order counts.
        assert!(!parse("pty,restrict").expect("options").pty);
        assert!(!parse("pty,no-pty").expect("options").pty);
        let none = parse("no-agent-forwarding,no-port-forwarding,no-pty,no-user-rc,no-X11-forwarding");
        assert_eq!(switches(&none.expect("options")), [false; 5]);
        let sk = parse("no-touch-required,verify-required").expect("options");
        assert!(sk.no_touch_required && sk.verify_required);
    }

    /// covers: L09, L10
    #[test]
    fn values() {
        let options = parse(concat!(
            r#"cert-authority,command="echo \"a, b\" \n",environment="A=1",environment="B_2=x=y","#,
            r#"environment="A=2",expiry-time="20300101Z",expiry-time="20310101",from="*.example,!x","#,
            r#"permitopen="a:1",permitopen="[::1]:*",permitlisten="8080",permitlisten="*:1","#,
            r#"principals="a,b",tunnel="3""#
        ))
        .expect("options");
        assert!(options.cert_authority);
        assert_eq!(options.command.as_deref(), Some(r#"echo "a, b" \n"#));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(options.environment, [pair("A", "1"), pair("B_2", "x=y")]);
        assert_eq!(options.expiry_times.len(), 2);
        assert_eq!(options.from.as_ref().map(HostList::as_str), Some("*.example,!x"));
        assert_eq!(options.permit_open.len(), 2);
        assert_eq!(options.permit_open[1].port, PortPattern::Any);
        assert_eq!(options.permit_listen[0].host, "*");
        assert_eq!(options.principals, Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(options.tunnel, Some(TunnelDevice::Number(3)));
        assert_eq!(parse(r#"tunnel="any""#).map(|options| options.tunnel), Ok(Some(TunnelDevice::Any)));
        assert_eq!(parse(r#"command="""#).map(|options| options.command), Ok(Some(String::new())));
    }

    /// covers: L09, L10
    #[test]
    fn whatever_is_not_understood_refuses_the_line() {
        let unknown = |name: &str| Err(OptionError::Unknown { name: name.to_owned() });
        assert_eq!(parse("not-known"), unknown("not-known"));
        assert_eq!(parse(r#"Not-Known="x",pty"#), unknown("not-known"));
        assert_eq!(parse("command"), unknown("command"));
        assert_eq!(parse(r#"no-pty="x""#), unknown("no-pty"));
        assert_eq!(parse("no-no-pty"), unknown("no-no-pty"));
        assert_eq!(parse("no-restrict"), unknown("no-restrict"));
        assert_eq!(parse(r#"zos-key-ring-label="a/b c""#), unknown("zos-key-ring-label"));
        let malformed = [
            "",
            r#"command="open"#,
            r#"command="open\""#,
            "command=echo",
            r#"command="a"b"#,
            r#"command="a""b""#,
            ",restrict",
            "restrict,",
            "restrict,,no-pty",
            r#"="x""#,
            "no pty",
            "no_pty",
        ];
        for text in malformed {
            assert_eq!(parse(text), Err(OptionError::Malformed), "{text}");
        }
        let twice = [
            (r#"command="a",COMMAND="a""#, "command"),
            (r#"from="a",from="a""#, "from"),
            (r#"principals="a",principals="a""#, "principals"),
            (r#"tunnel="1",tunnel="2""#, "tunnel"),
        ];
        for (text, name) in twice {
            assert_eq!(parse(text), Err(OptionError::Twice { name }), "{text}");
        }
        let values = [
            (r#"expiry-time="x""#, "expiry-time"),
            (r#"expiry-time="20240230""#, "expiry-time"),
            (r#"environment="A""#, "environment"),
            (r#"environment="=x""#, "environment"),
            (r#"environment="A-B=x""#, "environment"),
            (r#"permitopen="80""#, "permitopen"),
            (r#"permitopen="a:0""#, "permitopen"),
            (r#"permitlisten="a:65536""#, "permitlisten"),
            (r#"principals="a,,b""#, "principals"),
            (r#"principals="""#, "principals"),
            (r#"tunnel="2147483647""#, "tunnel"),
            (r#"tunnel="-1""#, "tunnel"),
        ];
        for (text, name) in values {
            assert_eq!(parse(text), Err(OptionError::Value { name }), "{text}");
        }
        assert_eq!(parse(r#"from="192.0.2.1/8""#), Err(OptionError::From(AddressListError::Mask)));
        assert_eq!(parse(r#"from="""#), Err(OptionError::From(AddressListError::Empty)));
        let many = vec![r#"permitopen="a:1""#; MOST_OF_A_KIND + 1].join(",");
        assert_eq!(parse(&many), Err(OptionError::TooMany { name: "permitopen" }));
    }
}
