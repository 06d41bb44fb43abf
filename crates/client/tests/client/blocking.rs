//! The client that waits, against the same server, over TCP.

use crate::scripted_server::{ScriptedServer, key, options};
use konko_client::blocking::{SshClient, Stdin};
use konko_client::transport::userauth::MethodName;
use konko_client::{AttemptResult, Credential, Error, ExitStatus, HostKeyPolicy, KnownHostsFiles, Phase};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A server that listens on loopback until it is dropped.
struct Listening {
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

fn listen(server: ScriptedServer) -> Listening {
    let server = Arc::new(server);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
    let address = listener.local_addr().expect("an address");
    runtime.spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            let server = Arc::clone(&server);
            tokio::spawn(async move {
                let mut there = server.listen();
                let _ = tokio::io::copy_bidirectional(&mut socket, &mut there).await;
            });
        }
    });
    Listening { address, _runtime: runtime }
}

fn connect(listening: &Listening) -> SshClient {
    SshClient::connect(listening.address.to_string(), &options()).expect("logged in")
}

#[test]
fn commands_and_their_ends() {
    let listening = listen(ScriptedServer::default());
    let client = connect(&listening);
    for script in
        ["out:a err:b status:3 eof close", "status:3 out:a err:b close", "out:a err:b eof status:3 close"]
    {
        let output = client.command(script).output().expect(script);
        assert_eq!(output.status, ExitStatus::Code(3), "{script}");
        assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"a"[..], &b"b"[..]), "{script}");
    }
    let output = client.command("both-mb:20 status:0 eof close").output().expect("ended");
    assert_eq!((output.stdout.len(), output.stderr.len()), (20_000_000, 20_000_000));
    let output = client.command("out:x signal:KILL close").output().expect("ended");
    assert!(matches!(output.status, ExitStatus::Signal { name, .. } if name == "KILL"));
    let output =
        client.command("env:LC_A keepalive status:0 eof close").env("LC_A", "v").output().expect("ended");
    assert_eq!(output.stdout, b"vOk(false)");
    let limited = client.command("out-mb:2 status:0 eof close").output_limit(1_000_000).output();
    assert!(matches!(limited, Err(Error::OutputLimit { output, .. }) if output.stdout.len() == 1_000_000));
    let refused = client.subsystem("sftp").output();
    assert!(matches!(refused, Err(Error::RequestRefused { request: "subsystem", .. })));
    client.ping().expect("alive");
    client.rekey();
    assert_eq!(client.shell().output().expect("ended").stdout, b"shell");
    client.close();
    assert!(client.is_closed());
    assert!(matches!(client.command("x").output(), Err(Error::Closed { .. })));
}

#[test]
fn input_and_output_flow_at_the_same_time() {
    let listening = listen(ScriptedServer::default());
    let client = connect(&listening);
    let input = vec![b'y'; 20_000_000];
    let output = client.command("cat status:0 close").stdin(Stdin::Bytes(input.clone().into())).output();
    assert!(output.expect("ended").stdout == input);
    let reader = Stdin::Reader(Box::new(std::io::Cursor::new(input.clone())));
    assert!(client.command("cat status:0 close").stdin(reader).output().expect("ended").stdout == input);
    let mut child = client.command("cat err:done status:5 eof close").spawn().expect("started");
    let mut stdin = child.stdin().expect("not taken");
    let mut stdout = child.stdout().expect("not taken");
    stdin.write_all(b"one line\n").expect("written");
    let mut line = [0; 9];
    stdout.read_exact(&mut line).expect("it is copied");
    assert_eq!(child.try_wait(), None);
    drop(stdin);
    assert_eq!(child.wait().expect("ended"), ExitStatus::Code(5));
}

#[test]
fn deadlines_and_what_is_left_in_the_background() {
    let listening = listen(ScriptedServer::default());
    let client = connect(&listening);
    let short = Duration::from_millis(100);
    let result = client.command("out:so-far ignore").deadline(short).kill_grace(short).output();
    let Err(Error::DeadlineExceeded { after, output }) = result else { panic!("{result:?}") };
    assert_eq!((after, &output.stdout[..]), (short, &b"so-far"[..]));
    let output = client.command("hang status:143 eof close").deadline(short).output().expect("ended by TERM");
    assert_eq!((output.status, &output.stdout[..]), (ExitStatus::Code(143), &b"got TERM"[..]));
    let begun = Instant::now();
    let output = client.command("out:x status:0").output_grace(short).output().expect("ended");
    assert_eq!((output.status, &output.stdout[..]), (ExitStatus::Code(0), &b"x"[..]));
    assert!(begun.elapsed() >= short);
}

#[test]
fn a_connection_that_is_cut_is_no_end_of_a_command() {
    for script in ["out:half cut", "out:half eof cut"] {
        let listening = listen(ScriptedServer::default());
        let result = connect(&listening).command(script).output();
        let Err(Error::ConnectionLost { error, output }) = result else { panic!("{script}: {result:?}") };
        assert_eq!(output.status, ExitStatus::ConnectionLost);
        assert!(matches!(*error, Error::Closed { .. }), "{error}");
    }
}

#[test]
fn logins_and_host_keys() {
    let directory = tempfile::tempdir().expect("a directory");
    let user_key = key();
    let listening = listen(ScriptedServer {
        chain: vec![MethodName::PublicKey, MethodName::Password],
        keys: vec![user_key.public_key().clone()],
        ..ScriptedServer::default()
    });
    let files = KnownHostsFiles::only(directory.path().join("known_hosts"));
    let mut options = options().with_credential(Credential::private_key(user_key));
    options.host_keys = HostKeyPolicy::Strict(files.clone());
    let address = listening.address.to_string();
    let error = SshClient::connect(address.as_str(), &options).expect_err("unknown");
    assert!(matches!(error, Error::HostKeyUnknown { .. }), "{error}");
    options.host_keys = HostKeyPolicy::AcceptNew(files.clone());
    let client = SshClient::connect(address.as_str(), &options).expect("logged in");
    let report = client.info().expect("connected").login;
    let results: Vec<_> =
        report.attempts.iter().map(|attempt| (attempt.method, attempt.result.clone())).collect();
    assert_eq!(
        results,
        [
            ("password", AttemptResult::NotOffered),
            ("publickey", AttemptResult::AcceptedPartially),
            ("password", AttemptResult::Accepted)
        ]
    );
    options.host_keys = HostKeyPolicy::Strict(files);
    options.credentials = vec![Credential::password("wrong")];
    let error = SshClient::connect(address.as_str(), &options).expect_err("refused");
    assert!(matches!(error, Error::Authentication(_)), "{error}");
}

#[test]
fn tunnels_and_connections_on_them() {
    let listening = listen(ScriptedServer::default());
    let client = connect(&listening);
    let mut tunnel = client.open_direct_tcpip("echo.test", 7, None).expect("opened");
    drop(client);
    tunnel.write_all(b"there and back").expect("written");
    tunnel.send_eof().expect("EOF");
    let mut back = String::new();
    tunnel.read_to_string(&mut back).expect("read");
    assert_eq!(back, "there and back");
    // What echoes is no SSH server, and is told as such.
    let tunnel = connect(&listening).open_direct_tcpip("echo.test", 7, None).expect("opened");
    let error = SshClient::over(tunnel, "echo.test", 22, &options()).expect_err("an echo");
    assert!(
        matches!(error, Error::Protocol { .. } | Error::Closed { .. } | Error::Incompatible(_)),
        "{error}"
    );
}

#[test]
fn nobody_there_and_nobody_speaking() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let mut options = options();
    options.timeouts.identification = Some(Duration::from_millis(50));
    let error = SshClient::connect(address.as_str(), &options).expect_err("nobody speaks");
    assert!(matches!(error, Error::TimedOut { phase: Phase::Identification }), "{error}");
    drop(listener);
    let error = SshClient::connect(address.as_str(), &options).expect_err("nobody listens");
    assert!(matches!(&error, Error::Connect { attempts, .. } if attempts.len() == 1), "{error}");
}
