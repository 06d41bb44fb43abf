//! paramiko and asyncssh, as clients and as servers.

use konko_client::{Credential, Error};
use konko_tests::peers::{PythonClient, PythonPeer, PythonServer};

use crate::our_client::{Target, answers, check_transcript, exchange, legacy_transport, only, transport};
use crate::our_server::{OurServer, OurServerOptions, PASSWORD, USER};
use crate::runtime::{block_on, run_test};
use crate::table::{Failure, check_all, ensure};
use crate::transcript::{MEGABYTE, Transcript, same};
use crate::user::{ALL_KINDS, User};
use konko_client::transport::crypto::cipher::CIPHERS;
use konko_client::transport::crypto::kex::KEX_ALGORITHMS;
use konko_client::transport::crypto::mac::MACS;

const BOTH: [PythonPeer; 2] = [PythonPeer::Paramiko, PythonPeer::Asyncssh];
/// Both have these.
const ALGORITHMS: [(&str, &str); 14] = [
    ("--kex", "curve25519-sha256@libssh.org"),
    ("--kex", "ecdh-sha2-nistp256"),
    ("--kex", "ecdh-sha2-nistp384"),
    ("--kex", "ecdh-sha2-nistp521"),
    ("--kex", "diffie-hellman-group-exchange-sha256"),
    ("--kex", "diffie-hellman-group16-sha512"),
    ("--kex", "diffie-hellman-group14-sha256"),
    ("--cipher", "aes128-ctr"),
    ("--cipher", "aes256-gcm@openssh.com"),
    ("--cipher", "aes256-cbc"),
    ("--mac", "hmac-sha2-256"),
    ("--mac", "hmac-sha2-256-etm@openssh.com"),
    ("--mac", "hmac-sha2-512-etm@openssh.com"),
    ("--mac", "hmac-sha1"),
];

fn server(peer: PythonPeer, user: &User, more: &[&str]) -> Option<PythonServer> {
    let keys = user.authorized_keys().display().to_string();
    let own = [
        "--user",
        USER,
        "--password",
        PASSWORD,
        "--answer",
        "one",
        "--answer",
        "two",
        "--authorized-keys",
        &keys,
    ];
    PythonServer::start(peer, &[&own[..], more].concat())
}

fn target(server: &PythonServer) -> Target {
    Target::new(server.address(), std::slice::from_ref(server.host_key()))
}

#[test]
fn our_client_logs_in_to_them_in_every_way() {
    for peer in BOTH {
        let user = User::with(&ALL_KINDS);
        let Some(server) = server(peer, &user, &[]) else { return };
        let target = target(&server);
        let keys = user.keys.iter().map(|key| Credential::key_file(&key.private));
        let others = [Credential::password(PASSWORD), answers(&["one", "two"])];
        let cases: Vec<_> = keys.chain(others).collect();
        check_all(&cases, |credential| {
            let options = target.options(USER).with_credential(credential.clone());
            block_on(async {
                let client =
                    target.connect(&options).await.map_err(|error| format!("{}: {error}", peer.name()))?;
                exchange(&client, 1000).await?;
                client.close().await;
                Ok(())
            })
        });
        run_test(async {
            match target.try_connect(&target.options(USER).with_password("wrong")).await {
                Err(Error::Authentication(_)) => Ok(()),
                other => Err(format!("{}: a wrong password: {other:?}", peer.name()).into()),
            }
        });
    }
}

#[test]
fn our_client_moves_ten_megabytes_while_either_side_exchanges_keys() {
    let cases = [
        (PythonPeer::Paramiko, false),
        (PythonPeer::Paramiko, true),
        (PythonPeer::Asyncssh, false),
        (PythonPeer::Asyncssh, true),
    ];
    check_all(&cases, |(peer, theirs)| {
        let user = User::new();
        let limit: &[&str] = if *theirs { &["--rekey-bytes", "2000000"] } else { &[] };
        let Some(server) = server(*peer, &user, limit) else { return Ok(()) };
        let target = target(&server);
        let mut options = target.options(USER).with_credential(Credential::key_file(&user.key().private));
        if !theirs {
            options = options.with_transport(transport(|packet| packet.rekey.bytes = 2_000_000));
        }
        let transcript = Transcript::new(9 * MEGABYTE, MEGABYTE);
        block_on(async {
            let client = target.connect(&options).await?;
            check_transcript(&transcript, &client.command(transcript.command()).output().await?)?;
            exchange(&client, 3 * MEGABYTE).await?;
            let exchanges = client.connection().with(|transport, _| transport.stats().key_re_exchanges);
            ensure(exchanges >= 3, format!("{exchanges} exchanges"))
        })
    });
}

#[test]
fn our_client_with_algorithms_of_theirs() {
    let ciphers: Vec<_> =
        ALGORITHMS.iter().filter(|(kind, _)| *kind == "--cipher").map(|(_, name)| *name).collect();
    for peer in BOTH {
        let user = User::new();
        let Some(server) = server(peer, &user, &["--cipher", &ciphers.join(",")]) else { return };
        let target = target(&server);
        check_all(&ALGORITHMS, |(kind, name)| {
            let transport = legacy_transport(|algorithms| match *kind {
                "--kex" => algorithms.kex = only(KEX_ALGORITHMS, name),
                "--cipher" => *algorithms = algorithms.clone().with_ciphers(only(CIPHERS, name)),
                _ => {
                    let ciphers = only(CIPHERS, "aes128-ctr");
                    *algorithms = algorithms.clone().with_macs(only(MACS, name)).with_ciphers(ciphers);
                }
            });
            let options = target.options(USER).with_password(PASSWORD).with_transport(transport);
            block_on(async {
                let client =
                    target.connect(&options).await.map_err(|error| format!("{}: {error}", peer.name()))?;
                exchange(&client, 100_000).await
            })
        });
    }
}

fn logs_in(client: PythonClient) -> Result<(), Failure> {
    let outcome = client
        .argument("--env", "KONKO_GREETING=hi")
        .run("cat; echo $KONKO_GREETING >&2; exit 7", b"\x00\xffbytes");
    ensure(outcome.authenticated, format!("{outcome:?}"))?;
    ensure(outcome.stdout == b"\x00\xffbytes" && outcome.stderr == b"hi\n", format!("{outcome:?}"))?;
    ensure(outcome.exit_status == Some(7), format!("{outcome:?}"))
}

fn client(peer: PythonPeer, server: &OurServer) -> Option<PythonClient> {
    Some(PythonClient::new(peer, server.address(), USER)?.host_key(&server.host_keys()[0]))
}

#[test]
fn they_log_in_to_our_server_in_every_way() {
    let user = User::with(&ALL_KINDS);
    let server = OurServerOptions::new(&user).start();
    let ways: Vec<_> = BOTH.into_iter().flat_map(|peer| (0..7).map(move |way| (peer, way))).collect();
    check_all(&ways, |(peer, way)| {
        let Some(client) = client(*peer, &server) else { return Ok(()) };
        logs_in(match *way {
            5 => client.password(PASSWORD),
            6 => client.keyboard_interactive(&[PASSWORD]),
            key => client.publickey(&user.keys[key].private),
        })
    });
    for peer in BOTH {
        let Some(client) = client(peer, &server) else { return };
        let refused = client.password("wrong").run("echo in", b"");
        assert!(!refused.authenticated && refused.error.is_some(), "{refused:?}");
    }
}

#[test]
fn they_see_how_a_command_ends() {
    let user = User::new();
    let server = OurServerOptions::new(&user).start();
    for peer in BOTH {
        let Some(client) = client(peer, &server) else { return };
        let killed = client.password(PASSWORD).run("kill -TERM $$", b"");
        assert_eq!((killed.exit_signal.as_deref(), killed.exit_status), (Some("TERM"), None), "{killed:?}");
    }
}

#[test]
fn they_use_algorithms_of_ours() {
    let user = User::new();
    let server = OurServerOptions::new(&user).legacy().start();
    let cases: Vec<_> =
        BOTH.into_iter().flat_map(|peer| ALGORITHMS.map(|algorithm| (peer, algorithm))).collect();
    check_all(&cases, |(peer, (kind, name))| {
        let Some(client) = client(*peer, &server) else { return Ok(()) };
        let client = client.password(PASSWORD).argument(kind, name);
        logs_in(if *kind == "--mac" { client.argument("--cipher", "aes128-ctr") } else { client })
    });
}

#[test]
fn they_move_ten_megabytes_while_either_side_exchanges_keys() {
    let user = User::new();
    let patient = OurServerOptions::new(&user).start();
    let eager = OurServerOptions::new(&user).packet(|packet| packet.rekey.bytes = 2_000_000).start();
    let cases: Vec<_> = BOTH.into_iter().flat_map(|peer| [(peer, false), (peer, true)]).collect();
    check_all(&cases, |(peer, theirs)| {
        let Some(client) = client(*peer, if *theirs { &patient } else { &eager }) else { return Ok(()) };
        let client = client.publickey(&user.key().private);
        // paramiko is lost when its peer closes the channel while it exchanges keys: so the numbers do not meet.
        let client = if *theirs { client.argument("--rekey-bytes", "4000000") } else { client };
        let input = konko_tests::Seed::new(13).bytes(10 * MEGABYTE);
        let received = user.path(&format!("received_{}_{theirs}", peer.name()));
        let outcome = client.run(&format!("cat > {}; echo done; exit 7", received.display()), &input);
        ensure(outcome.exit_status == Some(7) && outcome.stdout == b"done\n", format!("{outcome:?}"))?;
        same("the input", &input, &std::fs::read(&received)?)
    });
}

#[test]
fn they_fetch_ten_megabytes() {
    let user = User::new();
    let server = OurServerOptions::new(&user).packet(|packet| packet.rekey.bytes = 3_000_000).start();
    let transcript = Transcript::new(10 * MEGABYTE, 0);
    check_all(&BOTH, |peer| {
        let Some(client) = client(*peer, &server) else { return Ok(()) };
        let outcome = client.password(PASSWORD).run(&transcript.command(), b"");
        ensure(outcome.exit_status == Some(7), format!("{:?} {:?}", outcome.exit_status, outcome.error))?;
        same("standard output", &transcript.stdout, &outcome.stdout)
    });
}
