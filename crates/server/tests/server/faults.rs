//! An application that panics, and a system that has no room left.

use crate::support::*;
use konko_server::transport::userauth::method_name::MethodName;
use konko_server::{
    AuthDecision, AuthRequest, BoxFuture, Handler, PeerInfo, Server, ServerBuilder, SessionHandler,
};
use std::future::ready;
use std::pin::pin;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// Lets `user` in, and panics wherever the user's name says so.
struct Panicking;

impl Handler for Panicking {
    fn authenticate<'a>(&'a self, request: AuthRequest<'a>) -> BoxFuture<'a, AuthDecision> {
        match request.user_name {
            "at once" => panic!("in authenticate"),
            "later" => Box::pin(async {
                tokio::task::yield_now().await;
                panic!("in the future of authenticate")
            }),
            _ => Box::pin(ready(AuthDecision::Accept)),
        }
    }

    fn authenticated(&self, user_name: &str) {
        assert_ne!(user_name, "then", "in authenticated");
    }

    fn open_session(&self) -> BoxFuture<'_, Option<Box<dyn SessionHandler>>> {
        panic!("in open_session")
    }
}

/// What an application does wrong costs the connection that it happened on.
///
/// covers: X01
#[test]
fn a_panic_of_a_handler_ends_its_connection_only() {
    run(async {
        let server = builder().methods([MethodName::Password]).handler(|_: &PeerInfo| Panicking);
        let server = server.build().unwrap();
        let listener = Server::listen("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, shutdown) = oneshot::channel::<()>();
        let served =
            tokio::spawn(async move { server.serve(listener, async { drop(shutdown.await) }).await });
        let connect = async || client(TcpStream::connect(address).await.unwrap());

        let honest = connect().await;
        assert_eq!(login(&honest, "user", password("x"), None).await, Login::Success);
        for user in ["at once", "later"] {
            let connection = connect().await;
            assert_eq!(login(&connection, user, password("x"), None).await, Login::Ended, "{user}");
            assert!(!connection.closed().await.to_string().is_empty());
        }
        let connection = connect().await;
        drop(login(&connection, "then", password("x"), None).await);
        assert!(!connection.closed().await.to_string().is_empty());
        let connection = connect().await;
        assert_eq!(login(&connection, "user", password("x"), None).await, Login::Success);
        assert!(connection.open_channel(SESSION, Default::default(), None).await.is_err());
        assert!(!connection.closed().await.to_string().is_empty());

        assert_eq!(honest.global_request("x@example.org", b"", None).await.unwrap(), None, "it goes on");
        let fresh = connect().await;
        assert_eq!(login(&fresh, "user", password("x"), None).await, Login::Success);
        drop((honest, fresh));
        end.send(()).unwrap();
        served.await.unwrap();
    });
}

const SESSION: konko_server::transport::channel::open::ChannelKind =
    konko_server::transport::channel::open::ChannelKind::Session;

/// Says to a copy of this program that it has few file descriptors.
const FEW_DESCRIPTORS: &str = "KONKO_TEST_FEW_DESCRIPTORS";

fn few_descriptors(server: ServerBuilder) {
    run(async {
        let server = server.build().unwrap();
        let listener = Server::listen("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_running, shutdown) = oneshot::channel::<()>();
        let polls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&polls);
        tokio::spawn(async move {
            let mut served = pin!(server.serve(listener, async { drop(shutdown.await) }));
            std::future::poll_fn(|context| {
                counter.fetch_add(1, Ordering::SeqCst);
                served.as_mut().poll(context)
            })
            .await
        });
        let mut clients = Vec::new();
        let error = loop {
            match std::net::TcpStream::connect(address) {
                Ok(stream) => clients.push(stream),
                Err(error) => break error,
            }
        };
        assert_eq!(error.raw_os_error(), Some(24), "EMFILE: {error}");
        // What wakes the server meanwhile is that a pause of 200 ms ends.
        let before = polls.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(900)).await;
        let often = polls.load(Ordering::SeqCst) - before;
        assert!(often < 200, "{often} times in 900 ms");
        drop(clients);
        let connection = client(TcpStream::connect(address).await.unwrap());
        assert_eq!(login(&connection, "user", password("secret"), None).await, Login::Success);
    });
}

/// Without file descriptors a server waits instead of trying without end, and goes on when there are some again.
///
/// covers: O06
#[test]
fn without_descriptors_a_server_waits_and_recovers() {
    if std::env::var_os(FEW_DESCRIPTORS).is_some() {
        let mut limits = konko_server::ServerLimits::default();
        limits.maximum_unauthenticated = 1000;
        limits.maximum_unauthenticated_per_source = 1000;
        return few_descriptors(standard(options()).limits(limits));
    }
    let status = Command::new("sh")
        .args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "faults::without_descriptors_a_server_waits_and_recovers"])
        .env(FEW_DESCRIPTORS, "1")
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}
