use super::*;
use crate::host_keys::HostKeyPolicy;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use tokio::time::Instant;

/// What becomes of an attempt, and when.
#[derive(Clone, Copy)]
enum Fate {
    Connects(u64),
    Refuses(u64),
    /// Packets are lost.
    Silent,
}

/// A network in virtual time; milliseconds from the beginning.
struct Simulated {
    addresses: Vec<SocketAddr>,
    fates: HashMap<SocketAddr, Fate>,
    /// Which attempts were begun, and when.
    begun: Mutex<Vec<(SocketAddr, u64)>>,
    began: Instant,
    /// How long the resolver takes.
    resolving: Duration,
}

impl Simulated {
    fn new(fates: &[(&str, Fate)]) -> Self {
        let fates: Vec<(SocketAddr, Fate)> =
            fates.iter().map(|(address, fate)| (address.parse().expect("an address"), *fate)).collect();
        Self {
            addresses: fates.iter().map(|(address, _)| *address).collect(),
            fates: fates.into_iter().collect(),
            begun: Mutex::default(),
            began: Instant::now(),
            resolving: Duration::ZERO,
        }
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    fn begun(&self) -> Vec<(String, u64)> {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.iter().map(|(address, at)| (address.to_string(), *at)).collect()
    }
}

impl Network for Simulated {
    type Stream = SocketAddr;

    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        tokio::time::sleep(self.resolving).await;
        Ok(self.addresses.clone())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<SocketAddr> {
        let now = self.now();
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).push((address, now));
        match self.fates[&address] {
            Fate::Connects(after) => {
                tokio::time::sleep(Duration::from_millis(after)).await;
                Ok(address)
            }
            Fate::Refuses(after) => {
                tokio::time::sleep(Duration::from_millis(after)).await;
                Err(io::ErrorKind::ConnectionRefused.into())
            }
            Fate::Silent => pending().await,
        }
    }
}

fn options() -> ClientOptions {
    ClientOptions::new("user", HostKeyPolicy::InsecureAcceptAny)
}

async fn connect(network: &Simulated, options: &ClientOptions) -> Result<String, Error> {
    connect_to_host(network, "host", 22, options).await.map(|address| address.to_string())
}

fn begun(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected.iter().map(|(address, at)| ((*address).to_owned(), *at)).collect()
}

const V6: [&str; 3] = ["[2001:db8::1]:22", "[2001:db8::2]:22", "[2001:db8::3]:22"];
const V4: [&str; 2] = ["192.0.2.1:22", "192.0.2.2:22"];

/// RFC 8305 §5: "the client ... starts the next connection attempt" when the delay is over; the first that succeeds
/// counts.
#[tokio::test(start_paused = true)]
async fn a_silent_address_holds_up_the_next_for_a_moment() {
    let network = Simulated::new(&[(V6[0], Fate::Silent), (V4[0], Fate::Connects(30))]);
    assert_eq!(connect(&network, &options()).await.expect("connected"), V4[0]);
    assert_eq!(network.begun(), begun(&[(V6[0], 0), (V4[0], 250)]));
    assert_eq!(network.now(), 280);
}

/// The first has its time, and wins although the second was begun.
#[tokio::test(start_paused = true)]
async fn a_slow_address_may_still_be_the_first() {
    let network = Simulated::new(&[(V6[0], Fate::Connects(260)), (V4[0], Fate::Connects(100))]);
    assert_eq!(connect(&network, &options()).await.expect("connected"), V6[0]);
    assert_eq!(network.begun(), begun(&[(V6[0], 0), (V4[0], 250)]));
}

/// An address that answers soon is the only one that hears of us.
#[tokio::test(start_paused = true)]
async fn an_address_that_answers_is_the_only_one() {
    let network = Simulated::new(&[(V6[0], Fate::Connects(200)), (V4[0], Fate::Connects(0))]);
    assert_eq!(connect(&network, &options()).await.expect("connected"), V6[0]);
    assert_eq!(network.begun(), begun(&[(V6[0], 0)]));
}

/// Whoever refuses does not make anybody wait.
#[tokio::test(start_paused = true)]
async fn a_refusal_starts_the_next_at_once() {
    let network = Simulated::new(&[
        (V6[0], Fate::Refuses(20)),
        (V4[0], Fate::Refuses(0)),
        (V4[1], Fate::Silent),
        (V6[1], Fate::Connects(5)),
    ]);
    assert_eq!(connect(&network, &options()).await.expect("connected"), V6[1]);
    assert_eq!(network.begun(), begun(&[(V6[0], 0), (V4[0], 20), (V6[1], 20)]));
    assert_eq!(network.now(), 25);
}

/// RFC 8305 §4: the families take turns, beginning with that of the first address.
#[test]
fn families_take_turns() {
    let order = |names: &[&str]| -> Vec<String> {
        let addresses = names.iter().map(|name| name.parse().expect("an address")).collect();
        interleaved(addresses).iter().map(SocketAddr::to_string).collect()
    };
    assert_eq!(order(&[V6[0], V6[1], V6[2], V4[0]]), [V6[0], V4[0], V6[1], V6[2]]);
    assert_eq!(order(&[V4[0], V6[0], V4[0], V4[1]]), [V4[0], V6[0], V4[1]]);
    assert_eq!(order(&[]), [""; 0]);
}

/// Every attempt has its time, and failures are told in the order of the addresses.
#[tokio::test(start_paused = true)]
async fn every_attempt_has_its_time() {
    let network = Simulated::new(&[(V6[0], Fate::Silent), (V6[1], Fate::Refuses(10)), (V6[2], Fate::Silent)]);
    let mut options = options();
    options.timeouts.connect = Some(Duration::from_secs(1));
    let error = connect(&network, &options).await.expect_err("nobody answers");
    let Error::Connect { attempts, .. } = &error else { panic!("{error}") };
    let told: Vec<_> =
        attempts.iter().map(|attempt| (attempt.address.to_string(), attempt.error.kind())).collect();
    let (refused, timed_out) = (io::ErrorKind::ConnectionRefused, io::ErrorKind::TimedOut);
    assert_eq!(told, [(V6[0].into(), timed_out), (V6[1].into(), refused), (V6[2].into(), timed_out)]);
    assert_eq!(network.begun(), begun(&[(V6[0], 0), (V6[1], 250), (V6[2], 260)]));
    assert_eq!(network.now(), 1260);
}

/// A family that is not wanted is not tried, and no time is lost with it.
#[tokio::test(start_paused = true)]
async fn other_families_are_left_out() {
    let fates = [(V6[0], Fate::Connects(0)), (V4[0], Fate::Connects(400)), (V6[1], Fate::Connects(0))];
    let network = Simulated::new(&fates);
    let only_v4 = ClientOptions { address_family: AddressFamily::V4, ..options() };
    assert_eq!(connect(&network, &only_v4).await.expect("connected"), V4[0]);
    assert_eq!(network.begun(), begun(&[(V4[0], 0)]));
    let none = Simulated::new(&[(V6[0], Fate::Connects(0))]);
    let error = connect(&none, &only_v4).await.expect_err("no address");
    assert!(matches!(error, Error::Connect { attempts, .. } if attempts.is_empty()));
}

/// The resolver has no more time than a connection.
#[tokio::test(start_paused = true)]
async fn a_resolver_that_says_nothing() {
    let mut network = Simulated::new(&[(V6[0], Fate::Connects(0))]);
    network.resolving = Duration::from_secs(60);
    let mut options = options();
    options.timeouts.connect = Some(Duration::from_secs(3));
    let error = connect(&network, &options).await.expect_err("no name server");
    assert!(
        matches!(&error, Error::Resolve { error, .. } if error.kind() == io::ErrorKind::TimedOut),
        "{error}"
    );
    assert_eq!(network.now(), 3000);
}
