//! Commands that OpenSSH's client runs on our server.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use konko_tests::peers::run::RUN;
use konko_tests::peers::{Process, Ssh, run};
use tempfile::TempDir;

use crate::our_server::{OurServer, OurServerOptions, USER};
use crate::transcript::{MEGABYTE, Transcript, same};
use crate::user::User;

fn ssh(server: &OurServer, user: &User) -> Option<Ssh> {
    Some(Ssh::new(server.address(), USER)?.identity(&user.key().private).known_hosts(&server.known_hosts()))
}

#[test]
fn a_hundred_megabytes_on_both_outputs_at_once() {
    let user = User::new();
    let server = OurServerOptions::new(&user).start();
    let Some(ssh) = ssh(&server, &user) else { return };
    let transcript = Transcript::new(100 * MEGABYTE, 100 * MEGABYTE);
    let finished =
        ssh.option("LogLevel=ERROR").option("Ciphers=aes128-gcm@openssh.com").run(&transcript.command(), b"");
    assert!(!finished.timed_out, "it hangs");
    same("standard output", &transcript.stdout, &finished.stdout).unwrap();
    same("standard error", &transcript.stderr, &finished.stderr).unwrap();
    assert_eq!(finished.code(), Some(7));
}

#[test]
fn twenty_megabytes_of_input() {
    let user = User::new();
    let server = OurServerOptions::new(&user).start();
    let Some(ssh) = ssh(&server, &user) else { return };
    let transcript = Transcript::new(20 * MEGABYTE, 0);
    let received = transcript.folder().join("received");
    ssh.run(&format!("cat > {}", received.display()), &transcript.stdout).expect_success();
    same("the input", &transcript.stdout, &std::fs::read(&received).unwrap()).unwrap();
}

#[test]
fn the_end_of_a_command() {
    let user = User::new();
    let server = OurServerOptions::new(&user).start();
    for code in [0, 1, 42, 254] {
        let Some(ssh) = ssh(&server, &user) else { return };
        let finished = ssh.run(&format!("exit {code}"), b"");
        assert_eq!(finished.code(), Some(code), "{}", finished.stderr_text());
    }
    // OpenSSH's client says -1 when a signal ended the command.
    let finished = ssh(&server, &user).unwrap().option("LogLevel=DEBUG1").run("kill -TERM $$", b"");
    assert_eq!(finished.code(), Some(255), "{}", finished.stderr_text());
    assert!(finished.stderr_text().contains("rtype exit-signal"), "{}", finished.stderr_text());
    // What runs on in the background and has nothing open is not waited for.
    let background = "sleep 300 >/dev/null 2>&1 </dev/null & echo $!";
    let finished = ssh(&server, &user).unwrap().run(background, b"").expect_success();
    let number = finished.stdout_text().trim().to_owned();
    assert!(Path::new("/proc").join(&number).exists(), "process {number} lives on");
    ssh(&server, &user).unwrap().run(&format!("kill {number}"), b"").expect_success();
}

#[test]
fn environment_shell_and_subsystems() {
    let user = User::new();
    let server = OurServerOptions::new(&user)
        .allow(|options| {
            options.process.subsystems.insert("greet".to_owned(), "echo hello from a subsystem".to_owned());
        })
        .start();
    let Some(client) = ssh(&server, &user) else { return };
    let show = "printf '%s|%s' \"$KONKO_GREETING\" \"$OTHER\"";
    let finished = client.option("SetEnv=KONKO_GREETING=hello OTHER=no").run(show, b"").expect_success();
    assert_eq!(finished.stdout_text(), "hello|");

    let client = ssh(&server, &user).unwrap();
    let mut command = client.command();
    command.arg("-T").arg(client.host());
    let finished = run(&mut command, b"echo in a shell; exit 3\n", RUN).unwrap();
    assert_eq!(finished.code(), Some(3), "{}", finished.stderr_text());
    assert!(finished.stdout_text().ends_with("in a shell\n"), "{}", finished.stdout_text());

    for (name, expected) in [("greet", Some(0)), ("no-such-subsystem", Some(255))] {
        let mut command = client.command();
        command.arg("-s").arg(client.host()).arg(name);
        let finished = run(&mut command, b"", RUN).unwrap();
        assert_eq!(finished.code(), expected, "{name}: {}", finished.stderr_text());
        assert_eq!(finished.stdout_text().contains("hello from a subsystem"), expected == Some(0));
    }
}

#[test]
fn a_terminal() {
    let user = User::new();
    let server = OurServerOptions::new(&user).start();
    let Some(client) = ssh(&server, &user) else { return };
    let mut command = client.command();
    command.arg("-tt").arg(client.host()).arg("tty; echo $TERM; stty -a; read line; echo got $line; exit 5");
    command.env("TERM", "xterm-test");
    let finished = run(&mut command, b"something\n", RUN).unwrap();
    let text = finished.stdout_text();
    assert_eq!(finished.code(), Some(5), "{text}{}", finished.stderr_text());
    assert!(text.contains("/dev/") && text.contains("xterm-test"), "{text}");
    assert!(text.contains("got something"), "{text}");
}

#[test]
fn several_sessions_over_one_connection() {
    let user = User::new();
    let server = OurServerOptions::new(&user).start();
    let Some(client) = ssh(&server, &user) else { return };
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("control");
    let mut master = client.command();
    master.arg("-M").arg("-S").arg(&socket).args(["-T", &client.host(), "echo up; exec tail -f /dev/null"]);
    let master = Process::spawn(&mut master).unwrap();
    master
        .wait_for_line("up", Duration::from_secs(60))
        .unwrap_or_else(|why| panic!("{why:?}: {}", master.log()));
    let through = |arguments: &[&str]| {
        let mut command = Command::new(client.command().get_program());
        command.args(["-F", "none"]).arg("-S").arg(&socket).args(arguments);
        command
    };
    std::thread::scope(|scope| {
        for number in 0..6 {
            scope.spawn(move || {
                let input = konko_tests::Seed::new(number).bytes(MEGABYTE);
                let command = format!("cat; echo oops >&2; exit {number}");
                let finished = run(&mut through(&["host", &command]), &input, RUN).unwrap();
                assert_eq!(finished.code(), Some(number as i32), "{}", finished.stderr_text());
                same("standard output", &input, &finished.stdout).unwrap();
                assert!(finished.stderr_text().contains("oops"));
            });
        }
    });
    run(&mut through(&["-O", "exit", "host"]), b"", RUN).unwrap().expect_success();
}

#[test]
fn files_are_copied_by_the_old_scp() {
    let user = User::new();
    let server = OurServerOptions::new(&user).start();
    let Some(client) = ssh(&server, &user) else { return };
    let transcript = Transcript::new(MEGABYTE, 0);
    let there = transcript.folder().join("there");
    let Some(mut command) = client.companion("scp") else { return };
    let remote = format!("{}:{}", client.host(), there.display());
    command.arg("-O").arg("-q").arg(transcript.stdout_file()).arg(&remote);
    let finished = run(&mut command, b"", RUN).unwrap();
    assert_eq!(finished.code(), Some(0), "{}", finished.stderr_text());
    same("the copy", &transcript.stdout, &std::fs::read(&there).unwrap()).unwrap();
}
