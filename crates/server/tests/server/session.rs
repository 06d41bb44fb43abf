//! The requests on a session, and its end, with programs that are only functions.

use crate::support::*;
use konko_server::transport::channel::config::OpenOptions;
use konko_server::transport::channel::open::ChannelKind;
use konko_server::transport::userauth::method_name::MethodName;
use konko_server::transport::wire::encode::Encode;
use konko_server::transport::wire::message::channel::{Break, Signal, Subsystem, WindowChange};
use konko_server::transport::wire::number::OpenFailureReason;
use konko_server::{
    AuthDecision, AuthRequest, BoxFuture, Control, Exit, Handler, PeerInfo, Program, PtyRequest,
    ServerBuilder, ServerLimits, SessionHandler, SessionStream, StartRequest,
};
use konko_tokio::Error;
use std::future::ready;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Lets everybody in, and starts what `start` says.
#[derive(Clone)]
struct Functions {
    start: Arc<dyn Fn(StartRequest) -> Option<Program> + Send + Sync>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Functions {
    fn new(start: impl Fn(StartRequest) -> Option<Program> + Send + Sync + 'static) -> Self {
        Self { start: Arc::new(start), seen: Arc::default() }
    }

    fn server(&self) -> ServerBuilder {
        let handler = self.clone();
        builder().methods([MethodName::Password]).handler(move |_: &PeerInfo| handler.clone())
    }
}

impl Handler for Functions {
    fn authenticate<'a>(&'a self, _: AuthRequest<'a>) -> BoxFuture<'a, AuthDecision> {
        Box::pin(ready(AuthDecision::Accept))
    }

    fn open_session(&self) -> BoxFuture<'_, Option<Box<dyn SessionHandler>>> {
        Box::pin(ready(Some(Box::new(self.clone()) as Box<dyn SessionHandler>)))
    }
}

impl SessionHandler for Functions {
    fn env(&mut self, name: &str, value: &[u8]) -> bool {
        self.seen.lock().unwrap().push(format!("{name}={}", value.escape_ascii()));
        true
    }

    fn pty(&mut self, request: PtyRequest) -> BoxFuture<'_, bool> {
        self.seen
            .lock()
            .unwrap()
            .push(format!("pty {} {}x{}", request.term, request.size.columns, request.size.rows));
        Box::pin(ready(true))
    }

    fn start(&mut self, request: StartRequest) -> BoxFuture<'_, Option<Program>> {
        Box::pin(ready((self.start)(request)))
    }
}

fn echo() -> Option<Program> {
    Some(Program::new(|mut stream: SessionStream| async move {
        match tokio::io::copy(&mut stream.input, &mut stream.output).await {
            Ok(_) => Exit::Status(0),
            Err(_) => Exit::Status(1),
        }
    }))
}

#[test]
fn a_program_may_be_any_function() {
    run(async {
        let handler = Functions::new(|request| match request {
            StartRequest::Exec(command) => Some(Program::new(move |mut stream: SessionStream| async move {
                stream.error_output.write_all(&command).await.unwrap();
                let mut input = Vec::new();
                stream.input.read_to_end(&mut input).await.unwrap();
                stream.output.write_all(&input).await.unwrap();
                Exit::Status(7)
            })),
            _ => None,
        });
        let connection = logged_in(handler.server()).await;
        let output = command(&connection, "hello", b"input").await;
        assert_eq!(
            output,
            Output { stdout: b"input".to_vec(), stderr: b"hello".to_vec(), events: ends_with(7) }
        );
        // The next one is as good as the first.
        assert_eq!(command(&connection, "hello", b"").await.events, ends_with(7));
    });
}

/// covers: H27, H25
#[test]
fn one_program_is_started_and_what_comes_too_late_is_refused() {
    run(async {
        let started = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&started);
        let handler = Functions::new(move |request| match request {
            StartRequest::Subsystem(_) => None,
            _ => {
                counter.fetch_add(1, Ordering::SeqCst);
                echo()
            }
        });
        let connection = logged_in(handler.server()).await;
        let channel = session(&connection).await;
        // A refused start leaves the session as it was.
        let subsystem = |name: &[u8]| Subsystem { name }.to_vec();
        assert!(!granted(&channel, "subsystem", &subsystem(b"sftp")).await);
        for name in [b"".as_slice(), b"a b", b"\xff", &[b'x'; 65]] {
            assert!(!granted(&channel, "subsystem", &subsystem(name)).await);
        }
        assert!(!exec(&channel, "with a \0 in it").await);
        assert!(pty(&channel, "vt100", &Default::default()).await);
        assert!(!pty(&channel, "vt100", &Default::default()).await, "one terminal is enough");
        assert!(exec(&channel, "first").await);
        assert!(!exec(&channel, "second").await);
        assert!(!granted(&channel, "shell", b"").await);
        assert!(!env(&channel, b"LANG", b"C").await);
        assert!(!pty(&channel, "vt100", &Default::default()).await);
        for name in ["x11-req", "auth-agent-req@openssh.com", "xon-xoff", "exit-status", "what@example.org"] {
            assert!(!granted(&channel, name, b"").await, "{name}");
        }
        assert_eq!(started.load(Ordering::SeqCst), 1);
        channel.send_eof();
        assert_eq!(output(&channel).await.events, ends_with(0));
    });
}

/// covers: H12, H13
#[test]
fn variables_and_terminals_are_checked_before_anybody_is_asked() {
    run(async {
        let handler = Functions::new(|_| echo());
        let seen = Arc::clone(&handler.seen);
        let mut limits = ServerLimits::default();
        limits.maximum_environment_variables = 2;
        limits.maximum_environment_bytes = 64;
        let connection = logged_in(handler.server().limits(limits)).await;
        let channel = session(&connection).await;
        for name in [b"".as_slice(), b"A=B", b"A\0", b"A\n", b"A B", b"\xff", b"A()"] {
            assert!(!env(&channel, name, b"x").await, "{}", name.escape_ascii());
        }
        assert!(!env(&channel, b"A", b"x\0y").await);
        assert!(!env(&channel, b"LONG", &[b'x'; 61]).await);
        assert!(env(&channel, b"A", b"\xff\n").await);
        assert!(env(&channel, b"B_1", b"").await);
        assert!(!env(&channel, b"C", b"").await, "two are enough");
        let long = "x".repeat(64 * 1024 - 1024);
        for term in ["../../x", "a b", "x\n", long.as_str()] {
            assert!(!pty(&channel, term, &Default::default()).await, "{term:.20}");
        }
        assert!(!granted(&channel, "pty-req", b"\0\0\0").await);
        assert!(pty(&channel, "", &Default::default()).await);
        assert_eq!(*seen.lock().unwrap(), ["A=\\xff\\n", "B_1=", "pty  80x24"]);
    });
}

#[test]
fn a_program_is_told_what_the_client_wants() {
    run(async {
        let handler = Functions::new(|_| {
            Some(Program::new(|mut stream: SessionStream| async move {
                while let Some(request) = stream.controls.next().await {
                    let line = format!("{:?}\n", request.control);
                    let last = request.control == Control::EndOfWrite;
                    // A break is refused by being dropped.
                    if !matches!(request.control, Control::Break(_)) {
                        request.answer(true);
                    }
                    stream.output.write_all(line.as_bytes()).await.unwrap();
                    if last {
                        return Exit::Signal { name: "TERM".to_owned(), core_dumped: false };
                    }
                }
                Exit::Unknown
            }))
        });
        let connection = logged_in(handler.server()).await;
        let channel = session(&connection).await;
        let change = |columns| {
            WindowChange { width_columns: columns, height_rows: 5, width_pixels: 0, height_pixels: 0 }
                .to_vec()
        };
        let signal = Signal { signal_name: b"HUP" }.to_vec();
        assert!(!granted(&channel, "signal", &signal).await, "nothing runs that could be signalled");
        assert!(!granted(&channel, "window-change", &change(1)).await, "there is no terminal");
        assert!(pty(&channel, "vt100", &Default::default()).await);
        // What changes before the start is not lost.
        channel.notify("window-change", &change(90)).unwrap();
        assert!(exec(&channel, "x").await);
        assert!(granted(&channel, "window-change", &change(100)).await);
        assert!(granted(&channel, "signal", &signal).await);
        assert!(!granted(&channel, "break", &Break { length: 500 }.to_vec()).await);
        assert!(granted(&channel, "eow@openssh.com", b"").await);
        let output = output(&channel).await;
        let size = |columns| {
            format!(
                "WindowChange(WindowSize {{ columns: {columns}, rows: 5, width_pixels: 0, height_pixels: 0 }})"
            )
        };
        assert_eq!(
            output.text().lines().collect::<Vec<_>>(),
            [&size(90), &size(100), "Signal(\"HUP\")", "Break(500)", "EndOfWrite"]
        );
        assert_eq!(output.events, ["exit-signal TERM", "eof", "closed"]);
    });
}

/// covers: H09
#[test]
fn sessions_are_limited_and_places_come_back() {
    run(async {
        let handler = Functions::new(|_| echo());
        let mut limits = ServerLimits::default();
        limits.maximum_sessions = 2;
        let connection = logged_in(handler.server().limits(limits)).await;
        let (first, second) = (session(&connection).await, session(&connection).await);
        let refused = connection.open_channel(ChannelKind::Session, OpenOptions::default(), None).await;
        assert!(matches!(
            refused,
            Err(Error::OpenRefused { reason: OpenFailureReason::RESOURCE_SHORTAGE, .. })
        ));
        assert!(exec(&first, "x").await);
        first.send_eof();
        assert_eq!(output(&first).await.events, ends_with(0));
        // The server's place is free as soon as its task has ended, which may be just after the close.
        let mut tries = 0;
        while connection.open_channel(ChannelKind::Session, OpenOptions::default(), None).await.is_err() {
            tokio::task::yield_now().await;
            tries += 1;
            assert!(tries < 10_000);
        }
        drop(second);
    });
}

/// covers: H26
#[test]
fn a_session_after_the_last_ends_the_connection() {
    run(async {
        let connection = logged_in(Functions::new(|_| echo()).server()).await;
        let before = session(&connection).await;
        let reply = connection.global_request("no-more-sessions@openssh.com", b"", None).await.unwrap();
        assert!(reply.is_some());
        assert!(exec(&before, "x").await, "a session that is there goes on");
        assert!(connection.open_channel(ChannelKind::Session, OpenOptions::default(), None).await.is_err());
        assert!(connection.closed().await.to_string().contains("no more sessions"));
    });
}

#[test]
fn a_keepalive_is_answered_and_unknown_requests_are_refused() {
    run(async {
        let connection = logged_in(Functions::new(|_| echo()).server()).await;
        for name in
            ["keepalive@openssh.com", "tcpip-forward", "hostkeys-prove-00@openssh.com", "x@example.org"]
        {
            assert_eq!(connection.global_request(name, b"", None).await, Ok(None), "{name}");
        }
        for kind in [
            ChannelKind::AgentConnection,
            ChannelKind::Custom { name: "tun@openssh.com".into(), data: Vec::new() },
        ] {
            let refused = connection.open_channel(kind, OpenOptions::default(), None).await;
            assert!(matches!(
                refused,
                Err(Error::OpenRefused { reason: OpenFailureReason::UNKNOWN_CHANNEL_TYPE, .. })
            ));
        }
    });
}
