//! From a command line to a connection, by way of the configuration.

use crate::arguments::ssh_arguments::SshArguments;
use crate::exit::Failure;
use crate::lenient_host_keys::LenientHostKeys;
use crate::prompter::{HostKeyQuestion, UserPrompter};
use konko::client::config::{
    ConfigErrors, Keyword, LogLevel, RequestTty, Resolved, StrictHostKeyChecking, Value,
};
use konko::client::configured::{Attendance, Attendant, Error, Route};
use konko::client::{HostKeyPolicy, KnownHostsFiles, SshClient, SystemSource};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Asks the user of this terminal.
#[derive(Debug, Clone, Copy)]
pub struct User;

impl Attendant for User {
    fn attend(&self, config: &Resolved, files: KnownHostsFiles) -> Attendance {
        let withheld = Arc::new(AtomicBool::new(false));
        let notices = config.log_level() >= LogLevel::Info;
        let question = HostKeyQuestion {
            notices,
            visual: config.flag(Keyword::VisualHostKey),
            md5: has_md5_fingerprints(config),
        };
        let host_keys = match config.strict_host_key_checking() {
            StrictHostKeyChecking::Yes => HostKeyPolicy::Strict(files),
            // There is nobody to ask.
            StrictHostKeyChecking::Ask if config.flag(Keyword::BatchMode) => HostKeyPolicy::Strict(files),
            StrictHostKeyChecking::Ask => HostKeyPolicy::Ask(files, Arc::new(question)),
            StrictHostKeyChecking::AcceptNew => HostKeyPolicy::AcceptNew(files),
            StrictHostKeyChecking::No => {
                HostKeyPolicy::Custom(Arc::new(LenientHostKeys::new(files, notices, Arc::clone(&withheld))))
            }
        };
        let prompter = UserPrompter::new(
            config.user(),
            config.host_name(),
            notices,
            has_md5_fingerprints(config),
            withheld,
        );
        Attendance { prompter: Some(Arc::new(prompter)), host_keys }
    }
}

/// Whether fingerprints are shown by MD5 (`FingerprintHash`).
pub fn has_md5_fingerprints(config: &Resolved) -> bool {
    config
        .settings(Keyword::FingerprintHash)
        .first()
        .is_some_and(|setting| setting.value == Value::Choice("MD5"))
}

/// What applies to the destination, and the way to it.
#[derive(Debug)]
pub struct Destination {
    /// What applies to it.
    pub config: Resolved,
    route: Route,
}

impl Destination {
    /// Reads the configuration.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn of(arguments: &SshArguments) -> Result<Self, Failure> {
        let config = resolve(arguments).map_err(Error::from)?;
        let (request, source) = (arguments.request(), &mut SystemSource::default());
        let route = Route::find(config.clone(), &request, &arguments.configuration, source)?;
        // A shell has a terminal unless it is told otherwise.
        let types = match config.request_tty() {
            RequestTty::Yes | RequestTty::Force => true,
            RequestTty::No => false,
            RequestTty::Auto => arguments.command.is_none() && config.text(Keyword::RemoteCommand).is_none(),
        };
        let route = route.for_typing(types);
        Ok(Self { config, route })
    }

    /// The host, for messages.
    pub fn host(&self) -> &str {
        self.config.host_name()
    }

    /// Connects and logs in, on the whole way.
    ///
    /// # Errors
    ///
    /// What keeps it from that.
    pub async fn connect(&self) -> Result<SshClient, Failure> {
        Ok(self.route.connect(&User).await?)
    }
}

/// What applies to the host of a command line.
///
/// # Errors
///
/// What is wrong with the files.
pub fn resolve(arguments: &SshArguments) -> Result<Resolved, ConfigErrors> {
    arguments.configuration.resolve(&arguments.request(), &mut SystemSource::default())
}
