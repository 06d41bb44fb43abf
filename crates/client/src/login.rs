//! The decisions of a login: which credential comes next, under which algorithm, when it is over. Nothing is sent
//! and nobody is asked here; a driver does what [`Login::next`] says and tells what came of it.

use crate::login_report::{AttemptReport, AttemptResult, LoginReport};
use konko_transport::keys::signature_algorithm::{SignatureAlgorithm, for_key_type};
use konko_transport::userauth::MethodName;
use std::collections::VecDeque;

/// What the decisions depend on.
#[derive(Debug, Clone)]
pub(crate) struct LoginPolicy {
    /// The methods that may be used, in order; `None` leaves the order to the credentials.
    pub(crate) preferred_methods: Option<Vec<MethodName>>,
    /// How often the user is asked for one password or one dialogue.
    pub(crate) password_prompts: u32,
    /// The signature algorithms that may be used.
    pub(crate) signature_algorithms: Vec<&'static SignatureAlgorithm>,
}

/// A credential as the decisions see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    None,
    /// A password that is there.
    Password,
    /// A password that the user is asked for.
    PasswordPrompt,
    /// A key that has to be loaded before its type is known.
    Key,
    KeyboardInteractive,
}

/// What to do next. Numbers are places in the list of credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Ask with the method `none`, to learn what the server offers.
    Probe,
    /// Find out the public half of a key; then [`Login::key_loaded`] or [`Login::unusable`].
    LoadKey(usize),
    /// Try a key; ask first whether it would do, if a signature should not be made in vain.
    TryKey { credential: usize, algorithm: &'static SignatureAlgorithm, query_first: bool },
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
    description: String,
    state: State,
    /// How often it was tried.
    tries: u32,
    /// How often it was refused while its method was on offer.
    refusals: u32,
    /// Whether a password was refused as the answer of a dialogue; it may still be right for `password`.
    dialogue_refused: bool,
}

/// How often one credential is tried at most, whatever the server says it offers.
const MAXIMUM_TRIES: u32 = 8;

#[derive(Debug)]
enum State {
    Ready,
    /// A key, with the algorithms that are left to try.
    Key {
        key_type: &'static str,
        ready: bool,
        algorithms: Option<VecDeque<&'static SignatureAlgorithm>>,
    },
    Spent,
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
            .map(|(shape, description)| Candidate {
                shape,
                description,
                state: State::Ready,
                tries: 0,
                refusals: 0,
                dialogue_refused: false,
            })
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
        let mut order: Vec<usize> = (0..self.candidates.len())
            .filter(|index| !matches!(self.candidates[*index].state, State::Spent))
            .collect();
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
            Shape::Key => self.key_step(index),
            Shape::Password | Shape::PasswordPrompt if self.may_use(MethodName::Password) => {
                Some(Step::TryPassword { credential: index, attempt: self.candidates[index].refusals + 1 })
            }
            Shape::Password
                if self.methods.is_some()
                    && !self.candidates[index].dialogue_refused
                    && self.may_use(MethodName::KeyboardInteractive) =>
            {
                Some(Step::TryDialogue { credential: index, password: true })
            }
            Shape::Password | Shape::PasswordPrompt => None,
            Shape::KeyboardInteractive if self.may_use(MethodName::KeyboardInteractive) => {
                Some(Step::TryDialogue { credential: index, password: false })
            }
            Shape::KeyboardInteractive => None,
        }
    }

    fn key_step(&mut self, index: usize) -> Option<Step> {
        let State::Key { key_type, ready, ref algorithms } = self.candidates[index].state else {
            return Some(Step::LoadKey(index));
        };
        let (next, known) = match algorithms {
            Some(algorithms) => (algorithms.front().copied(), true),
            // Before the first try, server-sig-algs may still come.
            None => (self.algorithms_for(key_type).front().copied(), false),
        };
        let Some(algorithm) = next else {
            if !known {
                self.report(index, "publickey", None, AttemptResult::NoCommonSignatureAlgorithm);
            }
            self.candidates[index].state = State::Spent;
            return None;
        };
        let alone = self
            .candidates
            .iter()
            .filter(|c| c.shape == Shape::Key && !matches!(c.state, State::Spent))
            .count()
            == 1;
        Some(Step::TryKey { credential: index, algorithm, query_first: !ready || !alone })
    }

    /// The algorithms to try for a key, the best first. For RSA they are those that the server says it takes; if
    /// it says nothing, each in turn. Other types have one algorithm, which is worth a try in any case, since
    /// some servers leave it out of `server-sig-algs`.
    fn algorithms_for(&self, key_type: &str) -> VecDeque<&'static SignatureAlgorithm> {
        let enabled = for_key_type(key_type)
            .filter(|row| self.policy.signature_algorithms.iter().any(|allowed| allowed.name == row.name));
        match &self.server_sig_algs {
            Some(names) if key_type == "ssh-rsa" => {
                enabled.filter(|row| names.iter().any(|name| name == row.name)).take(1).collect()
            }
            _ => enabled.collect(),
        }
    }

    /// Whether to ask the server what it offers before `step` is taken: before a person is bothered, and before
    /// the algorithm for an RSA key is chosen, since the server may not have said yet what it takes.
    fn is_worth_a_probe(&self, step: &Step) -> bool {
        match step {
            Step::TryKey { algorithm, .. } => {
                algorithm.key_type == "ssh-rsa" && self.server_sig_algs.is_none()
            }
            Step::TryPassword { credential, .. } => {
                self.candidates[*credential].shape == Shape::PasswordPrompt
            }
            Step::TryDialogue { .. } => true,
            Step::Probe | Step::LoadKey(_) | Step::GiveUp => false,
        }
    }

    fn may_use(&self, method: MethodName) -> bool {
        self.policy.preferred_methods.as_ref().is_none_or(|preferred| preferred.contains(&method))
            && self.methods.as_ref().is_none_or(|offered| offered.iter().any(|name| name == method.as_str()))
    }

    /// The public half of a key is known; `ready` says whether the private half is there, too.
    pub(crate) fn key_loaded(
        &mut self,
        index: usize,
        key_type: &'static str,
        ready: bool,
        description: String,
    ) {
        if let Some(candidate) = self.candidates.get_mut(index) {
            candidate.state = State::Key { key_type, ready, algorithms: None };
            candidate.description = description;
        }
    }

    /// A key cannot be loaded. `None` passes over it in silence.
    pub(crate) fn unusable(&mut self, index: usize, why: Option<String>) {
        if let Some(why) = why {
            self.report(index, "publickey", None, AttemptResult::Unusable(why));
        }
        if let Some(candidate) = self.candidates.get_mut(index) {
            candidate.state = State::Spent;
        }
    }

    /// What came of the step that was begun last.
    pub(crate) fn outcome(&mut self, outcome: Outcome) {
        let Some(step) = self.running.take() else { return };
        let Some((index, method, algorithm)) = self.attempt_of(&step) else { return };
        if let Some(candidate) = self.candidates.get_mut(index) {
            candidate.tries += 1;
        }
        match outcome {
            Outcome::Success => self.report(index, method, algorithm, AttemptResult::Accepted),
            Outcome::Abandoned(why) => {
                self.report(index, method, algorithm, AttemptResult::Unusable(why));
                self.methods.get_or_insert_default();
                self.spend(index);
            }
            Outcome::Failure { methods, partial_success: true } => {
                self.report(index, method, algorithm, AttemptResult::AcceptedPartially);
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
                self.report(index, method, algorithm, result);
                self.learn(methods);
                self.refused(index, offered, &step);
            }
        }
    }

    /// The credential of a step, by which method it was tried, and under which algorithm.
    fn attempt_of(&self, step: &Step) -> Option<(usize, &'static str, Option<&'static str>)> {
        match step {
            Step::Probe => Some((usize::MAX, "none", None)),
            Step::TryKey { credential, algorithm, .. } => {
                Some((*credential, "publickey", Some(algorithm.name)))
            }
            Step::TryPassword { credential, .. } => Some((*credential, "password", None)),
            Step::TryDialogue { credential, .. } => Some((*credential, "keyboard-interactive", None)),
            Step::LoadKey(_) | Step::GiveUp => None,
        }
    }

    /// The algorithms that are left for a key are fixed with the first try.
    fn algorithm_used(&mut self, index: usize) {
        let Some(State::Key { key_type, ready, algorithms }) = self.candidates.get(index).map(|c| &c.state)
        else {
            return;
        };
        let mut left = match algorithms {
            Some(algorithms) => algorithms.clone(),
            None => self.algorithms_for(key_type),
        };
        left.pop_front();
        let state = State::Key { key_type, ready: *ready, algorithms: Some(left) };
        self.candidates[index].state = state;
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
            Shape::Key => {
                self.algorithm_used(index);
                let state = &self.candidates[index].state;
                if matches!(state, State::Key { algorithms: Some(left), .. } if left.is_empty()) {
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
            Shape::None | Shape::Password | Shape::Key => false,
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
    ) {
        let credential = self.candidates.get(index).map(|c| c.description.clone()).unwrap_or_default();
        self.report.attempts.push(AttemptReport { method, credential, algorithm, result });
    }

    /// Everything that was tried. If all credentials are `exhausted`, those that never were tried are listed, too.
    pub(crate) fn into_report(mut self, exhausted: bool) -> LoginReport {
        if let Some((index, method, algorithm)) = self.running.take().and_then(|step| self.attempt_of(&step))
        {
            self.report(index, method, algorithm, AttemptResult::Unanswered);
        }
        for index in 0..self.candidates.len() {
            let candidate = &self.candidates[index];
            let untried = candidate.tries == 0 && !matches!(candidate.state, State::Spent);
            let methods = usual_methods(candidate.shape);
            if let Some(method) = methods.first().filter(|_| exhausted && untried) {
                let excluded = |preferred: &Vec<MethodName>| !preferred.iter().any(|m| methods.contains(m));
                let result = if self.policy.preferred_methods.as_ref().is_some_and(excluded) {
                    AttemptResult::Unusable("its method is not among the preferred ones".to_owned())
                } else {
                    AttemptResult::MethodNotOffered
                };
                self.report(index, method.as_str(), None, result);
            }
        }
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
    }
}

#[cfg(test)]
mod tests;
