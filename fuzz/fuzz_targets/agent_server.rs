//! An agent, against any clients: every whole request has one answer that a client can read, and a key that is
//! restricted signs nothing for a connection that proves nothing.
#![no_main]

use konko_agent::reply::Reply;
use konko_agent::sansio::Machine;
use konko_agent::{
    AddIdentity, Agent, AgentKey, Constraint, DestinationConstraint, Hop, HostKeySpecification, Keyring,
    KeyringConfig, Moment,
};
use konko_fuzz::endpoints::user_key;
use libfuzzer_sys::fuzz_target;
use std::time::{Duration, Instant};

fn keyring(confirm: bool, now: Instant) -> Keyring {
    let mut keyring = Keyring::new(KeyringConfig { can_confirm: true, ..KeyringConfig::default() });
    let host_keys = vec![HostKeySpecification { blob: b"a host".to_vec(), is_authority: false }];
    let to = Hop { user: "*".into(), host_name: "host".into(), host_keys };
    let restricted =
        Constraint::RestrictDestination(vec![DestinationConstraint { from: Hop::default(), to }]);
    let mut identity = AddIdentity::new(AgentKey::new(user_key().clone()), "a key");
    identity.constraints.push(restricted);
    if confirm {
        identity.constraints.push(Constraint::Confirm);
    }
    keyring.add(identity, now).expect("a key that is accepted");
    keyring
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, mut stream)) = data.split_first() else { return };
    let start = Instant::now();
    let mut now = Moment { instant: start, unix_seconds: 1_800_000_000 };
    let mut keyring = keyring(choice & 1 != 0, start);
    let mut agent = Agent::new();
    let mut output = Vec::new();
    let mut ended = false;
    let mut most = 1;
    while !ended {
        if let Some((first, _)) = stream.split_first() {
            let room = agent.input_buf();
            let n = room.len().min(stream.len()).min(1 + usize::from(*first));
            room[..n].copy_from_slice(&stream[..n]);
            stream = &stream[n..];
            agent.handle_input(now.instant, n).expect("it has not ended");
        } else {
            agent.handle_eof(now.instant).expect("it has not ended");
        }
        ended = agent.serve(now, &mut keyring).is_err() || agent.is_finished();
        if agent.question().is_some() {
            agent.answer(choice & 2 != 0);
        }
        if let Some(due) = agent.poll_timeout() {
            assert!(due <= now.instant + Duration::from_secs(10));
            now.instant = due;
        }
        let sent = agent.output().len();
        output.extend_from_slice(agent.output());
        agent.consume_output(sent);
        most = most.max(keyring.len());
    }
    let mut rest = output.as_slice();
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let (message, behind) = behind.split_at(u32::from_be_bytes(*length) as usize);
        let reply = Reply::decode(message).expect("a reply that clients can read");
        if let Reply::Signature(_) = reply {
            assert!(most > 1, "a signature with a key that the client has not brought along");
        }
        rest = behind;
    }
    assert!(rest.is_empty());
});
