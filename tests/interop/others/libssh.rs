//! libssh, as a client of our server.

use konko_tests::peers::{PythonClient, PythonPeer};

use crate::our_server::{OurServer, OurServerOptions, PASSWORD, USER};
use crate::table::{check_all, ensure};
use crate::transcript::{MEGABYTE, Transcript, same};
use crate::user::{ALL_KINDS, User};

const KEX: [&str; 11] = [
    "mlkem768x25519-sha256",
    "sntrup761x25519-sha512",
    "sntrup761x25519-sha512@openssh.com",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
];

fn client(server: &OurServer) -> Option<PythonClient> {
    Some(
        PythonClient::new(PythonPeer::Libssh, server.address(), USER)?
            .host_key(&server.host_keys()[0])
            .password(PASSWORD),
    )
}

#[test]
fn it_logs_in_in_every_way() {
    let user = User::with(&ALL_KINDS);
    let server = OurServerOptions::new(&user).start();
    let ways: Vec<_> = (0..user.keys.len() + 2).collect();
    check_all(&ways, |way| {
        let Some(client) = client(&server) else { return Ok(()) };
        let client = match user.keys.get(*way) {
            Some(key) => client.publickey(&key.private),
            None if *way == user.keys.len() => client.keyboard_interactive(&[PASSWORD]),
            None => client,
        };
        let outcome = client.run("echo in; echo err >&2; exit 7", b"");
        ensure(outcome.stdout == b"in\n" && outcome.stderr == b"err\n", format!("{outcome:?}"))?;
        ensure(outcome.exit_status == Some(7), format!("{outcome:?}"))
    });
    let Some(client) = client(&server) else { return };
    let refused = client.password("wrong").run("echo in", b"");
    assert!(!refused.authenticated && refused.error.is_some(), "{refused:?}");
}

#[test]
fn it_uses_key_exchanges_of_ours() {
    let user = User::new();
    let server = OurServerOptions::new(&user).legacy().start();
    check_all(&KEX, |name| {
        let Some(client) = client(&server) else { return Ok(()) };
        let outcome = client.argument("--kex", name).run("echo in", b"");
        ensure(outcome.stdout == b"in\n", format!("{name}: {outcome:?}"))
    });
}

#[test]
fn it_fetches_three_megabytes_while_keys_are_exchanged() {
    let user = User::new();
    let server = OurServerOptions::new(&user).packet(|packet| packet.rekey.bytes = 1_000_000).start();
    let transcript = Transcript::new(3 * MEGABYTE, 0);
    let Some(client) = client(&server) else { return };
    let outcome = client.run(&transcript.command(), b"");
    assert_eq!(outcome.exit_status, Some(7), "{:?}", outcome.error);
    same("standard output", &transcript.stdout, &outcome.stdout).unwrap();
}
