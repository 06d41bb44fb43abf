//! Logging in, by every method these applications know.

use crate::endpoints::{PASSWORD, Setup, USER_NAME};
use crate::flow::Flow;
use crate::party::{by_key, by_password};
use crate::world::World;
use konko_packet::Algorithms;
use konko_tests::Conditions;
use konko_transport::Error;
use konko_userauth::{AuthError, Method};
use std::collections::VecDeque;
use std::time::Duration;

fn log_in(setup: &Setup, methods: Vec<Method>, piece: std::ops::RangeInclusive<usize>) -> World {
    let mut world = World::new(setup, &Conditions { piece, ..Conditions::default() });
    world.client.methods = VecDeque::from(methods);
    world.client_opens(Flow::of(b"there".to_vec()), Flow::of(b"and back".to_vec()));
    // A wrong password is refused after a while of virtual time.
    assert!(world.run_until(Duration::from_secs(5), |a, _| a.transport.is_authenticated()));
    world.run();
    world
}

#[test]
fn by_password_and_by_key_over_any_pieces() {
    for seed in 0..6 {
        let setup = Setup::new(seed);
        let piece = if seed % 2 == 0 { 1..=1 } else { 1..=900 };
        let ways = [
            vec![by_password(PASSWORD)],
            vec![by_key(false)],
            vec![by_key(true)],
            vec![Method::None, by_password("wrong"), by_key(true)],
        ];
        for methods in ways {
            let world = log_in(&setup, methods, piece.clone());
            world.assert_complete();
            assert_eq!(world.pair.b.transport.user_name(), Some(USER_NAME));
            assert_eq!(world.pair.a.transport.session_id(), world.pair.b.transport.session_id());
            assert!(world.pair.a.transport.packets().is_strict_kex());
        }
    }
}

#[test]
fn with_everything_that_is_offered_by_default() {
    let mut setup = Setup::new(1);
    setup.algorithms = Algorithms::default();
    let world = log_in(&setup, vec![by_key(true)], 1..=4096);
    world.assert_complete();
    let negotiated = world.pair.a.transport.negotiated().expect("keys are in use");
    assert_eq!(negotiated.kex.name, "mlkem768x25519-sha256");
}

#[test]
fn a_refusal_of_a_password_takes_as_long_as_it_takes() {
    // The refusal waits for virtual time to pass; a connection that only waits is idle.
    let mut world = World::new(&Setup::new(3), &Conditions::default());
    world.client.methods = VecDeque::from([by_password("wrong"), by_password(PASSWORD)]);
    assert!(world.run_until(Duration::from_secs(5), |a, _| a.transport.is_authenticated()));
    world.run();
    world.assert_alive();
}

#[test]
fn whoever_guesses_too_often_is_thrown_out() {
    let mut world = World::new(&Setup::new(4), &Conditions::default());
    world.client.methods = (0..10).map(|_| by_password("wrong")).collect();
    world.run_to_the_end();
    let error = world.pair.b.transport.error();
    assert_eq!(error, Some(&Error::Auth(AuthError::TooManyAttempts)));
    assert_eq!(world.client.methods.len(), 4, "six attempts are answered");
    assert!(!world.pair.b.transport.is_authenticated());
}
