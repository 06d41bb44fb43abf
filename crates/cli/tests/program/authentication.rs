use crate::support::*;
use std::process::Command;

/// `konko ssh` that asks through an askpass program.
fn asking(server: &Server, answer: &str, options: &[&str]) -> Command {
    let askpass = server.askpass(answer);
    let mut command = server.client();
    command.env("SSH_ASKPASS", askpass).args(options).args(["127.0.0.1", "echo in"]);
    command
}

#[test]
fn a_password_is_asked_for() {
    let server = Server::start();
    let options = ["-o", "PreferredAuthentications=password", "-i", "none"];
    let left = run(&mut asking(&server, PASSWORD, &options), b"");
    assert_eq!((left.code(), left.text().as_str()), (Some(0), "in\n"), "{}", left.stderr);
    assert_eq!(server.asked(), format!("{USER}@127.0.0.1's password: \n"));
}

#[test]
fn a_wrong_password_is_asked_for_again_and_then_refused() {
    let server = Server::start();
    let options = [
        "-o",
        "PreferredAuthentications=password",
        "-o",
        "NumberOfPasswordPrompts=2",
        "-o",
        "IdentityFile=none",
    ];
    let left = run(&mut asking(&server, "wrong", &options), b"");
    assert_eq!((left.code(), left.text().as_str()), (Some(255), ""));
    assert!(left.stderr.contains("Permission denied, please try again."), "{}", left.stderr);
    let last = left.stderr.lines().last().expect("a line");
    let expected =
        format!("konko: {USER}@127.0.0.1: permission denied (publickey,password,keyboard-interactive)");
    assert_eq!(last, expected);
    assert_eq!(server.asked().lines().count(), 2);
}

#[test]
fn a_dialogue_is_answered() {
    let server = Server::start();
    let options = ["-o", "PreferredAuthentications=keyboard-interactive", "-o", "IdentityFile=none"];
    let left = run(&mut asking(&server, PASSWORD, &options), b"");
    assert_eq!((left.code(), left.text().as_str()), (Some(0), "in\n"), "{}", left.stderr);
    assert_eq!(server.asked(), format!("({USER}@127.0.0.1) Password: \n"));
}

#[test]
fn a_key_file_may_have_a_passphrase() {
    let server = Server::start();
    let key = server.path("locked").display().to_string();
    let left = run(&mut asking(&server, PASSPHRASE, &["-i", &key]), b"");
    assert_eq!((left.code(), left.text().as_str()), (Some(0), "in\n"), "{}", left.stderr);
    assert_eq!(server.asked(), format!("Enter passphrase for key '{key}': \n"));
}

#[test]
fn nobody_is_asked_in_batch_mode() {
    let server = Server::start();
    let left = run(&mut asking(&server, PASSWORD, &["-o", "BatchMode=yes", "-i", "none"]), b"");
    assert_eq!((left.code(), server.asked().as_str()), (Some(255), ""));
    assert!(left.stderr.contains("permission denied"), "{}", left.stderr);
}

#[test]
fn askpass_is_never_used_when_it_must_not_be() {
    let server = Server::start();
    let mut command = asking(&server, PASSWORD, &["-o", "PreferredAuthentications=password", "-i", "none"]);
    // Without a session of its own, the program could find the terminal of whoever runs the tests.
    let mut alone = Command::new("setsid");
    alone.arg("--wait").arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => alone.env(name, value),
            None => alone.env_remove(name),
        };
    }
    alone.env("SSH_ASKPASS_REQUIRE", "never").env("DISPLAY", ":0");
    let left = run(&mut alone, b"");
    assert_eq!((left.code(), server.asked().as_str()), (Some(255), ""), "{}", left.stderr);
    alone.env_remove("SSH_ASKPASS_REQUIRE");
    let left = run(&mut alone, b"");
    assert_eq!((left.code(), left.text().as_str()), (Some(0), "in\n"), "{}", left.stderr);
    command.env("SSH_ASKPASS", "/nonexistent/askpass");
    let left = run(&mut command, b"");
    assert_eq!(left.code(), Some(255), "{}", left.stderr);
}

#[test]
fn a_key_that_others_can_read_is_not_used() {
    let server = Server::start();
    let open = server.write("open", 0o644, &std::fs::read_to_string(server.path("key")).expect("a key"));
    let mut command = server.client();
    command.args(["-o", "BatchMode=yes", "-i"]).arg(&open).args(["127.0.0.1", "true"]);
    let left = run(&mut command, b"");
    assert_eq!(left.code(), Some(255));
    assert!(left.stderr.contains("can be read by others than its owner (mode 0644)"), "{}", left.stderr);
}

#[test]
fn a_key_file_that_is_not_there_is_told() {
    let server = Server::start();
    let left = run(server.ssh(&["-i", "/nonexistent/key"]).arg("echo in"), b"");
    assert_eq!((left.code(), left.text().as_str()), (Some(0), "in\n"));
    assert!(left.stderr.contains("Identity file /nonexistent/key not accessible"), "{}", left.stderr);
}
