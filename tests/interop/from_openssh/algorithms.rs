//! Every algorithm that both have.

use konko_client::transport::crypto::cipher::CIPHERS;
use konko_client::transport::crypto::kex::KEX_ALGORITHMS;
use konko_client::transport::crypto::mac::MACS;
use konko_client::transport::keys::signature_algorithm::SIGNATURE_ALGORITHMS;
use konko_client::transport::packet::COMPRESSION_ALGORITHMS;
use konko_tests::peers::{Ssh, openssh};

use crate::our_server::{OurServer, OurServerOptions, USER};
use crate::table::{Failure, check_all, ensure};
use crate::transcript::{MEGABYTE, Transcript, same};
use crate::user::{ALL_KINDS, User};

/// Logs in with these options of `ssh`, moves bytes both ways with re-exchanges on the way, and looks for `logged` in
/// what `ssh` says about the negotiation.
fn talk(server: &OurServer, user: &User, options: &[String], logged: &[&str]) -> Result<(), Failure> {
    let ssh = Ssh::new(server.address(), USER).ok_or("ssh is gone")?;
    let ssh = ssh.identity(&user.key().private).known_hosts(&server.known_hosts());
    // Of an option that is given twice the one set later counts here: this is for rows that are not about it.
    let ssh = ssh.option("KexAlgorithms=curve25519-sha256");
    let ssh = options.iter().fold(ssh, |ssh, option| ssh.option(option));
    let input = konko_tests::Seed::new(5).bytes(300_000);
    let finished =
        ssh.option("RekeyLimit=128K").option("LogLevel=DEBUG1").run("cat; echo oops >&2; exit 7", &input);
    let log = finished.stderr_text();
    ensure(finished.code() == Some(7) && !finished.timed_out, format!("{}: {log}", finished.status))?;
    same("standard output", &input, &finished.stdout)?;
    ensure(log.contains("oops"), &log)?;
    for line in logged {
        ensure(log.contains(line), format!("no \"{line}\" in {log}"))?;
    }
    let exchanges = log.matches("SSH2_MSG_NEWKEYS received").count();
    ensure(exchanges >= 2, format!("{exchanges} key exchanges"))
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
    let server = OurServerOptions::new(&user).legacy().start();
    let Some(methods) = common("kex", KEX_ALGORITHMS.iter().map(|row| row.name), 13) else { return };
    check_all(&methods, |name| {
        talk(&server, &user, &[format!("KexAlgorithms={name}")], &[&format!("kex: algorithm: {name}")])
    });
}

#[test]
fn every_cipher() {
    let user = User::new();
    let server = OurServerOptions::new(&user).legacy().start();
    let Some(ciphers) = common("cipher", CIPHERS.iter().map(|row| row.name), 10) else { return };
    check_all(&ciphers, |name| {
        talk(&server, &user, &[format!("Ciphers={name}")], &[&format!("server->client cipher: {name}")])
    });
}

#[test]
fn every_mac_with_a_stream_and_a_block_cipher() {
    let user = User::new();
    let server = OurServerOptions::new(&user).legacy().start();
    let Some(macs) = common("mac", MACS.iter().map(|row| row.name), 10) else { return };
    let cases: Vec<_> = macs.iter().flat_map(|mac| [(*mac, "aes128-ctr"), (*mac, "aes128-cbc")]).collect();
    check_all(&cases, |(mac, cipher)| {
        let options = [format!("MACs={mac}"), format!("Ciphers={cipher}")];
        talk(&server, &user, &options, &[&format!("cipher: {cipher} MAC: {mac}")])
    });
}

#[test]
fn every_host_key_algorithm() {
    let user = User::new();
    let server = OurServerOptions::new(&user).host_keys(&ALL_KINDS).legacy().start();
    let names = SIGNATURE_ALGORITHMS.iter().map(|row| row.name).filter(|name| *name != "ssh-dss");
    let Some(names) = common("key-sig", names, 7) else { return };
    check_all(&names, |name| {
        talk(
            &server,
            &user,
            &[format!("HostKeyAlgorithms={name}")],
            &[&format!("host key algorithm: {name}")],
        )
    });
}

#[test]
fn compression_after_login() {
    let user = User::new();
    let server = OurServerOptions::new(&user)
        .packet(|packet| {
            let algorithms = std::mem::take(&mut packet.algorithms);
            packet.algorithms = algorithms.with_compression(COMPRESSION_ALGORITHMS.to_vec());
        })
        .start();
    let logged = ["compression: zlib@openssh.com"];
    talk(&server, &user, &["Compression=yes".to_owned()], &logged).unwrap();
    let zeros = vec![0; 5 * MEGABYTE];
    let Some(ssh) = Ssh::new(server.address(), USER) else { return };
    let ssh = ssh.identity(&user.key().private).known_hosts(&server.known_hosts()).option("Compression=yes");
    let finished = ssh.option("LogLevel=DEBUG1").run("cat", &zeros).expect_success();
    same("compressible output", &zeros, &finished.stdout).unwrap();
    let line =
        finished.stderr_text().lines().find(|line| line.contains("Transferred: sent")).map(str::to_owned);
    let numbers: Vec<usize> =
        line.iter().flat_map(|line| line.split([' ', ','])).filter_map(|word| word.parse().ok()).collect();
    assert!(numbers.len() == 2 && numbers.iter().all(|bytes| *bytes < MEGABYTE), "{line:?}");
}

#[test]
fn we_exchange_keys_again_and_again() {
    let user = User::new();
    let server = OurServerOptions::new(&user).packet(|packet| packet.rekey.bytes = 1 << 20).start();
    let Some(ssh) = Ssh::new(server.address(), USER) else { return };
    let ssh = ssh.identity(&user.key().private).known_hosts(&server.known_hosts()).option("LogLevel=DEBUG1");
    let transcript = Transcript::new(8 * MEGABYTE, 0);
    let input = konko_tests::Seed::new(6).bytes(5 * MEGABYTE);
    let file = transcript.stdout_file();
    let finished = ssh.run(&format!("cat {} -; exit 7", file.display()), &input);
    let log = finished.stderr_text();
    assert_eq!(finished.code(), Some(7), "{log}");
    same("standard output", &[transcript.stdout, input].concat(), &finished.stdout).unwrap();
    assert!(log.matches("SSH2_MSG_NEWKEYS received").count() >= 8, "{log}");
}
