use crate::support::*;
use rustix::process::Signal;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

/// Bytes that do not repeat soon.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

#[test]
fn fifty_megabytes_go_there_and_back() {
    let server = Server::start();
    let data = noise(50_000_000);
    let left = run(server.ssh(&[]).arg("cat"), &data);
    assert_eq!(left.code(), Some(0), "{}", left.stderr);
    assert!(left.stdout == data, "{} bytes came back", left.stdout.len());
}

#[test]
fn large_error_output_does_not_hold_up_the_other() {
    let server = Server::start();
    let command = "head -c 5000000 /dev/zero | tr '\\0' e >&2; head -c 5000000 /dev/zero";
    let left = run(server.ssh(&["-q"]).arg(command), b"");
    assert_eq!((left.code(), left.stdout.len(), left.stderr.len()), (Some(0), 5_000_000, 5_000_000));
}

#[test]
fn standard_input_that_stays_open_keeps_nobody() {
    let server = Server::start();
    let mut child = server.ssh(&["-q"]).arg("exit 4").stdin(Stdio::piped()).spawn().expect("it starts");
    let stdin = child.stdin.take().expect("a pipe");
    assert_eq!(Running(child).wait().code(), Some(4));
    drop(stdin);
}

#[test]
fn without_input_a_command_reads_nothing() {
    let server = Server::start();
    let left = run(server.ssh(&["-n"]).arg("wc -c"), b"this is not for it");
    assert_eq!(left.text().trim(), "0", "{}", left.stderr);
}

/// The server is told (OpenSSH PROTOCOL 2.1), and the command gets SIGPIPE.
#[test]
fn a_command_ends_when_nobody_reads_its_output() {
    let server = Server::start();
    let mut child = server
        .ssh(&["-q"])
        .arg("exec yes")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let mut stdout = child.stdout.take().expect("a pipe");
    let mut line = [0; 2];
    stdout.read_exact(&mut line).expect("a line");
    assert_eq!(&line, b"y\n");
    drop(stdout);
    assert_eq!(Running(child).wait().code(), Some(255));
}

#[test]
fn a_signal_ends_it() {
    let server = Server::start();
    for (signal, number) in [(Signal::INT, 2), (Signal::TERM, 15)] {
        let mut command = server.ssh(&[]);
        command.arg("echo ready; cat").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = Running(command.spawn().expect("it starts"));
        let mut stdout = BufReader::new(running.0.stdout.take().expect("a pipe"));
        let mut stderr = running.0.stderr.take().expect("a pipe");
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n");
        running.signal(signal);
        assert_eq!(running.wait().code(), Some(255));
        let mut told = String::new();
        stderr.read_to_string(&mut told).expect("text");
        assert!(told.contains(&format!("konko: killed by signal {number}")), "{told}");
    }
}

/// ssh(1), -N: "Do not execute a remote command."
#[test]
fn without_a_session_it_stays_until_the_connection_ends() {
    let mut server = Server::start();
    let client = server.ssh(&["-N"]).stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut line = String::new();
    while !line.contains("login accepted") {
        line.clear();
        assert_ne!(server.log.read_line(&mut line).expect("a line"), 0);
    }
    server.process.signal(Signal::TERM);
    assert_eq!(Running(client).wait().code(), Some(255));
    let mut rest = String::new();
    server.log.read_to_string(&mut rest).expect("text");
    assert!(!rest.contains("session starts"), "{rest}");
}
