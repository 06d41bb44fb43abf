//! What a connection to an agent is bound to (PROTOCOL.agent §1), and whether that leads where a key may be used
//! (§2).

use crate::constraint::{DestinationConstraint, Hop};
use crate::session_bind::SessionBind;
use crate::signed_data::LoginRequest;
use konko_keys::certificate_kind::CertificateKind;
use konko_keys::{CertificateCheck, Identity, signature_algorithm};
use konko_wire::decode::Reader;

/// The most bindings of one connection: the longest chain of hops.
pub const MAXIMUM_BINDINGS: usize = 16;
/// The longest session identifier: no hash is longer.
pub const MAXIMUM_SESSION_ID: usize = 128;

#[derive(Debug)]
struct Binding {
    host_key: Identity,
    session_id: Vec<u8>,
    is_forwarding: bool,
}

/// The bindings of one connection, the first hop first. There is no way to take one back.
#[derive(Debug, Default)]
pub(crate) struct Bindings {
    bound: Vec<Binding>,
    /// A binding was refused. What the connection leads to is not known any more.
    failed: bool,
}

impl Bindings {
    /// Whether requests come from another host, as far as is known.
    pub(crate) fn is_forwarded(&self) -> bool {
        self.bound.first().is_some_and(|first| first.is_forwarding)
    }

    /// Whether something was bound, or tried to.
    pub(crate) fn is_bound(&self) -> bool {
        self.failed || !self.bound.is_empty()
    }

    /// Takes a binding. False if it is refused; keys with destinations are out of reach then.
    pub(crate) fn bind(&mut self, bind: &SessionBind) -> bool {
        let accepted = self.accept(bind).is_some();
        self.failed |= !accepted;
        accepted
    }

    /// A binding that is malformed counts as one that is refused.
    pub(crate) fn fail(&mut self) {
        self.failed = true;
    }

    fn accept(&mut self, bind: &SessionBind) -> Option<()> {
        if bind.session_id.is_empty() || bind.session_id.len() > MAXIMUM_SESSION_ID {
            return None;
        }
        let host_key = Identity::decode(&bind.host_key).ok()?;
        let name = Reader::new(&bind.signature).read_str().ok()?;
        let algorithm = signature_algorithm::by_name(name)?;
        // PROTOCOL.agent §1: "it will verify the signature and check the consistency of its contents, including
        // refusing to accept a duplicate session identifier, or any attempt to bind a connection previously bound
        // for authentication".
        host_key.public_key().verify(algorithm, &bind.session_id, &bind.signature).ok()?;
        for earlier in &self.bound {
            if !earlier.is_forwarding {
                return None;
            }
            if earlier.session_id == bind.session_id {
                // The same again says nothing new; another host key for the same session is a lie.
                let same = earlier.host_key == host_key && earlier.is_forwarding == bind.is_forwarding;
                return same.then_some(());
            }
        }
        if self.bound.len() == MAXIMUM_BINDINGS {
            return None;
        }
        self.bound.push(Binding {
            host_key,
            session_id: bind.session_id.clone(),
            is_forwarding: bind.is_forwarding,
        });
        Some(())
    }

    /// Whether a key with these destinations may be seen over this connection.
    pub(crate) fn shows(&self, destinations: &[DestinationConstraint], now: u64) -> bool {
        if destinations.is_empty() {
            return true;
        }
        if self.failed {
            return false;
        }
        let Some(last) = self.bound.last() else { return true };
        if !self.leads(destinations, None, now) {
            return false;
        }
        // A key that may log in to the host that asks, but may not be used beyond it, is not shown there.
        !last.is_forwarding || permitted(destinations, Some(&last.host_key), None, None, now)
    }

    /// Whether a key with these destinations may sign this login.
    pub(crate) fn permits_login(
        &self,
        destinations: &[DestinationConstraint],
        login: &LoginRequest,
        now: u64,
    ) -> bool {
        if self.failed {
            return false;
        }
        let Some(last) = self.bound.last() else { return false };
        let host_fits = match &login.host_key {
            Some(host_key) => host_key == last.host_key.blob(),
            // Behind the first hop the request has to name the host: the one who asks is not trusted to.
            None => self.bound.len() == 1,
        };
        host_fits
            && login.session_id == last.session_id
            && !last.is_forwarding
            && self.leads(destinations, Some(&login.user_name), now)
    }

    /// Whether every hop of the chain is permitted.
    fn leads(&self, destinations: &[DestinationConstraint], user: Option<&str>, now: u64) -> bool {
        let mut from = None;
        for (index, hop) in self.bound.iter().enumerate() {
            let is_last = index + 1 == self.bound.len();
            // A binding for a login is the end of the chain.
            if !is_last && !hop.is_forwarding {
                return false;
            }
            let user = user.filter(|_| is_last);
            if !permitted(destinations, from, Some(&hop.host_key), user, now) {
                return false;
            }
            from = Some(&hop.host_key);
        }
        true
    }
}

/// Whether one destination allows the hop. `from` is nothing for the first hop, `to` is nothing for any.
fn permitted(
    destinations: &[DestinationConstraint],
    from: Option<&Identity>,
    to: Option<&Identity>,
    user: Option<&str>,
    now: u64,
) -> bool {
    destinations.iter().any(|destination| {
        let from_fits = match from {
            None => destination.from.is_origin(),
            Some(key) => matches_host(&destination.from, key, now),
        };
        let user_fits = user
            .is_none_or(|user| destination.to.user.is_empty() || user_matches(&destination.to.user, user));
        from_fits && to.is_none_or(|key| matches_host(&destination.to, key, now)) && user_fits
    })
}

fn user_matches(pattern: &str, user: &str) -> bool {
    konko_pattern::matches(pattern.as_bytes(), user.as_bytes())
}

/// Whether the host that has proved itself with `key` is the one that the hop names: by that key, or by an
/// authority that has certified it for the host's name.
fn matches_host(hop: &Hop, key: &Identity, now: u64) -> bool {
    hop.host_keys.iter().any(|specified| match key {
        Identity::Key(key) => !specified.is_authority && key.blob() == specified.blob,
        Identity::Certificate(certificate) => {
            let authority = certificate.signature_key();
            let host_name = Some(hop.host_name.as_str());
            let check = CertificateCheck::new(authority, CertificateKind::Host, now, host_name);
            specified.is_authority && authority.blob() == specified.blob && certificate.check(&check).is_ok()
        }
    })
}
