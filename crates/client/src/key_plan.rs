//! Which keys are offered to a server, in which order, and who signs for each. It is decided here once all that there
//! is has been looked up: public halves, certificates, and what an agent holds.

use crate::login_report::AttemptResult;
use konko_transport::keys::certificate_kind::CertificateKind;
use konko_transport::keys::identity::Identity;
use konko_transport::keys::public_key::PublicKey;

/// Where the private half of a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holding {
    /// In memory: a signature costs nothing but time.
    AtHand,
    /// In a file, behind a passphrase.
    Locked,
    /// With somebody of the application who signs.
    Signer,
    /// In an agent.
    Agent,
    /// Not known: there is a public half, or a certificate, and nothing more.
    Elsewhere,
}

/// A key as one credential gives it.
#[derive(Debug, Clone)]
pub(crate) struct FoundKey {
    /// The place of the credential.
    pub(crate) place: usize,
    /// What is offered; `None` where only the passphrase brings it to light.
    pub(crate) identity: Option<Identity>,
    /// Where the private half is.
    pub(crate) holding: Holding,
    /// Where the credential is from, in words.
    pub(crate) origin: String,
}

impl FoundKey {
    fn public_key(&self) -> Option<&PublicKey> {
        self.identity.as_ref().map(Identity::public_key)
    }
}

/// A key that is going to be offered.
#[derive(Debug, Clone)]
pub(crate) struct PlannedKey {
    /// The place of the credential.
    pub(crate) place: usize,
    /// What is offered; `None` where only the passphrase brings it to light.
    pub(crate) identity: Option<Identity>,
    /// Which of the found keys signs.
    pub(crate) signer: usize,
    /// Whether a signature may cost somebody a passphrase, a touch or a confirmation.
    pub(crate) is_costly: bool,
    /// Which key it is, in words without secrets.
    pub(crate) description: String,
}

/// A key that is not going to be offered.
#[derive(Debug, Clone)]
pub(crate) struct PassedOver {
    /// Which key it is, in words without secrets.
    pub(crate) description: String,
    /// Its fingerprint.
    pub(crate) identity: Option<Identity>,
    /// Why not.
    pub(crate) result: AttemptResult,
}

/// The keys to offer, in order, and those that are passed over.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeyPlan {
    pub(crate) keys: Vec<PlannedKey>,
    pub(crate) passed_over: Vec<PassedOver>,
}

impl KeyPlan {
    /// Makes a plan of what was found, which is in the order of the credentials, and within one in the order in
    /// which it is to be offered. Every key and certificate is offered once, at the first place where it was found.
    ///
    /// With `identities_only` an agent's keys serve only where another credential names them.
    pub(crate) fn new(found: &[FoundKey], identities_only: bool) -> Self {
        let mut plan = Self::default();
        for (index, key) in found.iter().enumerate() {
            let unnamed = key.holding == Holding::Agent && identities_only && !is_named(key, found);
            if unnamed {
                plan.pass_over(key, AttemptResult::NotNamed);
                continue;
            }
            if key.identity.is_some() && plan.keys.iter().any(|planned| planned.identity == key.identity) {
                continue;
            }
            let certificate = key.identity.as_ref().and_then(Identity::certificate);
            if certificate.is_some_and(|certificate| certificate.kind() != CertificateKind::User) {
                let why = "it is a certificate for hosts".to_owned();
                plan.pass_over(key, AttemptResult::Unusable(why));
                continue;
            }
            match signer_of(index, key, found) {
                Some(signer) => plan.keys.push(planned(key, signer, &found[signer])),
                None => {
                    let why = "its private half is neither in a file nor in an agent".to_owned();
                    plan.pass_over(key, AttemptResult::Unusable(why));
                }
            }
        }
        plan
    }

    fn pass_over(&mut self, key: &FoundKey, result: AttemptResult) {
        let description = describe(key.identity.as_ref(), &key.origin);
        self.passed_over.push(PassedOver { description, identity: key.identity.clone(), result });
    }
}

fn planned(key: &FoundKey, signer: usize, holder: &FoundKey) -> PlannedKey {
    let identity = key.identity.clone();
    let mut description = describe(identity.as_ref(), &key.origin);
    if holder.origin != key.origin {
        description = format!("{description}, signed by {}", holder.origin);
    }
    let in_hardware = identity.as_ref().is_some_and(|identity| identity.public_key().application().is_some());
    let is_costly = holder.holding != Holding::AtHand || in_hardware;
    PlannedKey { place: key.place, identity, signer, is_costly, description }
}

/// A key in words.
pub(crate) fn describe(identity: Option<&Identity>, origin: &str) -> String {
    match identity {
        None => format!("the key from {origin}"),
        Some(Identity::Key(key)) => {
            format!("the {} key {} from {origin}", key.key_type(), key.fingerprint())
        }
        Some(Identity::Certificate(certificate)) => {
            let id = crate::printable::printable(certificate.key_id(), false);
            let (key_type, fingerprint) = (certificate.certificate_type(), certificate.fingerprint());
            format!("the {key_type} certificate \"{id}\" for {fingerprint} from {origin}")
        }
    }
}

fn is_named(key: &FoundKey, found: &[FoundKey]) -> bool {
    found.iter().any(|other| other.holding != Holding::Agent && same_key(key, other))
}

fn same_key(one: &FoundKey, other: &FoundKey) -> bool {
    one.public_key().is_some() && one.public_key() == other.public_key()
}

/// Who signs: the key itself; but whoever needs no passphrase, where there is somebody.
fn signer_of(index: usize, key: &FoundKey, found: &[FoundKey]) -> Option<usize> {
    let with = |holding: Holding| {
        let holds = |other: &&(usize, &FoundKey)| other.1.holding == holding && same_key(key, other.1);
        let twins: Vec<_> = found.iter().enumerate().collect();
        // An agent that lists a key bare and certified signs for the bare one in any case.
        let bare = twins.iter().filter(holds).find(|twin| matches!(twin.1.identity, Some(Identity::Key(_))));
        bare.or_else(|| twins.iter().find(holds)).map(|twin| twin.0)
    };
    match key.holding {
        Holding::AtHand | Holding::Signer | Holding::Agent => Some(index),
        Holding::Locked => with(Holding::AtHand).or_else(|| with(Holding::Agent)).or(Some(index)),
        Holding::Elsewhere => {
            [Holding::AtHand, Holding::Agent, Holding::Signer, Holding::Locked].into_iter().find_map(with)
        }
    }
}

#[cfg(test)]
mod tests;
