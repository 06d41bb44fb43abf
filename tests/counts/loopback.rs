//! A transfer over a socket of the loopback interface: each end a thread with a runtime of its own, so that what one
//! costs is told from what the other does.

use crate::ends::{Setup, accept, let_in, log_in, open};
use crate::heap::Heap;
use crate::tally::{Asked, Counted, Tally};
use konko_tokio::{Channel, Connection, Driver};
use konko_transport::Side;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const MIB: u64 = 1 << 20;
/// What is moved before anything is counted.
const WARM_UP: u64 = 8 * MIB;
/// How much the application writes, or takes, at once.
const PIECE: usize = 256 * 1024;

/// Which way the data goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the server to the client.
    Down,
    /// From the client to the server.
    Up,
}

/// What one end spent on a transfer.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// What it asked of its socket, and the polls.
    pub asked: Asked,
    /// How often its thread waited for the system.
    pub parks: u64,
    /// What it took from the heap.
    pub heap: Heap,
    /// How many packets it sent and received.
    pub packets: u64,
}

/// What both ends spent.
#[derive(Debug, Clone, Copy)]
pub struct Costs {
    /// The end that writes.
    pub sender: Cost,
    /// The end that reads.
    pub receiver: Cost,
}

/// Moves `bytes` over a connection that is warm already.
pub fn transfer(way: Way, bytes: u64) -> Costs {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let near = std::net::TcpStream::connect(listener.local_addr().expect("an address")).expect("connected");
    let far = listener.accept().expect("accepted").0;
    let (near_done, far_seen) = mpsc::channel();
    let (far_done, near_seen) = mpsc::channel();
    let setup = Setup::default();
    let (client, server) = (setup.client(), setup.server());
    let serving = std::thread::spawn(move || {
        end(
            far,
            |stream| Connection::server(stream, server),
            async |connection| {
                let_in(connection).await;
                accept(connection).await
            },
            way == Way::Down,
            bytes,
            (far_done, far_seen),
        )
    });
    let client = end(
        near,
        |stream| Connection::client(stream, client),
        async |connection| {
            log_in(connection).await;
            open(connection).await
        },
        way == Way::Up,
        bytes,
        (near_done, near_seen),
    );
    let server = serving.join().expect("the server's end");
    match way {
        Way::Down => Costs { sender: server, receiver: client },
        Way::Up => Costs { sender: client, receiver: server },
    }
}

fn end<S: Side>(
    stream: std::net::TcpStream,
    connect: impl FnOnce(Counted<TcpStream>) -> (Connection<S>, Driver<S>),
    begin: impl AsyncFnOnce(&Connection<S>) -> Channel,
    sends: bool,
    bytes: u64,
    (done, seen): (Sender<()>, Receiver<()>),
) -> Cost {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let tally = Arc::new(Tally::default());
    let (connection, channel) = runtime.block_on(async {
        stream.set_nonblocking(true).expect("a socket");
        let stream = TcpStream::from_std(stream).expect("a socket");
        stream.set_nodelay(true).expect("a socket");
        let (connection, driver) = connect(Counted::new(stream, &tally));
        tokio::spawn(tally.driver(driver));
        let channel = begin(&connection).await;
        (connection, channel)
    });
    // A task: to wake what a runtime blocks on may take a call of the system.
    let worker = Worker { channel, sends, piece: vec![0x5a; PIECE] };
    let worker = runtime.block_on(async { tokio::spawn(worker.moves(WARM_UP)).await.expect("warm") });
    let parks_so_far = || runtime.metrics().worker_park_count(0);
    let (asked, parks, packets) = (tally.asked(), parks_so_far(), packets_of(&connection));
    let mut heap = Heap::default();
    let worker = heap.charge(|| {
        let moving = tally.application(worker.moves(bytes));
        runtime.block_on(async { tokio::spawn(moving).await.expect("moved") })
    });
    let cost = Cost {
        asked: tally.asked() - asked,
        parks: parks_so_far() - parks,
        heap,
        packets: packets_of(&connection) - packets,
    };
    // Nobody goes before the other has counted. One that failed is gone.
    let _ = (done.send(()), seen.recv());
    drop((worker, connection));
    cost
}

fn packets_of<S: Side>(connection: &Connection<S>) -> u64 {
    let stats = connection.with(|transport, _| transport.stats());
    stats.packets_sent + stats.packets_received
}

/// The application at one end.
struct Worker {
    channel: Channel,
    sends: bool,
    piece: Vec<u8>,
}

impl Worker {
    /// Sends, or receives, `bytes`, and hears or says at the end that all of them have come.
    async fn moves(mut self, bytes: u64) -> Self {
        if self.sends {
            let mut left = bytes;
            while left > 0 {
                let length = left.min(PIECE as u64) as usize;
                self.channel.write_all(&self.piece[..length]).await.expect("written");
                left -= length as u64;
            }
            assert_eq!(self.channel.read_u8().await.expect("the end"), b'.');
        } else {
            let (mut reader, mut got) = (self.channel.reader(), 0);
            while got < bytes {
                let chunk = reader.read_chunk(PIECE).await.expect("read").expect("more");
                got += chunk.len() as u64;
            }
            assert_eq!(got, bytes, "more has come than was sent");
            self.channel.write_all(b".").await.expect("written");
        }
        self
    }
}
