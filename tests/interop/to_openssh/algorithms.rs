//! Every algorithm that both have.

use konko_client::transport::crypto::cipher::CIPHERS;
use konko_client::transport::crypto::kex::KEX_ALGORITHMS;
use konko_client::transport::crypto::mac::MACS;
use konko_client::transport::keys::signature_algorithm::SIGNATURE_ALGORITHMS;
use konko_client::transport::packet::{Algorithms, Negotiated};
use konko_client::{Error, SessionInfo, SshClient};
use konko_tests::peers::{KeyKind, Sshd, SshdOptions, openssh};

use crate::our_client::{Target, exchange, legacy_transport, only};
use crate::runtime::block_on;
use crate::table::{Failure, check_all, ensure};
use crate::user::{ALL_KINDS, User};

/// A server that offers everything it has.
fn permissive(user: &User, host_keys: &[KeyKind]) -> Option<Sshd> {
    let all = |kind| Some(openssh::supported(kind)?.join(","));
    SshdOptions::default()
        .authorize(user.key())
        .host_keys(host_keys)
        .line(&format!("KexAlgorithms {}", all("kex")?))
        .line(&format!("Ciphers {}", all("cipher")?))
        .line(&format!("MACs {}", all("mac")?))
        .line("HostKeyAlgorithms +ssh-rsa")
        .line("Compression yes")
        .start()
}

/// Logs in with algorithms chosen by `choose`, moves bytes, exchanges keys again, moves bytes again.
fn talk(
    sshd: &Sshd,
    user: &User,
    choose: impl FnOnce(&mut Algorithms),
    check: impl FnOnce(&Negotiated) -> bool,
) -> Result<(), Failure> {
    let target = Target::sshd(sshd);
    let options = target.options_with_key(user.key()).with_transport(legacy_transport(choose));
    block_on(async {
        let client = target.connect(&options).await?;
        exchange(&client, 100_000).await?;
        rekey(&client).await?;
        exchange(&client, 100_000).await?;
        let SessionInfo { negotiated, strict_key_exchange, .. } = client.info()?;
        ensure(check(&negotiated), format!("negotiated {negotiated:?}"))?;
        ensure(strict_key_exchange, "the key exchange was not strict")?;
        client.close().await;
        Ok(())
    })
}

/// A re-exchange is over when its successor can begin: the number of exchanges tells.
async fn rekey(client: &SshClient) -> Result<(), Failure> {
    let exchanges = || client.connection().with(|transport, _| transport.stats().key_re_exchanges);
    let before = exchanges();
    client.rekey();
    // The reply comes after the new keys.
    client.ping().await?;
    ensure(exchanges() > before, "no keys were exchanged")
}

fn common<'a>(kind: &str, ours: impl Iterator<Item = &'a str>, at_least: usize) -> Option<Vec<&'a str>> {
    let theirs = openssh::supported(kind)?;
    let common: Vec<_> = ours.filter(|name| theirs.iter().any(|other| other == name)).collect();
    assert!(common.len() >= at_least, "{kind}: only {common:?} in common with {theirs:?}");
    Some(common)
}

#[test]
fn every_key_exchange_method() {
    let user = User::new();
    let Some(sshd) = permissive(&user, &[KeyKind::Ed25519]) else { return };
    let Some(methods) = common("kex", KEX_ALGORITHMS.iter().map(|row| row.name), 13) else { return };
    check_all(&methods, |name| {
        let chosen = only(KEX_ALGORITHMS, name);
        talk(&sshd, &user, |algorithms| algorithms.kex = chosen, |negotiated| negotiated.kex.name == *name)
    });
}

#[test]
fn every_cipher() {
    let user = User::new();
    let Some(sshd) = permissive(&user, &[KeyKind::Ed25519]) else { return };
    let Some(ciphers) = common("cipher", CIPHERS.iter().map(|row| row.name), 10) else { return };
    check_all(&ciphers, |name| {
        let chosen = only(CIPHERS, name);
        talk(
            &sshd,
            &user,
            |algorithms| *algorithms = algorithms.clone().with_ciphers(chosen),
            |negotiated| {
                (negotiated.cipher_client_to_server.name, negotiated.cipher_server_to_client.name)
                    == (*name, *name)
            },
        )
    });
}

#[test]
fn every_mac_with_a_stream_and_a_block_cipher() {
    let user = User::new();
    let Some(sshd) = permissive(&user, &[KeyKind::Ed25519]) else { return };
    let Some(macs) = common("mac", MACS.iter().map(|row| row.name), 10) else { return };
    let cases: Vec<_> = macs.iter().flat_map(|mac| [(*mac, "aes128-ctr"), (*mac, "aes128-cbc")]).collect();
    check_all(&cases, |(name, cipher)| {
        let (mac, cipher) = (only(MACS, name), only(CIPHERS, cipher));
        talk(
            &sshd,
            &user,
            |algorithms| *algorithms = algorithms.clone().with_ciphers(cipher).with_macs(mac),
            |negotiated| {
                let macs = [negotiated.mac_client_to_server, negotiated.mac_server_to_client];
                macs.iter().all(|mac| mac.is_some_and(|mac| mac.name == *name))
            },
        )
    });
}

#[test]
fn ciphers_that_differ_in_both_directions() {
    let user = User::new();
    let Some(sshd) = permissive(&user, &[KeyKind::Ed25519]) else { return };
    let cases = [("aes256-gcm@openssh.com", "3des-cbc"), ("aes192-ctr", "chacha20-poly1305@openssh.com")];
    check_all(&cases, |(there, back)| {
        let (up, down) = (only(CIPHERS, there), only(CIPHERS, back));
        talk(
            &sshd,
            &user,
            |algorithms| {
                (algorithms.cipher_client_to_server, algorithms.cipher_server_to_client) = (up, down)
            },
            |negotiated| {
                (negotiated.cipher_client_to_server.name, negotiated.cipher_server_to_client.name)
                    == (*there, *back)
            },
        )
    });
}

#[test]
fn every_host_key_algorithm() {
    let user = User::new();
    let Some(sshd) = permissive(&user, &ALL_KINDS) else { return };
    let names = SIGNATURE_ALGORITHMS.iter().map(|row| row.name).filter(|name| *name != "ssh-dss");
    let Some(names) = common("key-sig", names, 7) else { return };
    check_all(&names, |name| {
        let chosen = only(SIGNATURE_ALGORITHMS, name);
        talk(
            &sshd,
            &user,
            |algorithms| algorithms.host_key = chosen,
            |negotiated| negotiated.host_key.name == *name,
        )
    });
}

#[test]
fn compression_after_login() {
    let user = User::new();
    let Some(sshd) = permissive(&user, &[KeyKind::Ed25519]) else { return };
    let target = Target::sshd(&sshd);
    let mut options = target.options_with_key(user.key());
    options.compression = true;
    crate::runtime::run_test(async {
        let client = target.connect(&options).await?;
        let negotiated = client.info()?.negotiated;
        ensure(
            negotiated.compression_client_to_server.name == "zlib@openssh.com",
            format!("{negotiated:?}"),
        )?;
        ensure(
            negotiated.compression_server_to_client.name == "zlib@openssh.com",
            format!("{negotiated:?}"),
        )?;
        exchange(&client, 1_000_000).await?;
        rekey(&client).await?;
        exchange(&client, 1_000_000).await?;
        let zeros = client.command("head -c 5000000 /dev/zero").output().await?;
        crate::transcript::same("compressible output", &vec![0; 5_000_000], &zeros.stdout)?;
        let received = client.connection().with(|transport, _| transport.stats().bytes_received);
        ensure(received < 4_000_000, format!("{received} bytes were received: nothing was compressed"))
    });
}

#[test]
fn nothing_in_common_is_told_with_both_lists() {
    let user = User::new();
    let Some(sshd) =
        SshdOptions::default().authorize(user.key()).line("KexAlgorithms curve25519-sha256").start()
    else {
        return;
    };
    let target = Target::sshd(&sshd);
    let choose = |algorithms: &mut Algorithms| algorithms.kex = only(KEX_ALGORITHMS, "ecdh-sha2-nistp256");
    let options = target.options_with_key(user.key()).with_transport(legacy_transport(choose));
    crate::runtime::run_test(async {
        match target.try_connect(&options).await {
            Err(error @ Error::Incompatible(_)) => {
                let text = error.to_string();
                ensure(text.contains("ecdh-sha2-nistp256") && text.contains("curve25519-sha256"), text)
            }
            other => Err(format!("not told apart: {other:?}").into()),
        }
    });
}
