//! What is to be started on the server and how: the part that does not depend on how one waits for it.

use crate::pty::PtyOptions;
use konko_transport::wire::encode::Encode;
use konko_transport::wire::message::channel::{Env, Exec, PtyReq, Shell, Subsystem};
use std::time::Duration;

/// How much one output of a command may be unless said otherwise: 256 MiB.
pub const DEFAULT_OUTPUT_LIMIT: usize = 256 * 1024 * 1024;
/// How long a command is given between TERM and KILL unless said otherwise.
const DEFAULT_KILL_GRACE: Duration = Duration::from_secs(2);

/// What is to be started.
#[derive(Debug, Clone)]
pub(crate) enum Start {
    Exec(Vec<u8>),
    Shell,
    Subsystem(String),
}

/// An environment variable.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) name: Vec<u8>,
    pub(crate) value: Vec<u8>,
    pub(crate) required: bool,
}

/// What is to be started and how.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) start: Start,
    pub(crate) environment: Vec<Variable>,
    pub(crate) pty: Option<PtyOptions>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) kill_grace: Duration,
    pub(crate) output_limit: usize,
    pub(crate) output_grace: Option<Duration>,
    pub(crate) merge_stderr: bool,
}

/// One request of a plan.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PlannedRequest {
    pub(crate) request: &'static str,
    pub(crate) body: Vec<u8>,
    /// What it is about, made safe to show.
    pub(crate) detail: String,
    /// Whether the plan fails without it.
    pub(crate) required: bool,
}

impl Plan {
    pub(crate) const fn new(start: Start) -> Self {
        Self {
            start,
            environment: Vec::new(),
            pty: None,
            deadline: None,
            kill_grace: DEFAULT_KILL_GRACE,
            output_limit: DEFAULT_OUTPUT_LIMIT,
            output_grace: None,
            merge_stderr: false,
        }
    }

    /// The requests to send, in order. The last one starts the command.
    pub(crate) fn requests(&self) -> Vec<PlannedRequest> {
        let required = |request, body, detail: &str| {
            let detail = crate::printable::printable(detail, false);
            PlannedRequest { request, body, detail, required: true }
        };
        let mut requests = Vec::new();
        for Variable { name, value, required: is_required } in &self.environment {
            let request = required(Env::NAME, Env { name, value }.to_vec(), &String::from_utf8_lossy(name));
            requests.push(PlannedRequest { required: *is_required, ..request });
        }
        if let Some(pty) = &self.pty {
            requests.push(required(PtyReq::NAME, pty.pty_req(), ""));
        }
        requests.push(match &self.start {
            Start::Exec(command) => required(Exec::NAME, Exec { command }.to_vec(), ""),
            Start::Shell => required(Shell::NAME, Vec::new(), ""),
            Start::Subsystem(name) => {
                required(Subsystem::NAME, Subsystem { name: name.as_bytes() }.to_vec(), name)
            }
        });
        requests
    }
}

/// The methods that fill a plan in, for a type with the field `plan`.
macro_rules! plan_builders {
    () => {
        /// Sets an environment variable (RFC 4254 §6.4). Servers take few names, and whether they did is not asked.
        pub fn env(mut self, name: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
            let (name, value) = (name.into(), value.into());
            self.plan.environment.push($crate::plan::Variable { name, value, required: false });
            self
        }

        /// As [`env`](Self::env); the command is not started if the server refuses it.
        pub fn require_env(mut self, name: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
            let (name, value) = (name.into(), value.into());
            self.plan.environment.push($crate::plan::Variable { name, value, required: true });
            self
        }

        /// Runs it on a pseudo-terminal. It has one output then.
        pub fn pty(mut self, pty: $crate::pty::PtyOptions) -> Self {
            self.plan.pty = Some(pty);
            self
        }

        /// How long it may take altogether, from opening the channel to its end. After that it is sent TERM, then
        /// KILL, and its channel is closed. Default: as long as it likes.
        pub const fn deadline(mut self, deadline: std::time::Duration) -> Self {
            self.plan.deadline = Some(deadline);
            self
        }

        /// How long it is given between TERM and KILL at the deadline. Default: 2 s.
        pub const fn kill_grace(mut self, grace: std::time::Duration) -> Self {
            self.plan.kill_grace = grace;
            self
        }

        /// How many bytes each output may have in [`output`](Self::output). Default: 256 MiB.
        pub const fn output_limit(mut self, limit: usize) -> Self {
            self.plan.output_limit = limit;
            self
        }

        /// How long [`output`](Self::output) waits for the end of the outputs after the command itself has ended:
        /// a process that it left in the background may hold them open. Default: until they end.
        pub const fn output_grace(mut self, grace: std::time::Duration) -> Self {
            self.plan.output_grace = Some(grace);
            self
        }

        /// Lets standard error appear among the standard output, in the order of its arrival.
        pub const fn merge_stderr(mut self) -> Self {
            self.plan.merge_stderr = true;
            self
        }
    };
}
pub(crate) use plan_builders;
