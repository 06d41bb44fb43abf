//! The decisions of a login: which credential comes next, under which algorithm, when it is over. Nothing is sent
//! and nobody is asked here; a driver does what [`Login::next`] says and tells what came of it.

use crate::key_plan::{FoundKey, KeyPlan, PlannedKey};
use crate::login_report::{AttemptReport, AttemptResult, LoginReport};
use konko_transport::keys::fingerprint::Fingerprint;
use konko_transport::keys::identity::Identity;
use konko_transport::keys::signature_algorithm::SignatureAlgorithm;
use konko_transport::userauth::MethodName;
use std::collections::VecDeque;

/// What the decisions depend on.
#[derive(Debug, Clone)]
pub(crate) struct LoginPolicy {
    /// The methods that may be used, in order; `None` leaves the order to the credentials.
    pub(crate) preferred_methods: Option<Vec<MethodName>>,
    /// How often the user is asked for one password or one dialogue.
    pub(crate) password_prompts: u32,
    /// The signature algorithms that the user's keys may be offered under.
    pub(crate) signature_algorithms: Vec<&'static SignatureAlgorithm>,
    /// The signature algorithms that the keys of this host may vouch under.
    pub(crate) host_based_algorithms: Vec<&'static SignatureAlgorithm>,
    /// Whether an agent's keys serve only where another credential names them.
    pub(crate) identities_only: bool,
}

/// A credential as the decisions see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    None,
    /// A password that is there.
    Password,
    /// A password that the user is asked for.
    PasswordPrompt,
    /// A key, a certificate, or the keys of an agent: what there is has to be looked up first.
    Key,
    KeyboardInteractive,
    /// The key of this host, which has to be loaded before its type is known.
    HostBased,
}

/// What to do next. A `credential` is a place in the list of credentials, a `candidate` a number of the decisions' own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Ask with the method `none`, to learn what the server offers.
    Probe,
    /// Look up all keys, certificates and agents, without asking anybody anything; then [`Login::keys_found`].
    FindKeys,
    /// Open a key whose public half is behind its passphrase, or the key of this host; then [`Login::key_loaded`] or
    /// [`Login::unusable`].
    LoadKey { candidate: usize, credential: usize },
    /// Try a key, see [`Login::key`]; ask first whether it would do, if a signature should not be made in vain.
    TryKey { candidate: usize, algorithm: &'static SignatureAlgorithm, query_first: bool },
    /// Let this host vouch for its user.
    TryHostBased { candidate: usize, credential: usize, algorithm: &'static SignatureAlgorithm },
    /// Try a password; `attempt` counts from 1.
    TryPassword { credential: usize, attempt: u32 },
    /// Start a dialogue; with `password`, the credential is a password, which answers one prompt.
    TryDialogue { credential: usize, password: bool },
    /// There is nothing left.
    GiveUp,
}

/// What came of a step that sent something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Success,
    Failure {
        methods: Vec<String>,
        partial_success: bool,
    },
    /// Given up by us, in the middle: the credential is of no use.
    Abandoned(String),
}

#[derive(Debug)]
struct Candidate {
    shape: Shape,
    /// The place of its credential.
    place: usize,
    description: String,
    state: State,
    /// How often it was tried.
    tries: u32,
    /// How often it was refused while its method was on offer.
    refusals: u32,
    /// Whether a password was refused as the answer of a dialogue; it may still be right for `password`.
    dialogue_refused: bool,
}

impl Candidate {
    const fn new(shape: Shape, place: usize, description: String, state: State) -> Self {
        Self { shape, place, description, state, tries: 0, refusals: 0, dialogue_refused: false }
    }

    fn key(&self) -> Option<&KeyState> {
        match &self.state {
            State::Key(key) => Some(key),
            State::Ready | State::Spent => None,
        }
    }

    const fn is_spent(&self) -> bool {
        matches!(self.state, State::Spent)
    }
}

/// How often one credential is tried at most, whatever the server says it offers.
const MAXIMUM_TRIES: u32 = 8;

#[derive(Debug)]
enum State {
    /// To be tried; or, of a key, to be looked up.
    Ready,
    Key(KeyState),
    Spent,
}

#[derive(Debug)]
struct KeyState {
    /// `None` for the key of this host.
    planned: Option<PlannedKey>,
    /// Not known where only a passphrase brings it to light.
    identity: Option<Identity>,
    is_costly: bool,
    /// Those that are left; not known before the first try.
    algorithms: Option<VecDeque<&'static SignatureAlgorithm>>,
}

/// The state of a login.
#[derive(Debug)]
pub(crate) struct Login {
    policy: LoginPolicy,
    candidates: Vec<Candidate>,
    server_sig_algs: Option<Vec<String>>,
    /// What the server offers; unknown until it has refused something.
    methods: Option<Vec<String>>,
    running: Option<Step>,
    report: LoginReport,
}

impl Login {
    /// Nothing was tried yet. Each credential comes with a description without secrets.
    pub(crate) fn new(user: &str, policy: LoginPolicy, credentials: Vec<(Shape, String)>) -> Self {
        let candidates = credentials
            .into_iter()
            .enumerate()
            .map(|(place, (shape, description))| Candidate::new(shape, place, description, State::Ready))
            .collect();
        Self {
            policy,
            candidates,
            server_sig_algs: None,
            methods: None,
            running: None,
            report: LoginReport { user: user.to_owned(), ..LoginReport::default() },
        }
    }

    /// The signature algorithms that the server says it takes (RFC 8308 §3.1); `None` if it said nothing.
    pub(crate) fn set_server_sig_algs(&mut self, names: Option<&[String]>) {
        if let Some(names) = names {
            self.server_sig_algs = Some(names.to_vec());
        }
    }

    /// What to do next. To be told with [`outcome`](Self::outcome) what came of it.
    pub(crate) fn next(&mut self) -> Step {
        let step = self.choose();
        self.running = Some(step.clone());
        step
    }

    fn choose(&mut self) -> Step {
        if self.methods.is_none()
            && let Some(none) = self.candidates.iter_mut().find(|candidate| candidate.shape == Shape::None)
        {
            none.state = State::Spent;
            return Step::Probe;
        }
        for index in self.order() {
            if let Some(step) = self.step_for(index) {
                let unsure = self.methods.is_none();
                return if unsure && self.is_worth_a_probe(&step) { Step::Probe } else { step };
            }
        }
        Step::GiveUp
    }

    /// The candidates that are left, in the order in which they are to be tried.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> =
            (0..self.candidates.len()).filter(|index| !self.candidates[*index].is_spent()).collect();
        // What was looked up stands behind the rest, and takes the place of its credential.
        order.sort_by_key(|index| self.candidates[*index].place);
        if let Some(preferred) = &self.policy.preferred_methods {
            let place = |index: &usize| {
                let methods = usual_methods(self.candidates[*index].shape);
                preferred.iter().position(|method| methods.contains(method)).unwrap_or(usize::MAX)
            };
            order.retain(|index| place(index) != usize::MAX);
            order.sort_by_key(place);
        }
        order
    }

    /// The step that a candidate is good for now.
    fn step_for(&mut self, index: usize) -> Option<Step> {
        match self.candidates[index].shape {
            Shape::None => None,
            Shape::Key if !self.may_use(MethodName::PublicKey) => None,
            Shape::HostBased if !self.may_use(MethodName::HostBased) => None,
            Shape::Key | Shape::HostBased => self.key_step(index),
            Shape::Password | Shape::PasswordPrompt if self.may_use(MethodName::Password) => {
                Some(Step::TryPassword {
                    credential: self.candidates[index].place,
                    attempt: self.candidates[index].refusals + 1,
                })
            }
            Shape::Password
                if self.methods.is_some()
                    && !self.candidates[index].dialogue_refused
                    && self.may_use(MethodName::KeyboardInteractive) =>
            {
                Some(Step::TryDialogue { credential: self.candidates[index].place, password: true })
            }
            Shape::Password | Shape::PasswordPrompt => None,
            Shape::KeyboardInteractive if self.may_use(MethodName::KeyboardInteractive) => {
                Some(Step::TryDialogue { credential: self.candidates[index].place, password: false })
            }
            Shape::KeyboardInteractive => None,
        }
    }

    fn key_step(&mut self, index: usize) -> Option<Step> {
        let (shape, place) = (self.candidates[index].shape, self.candidates[index].place);
        let load = Step::LoadKey { candidate: index, credential: place };
        let State::Key(key) = &self.candidates[index].state else {
            return Some(if shape == Shape::Key { Step::FindKeys } else { load });
        };
        let Some(identity) = &key.identity else { return Some(load) };
        let (next, known) = match &key.algorithms {
            Some(algorithms) => (algorithms.front().copied(), true),
            // Before the first try, server-sig-algs may still come.
            None => (self.algorithms_for(shape, identity).front().copied(), false),
        };
        let Some(algorithm) = next else {
            if !known {
                self.report(index, method_of(shape), None, AttemptResult::NoCommonSignatureAlgorithm, None);
            }
            self.spend(index);
            return None;
        };
        if shape == Shape::HostBased {
            return Some(Step::TryHostBased { candidate: index, credential: place, algorithm });
        }
        let others = self.candidates.iter().filter(|c| c.shape == Shape::Key && !c.is_spent()).count() > 1;
        Some(Step::TryKey { candidate: index, algorithm, query_first: key.is_costly || others })
    }

    /// The algorithms to try for a key, the best first. For RSA they are those that the server says it takes; if
    /// it says nothing, each in turn. Other types have one algorithm, which is worth a try in any case, since
    /// some servers leave it out of `server-sig-algs`.
    fn algorithms_for(&self, shape: Shape, identity: &Identity) -> VecDeque<&'static SignatureAlgorithm> {
        let allowed = match shape {
            Shape::HostBased => &self.policy.host_based_algorithms,
            _ => &self.policy.signature_algorithms,
        };
        let enabled = identity.algorithms().into_iter().filter(|row| allowed.contains(row));
        match &self.server_sig_algs {
            // OpenSSH names the algorithm of the signature there, also for certificates.
            Some(names) if is_rsa(identity) => enabled
                .filter(|row| names.iter().any(|name| name == row.of_signature().name))
                .take(1)
                .collect(),
            _ => enabled.collect(),
        }
    }

    /// Whether to ask the server what it offers before `step` is taken: before a person is bothered, and before
    /// the algorithm for an RSA key is chosen, since the server may not have said yet what it takes.
    fn is_worth_a_probe(&self, step: &Step) -> bool {
        match step {
            Step::TryKey { algorithm, .. } | Step::TryHostBased { algorithm, .. } => {
                algorithm.of_signature().key_type == "ssh-rsa" && self.server_sig_algs.is_none()
            }
            Step::TryPassword { credential, .. } => {
                self.candidates[*credential].shape == Shape::PasswordPrompt
            }
            // A passphrase is asked for.
            Step::LoadKey { candidate, .. } => self.candidates[*candidate].shape == Shape::Key,
            Step::TryDialogue { .. } => true,
            Step::Probe | Step::FindKeys | Step::GiveUp => false,
        }
    }

    fn may_use(&self, method: MethodName) -> bool {
        self.policy.preferred_methods.as_ref().is_none_or(|preferred| preferred.contains(&method))
            && self.methods.as_ref().is_none_or(|offered| offered.iter().any(|name| name == method.as_str()))
    }

    /// What [`Step::FindKeys`] has found, and what cannot be used with the reason.
    pub(crate) fn keys_found(&mut self, found: &[FoundKey], unusable: Vec<(usize, String)>) {
        let plan = KeyPlan::new(found, self.policy.identities_only);
        for (place, why) in unusable {
            self.report(place, "publickey", None, AttemptResult::Unusable(why), None);
        }
        for key in plan.passed_over {
            self.report.attempts.push(AttemptReport {
                method: "publickey",
                credential: key.description,
                fingerprint: key.identity.as_ref().map(Identity::fingerprint),
                algorithm: None,
                result: key.result,
                methods_that_can_continue: None,
            });
        }
        for candidate in self.candidates.iter_mut().filter(|candidate| candidate.shape == Shape::Key) {
            candidate.state = State::Spent;
        }
        for planned in plan.keys {
            let (place, description) = (planned.place, planned.description.clone());
            let (identity, is_costly) = (planned.identity.clone(), planned.is_costly);
            let key = KeyState { planned: Some(planned), identity, is_costly, algorithms: None };
            self.candidates.push(Candidate::new(Shape::Key, place, description, State::Key(key)));
        }
    }

    /// The key of a candidate: what to offer, and who signs.
    pub(crate) fn key(&self, candidate: usize) -> Option<&PlannedKey> {
        self.candidates.get(candidate)?.key()?.planned.as_ref()
    }

    /// A key that had to be opened is.
    pub(crate) fn key_loaded(&mut self, index: usize, identity: Identity, description: String) {
        let Some(candidate) = self.candidates.get_mut(index) else { return };
        let planned = match std::mem::replace(&mut candidate.state, State::Spent) {
            State::Key(key) => key.planned,
            State::Ready | State::Spent => None,
        };
        let planned = planned.map(|planned| PlannedKey {
            identity: Some(identity.clone()),
            is_costly: false,
            description: description.clone(),
            ..planned
        });
        candidate.description = description;
        candidate.state =
            State::Key(KeyState { planned, identity: Some(identity), is_costly: false, algorithms: None });
    }

    /// A key cannot be opened.
    pub(crate) fn unusable(&mut self, index: usize, why: String) {
        let Some(shape) = self.candidates.get(index).map(|candidate| candidate.shape) else { return };
        self.report(index, method_of(shape), None, AttemptResult::Unusable(why), None);
        self.spend(index);
    }

    /// What came of the step that was begun last.
    pub(crate) fn outcome(&mut self, outcome: Outcome) {
        let Some(step) = self.running.take() else { return };
        let Some((index, method, algorithm)) = self.attempt_of(&step) else { return };
        if let Some(candidate) = self.candidates.get_mut(index) {
            candidate.tries += 1;
        }
        match outcome {
            Outcome::Success => self.report(index, method, algorithm, AttemptResult::Accepted, None),
            Outcome::Abandoned(why) => {
                self.report(index, method, algorithm, AttemptResult::Unusable(why), None);
                if step == Step::Probe {
                    // It could not even be asked what is offered: nothing else could be sent either.
                    self.methods.get_or_insert_default();
                }
                self.spend(index);
            }
            Outcome::Failure { methods, partial_success: true } => {
                let result = AttemptResult::AcceptedPartially;
                self.report(index, method, algorithm, result, Some(methods.clone()));
                // A key or password that has served is not asked for twice; a person may well be.
                match self.candidates.get(index).map(|candidate| candidate.shape) {
                    Some(Shape::PasswordPrompt | Shape::KeyboardInteractive) => self.spend_if_tired(index),
                    _ => self.spend(index),
                }
                self.learn(methods);
            }
            Outcome::Failure { methods, partial_success: false } => {
                let offered = method == "none" || methods.iter().any(|name| name == method);
                let result = if offered { AttemptResult::Refused } else { AttemptResult::NotOffered };
                self.report(index, method, algorithm, result, Some(methods.clone()));
                self.learn(methods);
                self.refused(index, offered, &step);
            }
        }
    }

    /// The credential of a step, by which method it was tried, and under which algorithm.
    fn attempt_of(&self, step: &Step) -> Option<(usize, &'static str, Option<&'static str>)> {
        match step {
            Step::Probe => Some((usize::MAX, "none", None)),
            Step::TryKey { candidate, algorithm, .. } => {
                Some((*candidate, "publickey", Some(algorithm.name)))
            }
            Step::TryHostBased { candidate, algorithm, .. } => {
                Some((*candidate, "hostbased", Some(algorithm.name)))
            }
            Step::TryPassword { credential, .. } => Some((*credential, "password", None)),
            Step::TryDialogue { credential, .. } => Some((*credential, "keyboard-interactive", None)),
            Step::FindKeys | Step::LoadKey { .. } | Step::GiveUp => None,
        }
    }

    /// The algorithms that are left for a key are fixed with the first try. Whether there are any.
    fn algorithm_used(&mut self, index: usize) -> bool {
        let key = self.candidates.get(index).and_then(Candidate::key);
        let Some((key, identity)) = key.and_then(|key| Some((key, key.identity.as_ref()?))) else {
            return false;
        };
        let mut left = match &key.algorithms {
            Some(algorithms) => algorithms.clone(),
            None => self.algorithms_for(self.candidates[index].shape, identity),
        };
        left.pop_front();
        let any = !left.is_empty();
        if let State::Key(key) = &mut self.candidates[index].state {
            key.algorithms = Some(left);
        }
        any
    }

    fn refused(&mut self, index: usize, offered: bool, step: &Step) {
        let Some(candidate) = self.candidates.get_mut(index) else { return };
        if !offered {
            // The method may be on offer after another one has succeeded. The limit is for a server that offers
            // it again and again and then does not.
            return self.spend_if_tired(index);
        }
        candidate.refusals += 1;
        match candidate.shape {
            Shape::Key | Shape::HostBased => {
                if !self.algorithm_used(index) {
                    self.spend(index);
                }
            }
            Shape::PasswordPrompt | Shape::KeyboardInteractive => self.spend_if_tired(index),
            Shape::Password if matches!(step, Step::TryDialogue { .. }) => candidate.dialogue_refused = true,
            Shape::Password | Shape::None => self.spend(index),
        }
    }

    fn spend_if_tired(&mut self, index: usize) {
        let Some(candidate) = self.candidates.get(index) else { return };
        let asked_enough = match candidate.shape {
            Shape::PasswordPrompt | Shape::KeyboardInteractive => {
                candidate.refusals >= self.policy.password_prompts
            }
            Shape::None | Shape::Password | Shape::Key | Shape::HostBased => false,
        };
        if asked_enough || candidate.tries >= MAXIMUM_TRIES {
            self.spend(index);
        }
    }

    fn spend(&mut self, index: usize) {
        if let Some(candidate) = self.candidates.get_mut(index) {
            candidate.state = State::Spent;
        }
    }

    fn learn(&mut self, methods: Vec<String>) {
        self.report.methods_that_can_continue.clone_from(&methods);
        self.methods = Some(methods);
    }

    fn report(
        &mut self,
        index: usize,
        method: &'static str,
        algorithm: Option<&'static str>,
        result: AttemptResult,
        methods_that_can_continue: Option<Vec<String>>,
    ) {
        let candidate = self.candidates.get(index);
        let credential = candidate.map(|candidate| candidate.description.clone()).unwrap_or_default();
        let fingerprint: Option<Fingerprint> = candidate
            .and_then(Candidate::key)
            .and_then(|key| key.identity.as_ref())
            .map(Identity::fingerprint);
        self.report.attempts.push(AttemptReport {
            method,
            credential,
            fingerprint,
            algorithm,
            result,
            methods_that_can_continue,
        });
    }

    /// Everything that was tried. If all credentials are `exhausted`, those that never were tried are listed, too.
    pub(crate) fn into_report(mut self, exhausted: bool) -> LoginReport {
        if let Some((index, method, algorithm)) = self.running.take().and_then(|step| self.attempt_of(&step))
        {
            self.report(index, method, algorithm, AttemptResult::Unanswered, None);
        }
        for index in 0..self.candidates.len() {
            let candidate = &self.candidates[index];
            let untried = candidate.tries == 0 && !candidate.is_spent();
            let methods = usual_methods(candidate.shape);
            if let Some(method) = methods.first().filter(|_| exhausted && untried) {
                let excluded = |preferred: &Vec<MethodName>| !preferred.iter().any(|m| methods.contains(m));
                let result = if self.policy.preferred_methods.as_ref().is_some_and(excluded) {
                    AttemptResult::Unusable("its method is not among the preferred ones".to_owned())
                } else {
                    AttemptResult::MethodNotOffered
                };
                self.report(index, method.as_str(), None, result, None);
            }
        }
        // It is kept as long as the connection.
        self.report.attempts.shrink_to_fit();
        self.report
    }
}

/// The methods that a credential serves, the usual one first.
const fn usual_methods(shape: Shape) -> &'static [MethodName] {
    match shape {
        Shape::None => &[],
        Shape::Password => &[MethodName::Password, MethodName::KeyboardInteractive],
        Shape::PasswordPrompt => &[MethodName::Password],
        Shape::Key => &[MethodName::PublicKey],
        Shape::KeyboardInteractive => &[MethodName::KeyboardInteractive],
        Shape::HostBased => &[MethodName::HostBased],
    }
}

/// The method of a key.
const fn method_of(shape: Shape) -> &'static str {
    match shape {
        Shape::HostBased => "hostbased",
        _ => "publickey",
    }
}

fn is_rsa(identity: &Identity) -> bool {
    identity.public_key().key_type() == "ssh-rsa"
}

#[cfg(test)]
mod tests;
