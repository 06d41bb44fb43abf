//! Every way to log in to our server with OpenSSH, and how we refuse.

use konko_client::transport::keys::signature_algorithm::SIGNATURE_ALGORITHMS;
use konko_tests::peers::{KeyFile, KeyKind, Ssh};

use crate::our_server::{OurServer, OurServerOptions, PASSWORD, USER};
use crate::table::{check_all, ensure};
use crate::user::{ALL_KINDS, User};

fn ssh(server: &OurServer, name: &str) -> Option<Ssh> {
    Some(
        Ssh::new(server.address(), name)?
            .known_hosts(&server.known_hosts())
            .option("LogLevel=DEBUG1")
            .option("KexAlgorithms=curve25519-sha256"),
    )
}

#[test]
fn every_kind_of_key_and_every_algorithm() {
    let user = User::with(&ALL_KINDS);
    let server = OurServerOptions::new(&user)
        .packet(|packet| packet.user_signature_algorithms = SIGNATURE_ALGORITHMS.to_vec())
        .transport(|config| config.auth.signature_algorithms = SIGNATURE_ALGORITHMS.to_vec())
        .start();
    let names =
        ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-512"];
    let mut cases: Vec<_> = names.into_iter().enumerate().collect();
    cases.extend([(4, "rsa-sha2-256"), (4, "ssh-rsa")]);
    check_all(&cases, |(key, name)| {
        let ssh = ssh(&server, USER).ok_or("ssh is gone")?.identity(&user.keys[*key].private);
        let finished = ssh.option(&format!("PubkeyAcceptedAlgorithms={name}")).run("echo in", b"");
        ensure(finished.stdout == b"in\n" && finished.code() == Some(0), finished.stderr_text())?;
        ensure(finished.stderr_text().contains("using \"publickey\""), finished.stderr_text())
    });
}

#[test]
fn sha1_is_not_taken_unless_enabled() {
    let user = User::with(&[KeyKind::Rsa(2048)]);
    let server = OurServerOptions::new(&user).start();
    let Some(client) = ssh(&server, USER) else { return };
    let refused =
        client.identity(&user.key().private).option("PubkeyAcceptedAlgorithms=ssh-rsa").run("true", b"");
    assert_eq!(refused.code(), Some(255), "{}", refused.stderr_text());
    let taken = ssh(&server, USER).unwrap().identity(&user.key().private).run("true", b"").expect_success();
    assert!(taken.stderr_text().contains("server-sig-algs"), "{}", taken.stderr_text());
}

#[test]
fn password_and_prompt() {
    let user = User::new();
    let server = OurServerOptions::new(&user).start();
    for method in ["password", "keyboard-interactive"] {
        let Some(client) = ssh(&server, USER) else { return };
        let right =
            client.option(&format!("PreferredAuthentications={method}")).answer(PASSWORD).run("echo in", b"");
        assert_eq!((right.code(), &right.stdout[..]), (Some(0), &b"in\n"[..]), "{}", right.stderr_text());
        assert!(right.stderr_text().contains(&format!("using \"{method}\"")), "{}", right.stderr_text());

        let client = ssh(&server, USER).unwrap().option(&format!("PreferredAuthentications={method}"));
        let wrong = client.option("NumberOfPasswordPrompts=2").answer("wrong").run("echo in", b"");
        assert_eq!(wrong.code(), Some(255), "{}", wrong.stderr_text());
        assert!(wrong.stderr_text().contains("Permission denied"), "{}", wrong.stderr_text());
    }
    let stranger = ssh(&server, "stranger").unwrap().answer(PASSWORD).run("echo in", b"");
    assert_eq!(stranger.code(), Some(255), "{}", stranger.stderr_text());
}

#[test]
fn a_key_that_is_not_authorized_and_too_many_of_them() {
    let (user, strangers) = (User::new(), User::with(&[KeyKind::Ed25519; 3]));
    let server = OurServerOptions::new(&user).start();
    let Some(client) = ssh(&server, USER) else { return };
    let refused = client.identity(&strangers.key().private).run("true", b"");
    assert_eq!(refused.code(), Some(255));
    assert!(refused.stderr_text().contains("Permission denied"), "{}", refused.stderr_text());

    let server = OurServerOptions::new(&user).transport(|config| config.auth.maximum_attempts = 2).start();
    let client = ssh(&server, USER).unwrap().option("NumberOfPasswordPrompts=5").answer("wrong");
    let refused = client.option("PreferredAuthentications=password").run("true", b"");
    assert_eq!(refused.code(), Some(255));
    assert!(refused.stderr_text().contains("Too many authentication failures"), "{}", refused.stderr_text());
}

#[test]
fn an_encrypted_key() {
    let mut user = User::new();
    let encrypted = KeyFile::generate(&user.path("encrypted"), KeyKind::Ed25519, PASSWORD);
    user.keys = vec![encrypted.clone()];
    let server = OurServerOptions::new(&user).start();
    let Some(client) = ssh(&server, USER) else { return };
    let finished = client.identity(&encrypted.private).answer(PASSWORD).run("echo in", b"").expect_success();
    assert!(finished.stderr_text().contains("using \"publickey\""), "{}", finished.stderr_text());
}

#[test]
fn the_banner_is_shown() {
    let user = User::new();
    let banner = "Be nice.\nYou are \u{e9}cout\u{e9}.\n";
    let server =
        OurServerOptions::new(&user).allow(|options| options.banner = Some(banner.to_owned())).start();
    let Some(client) = ssh(&server, USER) else { return };
    let finished = client.identity(&user.key().private).run("true", b"").expect_success();
    assert!(finished.stderr_text().replace('\r', "").contains(banner), "{}", finished.stderr_text());
}
