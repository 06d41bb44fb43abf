//! Programs that look at our server and go.

use std::process::Command;

use konko_tests::peers::run::RUN;
use konko_tests::peers::{KeyFile, KeyKind, require_peer, run};

use crate::our_server::{OurServer, OurServerOptions};
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
    // Of the ECDSA keys it takes the one whose curve it prefers.
    let (ecdsa, others): (Vec<_>, Vec<_>) =
        server.host_keys().iter().map(KeyFile::type_and_key).partition(|key| key.starts_with("ecdsa-"));
    assert!(ecdsa.iter().any(|key| found.contains(key)), "no ECDSA key in {found}");
    assert!(others.iter().all(|key| found.contains(key)), "not {others:?} in {found}");
}

/// Every method without a post-quantum part gets this, Curve25519 as well.
const CLASSICAL: &str = "[warn] does not provide protection against post-quantum attacks";

/// What the program complains about, and all it says.
fn audit(server: &OurServer) -> Option<(Vec<String>, String)> {
    let mut command = Command::new(require_peer("ssh-audit")?);
    // How many connections it can open at once is no matter of algorithms, and takes long.
    command.args(["-n", "--skip-rate-test", "-p", &server.address().port().to_string(), "127.0.0.1"]);
    let finished = run(&mut command, b"", RUN).unwrap();
    let text = finished.stdout_text();
    assert!(text.contains("(kex) mlkem768x25519-sha256"), "{text}{}", finished.stderr_text());
    let complaints = text.lines().filter(|line| line.contains("[fail]") || line.contains("[warn]"));
    Some((complaints.map(str::to_owned).collect(), text))
}

#[test]
fn an_audit_of_the_defaults() {
    let user = User::new();
    let server = OurServerOptions::new(&user).host_keys(&[KeyKind::Ed25519, KeyKind::Rsa(3072)]).start();
    let Some((complaints, text)) = audit(&server) else { return };
    let others: Vec<_> = complaints.iter().filter(|line| !line.contains(CLASSICAL)).collect();
    assert!(others.is_empty(), "{others:#?}\n{text}");
}

#[test]
fn an_audit_of_what_withstands_quantum_computers() {
    let user = User::new();
    let server = OurServerOptions::new(&user)
        .packet(|packet| {
            packet.algorithms.kex.retain(|row| row.name.contains("mlkem") || row.name.contains("sntrup"))
        })
        .start();
    let Some((complaints, text)) = audit(&server) else { return };
    assert!(complaints.is_empty(), "{complaints:#?}\n{text}");
}
