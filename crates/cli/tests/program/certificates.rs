//! Certificates from end to end with our programs alone: `konko keygen` issues them, `konko serve` and `konko ssh`
//! believe them.

use crate::support::*;
use std::path::Path;

fn keygen(folder: &Path, arguments: &[&str]) {
    let left = run(konko(folder).current_dir(folder).arg("keygen").args(arguments), b"");
    assert_eq!(left.code(), Some(0), "{arguments:?}: {}", left.stderr);
}

/// A host with a certificate, a user with one, and an authority for both.
fn issued() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["authority", "host", "user"] {
        keygen(folder.path(), &["-q", "-t", "ed25519", "-N", "", "-f", name]);
    }
    keygen(folder.path(), &["-q", "-s", "authority", "-I", "host", "-h", "-n", "127.0.0.1", "host.pub"]);
    keygen(folder.path(), &["-q", "-s", "authority", "-I", "user", "-n", USER, "-z", "7", "user.pub"]);
    folder
}

#[test]
fn a_host_and_a_user_with_certificates() {
    let issued = issued();
    let path = |name: &str| issued.path().join(name).display().to_string();
    let arguments = [
        "--host-key",
        &path("host"),
        "--host-certificate",
        &path("host-cert.pub"),
        "--trusted-user-ca",
        &path("authority.pub"),
    ];
    let server = Server::start_with(&arguments);
    let authority = std::fs::read_to_string(path("authority.pub")).expect("a key");
    server.write("known_hosts", 0o600, &format!("@cert-authority * {authority}"));
    let ssh = || {
        let mut command = konko(server.folder.path());
        command.args(["ssh", "-F", "none", "-p", &server.port.to_string(), "-l", USER]);
        command.arg("-o").arg(format!("UserKnownHostsFile={}", server.path("known_hosts").display()));
        command.args(["-o", "GlobalKnownHostsFile=none", "-o", "StrictHostKeyChecking=yes"]);
        // The certificate lies beside the key.
        command.args(["-o", "BatchMode=yes", "-i", &path("user"), "127.0.0.1", "echo in"]);
        command
    };
    let left = run(&mut ssh(), b"");
    assert_eq!((left.code(), left.text().as_str()), (Some(0), "in\n"), "{}", left.stderr);
    // Nothing was written down: the authority is what is known.
    let known = std::fs::read_to_string(server.path("known_hosts")).expect("the file");
    assert_eq!(known.lines().count(), 1);

    // The same user is not let in any more once the certificate is revoked.
    std::fs::write(issued.path().join("revoked.text"), "serial: 7\n").expect("written");
    keygen(issued.path(), &["-q", "-k", "-f", "revoked", "-s", "authority.pub", "revoked.text"]);
    drop(server);
    let mut more = arguments.to_vec();
    let revoked = path("revoked");
    more.extend(["--revoked-keys", &revoked]);
    let server = Server::start_with(&more);
    server.write("known_hosts", 0o600, &format!("@cert-authority * {authority}"));
    let mut command = konko(server.folder.path());
    command.args(["ssh", "-F", "none", "-p", &server.port.to_string(), "-l", USER]);
    command.arg("-o").arg(format!("UserKnownHostsFile={}", server.path("known_hosts").display()));
    command.args(["-o", "BatchMode=yes", "-i", &path("user"), "127.0.0.1", "echo in"]);
    let left = run(&mut command, b"");
    assert_eq!(left.code(), Some(255), "{}", left.stderr);
}

#[test]
fn certificates_that_do_not_fit_are_refused_at_the_start() {
    let issued = issued();
    let path = |name: &str| issued.path().join(name).display().to_string();
    for (key, certificate, expected) in [
        ("host", "user-cert.pub", "certificate of a user"),
        ("user", "host-cert.pub", "certifies none of the keys"),
        ("host", "host.pub", "host.pub"),
        ("host", "missing", "missing"),
    ] {
        let mut command = konko(issued.path());
        command.args(["serve", "--listen", "127.0.0.1:0", "--authorized-keys", "/dev/null"]);
        command.args(["--host-key", &path(key), "--host-certificate", &path(certificate)]);
        let left = run(&mut command, b"");
        assert_eq!(left.code(), Some(1), "{certificate}: {}", left.text());
        assert!(left.stderr.starts_with("konko: ") && left.stderr.contains(expected), "{}", left.stderr);
    }
}
