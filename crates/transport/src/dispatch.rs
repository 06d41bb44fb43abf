//! One table: which layer a message goes to, by its number, the receiver's role and the connection's phase.
//!
//! Messages of the transport layer itself (1–4, 7, 8, 20–49) never come here: the packet protocol has served
//! or refused them.

/// Which side receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A client.
    Client,
    /// A server.
    Server,
}

/// How far the connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The first key exchange is under way.
    KeyExchange,
    /// Keys are in use, no service is running.
    Service,
    /// `ssh-userauth` is running.
    Authentication,
    /// `ssh-connection` is running.
    Connection,
    /// The connection has ended.
    Ended,
}

impl Phase {
    /// In words, for errors.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::KeyExchange => "during the first key exchange",
            Self::Service => "before a service was requested",
            Self::Authentication => "before authentication was complete",
            Self::Connection => "after authentication",
            Self::Ended => "after the end of the connection",
        }
    }
}

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// SERVICE_REQUEST or SERVICE_ACCEPT.
    Service,
    /// The authentication protocol.
    Auth,
    /// The connection protocol.
    Channels,
    /// To be answered with a pong.
    Ping,
    /// An answer to a ping.
    Pong,
    /// Dropped, within a budget.
    Ignore,
    /// Answered with UNIMPLEMENTED.
    Unimplemented,
    /// Ends the connection.
    Violation,
}

/// The route of message `number`.
pub const fn route(role: Role, phase: Phase, number: u8) -> Route {
    match (phase, number) {
        (Phase::Ended, _) => Route::Ignore,
        (Phase::KeyExchange, _) | (_, 0) => Route::Violation,
        (Phase::Service, 5) if matches!(role, Role::Server) => Route::Service,
        (Phase::Service, 6) if matches!(role, Role::Client) => Route::Service,
        (_, 5 | 6) => Route::Violation,
        (_, 54..=59) => Route::Unimplemented,
        (Phase::Service, _) => Route::Violation,
        (Phase::Authentication, 50 | 61) if matches!(role, Role::Server) => Route::Auth,
        (Phase::Authentication, 51..=53 | 60 | 61) if matches!(role, Role::Client) => Route::Auth,
        // RFC 4252 §5.1: "any further authentication requests [after success] MUST be silently ignored".
        (Phase::Connection, 50) if matches!(role, Role::Server) => Route::Ignore,
        (_, 50..=53 | 60 | 61 | 63..=66) => Route::Violation,
        (_, 62 | 67..=79) => Route::Unimplemented,
        // RFC 4252 §6: numbers from 80 "MUST NOT be sent before authentication is complete".
        (Phase::Authentication, _) => Route::Violation,
        (Phase::Connection, 80..=82 | 90..=100) => Route::Channels,
        (Phase::Connection, 192) => Route::Ping,
        (Phase::Connection, 193) => Route::Pong,
        (Phase::Connection, _) => Route::Unimplemented,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4252 §6, covers: A01 H06
    #[test]
    fn nothing_of_the_connection_protocol_passes_before_authentication() {
        for role in [Role::Client, Role::Server] {
            for phase in [Phase::KeyExchange, Phase::Service, Phase::Authentication] {
                for number in 80..=255 {
                    assert_eq!(route(role, phase, number), Route::Violation, "{role:?} {phase:?} {number}");
                }
            }
        }
    }

    /// CVE-2018-10933: a server must not take USERAUTH_SUCCESS from a client.
    #[test]
    fn messages_of_the_other_role_are_violations() {
        for phase in [Phase::Service, Phase::Authentication, Phase::Connection] {
            for number in [51, 52, 53, 60] {
                assert_eq!(route(Role::Server, phase, number), Route::Violation);
            }
            assert_eq!(route(Role::Client, phase, 50), Route::Violation);
            assert_eq!(route(Role::Server, phase, 6), Route::Violation);
            assert_eq!(route(Role::Client, phase, 5), Route::Violation);
        }
    }
}
