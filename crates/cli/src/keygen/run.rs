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

fn act(context: &Context) -> Result<u8, KeygenError> {
    let has = |letter| context.arguments.has(letter);
    // The order is that of ssh-keygen, where some letters mean other things beside others.
    if has('Y') {
        signature::run(context)
    } else if has('k') {
        revocation::generate(context)
    } else if has('Q') {
        revocation::query(context)
    } else if has('F') {
        hosts::find_host(context)
    } else if has('R') {
        hosts::remove_host(context)
    } else if has('H') {
        hosts::hash_hosts(context)
    } else if has('s') {
        certify::run(context)
    } else if has('L') {
        certificate_listing::run(context)
    } else if has('l') || has('B') {
        fingerprint::run(context)
    } else if has('p') {
        change::passphrase(context)
    } else if has('c') {
        change::comment(context)
    } else if has('e') {
        convert::export(context)
    } else if has('i') {
        convert::import(context)
    } else if has('y') {
        change::print_public(context)
    } else if has('r') {
        convert::dns_records(context)
    } else if has('A') {
        host_keys::run(context)
    } else {
        generate::run(context)
    }
}
