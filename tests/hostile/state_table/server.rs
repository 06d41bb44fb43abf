//! What a server receives.

use konko_channel::config::OpenOptions;
use konko_channel::open::ChannelKind;
use konko_crypto::kex::Moduli;
use konko_transport::Server;
use konko_transport::dispatch::Role;
use std::sync::Arc;

use super::table::Column;
use super::walk::{Outcome, SubState, walk_all};
use crate::peer::messages::{self, message};
use crate::peer::proposal::Proposal;
use crate::peer::scene::Scene;
use crate::peer::setups::{packet_config, server_config};

type State = SubState<Server>;

fn scene(strict: bool) -> Scene<Server> {
    let proposal = Proposal::null(Role::Client);
    let mut scene = Scene::server(if strict { proposal } else { proposal.not_strict() });
    scene.identify();
    scene
}

fn group_exchange() -> Scene<Server> {
    let mut config = packet_config(Role::Server);
    config.moduli = Some(Arc::new(Moduli::builtin()));
    let proposal = Proposal::null(Role::Client).with_kex("diffie-hellman-group-exchange-sha256");
    let mut scene = Scene::server_with(server_config(config), proposal);
    scene.identify();
    scene.propose();
    scene
}

fn logged_in() -> Scene<Server> {
    let mut scene = Scene::server(Proposal::null(Role::Client));
    scene.log_in();
    scene
}

fn with_channel() -> Scene<Server> {
    let mut scene = logged_in();
    scene.send(&messages::channel_open("session", 0, 1 << 20, 1 << 15).end());
    assert_eq!(scene.channels.len(), 1);
    scene
}

/// A message of that number as it should be, for the state that the connection is in.
pub fn body(scene: &mut Scene<Server>, state: &State, number: u8) -> Vec<u8> {
    match number {
        1 => message(1).number(11).string("bye").string("").end(),
        2 => messages::ignore(3),
        3 => message(3).number(0).end(),
        4 => messages::debug(b"text"),
        5 => messages::service_request("ssh-userauth"),
        7 => messages::ext_info(&[]),
        20 => scene.peer.kex_init(),
        30 | 32 | 34 if (state.resolve)(number) == Outcome::Taken => scene.peer.method_message(),
        50 => messages::none_request("alice"),
        52 | 82 | 21 => vec![number],
        61 => messages::info_response(&["wrong"]),
        80 => messages::global_request("x@konko.test", true),
        90 => messages::channel_open("session", 9, 1000, 1000).end(),
        91 => messages::open_confirmation(0, 9, 1000, 1000),
        92 => messages::open_failure(0),
        93 => messages::window_adjust(0, 10),
        94 => messages::channel_data(0, b"data"),
        95 => messages::extended_data(0, 1, b"data"),
        96 | 97 | 99 | 100 => messages::on_channel(number, 0),
        98 => messages::channel_request(0, "x@konko.test", true).end(),
        192 | 193 => message(number).string("ping").end(),
        _ => message(number).string("whatever").end(),
    }
}

fn nothing(_: u8) -> Outcome {
    Outcome::Disconnected
}

fn due_30(number: u8) -> Outcome {
    if number == 30 { Outcome::Taken } else { Outcome::Disconnected }
}

fn due_32(number: u8) -> Outcome {
    if number == 32 { Outcome::Taken } else { Outcome::Disconnected }
}

fn due_34(number: u8) -> Outcome {
    if number == 34 { Outcome::Taken } else { Outcome::Disconnected }
}

fn encrypted(number: u8) -> Outcome {
    if matches!(number, 5 | 7 | 20) { Outcome::Taken } else { Outcome::Disconnected }
}

fn no_responses(number: u8) -> Outcome {
    if number == 20 { Outcome::Taken } else { Outcome::Disconnected }
}

fn responses(number: u8) -> Outcome {
    if matches!(number, 20 | 61) { Outcome::Taken } else { Outcome::Disconnected }
}

const fn state(
    name: &'static str,
    column: Column,
    build: fn() -> Scene<Server>,
    resolve: fn(u8) -> Outcome,
) -> State {
    SubState { name, column, strict: true, build, resolve, settle: None }
}

const fn lax(state: State) -> State {
    SubState { strict: false, ..state }
}

/// A re-exchange up to the point where the method's message is due.
fn proposed(mut scene: Scene<Server>) -> Scene<Server> {
    scene.propose();
    scene
}

/// The same up to the point where NEWKEYS is due.
fn exchanged(mut scene: Scene<Server>) -> Scene<Server> {
    scene.propose();
    scene.exchange();
    scene
}

/// covers: K03, K04, K10, K12, T21, T25, T28, A01, A02
#[test]
fn the_first_key_exchange() {
    let states = [
        state("K1", Column::K1, || scene(true), nothing),
        lax(state("K1 not strict", Column::K1, || scene(false), nothing)),
        state("K2", Column::K2, || proposed(scene(true)), due_30),
        lax(state("K2 not strict", Column::K2, || proposed(scene(false)), due_30)),
        state("K2 group asked", Column::K2, group_exchange, due_34),
        state(
            "K2 wrong guess",
            Column::K2,
            || {
                let mut scene = scene(true);
                scene.peer.proposal.kex.insert_str(0, "unknown@konko.test,");
                scene.peer.proposal.first_kex_packet_follows = true;
                proposed(scene)
            },
            |number| if matches!(number, 30..=49) { Outcome::Dropped } else { Outcome::Disconnected },
        ),
        state("K3", Column::K3, || exchanged(scene(true)), nothing),
        lax(state("K3 not strict", Column::K3, || exchanged(scene(false)), nothing)),
    ];
    walk_all(Role::Server, &states, body);
}

/// covers: K12
#[test]
fn the_second_step_of_a_group_exchange() {
    let states = [state(
        "K2 group given",
        Column::K2,
        || {
            let mut scene = group_exchange();
            let request = scene.peer.method_message();
            scene.send(&request);
            scene
        },
        due_32,
    )];
    walk_all(Role::Server, &states, body);
}

/// covers: A01, A02, A03, R03, K32
#[test]
fn before_authentication() {
    let states = [
        state(
            "N0",
            Column::N0,
            || {
                let mut scene = scene(true);
                scene.propose();
                scene.exchange();
                scene.new_keys();
                scene
            },
            encrypted,
        ),
        state(
            "V",
            Column::V,
            || {
                let mut scene = scene(true);
                scene.propose();
                scene.exchange();
                scene.new_keys();
                scene.send(&messages::ignore(0));
                scene
            },
            encrypted,
        ),
        state("A", Column::A, || authenticating(&[]), no_responses),
        state(
            "A dialogue",
            Column::A,
            || authenticating(&messages::keyboard_interactive_request("alice")),
            responses,
        ),
        state(
            "A partial",
            Column::A,
            || authenticating(&messages::password_request("alice", "half")),
            no_responses,
        ),
        state(
            "A judged",
            Column::A,
            || {
                let mut scene = authenticating(&[]);
                scene.holds_questions = true;
                scene.send(&messages::password_request("alice", "right"));
                scene
            },
            no_responses,
        ),
    ];
    walk_all(Role::Server, &states, body);
}

fn authenticating(request: &[u8]) -> Scene<Server> {
    let mut scene = Scene::server(Proposal::null(Role::Client));
    scene.serve_authentication();
    if !request.is_empty() {
        scene.send(request);
    }
    scene
}

fn no_channel(number: u8) -> Outcome {
    match number {
        81 | 82 => Outcome::Dropped,
        // That it is dropped if nobody asked is tested elsewhere.
        193 => Outcome::Taken,
        _ => Outcome::Disconnected,
    }
}

fn opening(number: u8) -> Outcome {
    match number {
        91 | 92 => Outcome::Taken,
        _ => no_channel(number),
    }
}

fn open(number: u8) -> Outcome {
    match number {
        93..=98 => Outcome::Taken,
        99 | 100 => Outcome::Dropped,
        _ => no_channel(number),
    }
}

fn half_closed(number: u8) -> Outcome {
    match number {
        97 => Outcome::Taken,
        93..=100 => Outcome::Dropped,
        _ => no_channel(number),
    }
}

/// covers: H06, H15, H16, A24
#[test]
fn after_authentication() {
    let states = [
        state("O", Column::O, logged_in, no_channel),
        state(
            "O opening",
            Column::O,
            || {
                let mut scene = logged_in();
                let kind = ChannelKind::AgentConnection;
                scene.target.open_channel(kind, OpenOptions::default()).expect("opens");
                scene.settle();
                scene
            },
            opening,
        ),
        state("O open", Column::O, with_channel, open),
        state(
            "O EOF sent",
            Column::O,
            || {
                let mut scene = with_channel();
                let id = scene.channels[0];
                scene.target.channel(id).expect("open").send_eof().expect("sends");
                scene.settle();
                scene
            },
            open,
        ),
        state(
            "O EOF received",
            Column::O,
            || {
                let mut scene = with_channel();
                scene.send(&messages::on_channel(96, 0));
                scene
            },
            open,
        ),
    ];
    walk_all(Role::Server, &states, body);
}

/// covers: H06, H16
#[test]
fn after_the_end_of_a_channel() {
    let states = [
        state(
            "O CLOSE sent",
            Column::O,
            || {
                let mut scene = with_channel();
                let id = scene.channels[0];
                scene.target.channel(id).expect("open").close();
                scene.settle();
                scene
            },
            half_closed,
        ),
        state(
            "O CLOSE received",
            Column::O,
            || {
                let mut scene = with_channel();
                scene.send(&messages::on_channel(97, 0));
                scene
            },
            no_channel,
        ),
        state(
            "O released",
            Column::O,
            || {
                let mut scene = with_channel();
                scene.send(&messages::on_channel(97, 0));
                let id = scene.channels[0];
                scene.target.release_channel(id);
                scene.settle();
                scene
            },
            no_channel,
        ),
        state(
            "O denied",
            Column::O,
            || {
                let mut scene = logged_in();
                scene.accepts_channels = false;
                scene.send(&messages::channel_open("session", 0, 1000, 1000).end());
                scene.accepts_channels = true;
                scene
            },
            no_channel,
        ),
    ];
    walk_all(Role::Server, &states, body);
}

/// covers: T19, T21, I08
#[test]
fn in_a_key_re_exchange() {
    let pong = |number| if number == 193 { Outcome::Taken } else { due_30(number) };
    let states = [
        state("R2", Column::R2, || proposed(logged_in()), pong),
        state("R3", Column::R3, || exchanged(logged_in()), pong),
        SubState {
            settle: Some(Scene::re_exchange),
            ..state(
                "O own proposal sent",
                Column::O,
                || {
                    let mut scene = logged_in();
                    scene.target.request_key_exchange(scene.now);
                    scene.settle();
                    scene
                },
                no_channel,
            )
        },
    ];
    walk_all(Role::Server, &states, body);
}
