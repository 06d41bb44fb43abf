//! One run of `konko add`.

use crate::add::arguments::AddArguments;
use crate::add::failure::Failure;
use crate::add::{destination, identity_file, listing, passphrase};
use crate::log;
use crate::notice::{print, tell};
use crate::option::choice::LogLevel;
use konko::client::agent::Error;
use konko::client::agent::protocol::keys::signature_algorithm::for_key_type;
use konko::client::agent::protocol::keys::{Certificate, Identity, PrivateKey};
use konko::client::agent::protocol::{AddIdentity, AgentKey, Constraint};
use konko::client::blocking::AgentConnection;
use konko::client::printable;
use konko::transport::crypto::random::{SecureRandom, SystemRandom};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use zeroize::Zeroizing;

/// The library of FIDO keys that agents have built in.
const INTERNAL_PROVIDER: &str = "internal";

/// Runs it; gives the exit status.
pub fn run(arguments: &AddArguments) -> ExitCode {
    match dispatch(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            tell(&failure);
            ExitCode::from(failure.exit_status())
        }
    }
}

/// Whether all of it succeeded; what did not is told already.
fn dispatch(arguments: &AddArguments) -> Result<bool, Failure> {
    if arguments.verbose > 0 {
        let level = if arguments.verbose == 1 { LogLevel::Debug1 } else { LogLevel::Debug2 };
        log::start_for_client(level, None).map_err(|error| Failure::other(error.to_string()))?;
    }
    if arguments.resident_keys {
        return Err(Failure::other("-K is not supported: konko does not talk to FIDO authenticators"));
    }
    let agent = AgentConnection::connect_env().map_err(Failure::NoAgent)?;
    let run = Run { agent, arguments };
    if arguments.list_fingerprints || arguments.list_keys {
        return run.list();
    }
    if arguments.lock || arguments.unlock {
        return run.lock().map(|()| true);
    }
    if arguments.remove_all {
        run.agent
            .remove_all()
            .map_err(|error| Failure::other(format!("Failed to remove all identities: {error}")))?;
        run.say("All identities removed.");
        return Ok(true);
    }
    if let Some(provider) = arguments.add_provider.as_deref().or(arguments.remove_provider.as_deref()) {
        return run.smartcard(provider).map(|()| true);
    }
    let files = if arguments.files.is_empty() { identity_file::defaults()? } else { arguments.files.clone() };
    if arguments.test {
        return Ok(each(&files, |path| run.test(path)));
    }
    if files.is_empty() {
        return Ok(false);
    }
    if arguments.remove {
        return Ok(each(&files, |path| run.remove(path)));
    }
    let constraints = run.constraints()?;
    let mut last = None;
    Ok(each(&files, |path| run.add(path, &constraints, &mut last)))
}

/// Does it with each file, and tells what fails; whether nothing did.
fn each(files: &[PathBuf], mut work: impl FnMut(&Path) -> Result<(), Failure>) -> bool {
    let mut succeeded = true;
    for path in files {
        if let Err(failure) = work(path) {
            tell(failure);
            succeeded = false;
        }
    }
    succeeded
}

struct Run<'a> {
    agent: AgentConnection,
    arguments: &'a AddArguments,
}

impl Run<'_> {
    fn say(&self, text: impl std::fmt::Display) {
        if !self.arguments.quiet {
            tell(text);
        }
    }

    fn list(&self) -> Result<bool, Failure> {
        let listed = self.agent.identities();
        let listed = listed.map_err(|error| Failure::other(format!("error fetching identities: {error}")))?;
        let written = |error| Failure::other(format!("cannot write to standard output: {error}"));
        if listed.is_empty() {
            print("The agent has no identities.").map_err(written)?;
            return Ok(false);
        }
        let md5 = self.arguments.fingerprint_hash == "md5";
        for listed in &listed {
            if self.arguments.list_fingerprints {
                print(listing::fingerprint_line(listed, md5)).map_err(written)?;
            } else if let Some(line) = listing::key_line(listed) {
                print(line).map_err(written)?;
            } else {
                let key_type = printable(listed.key_type().unwrap_or("?"), false);
                tell(format_args!("a key of the unknown type {key_type} is left out"));
            }
        }
        Ok(true)
    }

    fn lock(&self) -> Result<(), Failure> {
        let asked = |prompt| {
            let answer = passphrase::ask(prompt)?;
            answer.ok_or_else(|| Failure::other("nobody gave a password"))
        };
        if self.arguments.unlock {
            let password = asked("Enter lock password: ")?;
            self.agent
                .unlock(password.as_bytes())
                .map_err(|error| Failure::other(format!("Failed to unlock agent: {error}")))?;
            self.say("Agent unlocked.");
            return Ok(());
        }
        let password = asked("Enter lock password: ")?;
        if *password != *asked("Again: ")? {
            return Err(Failure::other("Passwords do not match."));
        }
        self.agent
            .lock(password.as_bytes())
            .map_err(|error| Failure::other(format!("Failed to lock agent: {error}")))?;
        self.say("Agent locked.");
        Ok(())
    }

    fn smartcard(&self, provider: &str) -> Result<(), Failure> {
        let failed = |what: &str, error: &Error| {
            Failure::other(format!("Could not {what} card \"{provider}\": {error}"))
        };
        let pin = || {
            let pin = passphrase::ask("Enter passphrase for PKCS#11: ")?;
            pin.ok_or_else(|| Failure::other("nobody gave a PIN"))
        };
        if self.arguments.remove_provider.is_some() {
            self.agent
                .remove_smartcard(provider.as_bytes(), b"")
                .map_err(|error| failed("remove", &error))?;
            self.say(format_args!("Card removed: {provider}"));
            return Ok(());
        }
        let mut constraints = self.constraints()?;
        let certificates = self.arguments.files.iter().map(|path| {
            let certificate = identity_file::certificate(path)?;
            let missing = || Failure::other(format!("{}: no such file", path.display()));
            Ok(certificate.ok_or_else(missing)?.blob().to_vec())
        });
        let certificates = certificates.collect::<Result<Vec<_>, Failure>>()?;
        if !certificates.is_empty() {
            constraints.push(Constraint::AssociatedCertificates { certificates_only: false, certificates });
        }
        self.agent
            .add_smartcard(provider.as_bytes(), pin()?.as_bytes(), &constraints)
            .map_err(|error| failed("add", &error))?;
        self.say(format_args!("Card added: {provider}"));
        Ok(())
    }

    fn constraints(&self) -> Result<Vec<Constraint>, Failure> {
        let mut constraints = Vec::new();
        if let Some(seconds) = self.arguments.lifetime {
            constraints.push(Constraint::Lifetime { seconds });
        }
        if self.arguments.confirm {
            constraints.push(Constraint::Confirm);
        }
        constraints
            .extend(destination::constraint(&self.arguments.destinations, &self.arguments.host_key_files)?);
        Ok(constraints)
    }

    fn add(
        &self,
        path: &Path,
        constraints: &[Constraint],
        last: &mut Option<Zeroizing<String>>,
    ) -> Result<(), Failure> {
        let key = identity_file::private_key(path, last)?;
        let comment = identity_file::comment(path, &key);
        let mut constraints = constraints.to_vec();
        if key.security_key_handle().is_some() {
            constraints.push(Constraint::SecurityKeyProvider(self.security_key_provider()));
        }
        self.give(AgentKey::new(key.clone()), path, &comment, &constraints)?;
        self.say(format_args!("Identity added: {} ({})", path.display(), printable(&comment, false)));
        self.tell_constraints();
        if self.arguments.keys_only || path == Path::new("-") {
            return Ok(());
        }
        let beside = identity_file::beside(path, "-cert.pub");
        if let Some(certificate) = identity_file::certificate(&beside)? {
            self.add_certificate(key, certificate, &beside, &comment, &constraints)?;
        }
        Ok(())
    }

    fn add_certificate(
        &self,
        key: PrivateKey,
        certificate: Certificate,
        path: &Path,
        comment: &str,
        constraints: &[Constraint],
    ) -> Result<(), Failure> {
        let key_id = printable(certificate.key_id(), false);
        let key = AgentKey::with_certificate(key, certificate).map_err(|_| {
            Failure::other(format!("Certificate {} does not match private key", path.display()))
        })?;
        self.give(key, path, comment, constraints)?;
        self.say(format_args!("Certificate added: {} ({key_id})", path.display()));
        self.tell_constraints();
        Ok(())
    }

    fn give(
        &self,
        key: AgentKey,
        path: &Path,
        comment: &str,
        constraints: &[Constraint],
    ) -> Result<(), Failure> {
        let identity = AddIdentity { key, comment: comment.to_owned(), constraints: constraints.to_vec() };
        self.agent.add(&identity).map_err(|error| {
            Failure::other(format!("Could not add identity \"{}\": {error}", path.display()))
        })
    }

    fn tell_constraints(&self) {
        if let Some(seconds) = self.arguments.lifetime {
            self.say(format_args!("Lifetime set to {seconds} seconds"));
        }
        if self.arguments.confirm {
            self.say("The user must confirm each use of the key");
        }
    }

    fn security_key_provider(&self) -> String {
        let of_environment = || std::env::var("SSH_SK_PROVIDER").ok().filter(|provider| !provider.is_empty());
        let named = self.arguments.security_key_provider.clone().or_else(of_environment);
        named.unwrap_or_else(|| INTERNAL_PROVIDER.to_owned())
    }

    /// The file is that of a public key, or of a private one whose public one lies beside it.
    fn remove(&self, path: &Path) -> Result<(), Failure> {
        let (named, keys) = match identity_file::public_keys(path) {
            Ok(keys) => (path.to_owned(), keys),
            Err(failure) if path == Path::new("-") => return Err(failure),
            Err(_) => {
                let beside = identity_file::beside(path, ".pub");
                let keys = identity_file::public_keys(&beside)?;
                (beside, keys)
            }
        };
        for (identity, comment) in &keys {
            self.remove_identity(identity, &named, comment)?;
        }
        if self.arguments.keys_only || path == Path::new("-") {
            return Ok(());
        }
        let beside = identity_file::beside(path, "-cert.pub");
        match identity_file::certificate(&beside)? {
            Some(certificate) => {
                let comment = certificate.key_id().to_owned();
                self.remove_identity(&Identity::Certificate(certificate), &beside, &comment)
            }
            None => Ok(()),
        }
    }

    fn remove_identity(&self, identity: &Identity, path: &Path, comment: &str) -> Result<(), Failure> {
        self.agent.remove(identity.blob()).map_err(|error| {
            Failure::other(format!("Could not remove identity \"{}\": {error}", path.display()))
        })?;
        let suffix = if identity.certificate().is_some() { "-CERT" } else { "" };
        let family = identity.public_key().family();
        let comment = printable(comment, false);
        self.say(format_args!("Identity removed: {} {family}{suffix} ({comment})", path.display()));
        Ok(())
    }

    /// Signs something that nobody could know, and verifies it.
    fn test(&self, path: &Path) -> Result<(), Failure> {
        for (identity, _) in identity_file::public_keys(path)? {
            let key = identity.public_key();
            let row = for_key_type(key.key_type()).next();
            let row = row.ok_or_else(|| Failure::other(format!("{}: it cannot sign", path.display())))?;
            let mut data = [0; 1024];
            SystemRandom.fill(&mut data);
            let signature = self.agent.sign(identity.blob(), &data, row.name).map_err(|error| {
                Failure::other(format!("Agent signature failed for {}: {error}", path.display()))
            })?;
            key.verify(row, &data, &signature).map_err(|error| {
                Failure::other(format!("Signature verification failed for {}: {error}", path.display()))
            })?;
        }
        Ok(())
    }
}
