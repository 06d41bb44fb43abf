//! Dropbear's server and client.

use konko_client::transport::ClientConfig;
use konko_client::transport::crypto::cipher::CIPHERS;
use konko_client::transport::crypto::kex::KEX_ALGORITHMS;
use konko_client::transport::crypto::mac::MACS;
use konko_client::transport::packet::Incompatibility;
use konko_client::{Credential, Error};
use konko_tests::peers::run::RUN;
use konko_tests::peers::{Dbclient, DropbearServer, KeyKind, TestAccount, run};

use crate::our_client::{Target, check_transcript, exchange, legacy_transport, only, transport};
use crate::our_server::{OurServerOptions, PASSWORD, USER};
use crate::runtime::{block_on, run_test};
use crate::table::{Failure, check_all, ensure};
use crate::transcript::{MEGABYTE, Transcript, same};
use crate::user::{ALL_KINDS, User};

const HOST_KEYS: [KeyKind; 3] = [KeyKind::Ed25519, KeyKind::Ecdsa(256), KeyKind::Rsa(2048)];

#[test]
fn our_client_logs_in_to_it_whatever_its_host_key() {
    let Some(account) = TestAccount::with_password() else { return };
    let user = User::with(&ALL_KINDS);
    for key in &user.keys {
        account.authorize(&key.public_line());
    }
    for kind in HOST_KEYS {
        let Some(server) = DropbearServer::start(kind, &[]) else { return };
        let target = Target::new(server.address(), std::slice::from_ref(server.host_key()));
        let by_key = user.keys.iter().map(|key| Credential::key_file(&key.private));
        let by_password = Credential::password(account.password.as_deref().unwrap());
        run_test(async {
            for credential in by_key.chain([by_password]) {
                let options = target.options(&account.name).with_credential(credential.clone());
                let client =
                    target.connect(&options).await.map_err(|error| format!("{credential:?}: {error}"))?;
                exchange(&client, 1000).await?;
                client.close().await;
            }
            let wrong = target.options(&account.name).with_password("wrong");
            match target.try_connect(&wrong).await {
                Err(Error::Authentication(_)) => Ok(()),
                other => Err(format!("a wrong password: {other:?}").into()),
            }
        });
    }
}

#[test]
fn our_client_moves_ten_megabytes_and_exchanges_keys_meanwhile() {
    let Some(account) = TestAccount::with_password() else { return };
    let Some(server) = DropbearServer::start(KeyKind::Ed25519, &[]) else { return };
    let target = Target::new(server.address(), std::slice::from_ref(server.host_key()));
    let options = target.options(&account.name).with_password(account.password.as_deref().unwrap());
    let options = options.with_transport(transport(|packet| packet.rekey.bytes = 1 << 20));
    let transcript = Transcript::new(10 * MEGABYTE, MEGABYTE);
    run_test(async {
        let client = target.connect(&options).await?;
        check_transcript(&transcript, &client.command(transcript.command()).output().await?)?;
        exchange(&client, 3 * MEGABYTE).await?;
        // What was on its way is taken under the old keys, so that there may be fewer than one for each MiB.
        let exchanges = client.connection().with(|transport, _| transport.stats().key_re_exchanges);
        ensure(exchanges >= 3, format!("{exchanges} exchanges"))
    });
}

/// A transport that offers one algorithm of a kind; a MAC comes with a cipher that needs one.
fn offering(kind: &str, name: &str) -> ClientConfig {
    legacy_transport(|algorithms| match kind {
        "kex" => algorithms.kex = only(KEX_ALGORITHMS, name),
        "cipher" => *algorithms = algorithms.clone().with_ciphers(only(CIPHERS, name)),
        _ => {
            *algorithms =
                algorithms.clone().with_macs(only(MACS, name)).with_ciphers(only(CIPHERS, "aes256-ctr"))
        }
    })
}

/// The server's list, as it is told when it has not the one we offer.
fn list_of(target: &Target, user: &str, kind: &str, not_there: &str) -> Result<String, Failure> {
    let options = target.options(user).with_transport(offering(kind, not_there));
    block_on(async {
        match target.try_connect(&options).await {
            Err(Error::Incompatible(Incompatibility::NoCommonAlgorithm { theirs, .. })) => Ok(theirs),
            other => Err(format!("it has {not_there}: {other:?}").into()),
        }
    })
}

#[test]
fn our_client_and_every_algorithm_of_it() {
    let Some(account) = TestAccount::with_password() else { return };
    let Some(server) = DropbearServer::start(KeyKind::Ed25519, &[]) else { return };
    let target = Target::new(server.address(), std::slice::from_ref(server.host_key()));
    let kex = KEX_ALGORITHMS.iter().map(|row| row.name).collect::<Vec<_>>();
    let ciphers = CIPHERS.iter().map(|row| row.name).collect();
    let macs = MACS.iter().map(|row| row.name).collect();
    let mut cases = Vec::new();
    for (kind, ours, not_there, at_least) in [
        ("kex", kex, "diffie-hellman-group-exchange-sha256", 6),
        ("cipher", ciphers, "3des-cbc", 3),
        ("mac", macs, "umac-64@openssh.com", 2),
    ] {
        let theirs = list_of(&target, &account.name, kind, not_there).unwrap();
        let common = ours.into_iter().filter(|name| theirs.split(',').any(|other| other == *name));
        let before = cases.len();
        cases.extend(common.map(|name| (kind, name)));
        assert!(cases.len() >= before + at_least, "{kind}: {theirs}");
    }
    check_all(&cases, |(kind, name)| {
        let options = target.options(&account.name).with_password(account.password.as_deref().unwrap());
        let options = options.with_transport(offering(kind, name));
        block_on(async {
            let client = target.connect(&options).await?;
            exchange(&client, 100_000).await
        })
    });
}

#[test]
fn its_client_logs_in_to_our_server_in_every_way() {
    let user = User::with(&ALL_KINDS);
    let server = OurServerOptions::new(&user).host_keys(&HOST_KEYS).start();
    let Some(_) = Dbclient::new(server.address(), USER) else { return };
    let cases: Vec<_> = user.keys.iter().map(Some).chain([None]).collect();
    check_all(&cases, |key| {
        let client = Dbclient::new(server.address(), USER).ok_or("dbclient is gone")?;
        let client = match key {
            Some(key) => client.identity(key),
            None => client.password(PASSWORD),
        };
        let finished = client.run("cat; echo oops >&2; exit 7", b"hello");
        ensure(finished.code() == Some(7), finished.stderr_text())?;
        same("standard output", b"hello", &finished.stdout)?;
        ensure(finished.stderr_text().contains("oops"), finished.stderr_text())
    });
    // After a disconnect it ends with the status 0.
    let wrong = Dbclient::new(server.address(), USER).unwrap().password("wrong").run("echo in", b"");
    assert!(wrong.stdout.is_empty() && wrong.stderr_text().contains("Disconnect received"), "{wrong:?}");
}

#[test]
fn its_client_moves_ten_megabytes_while_we_exchange_keys() {
    let user = User::new();
    let server = OurServerOptions::new(&user).packet(|packet| packet.rekey.bytes = 1 << 20).start();
    let Some(client) = Dbclient::new(server.address(), USER) else { return };
    let input = konko_tests::Seed::new(10).bytes(10 * MEGABYTE);
    let finished = client.identity(user.key()).run("cat; exit 7", &input);
    assert_eq!(finished.code(), Some(7), "{}", finished.stderr_text());
    same("standard output", &input, &finished.stdout).unwrap();
}

#[test]
fn its_client_with_the_ciphers_and_macs_it_shares_with_our_server() {
    let user = User::new();
    let server = OurServerOptions::new(&user).legacy().start();
    let Some(_) = Dbclient::new(server.address(), USER) else { return };
    let cases = [
        ("-c", "chacha20-poly1305@openssh.com"),
        ("-c", "aes128-ctr"),
        ("-c", "aes256-ctr"),
        ("-m", "hmac-sha1"),
        ("-m", "hmac-sha2-256"),
    ];
    check_all(&cases, |(flag, name)| {
        let client = Dbclient::new(server.address(), USER).ok_or("dbclient is gone")?.identity(user.key());
        let input = konko_tests::Seed::new(11).bytes(100_000);
        let mut command = client.command();
        command.args([flag, name]);
        if *flag == "-m" {
            command.args(["-c", "aes128-ctr"]);
        }
        command.args(["-T", "127.0.0.1", "cat; exit 7"]);
        let finished = run(&mut command, &input, RUN)?;
        ensure(finished.code() == Some(7), finished.stderr_text())?;
        same("standard output", &input, &finished.stdout)
    });
}
