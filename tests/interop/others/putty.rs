//! PuTTY's client.

use konko_client::transport::packet::COMPRESSION_ALGORITHMS;
use konko_tests::peers::Plink;

use crate::our_server::{OurServer, OurServerOptions, PASSWORD, USER};
use crate::table::{check_all, ensure};
use crate::transcript::{MEGABYTE, Transcript, same};
use crate::user::{ALL_KINDS, User};

fn plink(server: &OurServer, host_key: usize) -> Option<Plink> {
    Plink::new(server.address(), USER, &server.host_keys()[host_key].fingerprint())
}

#[test]
fn it_logs_in_to_our_server_in_every_way() {
    let user = User::with(&ALL_KINDS);
    let server = OurServerOptions::new(&user).start();
    let Some(_) = plink(&server, 0) else { return };
    let cases: Vec<_> = user.keys.iter().map(Some).chain([None]).collect();
    check_all(&cases, |key| {
        let client = plink(&server, 0).ok_or("plink is gone")?;
        let client = match key {
            Some(key) => client.identity(key),
            None => client.password(PASSWORD),
        };
        let finished = client.run("cat; echo oops >&2; exit 7", b"hello");
        ensure(finished.code() == Some(7), finished.stderr_text())?;
        same("standard output", b"hello", &finished.stdout)?;
        ensure(finished.stderr_text().contains("oops"), finished.stderr_text())
    });
    let wrong = plink(&server, 0).unwrap().password("wrong").run("echo in", b"");
    assert!(wrong.code() != Some(0) && wrong.stdout.is_empty(), "{}", wrong.stderr_text());
}

#[test]
fn it_takes_every_kind_of_host_key() {
    let user = User::new();
    check_all(&ALL_KINDS, |kind| {
        let server = OurServerOptions::new(&user).host_keys(&[*kind]).start();
        let Some(client) = plink(&server, 0) else { return Ok(()) };
        let finished = client.identity(user.key()).run("echo in", b"");
        ensure(finished.code() == Some(0) && finished.stdout == b"in\n", finished.stderr_text())
    });
}

#[test]
fn it_moves_ten_megabytes_while_we_exchange_keys() {
    let user = User::new();
    let server = OurServerOptions::new(&user).packet(|packet| packet.rekey.bytes = 1 << 20).start();
    let Some(client) = plink(&server, 0) else { return };
    let transcript = Transcript::new(10 * MEGABYTE, MEGABYTE);
    let finished = client.identity(user.key()).run(&transcript.command(), b"");
    same("standard output", &transcript.stdout, &finished.stdout).unwrap();
    same("standard error", &transcript.stderr, &finished.stderr).unwrap();
    assert_eq!(finished.code(), Some(7));

    let input = konko_tests::Seed::new(12).bytes(10 * MEGABYTE);
    let finished = plink(&server, 0).unwrap().identity(user.key()).run("cat; exit 7", &input);
    assert_eq!(finished.code(), Some(7), "{}", finished.stderr_text());
    same("standard output", &input, &finished.stdout).unwrap();
}

#[test]
fn it_compresses() {
    let user = User::new();
    let server = OurServerOptions::new(&user)
        .packet(|packet| {
            let algorithms = std::mem::take(&mut packet.algorithms);
            packet.algorithms = algorithms.with_compression(COMPRESSION_ALGORITHMS.to_vec());
        })
        .start();
    let Some(client) = plink(&server, 0) else { return };
    let input = vec![b'k'; 2 * MEGABYTE];
    let finished = client.identity(user.key()).argument("-C").argument("-v").run("cat; exit 7", &input);
    let log = finished.stderr_text();
    assert_eq!(finished.code(), Some(7), "{log}");
    same("standard output", &input, &finished.stdout).unwrap();
    assert!(log.contains("zlib"), "{log}");
}
