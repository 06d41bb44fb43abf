//! What a client receives.

use konko_channel::config::OpenOptions;
use konko_channel::open::ChannelKind;
use konko_keys::signature_algorithm::SSH_ED25519;
use konko_transport::Client;
use konko_transport::dispatch::Role;
use konko_userauth::Method;

use super::table::Column;
use super::walk::{Outcome, SubState, walk_all};
use crate::peer::messages::{self, message};
use crate::peer::proposal::Proposal;
use crate::peer::scene::Scene;
use crate::peer::setups::{key, password};

type State = SubState<Client>;

fn scene(strict: bool) -> Scene<Client> {
    let proposal = Proposal::null(Role::Server);
    let mut scene = Scene::client(if strict { proposal } else { proposal.not_strict() });
    scene.identify();
    scene
}

fn group_exchange() -> Scene<Client> {
    let proposal = Proposal::null(Role::Server).with_kex("diffie-hellman-group-exchange-sha256");
    let mut scene = Scene::client(proposal);
    scene.identify();
    scene.propose();
    scene
}

fn logged_in() -> Scene<Client> {
    let mut scene = Scene::client(Proposal::null(Role::Server));
    scene.log_in();
    scene
}

fn opening_channel() -> Scene<Client> {
    let mut scene = logged_in();
    let id = scene.target.open_channel(ChannelKind::Session, OpenOptions::default()).expect("opens");
    scene.channels.push(id);
    scene.settle();
    scene
}

fn with_channel() -> Scene<Client> {
    let mut scene = opening_channel();
    scene.send(&messages::open_confirmation(0, 5, 1 << 20, 1 << 15));
    scene
}

fn asked(method: Method) -> Scene<Client> {
    let mut scene = Scene::client(Proposal::null(Role::Server));
    scene.serve_authentication();
    scene.ask(method);
    scene
}

fn key_method(query_first: bool) -> Method {
    Method::PublicKey { key: key(1).public_key().clone(), algorithm: &SSH_ED25519, query_first }
}

fn body(scene: &mut Scene<Client>, state: &State, number: u8) -> Vec<u8> {
    match number {
        1 => message(1).number(11).string("bye").string("").end(),
        2 => messages::ignore(3),
        3 => message(3).number(0).end(),
        4 => messages::debug(b"text"),
        6 => messages::service_accept("ssh-userauth"),
        7 => messages::ext_info(&[]),
        20 => scene.peer.kex_init(),
        31 | 33 if (state.resolve)(number) == Outcome::Taken => scene.peer.method_message(),
        51 => messages::userauth_failure("publickey", false),
        52 | 82 | 21 => vec![number],
        53 => message(53).string("welcome").string("").end(),
        60 if state.name == "A dialogue" => messages::info_request(1),
        60 if state.name == "A password" => message(60).string("a new one").string("").end(),
        60 => message(60).string("ssh-ed25519").string(key(1).public_key().blob()).end(),
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

fn taken_if(taken: bool) -> Outcome {
    if taken { Outcome::Taken } else { Outcome::Disconnected }
}

const fn state(
    name: &'static str,
    column: Column,
    build: fn() -> Scene<Client>,
    resolve: fn(u8) -> Outcome,
) -> State {
    SubState { name, column, strict: true, build, resolve, settle: None }
}

const fn lax(state: State) -> State {
    SubState { strict: false, ..state }
}

fn proposed(mut scene: Scene<Client>) -> Scene<Client> {
    scene.propose();
    scene
}

fn exchanged(mut scene: Scene<Client>) -> Scene<Client> {
    scene.propose();
    scene.exchange();
    scene
}

/// covers: K02, K04, K10, K12, T21, T25, T28
#[test]
fn the_first_key_exchange() {
    let states = [
        state("K1", Column::K1, || scene(true), nothing),
        lax(state("K1 not strict", Column::K1, || scene(false), nothing)),
        state("K2", Column::K2, || proposed(scene(true)), |number| taken_if(number == 31)),
        lax(state("K2 not strict", Column::K2, || proposed(scene(false)), |number| taken_if(number == 31))),
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
    walk_all(Role::Client, &states, body);
}

/// covers: K12
#[test]
fn a_group_exchange() {
    let states = [
        state("K2 group asked", Column::K2, group_exchange, |number| taken_if(number == 31)),
        state(
            "K2 group given",
            Column::K2,
            || {
                let mut scene = group_exchange();
                let group = scene.peer.method_message();
                scene.send(&group);
                scene
            },
            |number| taken_if(number == 33),
        ),
    ];
    walk_all(Role::Client, &states, body);
}

fn encrypted(number: u8) -> Outcome {
    taken_if(matches!(number, 6 | 7 | 20))
}

/// covers: K10, K32, C04, C05
#[test]
fn before_authentication() {
    let states = [
        state(
            "N0",
            Column::N0,
            || {
                let mut scene = exchanged(scene(true));
                scene.new_keys();
                scene
            },
            encrypted,
        ),
        state(
            "V",
            Column::V,
            || {
                let mut scene = exchanged(scene(true));
                scene.new_keys();
                scene.send(&messages::ignore(0));
                scene
            },
            encrypted,
        ),
        state(
            "A",
            Column::A,
            || {
                let mut scene = Scene::client(Proposal::null(Role::Server));
                scene.serve_authentication();
                scene
            },
            |number| taken_if(matches!(number, 7 | 20)),
        ),
        state(
            "A none",
            Column::A,
            || asked(Method::None),
            |number| taken_if(matches!(number, 7 | 20 | 51 | 52)),
        ),
        state(
            "A password",
            Column::A,
            || asked(password("right")),
            |number| taken_if(matches!(number, 7 | 20 | 51 | 52 | 60)),
        ),
        state(
            "A key query",
            Column::A,
            || asked(key_method(true)),
            |number| taken_if(matches!(number, 7 | 20 | 51 | 60)),
        ),
        state(
            "A key question open",
            Column::A,
            || asked(key_method(false)),
            |number| taken_if(matches!(number, 7 | 20)),
        ),
        state(
            "A key proof",
            Column::A,
            || {
                let mut scene = Scene::client(Proposal::null(Role::Server));
                scene.serve_authentication();
                scene.user_key = Some(key(1));
                scene.ask(key_method(false));
                scene
            },
            |number| taken_if(matches!(number, 7 | 20 | 51 | 52)),
        ),
        state(
            "A dialogue",
            Column::A,
            || asked(Method::KeyboardInteractive { submethods: String::new() }),
            |number| taken_if(matches!(number, 7 | 20 | 51 | 52 | 60)),
        ),
    ];
    walk_all(Role::Client, &states, body);
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
    if matches!(number, 91 | 92) { Outcome::Taken } else { no_channel(number) }
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

/// covers: H06, H16, C05
#[test]
fn after_authentication() {
    let states = [
        state("O", Column::O, logged_in, no_channel),
        state("O opening", Column::O, opening_channel, opening),
        state("O open", Column::O, with_channel, open),
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
            "O refused",
            Column::O,
            || {
                let mut scene = opening_channel();
                scene.send(&messages::open_failure(0));
                scene
            },
            no_channel,
        ),
    ];
    walk_all(Role::Client, &states, body);
}

/// covers: T19, T21, I08
#[test]
fn in_a_key_re_exchange() {
    let states = [
        state("R2", Column::R2, || proposed(logged_in()), |number| taken_if(matches!(number, 31 | 193))),
        state("R3", Column::R3, || exchanged(logged_in()), |number| taken_if(number == 193)),
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
    walk_all(Role::Client, &states, body);
}
