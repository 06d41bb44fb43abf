//! The protocol of scp with peers that lie: our client with a server that sends what it likes, our server with a
//! client that does.

use bytes::Bytes;
use konko_client::scp::{ScpError, ScpOptions, ScpReport};
use konko_client::{ClientOptions, HostKeyPolicy, Output, SshClient, Stdin};
use konko_filesystem::memory::fault::Faults;
use konko_filesystem::memory::filesystem::MemoryFilesystem;
use konko_keys::private_key::{KeyKind, PrivateKey};
use konko_scp::{ScpCommand, ScpError as ProtocolError};
use konko_server::scp::{ScpServerOptions, scp_program};
use konko_server::{
    AuthDecision, AuthRequest, BoxFuture, Exit, Handler, PeerInfo, Program, Server, SessionHandler,
    StartRequest,
};
use konko_sftp::message::attributes::Attributes;
use konko_sftp::server::filesystem::Filesystem;
use std::future::ready;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// Nothing here takes that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a session does.
#[derive(Clone)]
enum Behaviour {
    /// Says this, whatever is asked, and ends well.
    Says(Bytes),
    /// Says this and nothing else, for ever.
    Hangs(Bytes),
    /// Serves scp from memory.
    Serves(Arc<MemoryFilesystem>),
}

struct Lax(Behaviour);

impl Handler for Lax {
    fn authenticate<'a>(&'a self, _: AuthRequest<'a>) -> BoxFuture<'a, AuthDecision> {
        Box::pin(ready(AuthDecision::Accept))
    }

    fn open_session(&self) -> BoxFuture<'_, Option<Box<dyn SessionHandler>>> {
        let session = Session(self.0.clone());
        Box::pin(ready(Some(Box::new(session) as Box<dyn SessionHandler>)))
    }
}

struct Session(Behaviour);

impl SessionHandler for Session {
    fn start(&mut self, request: StartRequest) -> BoxFuture<'_, Option<Program>> {
        let program = match (&self.0, request) {
            (Behaviour::Serves(filesystem), StartRequest::Exec(line)) => {
                let command = ScpCommand::parse(&line).ok().flatten();
                let options = ScpServerOptions::default();
                command.map(|command| scp_program(command, Arc::clone(filesystem), options))
            }
            (Behaviour::Says(script) | Behaviour::Hangs(script), _) => {
                let (script, hangs) = (script.clone(), matches!(self.0, Behaviour::Hangs(_)));
                Some(Program::new(move |mut stream| async move {
                    stream.discard_input();
                    // The client may have had enough.
                    drop(stream.output.write_all(&script).await);
                    while hangs && stream.controls.next().await.is_some() {}
                    Exit::Status(0)
                }))
            }
            _ => None,
        };
        Box::pin(ready(program))
    }
}

/// A client that is logged in at a server that behaves so.
async fn client(behaviour: Behaviour) -> SshClient {
    let key = PrivateKey::generate(KeyKind::Ed25519, &mut konko_crypto::random::SystemRandom).expect("a key");
    let builder =
        Server::builder().host_key(key).methods([konko_userauth::method_name::MethodName::Password]);
    let server = builder.handler(move |_: &PeerInfo| Lax(behaviour.clone())).build().expect("a server");
    let (near, far) = tokio::io::duplex(256 * 1024);
    tokio::spawn(async move { server.serve_connection(far, PeerInfo::UNKNOWN).await });
    let options = ClientOptions::new("user", HostKeyPolicy::InsecureAcceptAny).with_password("any");
    SshClient::over(near, "server.test", 22, &options).await.expect("logged in")
}

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(PATIENCE, test).await.expect("no end") })
}

/// What is in a folder, below an outer one in which nothing else must be.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Asks a server that says this for `wanted`; the result, and what is in the target then.
fn get(script: &[u8], options: &ScpOptions) -> (Result<ScpReport, ScpError>, Vec<String>) {
    let outer = tempfile::tempdir().expect("a folder");
    let inner = outer.path().join("inner");
    std::fs::create_dir(&inner).expect("a folder");
    let result = run(async {
        let client = client(Behaviour::Says(Bytes::copy_from_slice(script))).await;
        client.scp().with_options(options.clone()).get("wanted", &inner).await
    });
    assert_eq!(names(outer.path()), ["inner"], "nothing is written elsewhere");
    (result, names(&inner))
}

fn recursive() -> ScpOptions {
    let mut options = ScpOptions::default();
    options.recursive = true;
    options
}

fn protocol_error(result: Result<ScpReport, ScpError>) -> ProtocolError {
    match result {
        Err(ScpError::Protocol { error, .. }) => error,
        other => panic!("{other:?}"),
    }
}

// covers: Y01
#[test]
fn a_server_cannot_choose_what_is_written() {
    for (script, options) in [
        (&b"C0644 3 ../evil\nabc\0"[..], recursive()),
        (b"C0644 3 /tmp/evil\nabc\0", recursive()),
        (b"C0644 3 ..\nabc\0", recursive()),
        (b"C0644 3 .\nabc\0", recursive()),
        (b"C0644 3 \nabc\0", recursive()),
        (b"C0644 3 other\nabc\0", recursive()),
        (b"D0755 0 ..\nC0644 3 evil\nabc\0E\n", recursive()),
        (b"D0755 0 other\nC0644 3 evil\nabc\0E\n", recursive()),
        (b"D0755 0 wanted\nC0644 3 evil\nabc\0E\n", ScpOptions::default()),
    ] {
        let (result, written) = get(script, &options);
        let error = protocol_error(result);
        assert!(
            matches!(
                error,
                ProtocolError::BadName(_) | ProtocolError::Unexpected(_) | ProtocolError::Directory(_)
            ),
            "{error}"
        );
        assert_eq!(written, Vec::<String>::new());
    }
    // What came before the lie is there, and nothing after it.
    let (result, written) = get(b"C0644 3 wanted\nabc\0C0644 3 more\nabc\0", &recursive());
    assert_eq!(protocol_error(result), ProtocolError::Unexpected("more".to_owned()));
    assert_eq!(written, ["wanted"]);
    let (result, written) = get(b"D0755 0 wanted\nC0644 3 a/b\nabc\0", &recursive());
    assert!(matches!(protocol_error(result), ProtocolError::BadName(_)));
    assert_eq!(written, ["wanted"]);
}

// covers: Y01
#[test]
fn a_server_cannot_send_a_name_twice() {
    // What is refused is not sent.
    let twice = b"D0755 0 wanted\nC0644 3 a\nabc\0C0644 3 a\nE\n";
    let (result, _) = get(twice, &recursive());
    let Err(ScpError::Incomplete(report)) = result else { panic!("{result:?}") };
    assert_eq!((report.files, report.failed), (1, 1));
    assert!(report.failures[0].reason.contains("twice"), "{report:?}");
}

// covers: Y04, Y05, Y08
#[test]
fn a_server_that_breaks_the_protocol_leaves_nothing_behind() {
    let long = [&b"C0644 1 "[..], &[b'a'; 65_536], b"\n"].concat();
    let nested = [&b"D0755 0 wanted\n"[..], &b"D0755 0 d\n".repeat(100)].concat();
    for (script, expected) in [
        (&b"C0644 -1 wanted\n"[..], ProtocolError::Protocol("malformed size")),
        (b"C0644 9223372036854775808 wanted\n", ProtocolError::Protocol("malformed size")),
        (b"C0999 1 wanted\n", ProtocolError::Protocol("malformed mode")),
        (b"T1 0 1\n", ProtocolError::Protocol("malformed times")),
        (b"E\n", ProtocolError::Protocol("the end of no directory")),
        (b"C0644 1073741824 wanted\nnot so much", ProtocolError::PrematureEof("a file")),
        (b"C0644 3 wanted\nabc", ProtocolError::PrematureEof("the end of a file")),
        (b"Last login: today\x1b[2J\n", ProtocolError::NotProtocol("Last login: today\\u{1b}[2J".to_owned())),
        (b"\x02gone\n", ProtocolError::Remote("gone".to_owned())),
        (b"", ProtocolError::PrematureEof("the beginning")),
        (&long, ProtocolError::LineTooLong),
    ] {
        let (result, written) = get(script, &recursive());
        assert_eq!(protocol_error(result), expected);
        assert_eq!(written, Vec::<String>::new());
    }
    let (result, _) = get(&nested, &recursive());
    assert_eq!(protocol_error(result), ProtocolError::TooDeep(64));
}

// covers: G15, Y08
#[test]
fn a_cut_leaves_the_old_file_or_the_new_one() {
    let script = b"T1 0 1 0\nC0644 5 wanted\nhello\0";
    let mut options = ScpOptions::default();
    options.preserve = true;
    for cut in 0..=script.len() {
        let outer = tempfile::tempdir().expect("a folder");
        std::fs::write(outer.path().join("wanted"), b"old").expect("a file");
        let result = run(async {
            let client = client(Behaviour::Says(Bytes::copy_from_slice(&script[..cut]))).await;
            client.scp().with_options(options.clone()).get("wanted", outer.path()).await
        });
        let is_whole = cut == script.len();
        assert_eq!(result.is_ok(), is_whole, "cut at {cut}");
        let content = std::fs::read(outer.path().join("wanted")).expect("it is there");
        assert_eq!(content, if is_whole { &b"hello"[..] } else { b"old" }, "cut at {cut}");
        assert_eq!(names(outer.path()), ["wanted"], "cut at {cut}");
    }
}

// covers: Y06
#[test]
fn modes_of_a_server_are_masked() {
    use std::os::unix::fs::PermissionsExt;
    for (preserve, special_bits, expected) in
        [(false, false, 0o755), (true, false, 0o755), (true, true, 0o6755)]
    {
        let outer = tempfile::tempdir().expect("a folder");
        let mut options = ScpOptions::default();
        (options.preserve, options.special_bits) = (preserve, special_bits);
        run(async {
            let client = client(Behaviour::Says(Bytes::from_static(b"C6755 3 wanted\nabc\0"))).await;
            client.scp().with_options(options).get("wanted", outer.path()).await.expect("it comes");
        });
        let mode = std::fs::metadata(outer.path().join("wanted")).expect("it is there").permissions().mode();
        // The umask of whoever runs the tests takes more away where nothing is preserved.
        assert_eq!(mode & 0o7000, expected & 0o7000);
        assert!(!preserve || mode & 0o777 == 0o755);
    }
}

// covers: Y08
#[test]
fn a_silent_server_is_not_waited_for() {
    let mut options = recursive();
    options.stall = Some(Duration::from_millis(200));
    for script in [&b""[..], b"C0644", b"C0644 3 wanted\n", b"C0644 3 wanted\na", b"C0644 3 wanted\nabc"] {
        let outer = tempfile::tempdir().expect("a folder");
        let result = run(async {
            let client = client(Behaviour::Hangs(Bytes::from_static(script))).await;
            client.scp().with_options(options.clone()).get("wanted", outer.path()).await
        });
        assert!(matches!(result, Err(ScpError::Stalled { .. })), "{result:?}");
        assert_eq!(names(outer.path()), Vec::<String>::new());
    }
}

/// Runs a command of a client that sends this.
fn served(filesystem: &Arc<MemoryFilesystem>, command: &str, script: &[u8]) -> Output {
    run(async {
        let client = client(Behaviour::Serves(Arc::clone(filesystem))).await;
        let stdin = Stdin::Bytes(Bytes::copy_from_slice(script));
        client.command(command).stdin(stdin).output().await.expect("it ends")
    })
}

fn memory() -> Arc<MemoryFilesystem> {
    let filesystem = MemoryFilesystem::new(1 << 20);
    filesystem.put_file("/home/a", &b"content"[..]).expect("a file");
    Arc::new(filesystem)
}

// covers: Y01, Y04, Y05
#[test]
fn a_client_cannot_lead_our_server_elsewhere() {
    for script in [
        &b"C0644 3 ../evil\nabc\0"[..],
        b"C0644 3 /evil\nabc\0",
        b"C0644 3 ..\nabc\0",
        b"D0755 0 d\nC0644 3 evil\nabc\0E\n",
        b"E\n",
        b"C0644 -3 evil\nabc\0",
        b"xyzzy\n",
    ] {
        let filesystem = memory();
        let output = served(&filesystem, "scp -t /home", script);
        assert_eq!(output.status.code(), Some(1), "{:?}", String::from_utf8_lossy(script));
        assert_eq!(output.stdout[..2], [0, 2], "the client is told");
        assert!(filesystem.attributes(b"/evil").is_err() && filesystem.attributes(b"/home/evil").is_err());
    }
}

#[test]
fn our_server_tells_what_it_cannot_do() {
    let filesystem = memory();
    filesystem.put_file("/home/long", vec![b'y'; 100]).expect("a file");
    for (command, script, words) in [
        ("scp -t -d /missing", &b""[..], "Not a directory"),
        ("scp -t /missing/x", b"C0644 3 x\n", "No such file"),
        ("scp -f /missing", b"\0", "No such file"),
        ("scp -f /home", b"\0", "not a regular file"),
        ("scp -t /home/a", b"C0644 1 a\nx\0C0644 1 b\n", "no directory"),
    ] {
        let output = served(&filesystem, command, script);
        assert_eq!(output.status.code(), Some(1), "{command}");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(told.contains(words), "{command}: {told}");
    }
    let mut faults = Faults::default();
    faults.space = Some(10);
    filesystem.set_faults(faults);
    let script = [&b"C0644 100 big\n"[..], &[b'x'; 100], b"\0C0644 1 small\nx\0"].concat();
    let output = served(&filesystem, "scp -t /home", &script);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("space"), "the client is told of the full disk");
    let mut faults = Faults::default();
    faults.read_only = true;
    filesystem.set_faults(faults);
    let output = served(&filesystem, "scp -t /home", b"C0644 1 new\n");
    assert_eq!(output.status.code(), Some(1));
    let mut faults = Faults::default();
    faults.fail_read_at = Some(3);
    filesystem.set_faults(faults);
    let output = served(&filesystem, "scp -f /home/long", b"\0\0\0");
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.starts_with(b"C0"), "{:?}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(filesystem.file("/home/a").expect("it is there"), b"x");
}

#[test]
fn our_client_and_our_server_move_a_tree_in_memory() {
    let filesystem = memory();
    for name in ["/home/tree/one", "/home/tree/sub/two", "/home/tree/sub/a b"] {
        filesystem.put_file(name, name.as_bytes()).expect("a file");
    }
    filesystem.create_directory(b"/home/tree/empty", &Attributes::default()).expect("a directory");
    let home = tempfile::tempdir().expect("a folder");
    run(async {
        let client = client(Behaviour::Serves(Arc::clone(&filesystem))).await;
        let scp = client.scp().with_options(recursive());
        let report = scp.get("/home/tree", home.path()).await.expect("it comes");
        assert_eq!(report.files, 3);
        let report = scp.put(home.path().join("tree"), "/home/copy").await.expect("it goes");
        assert_eq!(report.files, 3);
    });
    assert_eq!(filesystem.file("/home/copy/sub/a b").expect("it is there"), b"/home/tree/sub/a b");
    assert!(filesystem.attributes(b"/home/copy/empty").is_ok());
}
