//! A connection that nobody uses: what it asks for, and what it holds.

use crate::ends::{Setup, accept, attend, let_in, log_in, open};
use crate::figures::say;
use crate::heap::{Account, Heap};
use crate::simulated::{Simulated, WIDE};
use crate::tally::{Asked, Counted, Tally};
use konko_tokio::{Connection, Driver};
use konko_transport::{Client, Server, Side};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

const HOUR: Duration = Duration::from_secs(3600);
/// In this time everything has happened that happens by itself.
const SETTLING: Duration = Duration::from_secs(10);
/// How many connections are made, to know what one of them holds.
const CONNECTIONS: usize = 32;
/// What one end may hold, in bytes: the machine, what it shares with its handles, and the driver with its task.
const MOST_HELD: i64 = 10 * 1024;
/// What one end may hold more after transfers that are over, in bytes.
const MOST_KEPT: i64 = 2 * 1024;
/// What is written at once.
const PIECE: &[u8] = &[0x5a; 64 * 1024];

/// One end of an idle connection.
struct End<S: Side> {
    connection: Connection<S>,
    tally: Arc<Tally>,
}

fn run<F: Future>(test: F) -> F::Output {
    let builder = &mut tokio::runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().expect("a runtime").block_on(test)
}

/// Makes one end, drives it, and begins with it; all that is charged.
async fn end<S: Side>(
    account: &Account,
    stream: tokio::io::DuplexStream,
    connect: impl FnOnce(Counted<tokio::io::DuplexStream>) -> (Connection<S>, Driver<S>),
    begin: impl AsyncFnOnce(&Connection<S>),
) -> End<S> {
    let tally = Arc::new(Tally::default());
    let (connection, driver) = account.charge(|| connect(Counted::new(stream, &tally)));
    // The task and what it holds are part of what a connection costs.
    account.charge(|| tokio::spawn(account.charged(tally.driver(driver))));
    account.charged(begin(&connection)).await;
    End { connection, tally }
}

/// Logs in, and lets everything happen that then happens by itself.
async fn idle(setup: &Setup, accounts: &(Account, Account)) -> (End<Client>, End<Server>) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let (client, server) = (setup.client(), setup.server());
    let ends = tokio::join!(
        end(
            &accounts.0,
            near,
            |stream| Connection::client(stream, client),
            async |client| log_in(client).await
        ),
        end(
            &accounts.1,
            far,
            |stream| Connection::server(stream, server),
            async |server| let_in(server).await
        ),
    );
    tokio::time::sleep(SETTLING).await;
    ends
}

/// What both ends ask for in `time`, which passes at once.
async fn asked_in(time: Duration, ends: &(End<Client>, End<Server>)) -> [Asked; 2] {
    let before = [ends.0.tally.asked(), ends.1.tally.asked()];
    tokio::time::sleep(time).await;
    assert!(ends.0.connection.error().is_none() && ends.1.connection.error().is_none());
    [ends.0.tally.asked() - before[0], ends.1.tally.asked() - before[1]]
}

/// Moves some data over a channel, and closes it.
async fn download(ends: &(End<Client>, End<Server>), accounts: &(Account, Account)) {
    let opening = accounts.0.charged(open(&ends.0.connection));
    let (near, far) = tokio::join!(opening, accounts.1.charged(accept(&ends.1.connection)));
    let reading = accounts.0.charged(async move {
        let (mut reader, mut got) = (near.reader(), 0);
        while let Some(chunk) = reader.read_chunk(usize::MAX).await.expect("read") {
            got += chunk.len();
        }
        assert_eq!(got, 64 * PIECE.len(), "not everything has come");
    });
    let writing = accounts.1.charged(async move {
        let mut writer = far.writer();
        for _ in 0..64 {
            writer.write_all(PIECE).await.expect("written");
        }
    });
    tokio::join!(reading, writing);
}

#[test]
fn nobody_is_woken_and_nothing_is_asked_of_the_system() {
    run(async {
        let ends = idle(&Setup::default(), &Default::default()).await;
        // A timer that was set for the login is left to fire once.
        asked_in(HOUR, &ends).await;
        assert_eq!(asked_in(24 * HOUR, &ends).await, [Asked::default(); 2]);
    });
}

#[test]
fn a_keepalive_costs_what_it_takes_to_ask_and_to_answer() {
    run(async {
        let ends = idle(&Setup::default().with_keepalive(), &Default::default()).await;
        tokio::spawn(attend(ends.1.connection.clone()));
        let [client, server] = asked_in(24 * HOUR, &ends).await;
        say("a day of keepalive requests", &(client, server));
        let minutes = 24 * 60;
        for (end, polls) in [(client, 5), (server, 4)] {
            assert!(end.reads <= minutes && end.writes <= minutes, "{end:?}");
            assert!(end.driver_polls <= polls * minutes + 1, "{end:?}");
            assert!(end.empty_reads <= 2 * polls * minutes, "{end:?}");
        }
        assert!(client.writes >= minutes - 1, "the client has not asked: {client:?}");
    });
}

#[test]
fn the_heap_of_an_idle_connection_is_small() {
    run(async {
        let accounts = <(Account, Account)>::default();
        let setup = Setup::default();
        let mut all = vec![idle(&setup, &accounts).await];
        let before = [accounts.0.heap(), accounts.1.heap()];
        for _ in 0..CONNECTIONS {
            all.push(idle(&setup, &accounts).await);
        }
        let each = |after: Heap, before: Heap| (after.held - before.held) / CONNECTIONS as i64;
        let (client, server) = (each(accounts.0.heap(), before[0]), each(accounts.1.heap(), before[1]));
        say("bytes of an idle client and server", &(client, server));
        assert!((1..=MOST_HELD).contains(&client), "a client's end holds {client} bytes");
        assert!((1..=MOST_HELD).contains(&server), "a server's end holds {server} bytes");
    });
}

#[test]
fn what_a_transfer_needed_is_given_back_when_it_is_over() {
    run(async {
        let accounts = <(Account, Account)>::default();
        let ends = idle(&Setup::default(), &accounts).await;
        let before = [accounts.0.heap(), accounts.1.heap()];
        for _ in 0..3 {
            download(&ends, &accounts).await;
            tokio::time::sleep(SETTLING).await;
        }
        let (client, server) = (accounts.0.heap(), accounts.1.heap());
        let more = [client.held - before[0].held, server.held - before[1].held];
        say("bytes that a client and a server hold for transfers that are over", &more);
        assert!(client.peak > MOST_KEPT && server.peak > MOST_KEPT, "nothing was needed");
        assert!(more.iter().all(|more| *more <= MOST_KEPT), "a client and a server hold {more:?} bytes more");
    });
}

#[test]
fn a_machine_at_rest_has_no_deadline() {
    let Simulated { pair, .. } = Simulated::new(&Setup::default(), WIDE, 0);
    assert_eq!(pair.next_timeout(), None);
}
