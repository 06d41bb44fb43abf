//! The known_hosts files from a configuration, and what else says which hosts to believe.

use crate::configured::catalogue::signature_rows;
use crate::configured::credentials::may_ask;
use crate::configured::error::Error;
use crate::known_hosts_command::KnownHostsCommand;
use crate::known_hosts_files::{HostKeyUpdates, KnownHostsFiles};
use konko_config::{Keyword, Resolved, Tokens, YesNoAsk};
use std::path::PathBuf;

/// What stands for something else with each key that is looked up.
const OF_THE_QUESTION: &str = "fHIKt";

/// The files, and what else the configuration says of host keys.
pub(crate) fn known_hosts_files(config: &Resolved) -> Result<KnownHostsFiles, Error> {
    let paths = |files: &[String]| files.iter().map(PathBuf::from).collect();
    let mut files = KnownHostsFiles::default()
        .with_user(paths(config.user_known_hosts_files()))
        .with_global(paths(config.global_known_hosts_files()))
        .with_hash_names(config.flag(Keyword::HashKnownHosts));
    if let Some(revoked) = config.revoked_host_keys().filter(|file| file.written != "none") {
        let path = revoked.path.clone().map_err(|problem| Error::Value {
            origin: revoked.origin.clone(),
            keyword: Keyword::RevokedHostKeys,
            reason: problem.to_string(),
        })?;
        files = files.with_revoked(vec![path.into()]);
    }
    if let Some(command) = config.text(Keyword::KnownHostsCommand).filter(|command| *command != "none") {
        let wrong = |reason: String| Error::Value {
            origin: config.origin(Keyword::KnownHostsCommand),
            keyword: Keyword::KnownHostsCommand,
            reason,
        };
        files = files.with_command(known_hosts_command(command, config.tokens()).map_err(wrong)?);
    }
    if config.is_given(Keyword::CASignatureAlgorithms) {
        files.authority_algorithms = Some(signature_rows(&config.algorithms().ca_signature));
    }
    Ok(files.with_update(match config.update_host_keys() {
        YesNoAsk::Yes => HostKeyUpdates::Always,
        YesNoAsk::Ask if may_ask(config) => HostKeyUpdates::Ask,
        _ => HostKeyUpdates::Never,
    }))
}

/// Takes a command line apart at blanks outside quotation marks. No shell reads it, so nothing else has a meaning.
fn known_hosts_command(text: &str, tokens: &Tokens) -> Result<KnownHostsCommand, String> {
    let mut words = Vec::new();
    let mut symbols = text.chars().peekable();
    while symbols.peek().is_some() {
        if symbols.next_if(|symbol| matches!(symbol, ' ' | '\t')).is_some() {
            continue;
        }
        let (mut word, mut quote) = (String::new(), None);
        while let Some(symbol) = symbols.next() {
            match (symbol, quote) {
                ('\\', _) => match symbols.next_if(|next| matches!(next, '\\' | '"' | '\'' | ' ')) {
                    Some(kept) => word.push(kept),
                    None => word.push('\\'),
                },
                (' ' | '\t', None) => break,
                ('"' | '\'', None) => quote = Some(symbol),
                (_, Some(open)) if symbol == open => quote = None,
                ('%', _) => word.push_str(&token(symbols.next(), tokens)?),
                _ => word.push(symbol),
            }
        }
        if quote.is_some() {
            return Err("a quotation mark is not closed".to_owned());
        }
        words.push(word);
    }
    let mut words = words.into_iter();
    let program = PathBuf::from(words.next().unwrap_or_default());
    // ssh_config(5): the command is run without a shell, so nobody looks for it.
    if !program.is_absolute() {
        return Err("the path of the program must be absolute".to_owned());
    }
    Ok(KnownHostsCommand { program, arguments: words.collect() })
}

/// What a token stands for. Those of the question stay as they are until there is one, and so do percent signs.
fn token(letter: Option<char>, tokens: &Tokens) -> Result<String, String> {
    let letter = letter.ok_or("a percent sign stands alone")?;
    if letter == '%' || OF_THE_QUESTION.contains(letter) {
        return Ok(format!("%{letter}"));
    }
    let value = tokens.get(letter).ok_or_else(|| format!("there is no token %{letter}"))?;
    Ok(value.replace('%', "%%"))
}
