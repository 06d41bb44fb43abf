//! The server's authentication alone: nobody is let in whom the application has not accepted on a proof.
#![no_main]

use konko_fuzz::choices::Choices;
use konko_fuzz::endpoints::{USER_NAME, user_key};
use konko_fuzz::payloads::{Sent, authentication_of_client};
use konko_keys::signature_algorithm::SSH_ED25519;
use konko_userauth::{
    Attempt, AttemptKind, AuthError, ClientAuth, ClientAuthConfig, ClientAuthEvent, Method, MethodName,
    Prompt, Prompts, ServerAuth, ServerAuthConfig, ServerAuthEvent,
};
use libfuzzer_sys::fuzz_target;

const SESSION_ID: &[u8] = b"the session identifier of the fuzzer";

/// A proof by the user's key that is right.
fn genuine_proof() -> Vec<u8> {
    let mut client = ClientAuth::new(ClientAuthConfig::default());
    client.set_session_id(SESSION_ID);
    let mut sent = Sent::default();
    let key = user_key().public_key().clone();
    let method = Method::PublicKey { key, algorithm: &SSH_ED25519, query_first: false };
    client.begin(USER_NAME, method, &mut sent).expect("a first request");
    let Some(ClientAuthEvent::SignatureWanted(question)) = client.poll_event() else {
        panic!("no signature is wanted");
    };
    let signature = user_key().sign(question.algorithm, &question.data).expect("a signature");
    client.provide_signature(question, signature, &mut sent).expect("the open question");
    sent.payloads.pop().expect("a request")
}

struct Judge {
    accepted: Option<String>,
    may_fail: bool,
}

impl Judge {
    fn answer(
        &mut self,
        server: &mut ServerAuth,
        attempt: Attempt,
        sent: &mut Sent,
        choices: &mut Choices<'_>,
        genuine: bool,
    ) -> Result<(), AuthError> {
        assert!(attempt.user_name.len() <= 255);
        assert_eq!(attempt.service_name, "ssh-connection");
        if let AttemptKind::PublicKey { key, .. } = &attempt.kind {
            assert!(genuine && key == user_key().public_key(), "a proof that was never made");
        }
        let foreign = matches!(attempt.kind, AttemptKind::Certificate { .. } | AttemptKind::HostBased { .. });
        assert!(!foreign, "a proof that was never made");
        let query =
            matches!(attempt.kind, AttemptKind::PublicKeyQuery { .. } | AttemptKind::CertificateQuery { .. });
        let proof = matches!(
            attempt.kind,
            AttemptKind::Password { .. }
                | AttemptKind::PasswordChange { .. }
                | AttemptKind::PublicKey { .. }
                | AttemptKind::KeyboardInteractiveResponses { .. }
        );
        let user_name = attempt.user_name.clone();
        match choices.byte() % 8 {
            0 | 1 if proof || query => {
                server.accept(attempt, sent)?;
                if proof {
                    self.accepted = Some(user_name);
                }
                Ok(())
            }
            2 if proof => server.accept_partially(attempt, &["password"], sent),
            3 | 4
                if matches!(
                    attempt.kind,
                    AttemptKind::KeyboardInteractive { .. }
                        | AttemptKind::KeyboardInteractiveResponses { .. }
                ) =>
            {
                let prompt = Prompt { text: "prompt".into(), echo: true };
                let prompts = vec![prompt; choices.below(4)];
                server.ask(attempt, Prompts { prompts, ..Prompts::default() }, sent)
            }
            5 if matches!(attempt.kind, AttemptKind::Password { .. }) => {
                server.require_password_change(attempt, "change it", sent)
            }
            6 => {
                // Of the wrong kind, perhaps: then it is this application's mistake, and a refusal.
                self.may_fail = true;
                server.accept_partially(attempt, &["unheard-of"], sent)
            }
            _ => server.reject(attempt, sent),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices::new(data);
    let config = ServerAuthConfig {
        methods: MethodName::ALL.to_vec(),
        user_name_may_change: choices.flag(),
        ..ServerAuthConfig::default()
    };
    let mut server = ServerAuth::new(config);
    server.set_session_id(SESSION_ID);
    server.set_host_key(b"host key");
    let mut judge = Judge { accepted: None, may_fail: false };
    let mut waiting: Option<Attempt> = None;
    let mut genuine = false;
    let mut sent = Sent::default();
    while !choices.is_empty() {
        let event = match choices.byte() {
            0xff => server.send_banner("a banner", &mut sent).map(|()| None),
            0xe0..=0xfe if waiting.is_some() => {
                let attempt = waiting.take().expect("it was looked at");
                let result = judge.answer(&mut server, attempt, &mut sent, &mut choices, genuine);
                result.and_then(|()| server.poll_deferred(&mut sent))
            }
            0xd0..=0xdf => {
                genuine = true;
                server.handle(&genuine_proof(), &mut sent)
            }
            _ => {
                let blob = user_key().public_key().blob();
                let payload = authentication_of_client(&mut choices, USER_NAME, blob);
                server.handle(&payload, &mut sent)
            }
        };
        match event {
            Ok(Some(ServerAuthEvent::Attempt(attempt))) => {
                assert!(waiting.is_none(), "two attempts at once");
                assert!(!server.is_done(), "an attempt after success");
                waiting = Some(attempt);
            }
            Ok(_) | Err(AuthError::UnassignedNumber(_)) => {}
            Err(AuthError::ApiMisuse(_)) if std::mem::take(&mut judge.may_fail) || server.is_done() => {}
            Err(AuthError::ApiMisuse(what)) => panic!("the peer is taken for the application: {what}"),
            Err(_) => return,
        }
        let successes = sent.payloads.iter().filter(|payload| payload[0] == 52).count();
        assert!(successes <= usize::from(judge.accepted.is_some()));
        assert_eq!(server.is_done(), judge.accepted.is_some(), "who is in was not accepted");
        assert_eq!(server.user_name(), judge.accepted.as_deref());
        assert!(sent.payloads.len() <= 1000);
    }
});
