//! Requests of the peer (RFC 4254 §4, §5.4, §6): the questions the application has to answer, and what those on a
//! channel mean. Whether to grant them is not decided here.

use crate::identifier::ChannelId;
use bytes::Bytes;
use konko_wire::decode::DecodeError;
use konko_wire::message::channel::{
    AuthAgentReq, Break, Env, Eow, Exec, ExitSignal, ExitStatus, PtyReq, Shell, Signal, Subsystem,
    WindowChange, X11Req, XonXoff,
};
use konko_wire::terminal_modes::TerminalModes;

/// The name of the agent request in RFC 9987.
const AGENT_REQ: &str = "agent-req";
/// OpenSSH's question whether anybody is there, asked of a channel.
const KEEPALIVE: &str = "keepalive@openssh.com";

/// A request of the peer. If [`want_reply`](Self::want_reply) says so it must be answered, or later answers wait
/// behind it.
#[derive(Debug)]
#[must_use = "a request that wants a reply must be answered"]
pub struct ChannelRequestQuestion {
    pub(crate) channel: ChannelId,
    /// Its place among the replies we owe, if it wants one.
    pub(crate) sequence: Option<u64>,
    pub(crate) request_type: String,
    pub(crate) body: Bytes,
}

impl ChannelRequestQuestion {
    /// The channel it was asked on.
    pub const fn channel(&self) -> ChannelId {
        self.channel
    }

    /// The request's name.
    pub fn request_type(&self) -> &str {
        &self.request_type
    }

    /// Whether the peer waits for an answer.
    pub const fn want_reply(&self) -> bool {
        self.sequence.is_some()
    }

    /// The part that depends on the name.
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// What it means. A malformed body is an error; the request is then to be refused.
    pub fn parse(&self) -> Result<ChannelRequest<'_>, DecodeError> {
        ChannelRequest::decode(&self.request_type, &self.body)
    }
}

/// A global request of the peer (RFC 4254 §4). If [`want_reply`](Self::want_reply) says so it must be answered, or
/// later answers wait behind it. The bodies of known names are in `konko_wire::message::global`.
#[derive(Debug)]
#[must_use = "a request that wants a reply must be answered"]
pub struct GlobalQuestion {
    /// Its place among the replies we owe, if it wants one.
    pub(crate) sequence: Option<u64>,
    pub(crate) request_name: String,
    pub(crate) body: Bytes,
}

impl GlobalQuestion {
    /// The request's name.
    pub fn request_name(&self) -> &str {
        &self.request_name
    }

    /// Whether the peer waits for an answer.
    pub const fn want_reply(&self) -> bool {
        self.sequence.is_some()
    }

    /// The part that depends on the name.
    pub const fn body(&self) -> &Bytes {
        &self.body
    }
}

/// The requests on a channel that are known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelRequest<'a> {
    /// `pty-req`, with its terminal modes decoded.
    Pty(PtyReq<'a>, TerminalModes),
    /// `x11-req`.
    X11(X11Req<'a>),
    /// `env`.
    Env(Env<'a>),
    /// `shell`.
    Shell,
    /// `exec`.
    Exec(Exec<'a>),
    /// `subsystem`.
    Subsystem(Subsystem<'a>),
    /// `window-change`.
    WindowChange(WindowChange),
    /// `xon-xoff`.
    XonXoff(XonXoff),
    /// `signal`.
    Signal(Signal<'a>),
    /// `break` (RFC 4335).
    Break(Break),
    /// `exit-status`.
    ExitStatus(ExitStatus),
    /// `exit-signal`.
    ExitSignal(ExitSignal<'a>),
    /// `eow@openssh.com`: the peer wants no more data.
    Eow,
    /// `auth-agent-req@openssh.com`, or `agent-req` of RFC 9987.
    AuthAgent,
    /// `keepalive@openssh.com`: any answer will do.
    Keepalive,
    /// Anything else.
    Other,
}

impl<'a> ChannelRequest<'a> {
    /// The meaning of a request by its name and body.
    pub fn decode(request_type: &str, body: &'a [u8]) -> Result<Self, DecodeError> {
        Ok(match request_type {
            PtyReq::NAME => {
                let request = PtyReq::decode(body)?;
                let modes = TerminalModes::decode(request.encoded_terminal_modes)?;
                Self::Pty(request, modes)
            }
            X11Req::NAME => Self::X11(X11Req::decode(body)?),
            Env::NAME => Self::Env(Env::decode(body)?),
            Shell::NAME => Shell::decode(body).map(|Shell {}| Self::Shell)?,
            Exec::NAME => Self::Exec(Exec::decode(body)?),
            Subsystem::NAME => Self::Subsystem(Subsystem::decode(body)?),
            WindowChange::NAME => Self::WindowChange(WindowChange::decode(body)?),
            XonXoff::NAME => Self::XonXoff(XonXoff::decode(body)?),
            Signal::NAME => Self::Signal(Signal::decode(body)?),
            Break::NAME => Self::Break(Break::decode(body)?),
            ExitStatus::NAME => Self::ExitStatus(ExitStatus::decode(body)?),
            ExitSignal::NAME => Self::ExitSignal(ExitSignal::decode(body)?),
            Eow::NAME => Eow::decode(body).map(|Eow {}| Self::Eow)?,
            AuthAgentReq::NAME | AGENT_REQ => {
                AuthAgentReq::decode(body).map(|AuthAgentReq {}| Self::AuthAgent)?
            }
            KEEPALIVE => Self::Keepalive,
            _ => Self::Other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use konko_wire::encode::Encode;

    /// covers: H11
    #[test]
    fn exit_messages_of_the_wrong_size_are_errors() {
        for len in [0, 1, 2, 3, 5] {
            assert!(ChannelRequest::decode("exit-status", &vec![0; len]).is_err(), "{len} bytes");
        }
        assert_eq!(
            ChannelRequest::decode("exit-status", &[0, 0, 0, 7]),
            Ok(ChannelRequest::ExitStatus(ExitStatus { exit_status: 7 }))
        );
        let long = vec![b'X'; 256 * 1024];
        let body = ExitSignal {
            signal_name: &long,
            core_dumped: false,
            error_message: b"\x1b[2J",
            language_tag: b"",
        };
        let encoded = body.to_vec();
        assert_eq!(ChannelRequest::decode("exit-signal", &encoded), Ok(ChannelRequest::ExitSignal(body)));
        for cut in 0..64 {
            assert!(ChannelRequest::decode("exit-signal", &encoded[..cut]).is_err());
        }
    }

    /// covers: H12
    #[test]
    fn a_terminal_with_too_many_modes_is_refused() {
        let pty = |modes: &[u8]| {
            PtyReq {
                term: b"../../x",
                width_columns: 0,
                height_rows: u32::MAX,
                width_pixels: 0,
                height_pixels: 0,
                encoded_terminal_modes: modes,
            }
            .to_vec()
        };
        assert!(matches!(ChannelRequest::decode("pty-req", &pty(&[0])), Ok(ChannelRequest::Pty(..))));
        let many = [1u8, 0, 0, 0, 0].repeat(51_000);
        assert_eq!(ChannelRequest::decode("pty-req", &pty(&many)), Err(DecodeError::TooMany));
        assert_eq!(ChannelRequest::decode("pty-req", &pty(&[1, 0])), Err(DecodeError::Truncated));
    }

    #[test]
    fn names_without_a_body_tolerate_none_and_unknown_names_are_other() {
        assert_eq!(ChannelRequest::decode("shell", b""), Ok(ChannelRequest::Shell));
        assert_eq!(ChannelRequest::decode("shell", b"x"), Err(DecodeError::TrailingBytes));
        assert_eq!(ChannelRequest::decode("agent-req", b""), Ok(ChannelRequest::AuthAgent));
        assert_eq!(ChannelRequest::decode("SHELL", b"x"), Ok(ChannelRequest::Other));
    }
}
