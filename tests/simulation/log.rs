//! What the library writes to the log: never a secret, and never what travels in channels.

use crate::endpoints::{PASSWORD, Setup, user_key};
use crate::flow::Flow;
use crate::party::{by_key, by_password};
use crate::random::SeededRandom;
use crate::world::World;
use konko_tests::{Conditions, Seed};
use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Arc, Mutex};
use tracing_subscriber::fmt::MakeWriter;

#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics here").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Everything that `run` writes to the log at the finest level.
fn logged(run: impl FnOnce()) -> String {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(lines.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, run);
    let bytes = lines.0.lock().expect("nobody panics here").clone();
    String::from_utf8(bytes).expect("a log is text")
}

/// The ways in which bytes are usually printed.
fn forms(secret: &[u8]) -> Vec<String> {
    let hexadecimal: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    vec![
        String::from_utf8_lossy(secret).into_owned(),
        secret.escape_ascii().to_string(),
        hexadecimal.to_uppercase(),
        hexadecimal,
        format!("{secret:?}").trim_matches(['[', ']']).to_owned(),
    ]
}

#[test]
fn no_secret_is_ever_written_to_the_log() {
    const WRONG: &str = "Tr0ub4dor&3";
    const DATA: &[u8] = b"what the user types is nobody's business";
    let mut secrets = vec![PASSWORD.as_bytes().to_vec(), WRONG.as_bytes().to_vec(), DATA.to_vec()];
    // The user's private key is made of the first bytes of this stream.
    secrets.push(Seed::new(2).bytes(32));
    let file = user_key().to_openssh(None, &mut SeededRandom(Seed::new(3))).expect("no passphrase");
    secrets.extend(file.lines().filter(|line| line.len() > 60).map(|line| line.as_bytes().to_vec()));

    let log = logged(|| {
        for methods in [vec![by_password(WRONG), by_password(PASSWORD)], vec![by_key(true)]] {
            let mut world = World::new(&Setup::new(17), &Conditions::default());
            world.client.methods = VecDeque::from(methods);
            world.client_opens(Flow::of(DATA.to_vec()), Flow::of(DATA.repeat(100)));
            world.client.rekey_every = Some(1000);
            assert!(
                world.run_until(std::time::Duration::from_secs(5), |a, _| a.transport.is_authenticated())
            );
            world.run();
            world.assert_complete();
            tracing::trace!(client = ?world.pair.a, server = ?world.pair.b, "in the end");
        }
    });
    assert!(log.contains("keys changed"), "the log was not listened to");
    assert!(log.contains("in the end"));
    for secret in secrets {
        for form in forms(&secret) {
            assert!(!log.contains(&form), "the log holds {form}");
        }
    }
}
