//! The client's authentication alone, against any server: success only when it was said, and never two questions.
#![no_main]

use konko_fuzz::choices::Choices;
use konko_fuzz::endpoints::{USER_NAME, user_key};
use konko_fuzz::payloads::{Sent, authentication_of_server};
use konko_keys::signature_algorithm::SSH_ED25519;
use konko_userauth::{
    AuthError, ClientAuth, ClientAuthConfig, ClientAuthEvent, Method, PasswordChangeQuestion, PromptQuestion,
    SignatureQuestion,
};
use libfuzzer_sys::fuzz_target;
use zeroize::Zeroizing;

enum Question {
    Signature(SignatureQuestion),
    Prompts(PromptQuestion),
    PasswordChange(PasswordChangeQuestion),
}

fn answer(
    client: &mut ClientAuth,
    question: Question,
    sent: &mut Sent,
    refuse: bool,
    wrong: bool,
) -> Result<(), AuthError> {
    match question {
        Question::Signature(question) if refuse => client.refuse_signature(question),
        Question::Signature(question) => {
            // No signature that is checked: what a server makes of it is not a client's matter.
            client.provide_signature(question, vec![0; if wrong { 40_000 } else { 83 }], sent)
        }
        Question::Prompts(question) if refuse => client.refuse_prompts(question),
        Question::Prompts(question) => {
            let count = question.prompts.len() + usize::from(wrong);
            client.answer_prompts(question, vec![Zeroizing::new("response".to_owned()); count], sent)
        }
        Question::PasswordChange(question) if refuse => client.refuse_password_change(question),
        Question::PasswordChange(question) => {
            client.change_password(question, Zeroizing::new("old".into()), Zeroizing::new("new".into()), sent)
        }
    }
}

fn begin(client: &mut ClientAuth, sent: &mut Sent, choices: &mut Choices<'_>) -> Result<(), AuthError> {
    let key = user_key().public_key();
    let method = match choices.byte() % 6 {
        0 => Method::None,
        1 => Method::Password(Zeroizing::new("password".into())),
        2 => Method::KeyboardInteractive { submethods: String::new() },
        5 => Method::HostBased {
            key: key.clone().into(),
            algorithm: &SSH_ED25519,
            client_host_name: "client.example.org.".to_owned(),
            client_user_name: "alice".to_owned(),
        },
        kind => Method::PublicKey { key: key.clone(), algorithm: &SSH_ED25519, query_first: kind == 3 },
    };
    client.begin(USER_NAME, method, sent)
}

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices::new(data);
    let mut client = ClientAuth::new(ClientAuthConfig::default());
    client.set_session_id(b"the session identifier of the fuzzer");
    client.set_host_key(b"the host key of the fuzzer");
    client.set_server_knows_host_bound(choices.flag());
    let mut sent = Sent::default();
    let mut question: Option<Question> = None;
    let mut success_said = false;
    let mut banners = 0;
    while !choices.is_empty() {
        let first = match choices.byte() {
            kind @ 0..=0x3f if question.is_some() => {
                let open = question.take().expect("it was looked at");
                let (refuse, wrong) = (kind % 4 == 0, kind % 16 == 1);
                match answer(&mut client, open, &mut sent, refuse, wrong) {
                    Ok(()) => {}
                    Err(AuthError::ApiMisuse(_)) => assert!(wrong, "a right answer is refused"),
                    Err(AuthError::LimitExceeded(_)) => {}
                    Err(error) => panic!("an answer led to {error}"),
                }
                None
            }
            0..=0x3f => {
                match begin(&mut client, &mut sent, &mut choices) {
                    Ok(()) | Err(AuthError::ApiMisuse(_) | AuthError::LimitExceeded(_)) => {}
                    Err(error) => panic!("a request led to {error}"),
                }
                None
            }
            _ => {
                let payload = authentication_of_server(&mut choices, user_key().public_key().blob());
                success_said |= payload.first() == Some(&52);
                match client.handle(&payload, &mut sent) {
                    Ok(event) => event,
                    Err(AuthError::UnassignedNumber(_)) => None,
                    Err(AuthError::ApiMisuse(what)) => {
                        panic!("the peer is taken for the application: {what}")
                    }
                    Err(_) => return,
                }
            }
        };
        let mut events: Vec<_> = first.into_iter().collect();
        events.extend(std::iter::from_fn(|| client.poll_event()));
        for event in events {
            let asked = match event {
                ClientAuthEvent::SignatureWanted(asked) => Question::Signature(asked),
                ClientAuthEvent::Prompts(asked) => {
                    assert!(!asked.prompts.is_empty() && asked.prompts.len() <= 100);
                    Question::Prompts(asked)
                }
                ClientAuthEvent::PasswordChange(asked) => Question::PasswordChange(asked),
                ClientAuthEvent::Success => {
                    assert!(success_said && client.is_done());
                    continue;
                }
                ClientAuthEvent::Banner(text) => {
                    banners += text.len();
                    // What is not UTF-8 becomes three bytes for one.
                    assert!(banners <= 3 * 64 * 1024);
                    continue;
                }
                _ => continue,
            };
            assert!(question.is_none(), "two questions at once");
            question = Some(asked);
        }
        assert!(!client.is_done() || success_said);
        assert!(sent.payloads.iter().all(|payload| payload.len() <= 32_768));
    }
    assert!(sent.payloads.len() <= 64 * 34, "{} messages were sent", sent.payloads.len());
});
