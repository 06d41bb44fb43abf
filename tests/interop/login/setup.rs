//! Keys, certificates and an agent for the logins.

use std::sync::{Arc, Mutex};

use konko_client::transport::keys::private_key::PrivateKey;
use konko_client::transport::keys::public_key::PublicKey;
use konko_client::{AgentIdentity, BoxedFuture, ClientOptions, KeyAgent, SignatureRequest, SignerError};
use konko_tests::peers::{KeyFile, KeyKind, TestAccount};

use crate::our_client::Target;
use crate::our_server::read_key;
use crate::table::{Failure, ensure};
use crate::user::User;

/// An agent of this process, which counts its signatures.
#[derive(Default)]
pub struct Pocket {
    keys: Vec<PrivateKey>,
    signed: Mutex<Vec<PublicKey>>,
}

impl Pocket {
    /// With these keys.
    pub fn with(keys: &[KeyFile]) -> Arc<Self> {
        let keys = keys.iter().map(|key| read_key(&key.private)).collect();
        Arc::new(Self { keys, signed: Mutex::default() })
    }

    /// How often it has signed.
    pub fn signatures(&self) -> usize {
        self.signed.lock().expect("no panic").len()
    }
}

impl KeyAgent for Pocket {
    fn identities(&self) -> BoxedFuture<'_, Result<Vec<AgentIdentity>, SignerError>> {
        let listed = self.keys.iter().map(|key| AgentIdentity {
            identity: key.public_key().clone().into(),
            comment: key.comment().to_owned(),
        });
        let listed = listed.collect();
        Box::pin(async { Ok(listed) })
    }

    fn sign(&self, request: SignatureRequest) -> BoxedFuture<'_, Result<Vec<u8>, SignerError>> {
        Box::pin(async move {
            let key = self.keys.iter().find(|key| key.public_key() == request.identity.public_key());
            let key = key.ok_or(SignerError::Refused)?;
            self.signed.lock().expect("no panic").push(key.public_key().clone());
            request.answer(key).map_err(|error| SignerError::Failed(error.to_string()))
        })
    }
}

/// Options for the user that runs the tests, without a credential.
pub fn me(target: &Target) -> ClientOptions {
    target.options(&TestAccount::current().name)
}

/// Logs in and runs a command.
pub async fn in_with(target: &Target, options: &ClientOptions) -> Result<konko_client::LoginReport, Failure> {
    let client = target.connect(options).await?;
    // What else an account's shell says when it starts is not looked at.
    let output = client.command("echo in").output().await?;
    ensure(output.stdout == b"in\n" && output.status.is_success(), &output.status)?;
    Ok(client.info()?.login)
}

/// Somebody whose keys an authority has certified.
pub fn certified(kinds: &[KeyKind], options: &[&str]) -> (User, KeyFile) {
    let user = User::with(kinds);
    let authority = KeyFile::generate(&user.path("authority"), KeyKind::Ed25519, "");
    for (number, key) in user.keys.iter().enumerate() {
        key.certify(&authority, &format!("certificate {number}"), options);
    }
    (user, authority)
}

/// The certificate beside a key.
pub fn beside(key: &KeyFile) -> std::path::PathBuf {
    let mut name = key.private.as_os_str().to_owned();
    name.push("-cert.pub");
    name.into()
}
