//! Programs that look at our server and go.

use std::process::Command;

use konko_tests::peers::run::RUN;
use konko_tests::peers::{require_peer, run};

use crate::our_server::OurServerOptions;
use crate::user::{ALL_KINDS, User};

#[test]
fn keyscan_sees_every_host_key() {
    let user = User::new();
    let server = OurServerOptions::new(&user).host_keys(&ALL_KINDS).start();
    let Some(program) = require_peer("ssh-keyscan") else { return };
    let port = server.address().port().to_string();
    let mut command = Command::new(program);
    command.args(["-p", &port, "-t", "rsa,ecdsa,ed25519", "127.0.0.1"]);
    let found = run(&mut command, b"", RUN).unwrap().expect_success().stdout_text();
    // It asks for one ECDSA key, that of the curve it prefers.
    for key in server.host_keys().iter().filter(|key| !key.public_line().contains("nistp384")) {
        let key = key.type_and_key();
        if !key.contains("nistp521") {
            assert!(found.contains(&key), "no {key} in {found}");
        }
    }
    assert!(found.contains("SSH-2.0-konko_") || !found.contains("SSH-2.0-"), "{found}");
}

/// Our server as it comes.
#[test]
fn an_audit_finds_nothing_to_complain_about() {
    let user = User::new();
    let server = OurServerOptions::new(&user).start();
    let Some(program) = require_peer("ssh-audit") else { return };
    let mut command = Command::new(program);
    // It opens many connections at once to see whether it is stopped; that takes time and is no matter of algorithms.
    command.args(["-n", "--skip-rate-test", "-p", &server.address().port().to_string(), "127.0.0.1"]);
    let finished = run(&mut command, b"", RUN).unwrap();
    let text = finished.stdout_text();
    assert!(text.contains("(kex) mlkem768x25519-sha256"), "{text}{}", finished.stderr_text());
    let complaints: Vec<_> =
        text.lines().filter(|line| line.contains("[fail]") || line.contains("[warn]")).collect();
    assert!(complaints.is_empty(), "{complaints:#?}\n{text}");
    assert_eq!(finished.code(), Some(0), "{text}");
}
