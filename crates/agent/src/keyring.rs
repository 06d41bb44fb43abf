//! The keys of an agent, shared by all of its connections: pure state, without a socket and without a clock.

use crate::agent_key::AgentKey;
use crate::binding::Bindings;
use crate::constraint::{Constraint, DestinationConstraint};
use crate::error::AddError;
use crate::identity::AgentIdentity;
use crate::lock::{Lock, Unlocking};
use crate::moment::Moment;
use crate::number::{MAXIMUM_IDENTITIES, MAXIMUM_MESSAGE};
use crate::request::AddIdentity;
use std::time::{Duration, Instant};

/// What a keyring does beyond the constraints of its keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyringConfig {
    /// After how long keys are forgotten that were added without a lifetime; never unless set.
    pub default_lifetime: Option<Duration>,
    /// Whether there is somebody who answers a [`SignQuestion`](crate::question::SignQuestion). Unless set, keys
    /// that want every use confirmed are refused.
    pub can_confirm: bool,
    /// When to ask beside the keys' own constraints; never unless set.
    pub asking: Asking,
    /// Whether data is signed that is neither a login nor a file's signature, with keys that have no destinations.
    /// It is unless set: programs other than SSH clients use agents, too.
    pub refuse_other_data: bool,
    /// Whether RSA keys refuse to sign with SHA-1, which is what a client asks for that sets no flag. They sign unless
    /// set: whether such a signature is believed is for those to decide who verify it.
    pub refuse_sha1: bool,
}

/// When a keyring asks before it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Asking {
    /// When the key wants it.
    #[default]
    WhenConstrained,
    /// When the request has come from another host, too.
    WhenForwarded,
    /// Always: the application's own policy decides.
    Always,
}

/// A key and what it may be used for.
pub(crate) struct Entry {
    pub(crate) key: AgentKey,
    pub(crate) comment: String,
    pub(crate) expires: Option<Instant>,
    pub(crate) confirm: bool,
    pub(crate) destinations: Vec<DestinationConstraint>,
}

impl Entry {
    fn listed_len(&self) -> usize {
        2 * size_of::<u32>() + self.key.blob().len() + self.comment.len()
    }
}

/// The keys of an agent. They are wiped when they are removed, when they expire, and when the keyring is dropped.
#[derive(Default)]
pub struct Keyring {
    config: KeyringConfig,
    entries: Vec<Entry>,
    lock: Lock,
}

impl Keyring {
    /// Without keys.
    pub fn new(config: KeyringConfig) -> Self {
        Self { config, ..Self::default() }
    }

    /// What it does beyond the constraints of its keys.
    pub const fn config(&self) -> &KeyringConfig {
        &self.config
    }

    /// Takes a key. One that is there already gets the new comment and the new constraints.
    ///
    /// # Errors
    ///
    /// [`AddError::UnsupportedConstraint`] for what cannot be enforced here, [`AddError::UnsupportedKey`] for the
    /// key of an authenticator, which only its owner's library can use, and [`AddError::Full`].
    pub fn add(&mut self, identity: AddIdentity, now: Instant) -> Result<(), AddError> {
        self.expire(now);
        let entry = self.entry(identity, now)?;
        let listed = |entries: &[Entry]| entries.iter().map(Entry::listed_len).sum::<usize>();
        if let Some(held) = self.entries.iter_mut().find(|held| held.key.blob() == entry.key.blob()) {
            // RFC 9987 §5.2: a key that is added again replaces what was known about it.
            let before = std::mem::replace(held, entry);
            if listed(&self.entries) > MAXIMUM_MESSAGE - 8 {
                if let Some(held) = self.entries.iter_mut().find(|held| held.key.blob() == before.key.blob())
                {
                    *held = before;
                }
                return Err(AddError::Full);
            }
            return Ok(());
        }
        let fits = listed(&self.entries) + entry.listed_len() <= MAXIMUM_MESSAGE - 8;
        if self.entries.len() >= MAXIMUM_IDENTITIES || !fits {
            return Err(AddError::Full);
        }
        self.entries.push(entry);
        Ok(())
    }

    fn entry(&self, identity: AddIdentity, now: Instant) -> Result<Entry, AddError> {
        let AddIdentity { key, comment, constraints } = identity;
        if key.private_key().security_key_handle().is_some() {
            let name = key.private_key().public_key().key_type().to_owned();
            return Err(AddError::UnsupportedKey { name });
        }
        let mut entry = Entry { key, comment, expires: None, confirm: false, destinations: Vec::new() };
        let mut lifetime = self.config.default_lifetime;
        for constraint in constraints {
            match constraint {
                Constraint::Lifetime { seconds: 0 } => {
                    return Err(AddError::InvalidConstraint("a lifetime of no seconds"));
                }
                Constraint::Lifetime { seconds } => lifetime = Some(Duration::from_secs(seconds.into())),
                Constraint::Confirm if self.config.can_confirm => entry.confirm = true,
                Constraint::RestrictDestination(destinations) if destinations.is_empty() => {
                    return Err(AddError::InvalidConstraint("a list of no destinations"));
                }
                Constraint::RestrictDestination(destinations) => {
                    destinations.iter().try_for_each(DestinationConstraint::check)?;
                    entry.destinations = destinations;
                }
                // RFC 9987 §5.2.7: an agent that does not understand or cannot enforce a constraint refuses the
                // key.
                Constraint::Confirm
                | Constraint::AssociatedCertificates { .. }
                | Constraint::SecurityKeyProvider(_)
                | Constraint::Extension { .. } => {
                    return Err(AddError::UnsupportedConstraint(constraint.name().to_owned()));
                }
            }
        }
        entry.expires = lifetime.and_then(|lifetime| now.checked_add(lifetime));
        Ok(entry)
    }

    /// Forgets a key; false if it is not there.
    pub fn remove(&mut self, blob: &[u8]) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.key.blob() != blob);
        self.entries.len() != before
    }

    /// Forgets all keys.
    pub fn clear(&mut self) {
        self.entries = Vec::new();
    }

    /// The keys, in the order in which they were added.
    pub fn identities(&self) -> Vec<AgentIdentity> {
        self.entries.iter().map(listed).collect()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether it is locked: it lists and uses no key then.
    pub const fn is_locked(&self) -> bool {
        self.lock.is_locked()
    }

    /// Forgets the keys whose time has come. Every connection sees to it before it answers; whoever holds an idle
    /// keyring calls it at [`next_expiry`](Self::next_expiry).
    pub fn expire(&mut self, now: Instant) {
        self.entries.retain(|entry| entry.expires.is_none_or(|expires| expires > now));
    }

    /// When the next key is to be forgotten.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.entries.iter().filter_map(|entry| entry.expires).min()
    }

    pub(crate) fn lock(&mut self, passphrase: &[u8]) -> bool {
        self.lock.lock(passphrase)
    }

    pub(crate) fn unlock(&mut self, passphrase: &[u8], now: Instant) -> Unlocking {
        self.lock.unlock(passphrase, now)
    }

    /// The key of that blob, if it may be seen.
    pub(crate) fn visible(&self, blob: &[u8], bindings: &Bindings, now: Moment) -> Option<&Entry> {
        let entry = self.entries.iter().find(|entry| entry.key.blob() == blob)?;
        bindings.shows(&entry.destinations, now.unix_seconds).then_some(entry)
    }

    /// The key of that blob, for whoever looks at its destinations.
    pub(crate) fn find(&self, blob: &[u8]) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key.blob() == blob)
    }

    pub(crate) fn visible_identities(&self, bindings: &Bindings, now: Moment) -> Vec<AgentIdentity> {
        let shown = |entry: &&Entry| bindings.shows(&entry.destinations, now.unix_seconds);
        self.entries.iter().filter(shown).map(listed).collect()
    }

    pub(crate) fn remove_visible(&mut self, bindings: &Bindings, now: Moment) {
        self.entries.retain(|entry| !bindings.shows(&entry.destinations, now.unix_seconds));
    }
}

fn listed(entry: &Entry) -> AgentIdentity {
    AgentIdentity { blob: entry.key.blob().to_vec(), comment: entry.comment.clone() }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring")
            .field("config", &self.config)
            .field("identities", &self.identities())
            .field("lock", &self.lock)
            .finish()
    }
}
