use crate::support::*;

#[test]
fn a_command_has_two_outputs_and_a_status() {
    let server = Server::start();
    let left = run(server.ssh(&[]).arg("echo out; echo err >&2; exit 3"), b"");
    assert_eq!(left.code(), Some(3), "{}", left.stderr);
    assert_eq!(left.text(), "out\n");
    assert!(left.stderr.ends_with("err\n"), "{}", left.stderr);

    let left = run(server.ssh(&["-q"]).args(["printf", "'%s'", "a b"]), b"");
    assert_eq!((left.code(), left.text().as_str(), left.stderr.as_str()), (Some(0), "ab", ""));
}

#[test]
fn a_shell_reads_its_commands_from_standard_input() {
    let server = Server::start();
    let left = run(&mut server.ssh(&["-T"]), b"echo one\nexit 9\n");
    assert_eq!((left.code(), left.text().as_str()), (Some(9), "one\n"), "{}", left.stderr);
}

/// ssh(1): "exits with the exit status of the remote command or with 255 if an error occurred".
#[test]
fn a_command_that_a_signal_ends_has_no_status() {
    let server = Server::start();
    let left = run(server.ssh(&[]).arg("kill -KILL $$"), b"");
    assert_eq!(left.code(), Some(255), "{}", left.stderr);
}

#[test]
fn a_subsystem_that_does_not_exist_is_refused() {
    let server = Server::start();
    let left = run(server.ssh(&["-s"]).arg("no-such-subsystem"), b"");
    assert_eq!(left.code(), Some(255));
    assert!(left.stderr.contains("konko: the server refused the request \"subsystem\""), "{}", left.stderr);
}

#[test]
fn variables_are_sent_and_set() {
    let server = Server::start();
    let mut command = server.ssh(&["-o", "SendEnv=LC_SENT_*", "-o", "SetEnv=LC_SET=\"two words\""]);
    command.env("LC_SENT_X", "sent").env("LC_OTHER", "not sent");
    let left = run(command.arg("echo \"$LC_SENT_X/$LC_SET/$LC_OTHER\""), b"");
    assert_eq!(left.text(), "sent/two words/\n", "{}", left.stderr);
}

#[test]
fn what_was_negotiated_is_told() {
    let server = Server::start_with(&["--compression", "--ciphers=+aes256-ctr", "--rekey-limit=1M"]);
    let flags =
        ["-v", "-C", "-c", "aes256-ctr", "-o", "KexAlgorithms=curve25519-sha256", "-o", "RekeyLimit=2M"];
    let left = run(server.ssh(&flags).arg("head -c 20000000 /dev/zero"), b"");
    assert_eq!((left.code(), left.stdout.len()), (Some(0), 20_000_000), "{}", left.stderr);
    for expected in [
        "debug1: kex: algorithm: curve25519-sha256",
        "cipher: aes256-ctr",
        "compression: zlib@openssh.com",
        "debug1: Authenticated to",
    ] {
        assert!(left.stderr.contains(expected), "{expected} in {}", left.stderr);
    }
}

#[test]
fn keys_are_exchanged_anew_while_data_flows() {
    let server = Server::start_with(&["--rekey-limit=1M"]);
    let flags = ["-v", "-o", "RekeyLimit=1M"];
    let left = run(server.ssh(&flags).arg("head -c 8000000 /dev/zero"), b"");
    assert_eq!((left.code(), left.stdout.len()), (Some(0), 8_000_000), "{}", left.stderr);
    let exchanges = left.stderr.matches("first=false").count();
    assert!(exchanges >= 2, "{exchanges} in {}", left.stderr);
}

#[test]
fn errors_go_where_they_are_wanted() {
    let server = Server::start();
    let log = server.path("log");
    let left = run(server.ssh(&["-E", log.to_str().expect("a name"), "-s"]).arg("nope"), b"");
    assert_eq!((left.code(), left.stderr.as_str()), (Some(255), ""));
    let told = std::fs::read_to_string(&log).expect("a log");
    assert!(told.contains("konko: the server refused"), "{told}");
    let left = run(server.ssh(&["-q", "-s"]).arg("nope"), b"");
    assert_eq!((left.code(), left.stderr.as_str()), (Some(255), ""));
}

#[test]
fn options_that_cannot_be_are_told() {
    let server = Server::start();
    for (flags, expected) in [
        (&["-o", "ProxyJump=a,,b"][..], "ProxyJump"),
        (&["-o", "NoSuchOption=x"], "-o NoSuchOption=x: NoSuchOption: there is no such keyword"),
        (&["-O", "exit"], "not supported yet"),
        (&["-F", "/no/such/file"], "there is no such file"),
        (&["-o", "Tunnel=yes"], "-o Tunnel=yes: Tunnel: forwarding of network devices is not supported"),
        (&["-c", "rot13"], "rot13"),
        (&["-o", "RequiredRSASize=x"], "RequiredRSASize"),
    ] {
        let left = run(server.ssh(flags).arg("true"), b"");
        assert_eq!(left.code(), Some(255), "{flags:?}");
        assert!(
            left.stderr.starts_with("konko: ") && left.stderr.contains(expected),
            "{flags:?}: {}",
            left.stderr
        );
    }
}

#[test]
fn a_port_where_nobody_listens() {
    let server = Server::start();
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("it").port();
    let mut command = konko(server.folder.path());
    let left = run(
        command.args(["ssh", "-p", &free.to_string(), "-o", "ConnectTimeout=5", "127.0.0.1", "true"]),
        b"",
    );
    assert_eq!(left.code(), Some(255));
    assert!(left.stderr.starts_with("konko: cannot connect to \"127.0.0.1\" port"), "{}", left.stderr);
}

/// ssh(1): "-f  Requests ssh to go to background just before command execution."
#[test]
fn the_program_goes_to_the_background_once_logged_in() {
    let server = Server::start();
    // What it prints in the background still arrives; its own end is what the first process leaves at login.
    let left = run(server.ssh(&["-f"]).arg("cat; echo done; exit 7"), b"");
    assert_eq!((left.code(), left.text().as_str()), (Some(0), "done\n"), "{}", left.stderr);
    let left =
        run(server.ssh(&["-f", "-o", "BatchMode=yes", "-o", "PubkeyAuthentication=no"]).arg("true"), b"");
    assert_eq!(left.code(), Some(255), "{}", left.stderr);
}
