//! OpenSSH's client forwards through our server, in all directions.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use konko_tests::peers::run::RUN;
use konko_tests::peers::{Finished, Process, Ssh, run};
use tempfile::TempDir;

use crate::our_server::{OurServer, OurServerOptions, USER};
use crate::transcript::{MEGABYTE, same};
use crate::user::User;

fn permissive(user: &User) -> OurServer {
    OurServerOptions::new(user)
        .allow(|options| {
            options.allow_local_forwarding = true;
            options.allow_remote_forwarding = true;
        })
        .start()
}

fn ssh(server: &OurServer, user: &User) -> Option<Ssh> {
    Some(Ssh::new(server.address(), USER)?.identity(&user.key().private).known_hosts(&server.known_hosts()))
}

/// An `ssh` that stays, and can be told to forward.
struct Master {
    program: std::ffi::OsString,
    _process: Process,
    folder: TempDir,
}

impl Master {
    fn start(server: &OurServer, user: &User) -> Option<Self> {
        let client = ssh(server, user)?;
        let folder = TempDir::new().unwrap();
        let mut command = client.command();
        command.arg("-M").arg("-S").arg(folder.path().join("control"));
        command.args(["-T", &client.host(), "echo up; exec tail -f /dev/null"]);
        let process = Process::spawn(&mut command).unwrap();
        process
            .wait_for_line("up", Duration::from_secs(60))
            .unwrap_or_else(|why| panic!("{why:?}: {}", process.log()));
        Some(Self { program: command.get_program().to_owned(), _process: process, folder })
    }

    fn tell(&self, arguments: &[&str]) -> Finished {
        let mut command = Command::new(&self.program);
        command
            .args(["-F", "none"])
            .arg("-S")
            .arg(self.folder.path().join("control"))
            .args(arguments)
            .arg("host");
        run(&mut command, b"", RUN).unwrap()
    }
}

/// Sends back what comes until it ends, then says goodbye: only a half-closed stream gets to hear that.
fn echo(mut reader: impl Read, mut writer: impl Write) -> io::Result<()> {
    io::copy(&mut reader, &mut writer)?;
    writer.write_all(b"goodbye")
}

/// A listener whose connections are all echoed.
fn echo_listener() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // The other end may have gone, which it will report itself.
            thread::spawn(move || echo(&stream, &stream));
        }
    });
    address
}

fn talk(mut reader: impl Read, mut writer: impl Write + Send, end: impl FnOnce() + Send) {
    let text = konko_tests::Seed::new(7).bytes(3 * MEGABYTE);
    let mut answer = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            writer.write_all(&text).unwrap();
            end();
        });
        reader.read_to_end(&mut answer).unwrap();
    });
    check(&text, answer);
}

fn check(text: &[u8], mut answer: Vec<u8>) {
    let goodbye = answer.split_off(answer.len().saturating_sub(7));
    same("the echo", text, &answer).unwrap();
    same("what came after the end of what was sent", b"goodbye", &goodbye).unwrap();
}

fn talk_on(stream: &TcpStream) {
    stream.set_read_timeout(Some(RUN)).unwrap();
    talk(stream, stream, || stream.shutdown(Shutdown::Write).unwrap());
}

/// A loopback port that nobody listens on at the moment.
fn free_port() -> u16 {
    konko_tests::peers::process::free_address().unwrap().port()
}

#[test]
fn ports_forwarded_both_ways() {
    let user = User::new();
    let server = permissive(&user);
    let Some(master) = Master::start(&server, &user) else { return };
    let echoes = echo_listener();
    let port = free_port();
    master.tell(&["-O", "forward", "-L", &format!("127.0.0.1:{port}:{echoes}"), "host"]).expect_success();
    talk_on(&TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap());

    let told =
        master.tell(&["-O", "forward", "-R", &format!("127.0.0.1:0:{echoes}"), "host"]).expect_success();
    let port: u16 = told.stdout_text().trim().parse().expect("ssh tells the port that the server chose");
    talk_on(&TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap());
    let refused = master.tell(&["-O", "forward", "-R", &format!("127.0.0.1:{port}:{echoes}"), "host"]);
    assert_ne!(refused.code(), Some(0), "the same port twice: {}", refused.stderr_text());

    let fixed = free_port();
    master.tell(&["-O", "forward", "-R", &format!("localhost:{fixed}:{echoes}"), "host"]).expect_success();
    talk_on(&TcpStream::connect((Ipv4Addr::LOCALHOST, fixed)).unwrap());
    master.tell(&["-O", "cancel", "-R", &format!("localhost:{fixed}:{echoes}"), "host"]).expect_success();
    // ssh asks for no answer to that; a command that was sent after it has one.
    let listens = || TcpStream::connect((Ipv4Addr::LOCALHOST, fixed)).is_ok();
    let gone =
        (0..100).any(|_| master.tell(&["host", "true"]).expect_success().stdout.is_empty() && !listens());
    assert!(gone, "the server still listens");
}

#[test]
fn unix_sockets_forwarded_both_ways() {
    let user = User::new();
    let server = permissive(&user);
    let Some(master) = Master::start(&server, &user) else { return };
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let listener = UnixListener::bind(path("echoes")).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || echo(&stream, &stream));
        }
    });
    for (flag, name) in [("-L", "local"), ("-R", "remote")] {
        let from_to = format!("{}:{}", path(name).display(), path("echoes").display());
        master.tell(&["-O", "forward", flag, &from_to, "host"]).expect_success();
        let stream = UnixStream::connect(path(name)).unwrap();
        stream.set_read_timeout(Some(RUN)).unwrap();
        talk(&stream, &stream, || stream.shutdown(Shutdown::Write).unwrap());
    }
}

/// A SOCKS5 client (RFC 1928) of `-D`.
#[test]
fn connections_chosen_by_socks() {
    let user = User::new();
    let server = permissive(&user);
    let Some(master) = Master::start(&server, &user) else { return };
    let echoes = echo_listener();
    let port = free_port();
    master.tell(&["-O", "forward", "-D", &format!("127.0.0.1:{port}"), "host"]).expect_success();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.write_all(&[5, 1, 0]).unwrap();
    let mut method = [0; 2];
    stream.read_exact(&mut method).unwrap();
    assert_eq!(method, [5, 0]);
    let host = b"localhost";
    let request = [&[5, 1, 0, 3, host.len() as u8][..], host, &echoes.port().to_be_bytes()].concat();
    stream.write_all(&request).unwrap();
    let mut reply = [0; 10];
    stream.read_exact(&mut reply).unwrap();
    assert_eq!(reply[..2], [5, 0], "{reply:?}");
    talk_on(&stream);
}

#[test]
fn standard_input_and_output_as_a_connection() {
    let user = User::new();
    let server = permissive(&user);
    let Some(client) = ssh(&server, &user) else { return };
    let text = konko_tests::Seed::new(8).bytes(3 * MEGABYTE);
    let mut command = client.command();
    command.args(["-W", &echo_listener().to_string(), &client.host()]);
    let finished = run(&mut command, &text, RUN).unwrap().expect_success();
    check(&text, finished.stdout);
}

/// A second connection through the first, both to our server.
#[test]
fn a_jump_host() {
    let user = User::new();
    let (first, second) = (permissive(&user), OurServerOptions::new(&user).start());
    let (Some(outer), Some(inner)) = (ssh(&first, &user), ssh(&second, &user)) else { return };
    let mut hop = outer.command();
    hop.args(["-W", &second.address().to_string(), &outer.host()]);
    let words: Vec<_> = std::iter::once(hop.get_program())
        .chain(hop.get_args())
        .map(|word| format!("'{}'", word.to_str().expect("plain words")))
        .collect();
    let text = konko_tests::Seed::new(9).bytes(MEGABYTE);
    let finished = inner.option(&format!("ProxyCommand={}", words.join(" "))).run("cat; exit 7", &text);
    assert_eq!(finished.code(), Some(7), "{}", finished.stderr_text());
    same("standard output", &text, &finished.stdout).unwrap();
}

#[test]
fn nothing_is_forwarded_unless_allowed() {
    let user = User::new();
    let server = OurServerOptions::new(&user).start();
    let Some(client) = ssh(&server, &user) else { return };
    let mut command = client.command();
    command.args(["-W", &echo_listener().to_string(), &client.host()]);
    let finished = run(&mut command, b"", RUN).unwrap();
    assert_eq!(finished.code(), Some(255), "{}", finished.stderr_text());
    assert!(finished.stderr_text().contains("administratively prohibited"), "{}", finished.stderr_text());

    let mut command = client.command();
    command.args(["-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:1", &client.host(), "true"]);
    let finished = run(&mut command, b"", RUN).unwrap();
    assert_eq!(finished.code(), Some(255), "{}", finished.stderr_text());
}
