//! What an agent does with one request.

use crate::binding::Bindings;
use crate::client::QUERY;
use crate::keyring::{Asking, Entry, Keyring};
use crate::lock::Unlocking;
use crate::moment::Moment;
use crate::number::{RSA_SHA2_256_FLAG, RSA_SHA2_512_FLAG};
use crate::question::{QuestionReason, SignQuestion};
use crate::reply::Reply;
use crate::request::{AddIdentity, Request};
use crate::session_bind::{SESSION_BIND, SessionBind};
use crate::signed_data::SignedData;
use konko_keys::SignatureAlgorithm;
use konko_keys::signature_algorithm::{self, RSA_SHA2_256, RSA_SHA2_512, SSH_RSA};
use konko_wire::encode::put_string;
use std::time::Instant;

/// What a request comes to.
pub(crate) enum Step {
    /// Answer it.
    Reply(Reply),
    /// Answer it, and not before then.
    ReplyAt(Reply, Instant),
    /// Handle it again then.
    Again(Instant),
    /// Ask, and handle it again if the answer is yes.
    Ask(Box<SignQuestion>),
}

const DONE: Step = Step::Reply(Reply::Success(Vec::new()));
const FAILED: Step = Step::Reply(Reply::Failure);

/// Handles one message; `confirmed` says that the question about it was answered with yes.
pub(crate) fn handle(
    message: &[u8],
    confirmed: bool,
    bindings: &mut Bindings,
    keyring: &mut Keyring,
    now: Moment,
) -> Step {
    keyring.expire(now.instant);
    // RFC 9987 §5: what is malformed or not known is answered with SSH_AGENT_FAILURE.
    let Ok(request) = Request::decode(message) else { return FAILED };
    if keyring.is_locked() {
        return handle_locked(&request, bindings, keyring, now);
    }
    match request {
        Request::RequestIdentities => {
            Step::Reply(Reply::Identities(keyring.visible_identities(bindings, now)))
        }
        Request::SignRequest { key_blob, data, flags } => {
            sign(key_blob, data, flags, confirmed, bindings, keyring, now)
        }
        Request::AddIdentity { fields, constrained } => {
            let Ok(identity) = AddIdentity::decode(fields.0, constrained) else { return FAILED };
            let blob = identity.key.blob();
            // What must not be seen over this connection must not be changed either.
            if keyring.find(blob).is_some() && keyring.visible(blob, bindings, now).is_none() {
                return FAILED;
            }
            if keyring.add(identity, now.instant).is_ok() { DONE } else { FAILED }
        }
        Request::RemoveIdentity { key_blob } => {
            let is_visible = keyring.visible(key_blob, bindings, now).is_some();
            if is_visible && keyring.remove(key_blob) { DONE } else { FAILED }
        }
        Request::RemoveAllIdentities => {
            keyring.remove_visible(bindings, now);
            DONE
        }
        // There is no token here, and no library is ever loaded because a client names it.
        Request::AddSmartcardKey { .. } | Request::RemoveSmartcardKey { .. } => FAILED,
        Request::Lock { passphrase } => {
            if keyring.lock(passphrase.0) {
                DONE
            } else {
                FAILED
            }
        }
        Request::Unlock { .. } => FAILED,
        Request::Extension { name, contents } => extension(name, contents, bindings),
    }
}

/// RFC 9987 §5.7: a locked agent does nothing with its keys. A binding is taken all the same: a connection that is
/// forwarded must not look like one that is not once the agent is unlocked.
fn handle_locked(request: &Request<'_>, bindings: &mut Bindings, keyring: &mut Keyring, now: Moment) -> Step {
    match request {
        Request::RequestIdentities => Step::Reply(Reply::Identities(Vec::new())),
        Request::Unlock { passphrase } => match keyring.unlock(passphrase.0, now.instant) {
            Unlocking::Unlocked => DONE,
            Unlocking::Wrong(at) => Step::ReplyAt(Reply::Failure, at),
            Unlocking::TooEarly(at) => Step::Again(at),
            Unlocking::NotLocked => FAILED,
        },
        Request::Extension { name, contents } => extension(name, contents, bindings),
        Request::SignRequest { .. }
        | Request::AddIdentity { .. }
        | Request::RemoveIdentity { .. }
        | Request::RemoveAllIdentities
        | Request::AddSmartcardKey { .. }
        | Request::RemoveSmartcardKey { .. }
        | Request::Lock { .. } => FAILED,
    }
}

fn extension(name: &[u8], contents: &[u8], bindings: &mut Bindings) -> Step {
    if name == QUERY.as_bytes() {
        let mut names = Vec::new();
        put_string(&mut names, QUERY.as_bytes());
        put_string(&mut names, SESSION_BIND.as_bytes());
        return Step::Reply(Reply::ExtensionResponse { name: name.to_vec(), contents: names });
    }
    if name != SESSION_BIND.as_bytes() {
        // RFC 9987 §5.8: an extension that is not known is answered with SSH_AGENT_FAILURE.
        return FAILED;
    }
    let bound = match SessionBind::decode(contents) {
        Ok(bind) => bindings.bind(&bind),
        Err(_) => {
            bindings.fail();
            false
        }
    };
    // RFC 9987 §5.8: SSH_AGENT_EXTENSION_FAILURE is for an extension that is known and did not succeed.
    if bound { DONE } else { Step::Reply(Reply::ExtensionFailure) }
}

fn sign(
    key_blob: &[u8],
    data: &[u8],
    flags: u32,
    confirmed: bool,
    bindings: &Bindings,
    keyring: &Keyring,
    now: Moment,
) -> Step {
    let Some(entry) = keyring.find(key_blob) else { return FAILED };
    let meaning = SignedData::parse(data);
    if !permits(entry, &meaning, bindings, keyring, now) {
        return FAILED;
    }
    let Some(algorithm) = algorithm(entry, flags, keyring.config().refuse_sha1) else {
        return FAILED;
    };
    let reason = match keyring.config().asking {
        _ if entry.confirm => Some(QuestionReason::Constraint),
        Asking::Always => Some(QuestionReason::Policy),
        Asking::WhenForwarded if bindings.is_forwarded() => Some(QuestionReason::Policy),
        Asking::WhenForwarded | Asking::WhenConstrained => None,
    };
    if let Some(reason) = reason.filter(|_| !confirmed) {
        return Step::Ask(Box::new(SignQuestion {
            key_blob: key_blob.to_vec(),
            fingerprint: entry.key.private_key().public_key().fingerprint(),
            comment: entry.comment.clone(),
            data: meaning,
            is_forwarded: bindings.is_forwarded(),
            reason,
        }));
    }
    match entry.key.private_key().sign(algorithm, data) {
        Ok(signature) => Step::Reply(Reply::Signature(signature)),
        Err(_) => FAILED,
    }
}

/// Whether the key may sign this, as far as destinations and the keyring's policy are concerned.
fn permits(entry: &Entry, meaning: &SignedData, bindings: &Bindings, keyring: &Keyring, now: Moment) -> bool {
    if entry.destinations.is_empty() {
        return !(keyring.config().refuse_other_data && *meaning == SignedData::Other);
    }
    // A key with destinations signs nothing but logins: where else a signature leads cannot be told.
    let SignedData::Login(login) = meaning else { return false };
    login.public_key == entry.key.blob()
        && bindings.permits_login(&entry.destinations, login, now.unix_seconds)
}

/// RFC 9987 §5.6.1: the flags choose among the algorithms of RSA keys and mean nothing to others.
fn algorithm(entry: &Entry, flags: u32, refuse_sha1: bool) -> Option<&'static SignatureAlgorithm> {
    let key_type = entry.key.private_key().public_key().key_type();
    if key_type != SSH_RSA.key_type {
        return signature_algorithm::for_key_type(key_type).next();
    }
    match (flags & RSA_SHA2_256_FLAG != 0, flags & RSA_SHA2_512_FLAG != 0) {
        (true, _) => Some(&RSA_SHA2_256),
        (false, true) => Some(&RSA_SHA2_512),
        (false, false) => (!refuse_sha1).then_some(&SSH_RSA),
    }
}
