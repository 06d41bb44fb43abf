//! Who may connect now: the counts of connections, in all and of each source.

use crate::limits::ServerLimits;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What counts as one source of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Source {
    /// One IPv4 address.
    V4([u8; 4]),
    /// A /64 network of IPv6: what one customer has.
    V6([u8; 8]),
    /// Whatever has no address.
    Other,
}

impl Source {
    fn of(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => Self::V4(address.octets()),
            Some(IpAddr::V6(address)) => match address.octets().first_chunk() {
                Some(network) => Self::V6(*network),
                None => Self::Other,
            },
            None => Self::Other,
        }
    }
}

/// Why a connection is not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There are as many connections as may be.
    Connections,
    /// There are as many unauthenticated ones as may be.
    Unauthenticated,
    /// There are as many unauthenticated ones of this source as may be.
    Source,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connections => "too many connections",
            Self::Unauthenticated => "too many connections that are not authenticated",
            Self::Source => "too many connections of this source that are not authenticated",
        })
    }
}

#[derive(Debug, Default)]
struct Counts {
    connections: usize,
    unauthenticated: usize,
    sources: HashMap<Source, usize>,
}

impl Counts {
    fn authenticated(&mut self, source: Source) {
        self.unauthenticated -= 1;
        if let Some(count) = self.sources.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                self.sources.remove(&source);
            }
        }
    }
}

/// Counts the connections of a server.
#[derive(Debug)]
pub(crate) struct Admission {
    limits: Arc<ServerLimits>,
    counts: Mutex<Counts>,
}

impl Admission {
    pub(crate) fn new(limits: Arc<ServerLimits>) -> Arc<Self> {
        Arc::new(Self { limits, counts: Mutex::default() })
    }

    /// Admits a connection, as long as what is returned is held.
    pub(crate) fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Admitted, Refusal> {
        let source = Source::of(address);
        let mut counts = self.counts();
        if counts.connections >= self.limits.maximum_connections {
            return Err(Refusal::Connections);
        }
        if counts.unauthenticated >= self.limits.maximum_unauthenticated {
            return Err(Refusal::Unauthenticated);
        }
        let of_source = counts.sources.get(&source).copied().unwrap_or_default();
        if of_source >= self.limits.maximum_unauthenticated_per_source {
            return Err(Refusal::Source);
        }
        counts.connections += 1;
        counts.unauthenticated += 1;
        counts.sources.insert(source, of_source + 1);
        Ok(Admitted { admission: Arc::clone(self), source, authenticated: false })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one connection in the counts; it is given back on drop.
#[derive(Debug)]
pub(crate) struct Admitted {
    admission: Arc<Admission>,
    source: Source,
    authenticated: bool,
}

impl Admitted {
    /// The user is authenticated: the connection is no longer one of those that might be.
    pub(crate) fn authenticated(&mut self) {
        if !std::mem::replace(&mut self.authenticated, true) {
            self.admission.counts().authenticated(self.source);
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.authenticated();
        self.admission.counts().connections -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(connections: usize, unauthenticated: usize, per_source: usize) -> Arc<Admission> {
        Admission::new(Arc::new(ServerLimits {
            maximum_connections: connections,
            maximum_unauthenticated: unauthenticated,
            maximum_unauthenticated_per_source: per_source,
            ..ServerLimits::default()
        }))
    }

    fn address(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    /// covers: A28
    #[test]
    fn places_come_back() {
        let admission = admission(3, 2, 2);
        let mut first = admission.admit(address("192.0.2.1")).unwrap();
        let second = admission.admit(address("192.0.2.2")).unwrap();
        assert_eq!(admission.admit(address("192.0.2.3")).unwrap_err(), Refusal::Unauthenticated);
        first.authenticated();
        first.authenticated();
        let third = admission.admit(address("192.0.2.3")).unwrap();
        assert_eq!(admission.admit(address("192.0.2.4")).unwrap_err(), Refusal::Connections);
        drop((first, second, third));
        let counts = admission.counts();
        assert_eq!((counts.connections, counts.unauthenticated, counts.sources.len()), (0, 0, 0));
    }

    #[test]
    fn one_source_cannot_take_all_places() {
        let admission = admission(100, 100, 1);
        let _v4 = admission.admit(address("192.0.2.1")).unwrap();
        assert_eq!(admission.admit(address("::ffff:192.0.2.1")).unwrap_err(), Refusal::Source);
        let _v6 = admission.admit(address("2001:db8::1")).unwrap();
        assert_eq!(admission.admit(address("2001:db8::2")).unwrap_err(), Refusal::Source);
        let _other = admission.admit(address("2001:db8:0:1::2")).unwrap();
    }
}
