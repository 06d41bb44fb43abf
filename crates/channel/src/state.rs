//! The states of a channel (RFC 4254 §5.1, §5.3) as one table: what may arrive, what may depart, and what follows.
//! Windows, data and replies are not here.

/// How much of a direction is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// Data may flow.
    Open,
    /// EOF has been sent; other messages may follow.
    Eof,
    /// CLOSE has been sent; nothing follows.
    Closed,
}

/// The states of a channel.
///
/// ```text
///   we open ──> Opening ──91──────────────> Running(Open, Open) <── we accept
///                 │  └────92──────────────> Running(Closed, Closed)
///          our close
///                 v
///             Abandoned ──91, send CLOSE──> Running(Closed, Open)
///                    └────92──────────────> Running(Closed, Closed)
///
///   Running(send, receive), each half:  Open ──EOF──> Eof ──CLOSE──> Closed
///                                         └────────────CLOSE───────────^
///   The peer's CLOSE closes both halves; ours closes the sending half.
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelState {
    /// We asked for it and the peer has not answered.
    Opening,
    /// As before, but the application does not want it any more.
    Abandoned,
    /// It is or was open.
    Running {
        /// What we may send.
        send: Half,
        /// What the peer may send.
        receive: Half,
    },
}

/// What the peer sends about a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// SSH_MSG_CHANNEL_OPEN_CONFIRMATION.
    OpenConfirmation,
    /// SSH_MSG_CHANNEL_OPEN_FAILURE.
    OpenFailure,
    /// SSH_MSG_CHANNEL_WINDOW_ADJUST.
    WindowAdjust,
    /// SSH_MSG_CHANNEL_DATA, SSH_MSG_CHANNEL_EXTENDED_DATA.
    Data,
    /// SSH_MSG_CHANNEL_EOF.
    Eof,
    /// SSH_MSG_CHANNEL_CLOSE.
    Close,
    /// SSH_MSG_CHANNEL_REQUEST.
    Request,
    /// SSH_MSG_CHANNEL_SUCCESS, SSH_MSG_CHANNEL_FAILURE.
    Reply,
}

/// What we send about a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// SSH_MSG_CHANNEL_WINDOW_ADJUST.
    WindowAdjust,
    /// SSH_MSG_CHANNEL_DATA, SSH_MSG_CHANNEL_EXTENDED_DATA.
    Data,
    /// SSH_MSG_CHANNEL_EOF.
    Eof,
    /// SSH_MSG_CHANNEL_CLOSE.
    Close,
    /// SSH_MSG_CHANNEL_REQUEST.
    Request,
    /// SSH_MSG_CHANNEL_SUCCESS, SSH_MSG_CHANNEL_FAILURE.
    Reply,
}

/// What to do with a message that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Act on it.
    Take,
    /// It crossed our CLOSE or follows the peer's EOF: do nothing. Data counts against the window.
    Ignore,
    /// The peer broke the protocol.
    Violation(&'static str),
}

impl ChannelState {
    /// Open in both directions.
    pub const OPEN: Self = Self::Running { send: Half::Open, receive: Half::Open };
    /// Closed in both directions.
    pub const CLOSED: Self = Self::Running { send: Half::Closed, receive: Half::Closed };

    /// What follows from a message of the peer.
    pub const fn arrive(self, arrival: Arrival) -> (Self, Verdict) {
        match (self, arrival) {
            (Self::Opening, Arrival::OpenConfirmation) => (Self::OPEN, Verdict::Take),
            (Self::Abandoned, Arrival::OpenConfirmation) => {
                (Self::Running { send: Half::Closed, receive: Half::Open }, Verdict::Take)
            }
            (Self::Opening | Self::Abandoned, Arrival::OpenFailure) => (Self::CLOSED, Verdict::Take),
            (Self::Opening | Self::Abandoned, _) => {
                (self, Verdict::Violation("a message for a channel whose open it has not confirmed"))
            }
            (Self::Running { .. }, Arrival::OpenConfirmation | Arrival::OpenFailure) => {
                (self, Verdict::Violation("an answer to an open that is answered already"))
            }
            (Self::Running { receive: Half::Closed, .. }, _) => {
                (self, Verdict::Violation("a message for a channel it has closed"))
            }
            // RFC 4254 §5.3: "Upon receiving this message, a party MUST send back an SSH_MSG_CHANNEL_CLOSE
            // unless it has already sent this message for the channel."
            (Self::Running { .. }, Arrival::Close) => (Self::CLOSED, Verdict::Take),
            (Self::Running { .. }, Arrival::Reply) => (self, Verdict::Take),
            (Self::Running { send: Half::Closed, .. }, Arrival::Eof) => {
                (Self::Running { send: Half::Closed, receive: Half::Eof }, Verdict::Ignore)
            }
            (
                Self::Running { send: Half::Closed, .. },
                Arrival::Data | Arrival::WindowAdjust | Arrival::Request,
            ) => (self, Verdict::Ignore),
            (Self::Running { receive: Half::Eof, .. }, Arrival::Data | Arrival::Eof) => {
                (self, Verdict::Ignore)
            }
            (Self::Running { send, receive: Half::Open }, Arrival::Eof) => {
                (Self::Running { send, receive: Half::Eof }, Verdict::Take)
            }
            (Self::Running { .. }, Arrival::Data | Arrival::WindowAdjust | Arrival::Request) => {
                (self, Verdict::Take)
            }
        }
    }

    /// What follows from a message of ours: `None` if it must not be sent.
    pub const fn depart(self, departure: Departure) -> Option<Self> {
        match (self, departure) {
            (Self::Opening | Self::Abandoned, _) | (Self::Running { send: Half::Closed, .. }, _) => None,
            (Self::Running { receive, .. }, Departure::Close) => {
                Some(Self::Running { send: Half::Closed, receive })
            }
            (Self::Running { send: Half::Open, receive }, Departure::Eof) => {
                Some(Self::Running { send: Half::Eof, receive })
            }
            // RFC 4254 §5.3: "No explicit response is sent to this message", and no more data may follow it.
            (Self::Running { send: Half::Eof, .. }, Departure::Data | Departure::Eof) => None,
            // Credit is of no use to a peer that has no more data.
            (Self::Running { receive: Half::Eof | Half::Closed, .. }, Departure::WindowAdjust) => None,
            (
                Self::Running { .. },
                Departure::WindowAdjust | Departure::Data | Departure::Request | Departure::Reply,
            ) => Some(self),
        }
    }

    /// What follows when the application wants no more of a channel that is not open yet.
    pub const fn abandon(self) -> Self {
        match self {
            Self::Opening | Self::Abandoned => Self::Abandoned,
            Self::Running { .. } => self,
        }
    }

    /// Whether no answer to our open has come.
    pub const fn is_opening(self) -> bool {
        matches!(self, Self::Opening | Self::Abandoned)
    }

    /// Whether neither side holds it any more.
    pub const fn is_closed(self) -> bool {
        matches!(self, Self::CLOSED)
    }

    /// Whether data can still arrive and be kept.
    pub const fn receives_data(self) -> bool {
        match self {
            Self::Opening => true,
            Self::Abandoned => false,
            Self::Running { send, receive } => matches!(receive, Half::Open) && !matches!(send, Half::Closed),
        }
    }

    /// Whether data can be sent, now or once the open is confirmed.
    pub const fn sends_data(self) -> bool {
        matches!(self, Self::Opening) || self.depart(Departure::Data).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ChannelState::{Abandoned, Opening, Running};
    use Half::{Closed, Eof, Open};

    fn states() -> Vec<ChannelState> {
        let mut states = vec![Opening, Abandoned];
        for send in [Open, Eof, Closed] {
            for receive in [Open, Eof, Closed] {
                states.push(Running { send, receive });
            }
        }
        states
    }

    fn letter(half: Half) -> char {
        match half {
            Open => 'o',
            Eof => 'e',
            Closed => 'c',
        }
    }

    fn name(state: ChannelState) -> String {
        match state {
            Opening => "..".into(),
            Abandoned => "!!".into(),
            Running { send, receive } => [letter(send), letter(receive)].iter().collect(),
        }
    }

    /// Every state × message of the peer. `+` take, `-` ignore, `!` violation, then the state that follows if it
    /// is another. covers: H06 H16
    #[test]
    fn every_arrival_in_every_state() {
        let arrivals = [
            Arrival::OpenConfirmation,
            Arrival::OpenFailure,
            Arrival::WindowAdjust,
            Arrival::Data,
            Arrival::Eof,
            Arrival::Close,
            Arrival::Request,
            Arrival::Reply,
        ];
        let mut found = String::new();
        for state in states() {
            found += &name(state);
            for arrival in arrivals {
                let (next, verdict) = state.arrive(arrival);
                found += match verdict {
                    Verdict::Take => " +",
                    Verdict::Ignore => " -",
                    Verdict::Violation(_) => " !",
                };
                if next != state {
                    found += &name(next);
                }
            }
            found += "\n";
        }
        let expected = "\
.. +oo +cc ! ! ! ! ! !
!! +co +cc ! ! ! ! ! !
oo ! ! + + +oe +cc + +
oe ! ! + - - +cc + +
oc ! ! ! ! ! ! ! !
eo ! ! + + +ee +cc + +
ee ! ! + - - +cc + +
ec ! ! ! ! ! ! ! !
co ! ! - - -ce +cc - +
ce ! ! - - - +cc - +
cc ! ! ! ! ! ! ! !
";
        assert_eq!(found, expected);
    }

    /// Every state × message of ours: `x` forbidden, else the state that follows. covers: H16
    #[test]
    fn every_departure_in_every_state() {
        let departures = [
            Departure::WindowAdjust,
            Departure::Data,
            Departure::Eof,
            Departure::Close,
            Departure::Request,
            Departure::Reply,
        ];
        let mut found = String::new();
        for state in states() {
            found += &name(state);
            for departure in departures {
                found += " ";
                found += &state.depart(departure).map_or("x".into(), name);
            }
            found += "\n";
        }
        let expected = "\
.. x x x x x x
!! x x x x x x
oo oo oo eo co oo oo
oe x oe ee ce oe oe
oc x oc ec cc oc oc
eo eo x x co eo eo
ee x x x ce ee ee
ec x x x cc ec ec
co x x x x x x
ce x x x x x x
cc x x x x x x
";
        assert_eq!(found, expected);
    }
}
