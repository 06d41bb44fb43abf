//! Every method from beginning to end, client against server.

use konko_keys::signature_algorithm::SSH_ED25519;
use zeroize::Zeroizing;

use crate::attempt::AttemptKind;
use crate::client_method::Method;
use crate::error::AuthError;
use crate::event::ClientAuthEvent;
use crate::question::{Prompt, Prompts};
use crate::tests::connection::{Connection, key, key_method};

fn secret(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

fn prompts(texts: &[&str]) -> Prompts {
    Prompts {
        name: "Login".to_owned(),
        instruction: "Please answer".to_owned(),
        prompts: texts.iter().map(|text| Prompt { text: (*text).to_owned(), echo: false }).collect(),
    }
}

/// Signs what the question says.
fn sign(connection: &mut Connection, event: ClientAuthEvent, seed: u8) {
    let ClientAuthEvent::SignatureWanted(question) = event else { panic!("no question: {event:?}") };
    assert_eq!(&question.key, key(seed).public_key());
    let signature = key(seed).sign(question.algorithm, &question.data).expect("a signature");
    connection.client.provide_signature(question, signature, &mut connection.to_server).expect("answered");
}

#[test]
fn none_tells_the_methods() {
    let mut connection = Connection::new();
    connection.begin(Method::None);
    let attempt = connection.attempt();
    assert_eq!((attempt.user_name.as_str(), attempt.service_name.as_str()), ("alice", "ssh-connection"));
    assert!(matches!(attempt.kind, AttemptKind::None));
    connection.server.reject(attempt, &mut connection.to_client).expect("rejected");
    let ClientAuthEvent::Failure { methods_that_can_continue, partial_success } = connection.event() else {
        panic!("no failure")
    };
    assert_eq!(methods_that_can_continue, ["publickey", "password", "keyboard-interactive", "hostbased"]);
    assert!(!partial_success);
    assert_eq!(connection.server.failures(), 0);
    assert_eq!(connection.server.user_name(), None);
}

#[test]
fn none_can_be_accepted() {
    let mut connection = Connection::new();
    connection.begin(Method::None);
    let attempt = connection.attempt();
    connection.finish(attempt);
}

#[test]
fn a_password_wrong_then_right() {
    let mut connection = Connection::new();
    for (text, good) in [("wrong", false), ("geheim ä", true)] {
        connection.begin(Method::Password(secret(text)));
        let attempt = connection.attempt();
        let AttemptKind::Password { password } = &attempt.kind else { panic!("{attempt:?}") };
        assert_eq!(password.as_str(), text);
        if good {
            connection.finish(attempt);
        } else {
            connection.server.reject(attempt, &mut connection.to_client).expect("rejected");
            assert!(matches!(connection.event(), ClientAuthEvent::Failure { partial_success: false, .. }));
            assert_eq!(connection.server.failures(), 1);
        }
    }
}

#[test]
fn a_key_signs_at_once() {
    let mut connection = Connection::new();
    connection.begin(key_method(1, false));
    assert!(connection.to_server.0.is_empty());
    let event = connection.event();
    sign(&mut connection, event, 1);
    let attempt = connection.attempt();
    let AttemptKind::PublicKey { key: proved, algorithm, assertion: None } = &attempt.kind else {
        panic!("{attempt:?}")
    };
    assert_eq!((proved, algorithm.name), (key(1).public_key(), SSH_ED25519.name));
    connection.finish(attempt);
}

#[test]
fn a_key_is_queried_and_then_proved() {
    let mut connection = Connection::new();
    connection.begin(key_method(1, true));
    let attempt = connection.attempt();
    assert!(
        matches!(&attempt.kind, AttemptKind::PublicKeyQuery { key: queried, .. } if queried == key(1).public_key())
    );
    connection.server.accept(attempt, &mut connection.to_client).expect("the query is answered");
    assert!(!connection.server.is_done(), "a query authenticates nobody");
    let mut events = connection.events().into_iter();
    assert!(matches!(events.next(), Some(ClientAuthEvent::KeyAcceptable)));
    let event = events.next().expect("a question follows");
    assert!(events.next().is_none());
    sign(&mut connection, event, 1);
    let attempt = connection.attempt();
    assert!(matches!(attempt.kind, AttemptKind::PublicKey { .. }));
    connection.finish(attempt);
}

#[test]
fn a_query_refused_leads_to_the_next_key() {
    let mut connection = Connection::new();
    connection.begin(key_method(1, true));
    let attempt = connection.attempt();
    connection.server.reject(attempt, &mut connection.to_client).expect("rejected");
    assert!(matches!(connection.event(), ClientAuthEvent::Failure { .. }));
    assert_eq!(connection.server.failures(), 0);
    connection.begin(key_method(2, true));
    let attempt = connection.attempt();
    assert!(
        matches!(&attempt.kind, AttemptKind::PublicKeyQuery { key: queried, .. } if queried == key(2).public_key())
    );
}

/// RFC 4252 §7: the signature covers the session identifier.
///
/// covers: A25
#[test]
fn a_signature_of_another_session_is_refused_without_asking() {
    let mut connection = Connection::new();
    connection.server.set_session_id(b"another session");
    connection.begin(key_method(1, false));
    let event = connection.event();
    sign(&mut connection, event, 1);
    let payload = connection.to_server.0.remove(0);
    let event = connection.server.handle(&payload, &mut connection.to_client).expect("no violation");
    assert!(event.is_none(), "{event:?}");
    assert!(matches!(connection.event(), ClientAuthEvent::Failure { partial_success: false, .. }));
    assert_eq!(connection.server.failures(), 1);
}

#[test]
fn a_refused_signature_sends_nothing_and_another_attempt_may_begin() {
    for query_first in [false, true] {
        let mut connection = Connection::new();
        connection.begin(key_method(1, query_first));
        if query_first {
            let attempt = connection.attempt();
            connection.server.accept(attempt, &mut connection.to_client).expect("answered");
        }
        let event = connection.events().pop();
        let Some(ClientAuthEvent::SignatureWanted(question)) = event else { panic!("{event:?}") };
        connection.client.refuse_signature(question).expect("the question is open");
        assert!(matches!(connection.event(), ClientAuthEvent::Abandoned));
        assert!(connection.to_server.0.is_empty());
        connection.begin(Method::Password(secret("x")));
        let attempt = connection.attempt();
        connection.finish(attempt);
    }
}

#[test]
fn a_dialogue_of_several_rounds() {
    let mut connection = Connection::new();
    connection.begin(Method::KeyboardInteractive { submethods: "otp".to_owned() });
    let mut attempt = connection.attempt();
    assert!(matches!(&attempt.kind, AttemptKind::KeyboardInteractive { submethods } if submethods == "otp"));
    for (texts, answers) in
        [(&["Password: ", "Token: "][..], &["pw", ""][..]), (&["Again: "][..], &["ü"][..])]
    {
        connection.server.ask(attempt, prompts(texts), &mut connection.to_client).expect("asked");
        let event = connection.event();
        let ClientAuthEvent::Prompts(question) = event else { panic!("{event:?}") };
        assert_eq!((question.name.as_str(), question.instruction.as_str()), ("Login", "Please answer"));
        assert_eq!(question.prompts, prompts(texts).prompts);
        let responses = answers.iter().map(|answer| secret(answer)).collect();
        connection.client.answer_prompts(question, responses, &mut connection.to_server).expect("answered");
        attempt = connection.attempt();
        let AttemptKind::KeyboardInteractiveResponses { responses } = &attempt.kind else { panic!() };
        assert_eq!(responses.iter().map(|text| text.as_str()).collect::<Vec<_>>(), answers);
    }
    connection.finish(attempt);
}

/// RFC 4256 §3.4: no prompts are answered by no responses, without anybody being asked.
#[test]
fn a_round_without_prompts_is_answered_by_itself() {
    let mut connection = Connection::new();
    connection.begin(Method::KeyboardInteractive { submethods: String::new() });
    let attempt = connection.attempt();
    connection.server.ask(attempt, prompts(&[]), &mut connection.to_client).expect("asked");
    let event = connection.event();
    assert!(
        matches!(&event, ClientAuthEvent::Info { name, instruction } if name == "Login" && instruction == "Please answer")
    );
    let attempt = connection.attempt();
    assert!(
        matches!(&attempt.kind, AttemptKind::KeyboardInteractiveResponses { responses } if responses.is_empty())
    );
    connection.server.ask(attempt, Prompts::default(), &mut connection.to_client).expect("asked");
    assert!(connection.events().is_empty(), "there is nothing to show");
    let attempt = connection.attempt();
    connection.finish(attempt);
}

#[test]
fn prompts_refused_end_the_dialogue_with_the_next_request() {
    let mut connection = Connection::new();
    connection.begin(Method::KeyboardInteractive { submethods: String::new() });
    let attempt = connection.attempt();
    connection.server.ask(attempt, prompts(&["Token: "]), &mut connection.to_client).expect("asked");
    let event = connection.event();
    let ClientAuthEvent::Prompts(question) = event else { panic!("{event:?}") };
    connection.client.refuse_prompts(question).expect("the question is open");
    assert!(matches!(connection.event(), ClientAuthEvent::Abandoned));
    connection.begin(Method::Password(secret("x")));
    let attempt = connection.attempt();
    // RFC 4252 §5.1: no failure is sent for the aborted method.
    assert!(connection.to_client.0.is_empty());
    connection.finish(attempt);
}

#[test]
fn a_wrong_number_of_answers_ends_the_attempt() {
    for count in [0, 2] {
        let mut connection = Connection::new();
        connection.begin(Method::KeyboardInteractive { submethods: String::new() });
        let attempt = connection.attempt();
        connection.server.ask(attempt, prompts(&["Token: "]), &mut connection.to_client).expect("asked");
        let event = connection.event();
        let ClientAuthEvent::Prompts(question) = event else { panic!("{event:?}") };
        let error =
            connection.client.answer_prompts(question, vec![secret("x"); count], &mut connection.to_server);
        assert!(matches!(error, Err(AuthError::ApiMisuse(_))));
        assert!(connection.to_server.0.is_empty());
        connection.begin(Method::None);
    }
}

#[test]
fn a_key_and_then_a_password() {
    let mut connection = Connection::new();
    connection.begin(key_method(1, false));
    let event = connection.event();
    sign(&mut connection, event, 1);
    let attempt = connection.attempt();
    connection.server.accept_partially(attempt, &["password"], &mut connection.to_client).expect("accepted");
    let ClientAuthEvent::Failure { methods_that_can_continue, partial_success } = connection.event() else {
        panic!("no failure")
    };
    assert_eq!((methods_that_can_continue, partial_success), (vec!["password".to_owned()], true));
    assert!(!connection.server.is_done() && connection.server.failures() == 0);

    // The key again does not help: only the password is asked for now.
    connection.begin(key_method(1, true));
    let payload = connection.to_server.0.remove(0);
    assert!(connection.server.handle(&payload, &mut connection.to_client).expect("legal").is_none());
    let event = connection.event();
    assert!(
        matches!(&event, ClientAuthEvent::Failure { methods_that_can_continue, partial_success: false } if methods_that_can_continue == &["password"])
    );

    connection.begin(Method::Password(secret("pw")));
    let attempt = connection.attempt();
    connection.finish(attempt);
}

#[test]
fn an_expired_password_is_changed_at_the_second_try() {
    let mut connection = Connection::new();
    connection.begin(Method::Password(secret("old")));
    let mut attempt = connection.attempt();
    for new in ["too simple", "better"] {
        connection
            .server
            .require_password_change(attempt, "Expired", &mut connection.to_client)
            .expect("sent");
        let event = connection.event();
        let ClientAuthEvent::PasswordChange(question) = event else { panic!("{event:?}") };
        assert_eq!(question.prompt, "Expired");
        connection
            .client
            .change_password(question, secret("old"), secret(new), &mut connection.to_server)
            .expect("sent");
        attempt = connection.attempt();
        let AttemptKind::PasswordChange { old, new: got } = &attempt.kind else { panic!("{attempt:?}") };
        assert_eq!((old.as_str(), got.as_str()), ("old", new));
    }
    connection.finish(attempt);
}

#[test]
fn a_password_change_refused_sends_nothing() {
    let mut connection = Connection::new();
    connection.begin(Method::Password(secret("old")));
    let attempt = connection.attempt();
    connection.server.require_password_change(attempt, "Expired", &mut connection.to_client).expect("sent");
    let event = connection.event();
    let ClientAuthEvent::PasswordChange(question) = event else { panic!("{event:?}") };
    connection.client.refuse_password_change(question).expect("the question is open");
    assert!(matches!(connection.event(), ClientAuthEvent::Abandoned));
    assert!(connection.to_server.0.is_empty());
}

/// covers: I09
#[test]
fn banners_come_at_any_time_before_success() {
    let mut connection = Connection::new();
    connection
        .server
        .send_banner("Willkommen\u{1b}[2J\n", &mut connection.to_client)
        .expect("before success");
    assert!(matches!(connection.event(), ClientAuthEvent::Banner(text) if text == "Willkommen\u{1b}[2J\n"));
    connection.begin(Method::None);
    let attempt = connection.attempt();
    connection.server.send_banner("moment", &mut connection.to_client).expect("before success");
    assert!(matches!(connection.event(), ClientAuthEvent::Banner(_)));
    connection.finish(attempt);
    let late = connection.server.send_banner("late", &mut connection.to_client);
    assert!(matches!(late, Err(AuthError::ApiMisuse(_))));
    assert!(connection.to_client.0.is_empty());
}

#[test]
fn no_secret_is_in_the_debug_output() {
    const SECRET: &str = "hunter2";
    let mut connection = Connection::new();
    assert!(!format!("{:?}", Method::Password(secret(SECRET))).contains(SECRET));
    connection.begin(Method::Password(secret(SECRET)));
    let held = connection.to_server.0[0].clone();
    let attempt = connection.attempt();
    // One more waits in the server's queue.
    assert!(connection.server.handle(&held, &mut connection.to_client).expect("held").is_none());
    assert!(!format!("{attempt:?} {:?} {:?}", connection.client, connection.server).contains(SECRET));
    for kind in [
        AttemptKind::PasswordChange { old: secret(SECRET), new: secret(SECRET) },
        AttemptKind::KeyboardInteractiveResponses { responses: vec![secret(SECRET)] },
    ] {
        assert!(!format!("{kind:?}").contains(SECRET));
    }
}
