//! Ways to a server through others, and forwardings.

use crate::support::*;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Two servers, of which the second knows the key of the first one's user, and a configuration that leads from one
/// to the other.
fn two_servers(more: &str) -> (Server, Server) {
    let outer = Server::start_with(&["--allow-tcp-forwarding"]);
    let inner = Server::start();
    let text = format!(
        "Host outer\n Port {}\n IdentityFile {}\nHost inner\n Port {}\n IdentityFile {}\n{more}\
         Host *\n HostName 127.0.0.1\n User {USER}\n BatchMode yes\n IdentitiesOnly yes\n \
         StrictHostKeyChecking accept-new\n UserKnownHostsFile {}\n GlobalKnownHostsFile none\n",
        outer.port,
        outer.path("key").display(),
        inner.port,
        inner.path("key").display(),
        outer.path("known_hosts").display(),
    );
    outer.write("config", 0o600, &text);
    (outer, inner)
}

fn ssh(outer: &Server, arguments: &[&str]) -> Command {
    let mut command = konko(outer.folder.path());
    command.args(["ssh", "-F"]).arg(outer.path("config")).args(arguments);
    command
}

#[test]
fn a_server_is_reached_through_another() {
    let (outer, _inner) = two_servers(" ProxyJump outer\n");
    let left = run(&mut ssh(&outer, &["inner", "echo inside; exit 5"]), b"");
    assert_eq!((left.code(), left.text().as_str()), (Some(5), "inside\n"), "{}", left.stderr);
    // Both have shown their keys.
    let known = std::fs::read_to_string(outer.path("known_hosts")).expect("known hosts");
    assert_eq!(known.lines().count(), 2, "{known}");
    // Without the way it is the same server, and with one by the command line, too.
    for arguments in [["-o", "ProxyJump=none"], ["-J", "outer"]] {
        let left = run(&mut ssh(&outer, &[&arguments[..], &["inner", "echo again"]].concat()), b"");
        assert_eq!(left.text(), "again\n", "{arguments:?}: {}", left.stderr);
    }
}

#[test]
fn a_way_that_does_not_lead_there_is_told() {
    let (outer, _inner) = two_servers(" ProxyJump inner\n");
    let left = run(&mut ssh(&outer, &["inner", "true"]), b"");
    assert_eq!(left.code(), Some(255));
    assert!(left.stderr.contains("stands on it twice"), "{}", left.stderr);
    let left = run(&mut ssh(&outer, &["-J", "outer", "-o", "Port=1", "inner", "true"]), b"");
    assert_eq!(left.code(), Some(255));
    assert!(left.stderr.contains("the server refused to open the channel"), "{}", left.stderr);
}

#[test]
fn a_command_is_the_connection() {
    let (outer, _inner) = two_servers("");
    // The program itself, so that nothing has to be installed.
    let command = format!(
        "ProxyCommand={} ssh -F {} -W %h:%p outer",
        env!("CARGO_BIN_EXE_konko"),
        outer.path("config").display()
    );
    let left = run(&mut ssh(&outer, &["-o", &command, "inner", "echo by command"]), b"");
    assert_eq!((left.code(), left.text().as_str()), (Some(0), "by command\n"), "{}", left.stderr);
    let left = run(&mut ssh(&outer, &["-o", "ProxyCommand=echo gone >&2; exit 3", "inner", "true"]), b"");
    assert_eq!(left.code(), Some(255));
    assert!(
        left.stderr.contains("gone") && left.stderr.contains("ProxyCommand has ended"),
        "{}",
        left.stderr
    );
}

/// Answers each connection with what it says, in capitals.
fn loud_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut heard = String::new();
            stream.read_to_string(&mut heard).expect("text until its end");
            stream.write_all(heard.to_uppercase().as_bytes()).expect("written");
        }
    });
    port
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

/// Connects as soon as somebody listens.
fn connect<S>(mut attempt: impl FnMut() -> std::io::Result<S>) -> S {
    let begun = Instant::now();
    loop {
        match attempt() {
            Ok(stream) => return stream,
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(60), "nobody listens: {error}"),
        }
        std::thread::yield_now();
    }
}

/// Says something, and hears the answer once it has said that there is no more.
fn converse(mut stream: impl Read + Write, finish: impl FnOnce()) -> String {
    stream.write_all(b"hello").expect("written");
    finish();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn loud(stream: TcpStream) -> String {
    let half = stream.try_clone().expect("a copy");
    converse(stream, || half.shutdown(Shutdown::Write).expect("shut down"))
}

/// A client that only forwards.
fn forwarding(server: &Server, flags: &[&str]) -> Running {
    let mut command = server.ssh(&[&["-N"], flags].concat());
    Running(command.stdin(Stdio::null()).spawn().expect("it starts"))
}

fn socks_5(port: u16, target: u16) -> TcpStream {
    let mut stream = connect(|| TcpStream::connect(("127.0.0.1", port)));
    stream.write_all(b"\x05\x01\x00").expect("written");
    let mut answer = [0; 2];
    stream.read_exact(&mut answer).expect("an answer");
    assert_eq!(answer, [5, 0]);
    let mut request = b"\x05\x01\x00\x03\x09localhost".to_vec();
    request.extend(target.to_be_bytes());
    stream.write_all(&request).expect("written");
    let mut answer = [0; 10];
    stream.read_exact(&mut answer).expect("an answer");
    assert_eq!(answer[..2], [5, 0]);
    stream
}

#[test]
fn ports_and_sockets_here_lead_there() {
    let server = Server::start_with(&["--allow-tcp-forwarding", "--allow-stream-local-forwarding"]);
    let target = loud_server();
    let (port, socks) = (free_port(), free_port());
    let socket = server.path("socket");
    let flags = [
        "-L".to_owned(),
        format!("{port}:localhost:{target}"),
        "-L".to_owned(),
        format!("{}:127.0.0.1:{target}", socket.display()),
        "-D".to_owned(),
        socks.to_string(),
    ];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let _client = forwarding(&server, &flags);
    assert_eq!(loud(connect(|| TcpStream::connect(("127.0.0.1", port)))), "HELLO");
    let stream = connect(|| UnixStream::connect(&socket));
    let half = stream.try_clone().expect("a copy");
    let answer = converse(stream, || half.shutdown(Shutdown::Write).expect("shut down"));
    assert_eq!(answer, "HELLO");
    assert_eq!(loud(socks_5(socks, target)), "HELLO");
}

#[test]
fn ports_there_lead_here() {
    let server = Server::start_with(&["--allow-tcp-forwarding"]);
    let target = loud_server();
    let (port, socks) = (free_port(), free_port());
    let flags = ["-R".to_owned(), format!("{port}:localhost:{target}"), "-R".to_owned(), socks.to_string()];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let _client = forwarding(&server, &flags);
    assert_eq!(loud(connect(|| TcpStream::connect(("127.0.0.1", port)))), "HELLO");
    assert_eq!(loud(socks_5(socks, target)), "HELLO");
}

#[test]
fn a_forwarding_that_fails_ends_the_connection_if_that_is_wanted() {
    let server = Server::start();
    // The server has that port already.
    let both = format!("127.0.0.1:{}:localhost:1", server.port);
    let strict = ["-o", "ExitOnForwardFailure=yes", "-L", &both];
    let left = run(server.ssh(&strict).arg("echo not reached"), b"");
    assert_eq!((left.code(), left.text().as_str()), (Some(255), ""), "{}", left.stderr);
    assert!(left.stderr.contains("cannot be set up"), "{}", left.stderr);
    let left = run(server.ssh(&["-L", &both, "-R", "0:localhost:1"]).arg("echo reached"), b"");
    assert_eq!((left.code(), left.text().as_str()), (Some(0), "reached\n"), "{}", left.stderr);
    assert_eq!(left.stderr.matches("cannot be set up").count(), 2, "{}", left.stderr);
}
