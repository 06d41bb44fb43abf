//! The walk: for every sub-state, number and form of the body a fresh connection, one message, and what came of it.

use konko_transport::dispatch::Role;

use super::table::{Cell, Column, Table};
use crate::peer::scene::{Application, Scene};

/// How the application's words for something that the peer wants from it begin.
const ACTIONS: [&str; 7] =
    ["attempt", "authenticated", "success", "open ", "global ", "request ", "host key"];

/// The form of a message's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    WellFormed,
    Empty,
    OneByteMore,
}

/// What a message leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The connection goes on, and the message is taken or refused by its own reply.
    Taken,
    /// The connection goes on; no answer, no word to the application.
    Dropped,
    /// SSH_MSG_UNIMPLEMENTED.
    Unimplemented,
    /// SSH_MSG_DISCONNECT.
    Disconnected,
    /// The peer's own SSH_MSG_DISCONNECT was taken for what it is.
    Ended,
}

/// One sub-state of a receiver.
pub struct SubState<S: Application> {
    pub name: &'static str,
    pub column: Column,
    pub strict: bool,
    /// Brings a connection there.
    pub build: fn() -> Scene<S>,
    /// What the table's cell means here; only asked where the cell leaves it open.
    pub resolve: fn(number: u8) -> Outcome,
    /// Ends the exchange of keys that holds answers back.
    pub settle: Option<fn(&mut Scene<S>)>,
}

/// Walks one sub-state; returns what differs from the table.
pub fn walk<S: Application>(
    table: &Table,
    state: &SubState<S>,
    body: fn(&mut Scene<S>, &SubState<S>, u8) -> Vec<u8>,
) -> Vec<String> {
    let mut differences = Vec::new();
    for number in 0..=255u8 {
        for form in [Form::WellFormed, Form::Empty, Form::OneByteMore] {
            let mut scene = (state.build)();
            assert!(scene.is_alive(), "{}: {:?}", state.name, scene.error);
            let well_formed = body(&mut scene, state, number);
            let has_fields = well_formed.len() > 1;
            let payload = formed(well_formed, form);
            let found = outcome(&mut scene, state, number, &payload);
            let expected = expected(table, state, number, form, has_fields);
            let agrees = found == expected || (expected == Outcome::Taken && found == Outcome::Dropped);
            if !agrees {
                let (role, name) = (S::ROLE, state.name);
                differences.push(format!(
                    "{role:?} {name}: {number} {form:?}: {found:?}, not {expected:?} ({:?})",
                    scene.error
                ));
            }
        }
    }
    differences
}

fn formed(mut payload: Vec<u8>, form: Form) -> Vec<u8> {
    match form {
        Form::WellFormed => {}
        Form::Empty => payload.truncate(1),
        Form::OneByteMore => payload.push(0),
    }
    payload
}

fn expected<S: Application>(
    table: &Table,
    state: &SubState<S>,
    number: u8,
    form: Form,
    has_fields: bool,
) -> Outcome {
    let outcome = match table.cell(number, state.column) {
        Cell::Legal if number == 1 => Outcome::Ended,
        Cell::Legal => Outcome::Taken,
        Cell::SometimesLegal => (state.resolve)(number),
        Cell::Disconnect => Outcome::Disconnected,
        Cell::Ignore => Outcome::Dropped,
        Cell::Unimplemented => Outcome::Unimplemented,
        Cell::Strict if state.strict => Outcome::Disconnected,
        Cell::Strict => Outcome::Taken,
    };
    let read = matches!(outcome, Outcome::Taken | Outcome::Dropped);
    let harmless = form == Form::WellFormed || (form == Form::Empty && !has_fields);
    if !read || harmless || is_indifferent(state, number, form) {
        return outcome;
    }
    Outcome::Disconnected
}

/// Whether a message may be cut or grow without breaking its form.
fn is_indifferent<S: Application>(state: &SubState<S>, number: u8, form: Form) -> bool {
    let authenticated = matches!(state.column, Column::O | Column::R2 | Column::R3);
    match number {
        // RFC 4253 §11.2: "All implementations MUST understand (and ignore) this message at any time".
        1 | 2 => true,
        // A wrong guess is discarded unread.
        30..=49 => state.name.contains("guess"),
        // After success, requests are ignored unread.
        50 if state.column == Column::O => true,
        // A request that waits for its turn is not read before.
        50 if state.name == "A judged" => true,
        81 => true,
        // Their last field is the rest of the message, or what the type says.
        50 | 80 | 91 | 98 => form == Form::OneByteMore,
        // While keys are exchanged no ping is answered, so none is read.
        192 => state.column != Column::O && authenticated,
        _ => false,
    }
}

fn outcome<S: Application>(scene: &mut Scene<S>, state: &SubState<S>, number: u8, payload: &[u8]) -> Outcome {
    scene.take();
    scene.log.clear();
    scene.send(payload);
    if state.column == Column::K1 && matches!(number, 2..=4) && scene.is_alive() {
        // Whether the exchange is strict is known from the proposal on.
        scene.propose();
    }
    if let Some(settle) = state.settle
        && scene.is_alive()
        && number != 20
    {
        settle(scene);
    }
    let payloads = scene.take();
    let told = scene.log.iter().any(|entry| !entry.starts_with("keys changed"));
    let numbers: Vec<u8> = payloads.iter().map(|payload| payload[0]).collect();
    if !scene.is_alive() {
        return if scene.log.iter().any(|entry| entry.starts_with("disconnected")) {
            assert!(!numbers.contains(&1), "a DISCONNECT is answered with one");
            Outcome::Ended
        } else {
            assert_eq!(
                numbers.last(),
                Some(&1),
                "{} {number}: ended without a word: {:?}",
                state.name,
                scene.error
            );
            let acted = scene.log.iter().any(|entry| ACTIONS.iter().any(|action| entry.starts_with(action)));
            assert!(!acted, "{} {number}: the application was told {:?}", state.name, scene.log);
            Outcome::Disconnected
        };
    }
    if numbers.contains(&3) {
        Outcome::Unimplemented
    } else if told || numbers.iter().any(|number| !matches!(number, 20..=49)) || scene_moved(state, number) {
        Outcome::Taken
    } else {
        Outcome::Dropped
    }
}

/// Whether what is legal here has its effect inside, where neither peer nor application sees it.
fn scene_moved<S: Application>(state: &SubState<S>, number: u8) -> bool {
    matches!(number, 20..=49) && !state.name.contains("guess")
}

/// Walks all of them and shows every difference.
pub fn walk_all<S: Application>(
    role: Role,
    states: &[SubState<S>],
    body: fn(&mut Scene<S>, &SubState<S>, u8) -> Vec<u8>,
) {
    let table = Table::of(role);
    let differences: Vec<String> = states.iter().flat_map(|state| walk(&table, state, body)).collect();
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}
