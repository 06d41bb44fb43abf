use crate::support::*;

#[test]
fn openssh_logs_in_with_a_key() {
    let server = Server::start();
    let Some(mut ssh) = server.openssh() else { return };
    ssh.args(["-o", "BatchMode=yes", "-i"]).arg(server.path("key"));
    let left = run(ssh.args(["127.0.0.1", "cat; echo err >&2; exit 6"]), b"through");
    assert_eq!((left.code(), left.text().as_str()), (Some(6), "through"), "{}", left.stderr);
    assert!(left.stderr.ends_with("err\n"), "{}", left.stderr);
}

#[test]
fn openssh_logs_in_with_a_password_and_with_a_dialogue() {
    let server = Server::start();
    let askpass = server.askpass(PASSWORD);
    for method in ["password", "keyboard-interactive"] {
        let Some(mut ssh) = server.openssh() else { return };
        ssh.env("SSH_ASKPASS", &askpass).args(["-o", &format!("PreferredAuthentications={method}")]);
        let left = run(ssh.args(["127.0.0.1", "echo in"]), b"");
        assert_eq!((left.code(), left.text().as_str()), (Some(0), "in\n"), "{method}: {}", left.stderr);
    }
}

#[test]
fn openssh_gets_a_terminal() {
    let server = Server::start();
    let Some(mut ssh) = server.openssh() else { return };
    ssh.args(["-tt", "-o", "BatchMode=yes", "-i"]).arg(server.path("key"));
    let left = run(ssh.args(["127.0.0.1", "stty rows 33 columns 99; tty; stty size"]), b"");
    assert_eq!(left.code(), Some(0), "{}", left.stderr);
    let text = left.text();
    assert!(text.starts_with("/dev/") && text.contains("33 99"), "{text}");
}

#[test]
fn openssh_finds_the_host_key_that_konko_wrote_down() {
    let server = Server::start();
    assert_eq!(run(server.ssh(&[]).arg("true"), b"").code(), Some(0));
    let Some(mut ssh) = server.openssh() else { return };
    ssh.args(["-v", "-o", "BatchMode=yes", "-i"]).arg(server.path("key"));
    let left = run(ssh.args(["127.0.0.1", "true"]), b"");
    assert_eq!(left.code(), Some(0), "{}", left.stderr);
    assert!(left.stderr.contains("is known and matches the ED25519 host key"), "{}", left.stderr);
}
