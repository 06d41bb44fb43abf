//! Which action a command line asks for.

use crate::keygen::arguments::Arguments;
use crate::keygen::context::Context;
use crate::keygen::error::KeygenError;
use crate::keygen::help::HELP;
use crate::keygen::{
    certificate_listing, certify, change, convert, fingerprint, generate, host_keys, hosts, prompt,
    revocation, signature,
};
use crate::notice;
use std::ffi::OsString;

/// The status after a wrong command line, as ssh-keygen has it.
const WRONG_USAGE: u8 = 1;
/// The status after anything else that fails, as ssh-keygen has it.
const FAILED: u8 = 255;

/// Runs `konko keygen` and returns its status.
pub fn run(words: Vec<OsString>) -> u8 {
    if words.iter().any(|word| word == "--help") {
        return u8::from(prompt::write(HELP).is_err());
    }
    let result = Arguments::parse(words).and_then(|arguments| act(&Context { arguments }));
    match result {
        Ok(status) => status,
        Err(error) => {
            notice::tell(format_args!("{error}"));
            if matches!(error, KeygenError::Usage(_)) { WRONG_USAGE } else { FAILED }
        }
    }
}

/// What a letter asks for.
type Action = fn(&Context) -> Result<u8, KeygenError>;

/// The first letter that is there counts. The order is that of ssh-keygen, where some letters mean other things beside
/// others.
const ACTIONS: [(char, Action); 17] = [
    ('Y', signature::run),
    ('k', revocation::generate),
    ('Q', revocation::query),
    ('F', hosts::find_host),
    ('R', hosts::remove_host),
    ('H', hosts::hash_hosts),
    ('s', certify::run),
    ('L', certificate_listing::run),
    ('l', fingerprint::run),
    ('B', fingerprint::run),
    ('p', change::passphrase),
    ('c', change::comment),
    ('e', convert::export),
    ('i', convert::import),
    ('y', change::print_public),
    ('r', convert::dns_records),
    ('A', host_keys::run),
];

fn act(context: &Context) -> Result<u8, KeygenError> {
    let asked = ACTIONS.iter().find(|(letter, _)| context.arguments.has(*letter));
    asked.map_or(generate::run as Action, |(_, action)| *action)(context)
}
