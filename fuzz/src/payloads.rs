//! Messages made of choices: well-formed more often than random bytes are, and packets around them.

use crate::choices::Choices;
use konko_wire::encode::{Encode, MessageSink, put_string, put_u32};

/// What was sent, one payload each.
#[derive(Debug, Default)]
pub struct Sent {
    /// The payloads, number first.
    pub payloads: Vec<Vec<u8>>,
    /// What [`MessageSink::room`] says.
    pub room: usize,
}

impl MessageSink for Sent {
    fn send<M: Encode + ?Sized>(&mut self, message: &M) {
        self.payloads.push(message.to_vec());
    }

    fn room(&self) -> usize {
        self.room
    }
}

/// A packet without protection (RFC 4253 §6).
pub fn packet(payload: &[u8]) -> Vec<u8> {
    let mut padding = 8 - (5 + payload.len()) % 8;
    if padding < 4 {
        padding += 8;
    }
    let mut packet = Vec::new();
    put_u32(&mut packet, (1 + payload.len() + padding) as u32);
    packet.push(padding as u8);
    packet.extend_from_slice(payload);
    packet.resize(packet.len() + padding, 0);
    packet
}

/// A message of the connection protocol, or bytes that are none.
pub fn connection(choices: &mut Choices<'_>) -> Vec<u8> {
    const CHANNEL_TYPES: [&[u8]; 7] = [
        b"session",
        b"direct-tcpip",
        b"forwarded-tcpip",
        b"x11",
        b"auth-agent@openssh.com",
        b"direct-streamlocal@openssh.com",
        b"unheard-of",
    ];
    const REQUESTS: [&[u8]; 10] = [
        b"exec",
        b"pty-req",
        b"env",
        b"window-change",
        b"exit-status",
        b"exit-signal",
        b"signal",
        b"x11-req",
        b"eow@openssh.com",
        b"unheard-of",
    ];
    let kind = choices.byte();
    let mut out = vec![match kind % 16 {
        0 => 80,
        1 => 81,
        2 => 82,
        kind @ 3..=13 => 87 + kind,
        _ => return choices.long_bytes().to_vec(),
    }];
    match out[0] {
        80 => {
            put_string(&mut out, [&b"tcpip-forward"[..], b"keepalive@openssh.com"][choices.below(2)]);
            out.push(u8::from(choices.flag()));
        }
        81 | 82 => {}
        90 => {
            put_string(&mut out, CHANNEL_TYPES[choices.below(CHANNEL_TYPES.len())]);
            put_u32(&mut out, u32::from(choices.byte()));
            put_u32(&mut out, choices.edge());
            put_u32(&mut out, choices.edge());
        }
        number => {
            put_u32(&mut out, u32::from(choices.byte() % 8));
            match number {
                91 => {
                    put_u32(&mut out, u32::from(choices.byte()));
                    put_u32(&mut out, choices.edge());
                    put_u32(&mut out, choices.edge());
                }
                92 => {
                    put_u32(&mut out, choices.edge());
                    put_string(&mut out, choices.short_bytes());
                    put_string(&mut out, b"");
                }
                93 => put_u32(&mut out, choices.edge()),
                94 => put_string(&mut out, choices.long_bytes()),
                95 => {
                    put_u32(&mut out, u32::from(choices.byte() % 3));
                    put_string(&mut out, choices.long_bytes());
                }
                98 => {
                    put_string(&mut out, REQUESTS[choices.below(REQUESTS.len())]);
                    out.push(u8::from(choices.flag()));
                }
                _ => {}
            }
        }
    }
    // What follows is the part that depends on a name, or bytes too many.
    if matches!(out[0], 80 | 81 | 90 | 91 | 98) || choices.byte() == 0xff {
        out.extend_from_slice(choices.short_bytes());
    }
    out
}

/// An `SSH_MSG_USERAUTH_REQUEST` or `_INFO_RESPONSE`, or bytes that are none.
pub fn authentication_of_client(choices: &mut Choices<'_>, user_name: &str, key_blob: &[u8]) -> Vec<u8> {
    let kind = choices.byte() % 8;
    if kind == 6 {
        let count = u32::from(choices.byte() % 4);
        let mut out = vec![61];
        put_u32(&mut out, count);
        (0..count).for_each(|_| put_string(&mut out, choices.short_bytes()));
        return out;
    }
    if kind == 7 {
        return choices.long_bytes().to_vec();
    }
    let mut out = vec![50];
    let other = choices.byte() == 0xff;
    put_string(&mut out, if other { choices.short_bytes() } else { user_name.as_bytes() });
    put_string(&mut out, if choices.byte() == 0xff { b"ssh-nothing" } else { b"ssh-connection" });
    match kind {
        0 => put_string(&mut out, b"none"),
        1 => {
            put_string(&mut out, b"password");
            let change = choices.flag();
            out.push(u8::from(change));
            put_string(&mut out, choices.short_bytes());
            if change {
                put_string(&mut out, choices.short_bytes());
            }
        }
        2 => {
            put_string(&mut out, b"keyboard-interactive");
            put_string(&mut out, b"");
            put_string(&mut out, choices.short_bytes());
        }
        _ => {
            put_string(&mut out, b"publickey");
            let proof = choices.flag();
            out.push(u8::from(proof));
            put_string(&mut out, b"ssh-ed25519");
            put_string(&mut out, if kind == 3 { choices.short_bytes() } else { key_blob });
            if proof {
                let mut signature = Vec::new();
                put_string(&mut signature, b"ssh-ed25519");
                put_string(&mut signature, choices.short_bytes());
                put_string(&mut out, &signature);
            }
        }
    }
    out
}

/// A message of a server's authentication, or bytes that are none.
pub fn authentication_of_server(choices: &mut Choices<'_>, key_blob: &[u8]) -> Vec<u8> {
    let kind = choices.byte() % 8;
    let mut out = Vec::new();
    match kind {
        0 => {
            out.push(51);
            put_string(
                &mut out,
                [&b"publickey,password"[..], b"", b"keyboard-interactive"][choices.below(3)],
            );
            out.push(u8::from(choices.flag()));
        }
        1 => out.push(52),
        2 => {
            out.push(53);
            put_string(&mut out, choices.short_bytes());
            put_string(&mut out, b"");
        }
        3 => {
            out.push(60);
            put_string(&mut out, b"ssh-ed25519");
            put_string(&mut out, key_blob);
        }
        4 => {
            out.push(60);
            put_string(&mut out, choices.short_bytes());
            put_string(&mut out, b"");
        }
        5 | 6 => {
            let count = u32::from(choices.byte() % 4);
            out.push(60);
            put_string(&mut out, choices.short_bytes());
            put_string(&mut out, choices.short_bytes());
            put_string(&mut out, b"");
            put_u32(&mut out, count);
            for _ in 0..count {
                put_string(&mut out, choices.short_bytes());
                out.push(u8::from(choices.flag()));
            }
        }
        _ => out.extend_from_slice(choices.long_bytes()),
    }
    out
}
