//! Keeps known_hosts up to date with what a server tells of its host keys.

use crate::host_keys::HostKeyUpdate;
use crate::known_hosts_files::{HostKeyUpdates, HostName, KnownHostsFiles};
use crate::off_thread::off_thread;
use crate::options::ClientOptions;
use crate::prompter::Prompter;
use crate::update_host_keys::{ANNOUNCEMENT, PROOF, Update, plan, proof_request, verify_proof};
use konko_transport::channel::request::GlobalQuestion;
use konko_transport::keys::public_key::PublicKey;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// How long a server may take to prove that it owns its keys.
pub(crate) const PROOF_TIMEOUT: Duration = Duration::from_secs(60);

/// What an update needs, besides the connection.
#[derive(Clone)]
pub(crate) struct HostKeyUpdater {
    files: KnownHostsFiles,
    /// Who is asked; nobody if the options want no question.
    asked: Option<Arc<dyn Prompter>>,
    name: HostName,
    shown: PublicKey,
    key_types: Vec<&'static str>,
}

impl HostKeyUpdater {
    /// `None` if the options do not want updates, or want a question that nobody answers. `shown` is the key that the server has shown.
    pub(crate) fn new(options: &ClientOptions, name: &HostName, shown: &PublicKey) -> Option<Self> {
        let files = options.host_keys.updatable_files()?.clone();
        let asked = match files.update {
            HostKeyUpdates::Ask => Some(Arc::clone(options.prompter.as_ref()?)),
            HostKeyUpdates::Never | HostKeyUpdates::Always => None,
        };
        let rows = &options.transport.packet.algorithms.host_key;
        let key_types = rows.iter().map(|row| row.key_type).collect();
        Some(Self { files, asked, name: name.clone(), shown: shown.clone(), key_types })
    }

    /// The announcement, if the request is one.
    pub(crate) fn announcement(question: &GlobalQuestion) -> Option<Vec<u8>> {
        (question.request_name() == ANNOUNCEMENT).then(|| question.body().to_vec())
    }

    /// Does what an announcement is about. `prove` sends a request of this name and body and waits for the reply.
    /// Whatever goes wrong is logged, and changes nothing.
    pub(crate) async fn update<F>(
        self,
        announcement: Vec<u8>,
        session_id: Vec<u8>,
        prove: impl FnOnce(&'static str, Vec<u8>) -> F,
    ) where
        F: Future<Output = Option<Vec<u8>>>,
    {
        let host = self.name.to_string();
        let Some(update) = self.plan(announcement).await else { return };
        if !update.unproved.is_empty() {
            let Some(reply) = prove(PROOF, proof_request(&update.unproved)).await else {
                tracing::warn!(%host, "the server does not prove to own the host keys that it tells of");
                return;
            };
            if let Err(error) = verify_proof(&reply, &update.unproved, &session_id) {
                tracing::warn!(%host, %error, "known_hosts is not updated");
                return;
            }
        }
        if let Some(prompter) = &self.asked {
            let (learned, removed) = (update.unproved, update.removed);
            let question = HostKeyUpdate { name: self.name.clone(), learned, removed };
            if !prompter.update_host_keys(&question).await {
                tracing::debug!(%host, "the update of known_hosts was declined");
                return;
            }
        }
        let replaced = off_thread(move || self.files.replace(&self.name, &update.keys)).await;
        match replaced {
            Ok(Ok(Ok(changed))) => tracing::info!(%host, changed, "known_hosts is up to date"),
            Ok(Ok(Err(error))) => tracing::debug!(%host, %error, "known_hosts is not updated"),
            Ok(Err(error)) | Err(error) => tracing::warn!(%host, %error, "known_hosts cannot be updated"),
        }
    }

    async fn plan(&self, announcement: Vec<u8>) -> Option<Update> {
        let this = self.clone();
        let planned = off_thread(move || {
            let known = this.files.updatable_keys(&this.name)?;
            let accepted = |key: &PublicKey| this.key_types.contains(&key.key_type());
            Ok::<_, std::io::Error>(plan(&announcement, &this.shown, &known, accepted))
        });
        match planned.await {
            Ok(Ok(Ok(update))) => update,
            Ok(Ok(Err(error))) => {
                tracing::warn!(host = %self.name, %error, "known_hosts is not updated");
                None
            }
            Ok(Err(error)) | Err(error) => {
                tracing::debug!(host = %self.name, %error, "known_hosts cannot be read for an update");
                None
            }
        }
    }
}
