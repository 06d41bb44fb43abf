//! The client of an agent, against any agent: every request has one outcome, and nothing comes that nobody asked for.
#![no_main]

use konko_agent::sansio::Machine;
use konko_agent::{AgentClient, AgentIdentity, Done, ExtensionAnswer, Signature, Ticket, extension_names};
use libfuzzer_sys::fuzz_target;
use std::time::Instant;

enum Asked {
    Identities(Ticket<Vec<AgentIdentity>>),
    Signature(Ticket<Signature>),
    Done(Ticket<Done>),
    Extension(Ticket<ExtensionAnswer>),
}

fn ask(client: &mut AgentClient, choice: u8) -> Option<Asked> {
    match choice % 5 {
        0 => client.identities().ok().map(Asked::Identities),
        1 => client.sign(b"key", b"data", "rsa-sha2-512").ok().map(Asked::Signature),
        2 => client.remove(b"key").ok().map(Asked::Done),
        3 => client.query().ok().map(Asked::Extension),
        _ => client.unlock(b"passphrase").ok().map(Asked::Done),
    }
}

fn outcome(client: &mut AgentClient, asked: &Asked) -> bool {
    match asked {
        Asked::Identities(ticket) => client.take(ticket).is_some_and(|outcome| {
            for identity in outcome.iter().flatten() {
                let _ = (identity.decode(), identity.key_type(), identity.fingerprint());
            }
            true
        }),
        Asked::Signature(ticket) => client.take(ticket).is_some(),
        Asked::Done(ticket) => client.take(ticket).is_some(),
        Asked::Extension(ticket) => client.take(ticket).is_some_and(|outcome| {
            let _ = outcome.map(|answer| extension_names(&answer));
            true
        }),
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((count, rest)) = data.split_first() else { return };
    let (choices, mut stream) = rest.split_at(rest.len().min(usize::from(count % 16)));
    let mut client = AgentClient::new();
    let asked: Vec<_> = choices.iter().filter_map(|choice| ask(&mut client, *choice)).collect();
    let now = Instant::now();
    while !stream.is_empty() {
        let room = client.input_buf();
        let n = room.len().min(stream.len()).min(1 + usize::from(stream[0]));
        if n == 0 {
            break;
        }
        room[..n].copy_from_slice(&stream[..n]);
        stream = &stream[n..];
        if client.handle_input(now, n).is_err() {
            assert!(client.input_buf().is_empty() && client.identities().is_err());
            break;
        }
    }
    // Nobody is left waiting at the end, and nothing is given twice.
    let _ = client.handle_eof(now);
    assert!(!client.is_waiting());
    for asked in &asked {
        assert!(outcome(&mut client, asked));
        assert!(!outcome(&mut client, asked));
    }
});
