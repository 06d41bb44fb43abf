//! A server fed by any client, from any point of a connection on.
#![no_main]

use konko_fuzz::application::{Application, begin};
use konko_fuzz::choices::Choices;
use konko_fuzz::endpoints::{START, USER_NAME, client, server, user_key};
use konko_fuzz::payloads::{authentication_of_client, connection, packet};
use konko_fuzz::rules::{check_finished, drain, feed};
use konko_sansio::Machine;
use libfuzzer_sys::fuzz_target;
use std::time::Duration;

fuzz_target!(|data: &[u8]| {
    let (mut choices, mut stream) = Choices::pair(data);
    let mut now = *START;
    let (mut client, mut server) = (client(), server());
    let (mut application, mut peer) = (Application::default(), Application::default());
    let mut fed = 0;

    // So many round trips with a client of goodwill come first.
    begin(&mut client, &mut Choices::new(&[]), now);
    for step in 0..choices.below(10) {
        let mut obedient = Choices::new(&[]);
        feed(&mut client, now, &drain(&mut server, usize::MAX)).expect("a server of goodwill");
        peer.serve_client(&mut client, &mut obedient, now);
        if step == 6 && choices.flag() {
            peer.act(&mut client, &mut Choices::new(&[0, 0]), now);
            peer.act(&mut client, &mut Choices::new(&[1]), now);
        }
        let bytes = drain(&mut client, usize::MAX);
        fed += bytes.len();
        feed(&mut server, now, &bytes).expect("a client of goodwill");
        application.serve_server(&mut server, &mut obedient, now);
    }

    while !stream.is_empty() || !choices.is_empty() {
        let bytes = match stream.byte() % 8 {
            0 => stream.long_bytes().to_vec(),
            1 => packet(&authentication_of_client(&mut stream, USER_NAME, user_key().public_key().blob())),
            2 => packet(stream.long_bytes()),
            3 if choices.flag() => drain(&mut client, usize::MAX),
            _ => packet(&connection(&mut stream)),
        };
        fed += bytes.len();
        let result = feed(&mut server, now, &bytes);
        application.serve_server(&mut server, &mut choices, now);
        if result.is_err() || server.is_ended() {
            break;
        }
        application.act(&mut server, &mut choices, now);
        if choices.byte() == 0xff {
            now += Duration::from_secs(u64::from(choices.u16()));
            while server.poll_timeout().is_some_and(|due| due <= now) && server.handle_timeout(now).is_ok() {}
        }
        drain(&mut server, 1 + usize::from(choices.byte()));
        application.serve_server(&mut server, &mut choices, now);
        drain(&mut server, usize::MAX);
        assert!(server.is_ended() || !server.input_buf().is_empty(), "a server of leisure wants no input");
    }
    drain(&mut server, usize::MAX);
    if server.is_ended() {
        check_finished(&mut server, now);
    }
    assert!(application.read <= fed as u64, "bytes that never came");
});
