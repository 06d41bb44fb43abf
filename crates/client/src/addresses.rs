//! Connecting to a host that has several addresses ("Happy Eyeballs", RFC 8305): an address that does not answer holds
//! up the others for a moment only.

use crate::boxed_future::BoxedFuture;
use crate::error::{ConnectAttempt, Error};
use crate::options::{AddressFamily, ClientOptions};
use std::collections::VecDeque;
use std::future::{Future, pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;

// RFC 8305 §5: "One recommended value for a default delay is 250 milliseconds."
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Names and connections.
pub(crate) trait Network: Sync {
    /// A connection.
    type Stream: Send;

    /// The addresses of a host, the best first.
    fn resolve(&self, host: &str, port: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;

    /// Connects to one.
    fn connect(&self, address: SocketAddr) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// Connects to the first address of the host that answers. Looking up the host may take as long as each connection.
///
/// # Errors
///
/// [`Error::Resolve`], or [`Error::Connect`] with every address that was tried.
pub(crate) async fn connect_to_host<N: Network>(
    network: &N,
    host: &str,
    port: u16,
    options: &ClientOptions,
) -> Result<N::Stream, Error> {
    let wanted = |address: &SocketAddr| match options.address_family {
        AddressFamily::Any => true,
        AddressFamily::V4 => address.is_ipv4(),
        AddressFamily::V6 => address.is_ipv6(),
    };
    let found = within(options.timeouts.connect, network.resolve(host, port)).await;
    let mut found = found.map_err(|error| Error::Resolve { host: host.to_owned(), error })?;
    found.retain(wanted);
    let raced = race(network, interleaved(found), options.timeouts.connect).await;
    raced.map_err(|attempts| Error::Connect { host: host.to_owned(), port, attempts })
}

/// Each address once, the families in turn.
///
/// RFC 8305 §4: "the client SHOULD modify the ordered list to interleave address families. Whichever address family is
/// first in the list should be followed by an address of the other address family".
fn interleaved(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let mut once: Vec<SocketAddr> = Vec::with_capacity(addresses.len());
    for address in addresses {
        if !once.contains(&address) {
            once.push(address);
        }
    }
    let first_is_v6 = once.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        once.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut turns = VecDeque::new();
    loop {
        let (one, other) = (first.next(), second.next());
        if one.is_none() && other.is_none() {
            return turns;
        }
        turns.extend(one.into_iter().chain(other));
    }
}

/// An attempt that is under way; its place among the addresses.
struct Attempt<'a, S> {
    place: usize,
    address: SocketAddr,
    connecting: BoxedFuture<'a, io::Result<S>>,
}

/// Begins with the first address, and with the next one whenever an attempt has failed or a moment has gone by. The
/// first that succeeds ends the others.
async fn race<N: Network>(
    network: &N,
    mut addresses: VecDeque<SocketAddr>,
    timeout: Option<Duration>,
) -> Result<N::Stream, Vec<ConnectAttempt>> {
    let mut attempts: Vec<Attempt<'_, N::Stream>> = Vec::new();
    let mut failed: Vec<(usize, ConnectAttempt)> = Vec::new();
    for place in 0.. {
        match addresses.pop_front() {
            Some(address) => {
                let connecting = Box::pin(within(timeout, network.connect(address)));
                attempts.push(Attempt { place, address, connecting });
            }
            None if attempts.is_empty() => break,
            None => {}
        }
        let is_last = addresses.is_empty();
        let moment =
            async { if is_last { pending().await } else { tokio::time::sleep(ATTEMPT_DELAY).await } };
        tokio::select! {
            biased;
            (place, address, result) = first_of(&mut attempts) => match result {
                Ok(stream) => return Ok(stream),
                Err(error) => {
                    tracing::debug!(%address, %error, "cannot connect");
                    failed.push((place, ConnectAttempt { address, error }));
                }
            },
            () = moment => {}
        }
    }
    failed.sort_by_key(|(place, _)| *place);
    Err(failed.into_iter().map(|(_, attempt)| attempt).collect())
}

/// The first attempt that ends, which is taken out.
async fn first_of<S>(attempts: &mut Vec<Attempt<'_, S>>) -> (usize, SocketAddr, io::Result<S>) {
    poll_fn(|cx| {
        for at in 0..attempts.len() {
            if let Poll::Ready(result) = attempts[at].connecting.as_mut().poll(cx) {
                let Attempt { place, address, .. } = attempts.remove(at);
                return Poll::Ready((place, address, result));
            }
        }
        Poll::Pending
    })
    .await
}

/// No longer than that.
async fn within<T>(
    after: Option<Duration>,
    work: impl Future<Output = io::Result<T>> + Send,
) -> io::Result<T> {
    let Some(after) = after else { return work.await };
    let timed_out = |_| io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {after:?}"));
    tokio::time::timeout(after, work).await.map_err(timed_out)?
}

#[cfg(test)]
mod tests;
