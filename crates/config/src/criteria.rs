//! The criteria of `Match`.

use crate::error::Problem;
use crate::pattern::{matches_list, matches_list_of_any_case};
use crate::source::Source;
use crate::token::Tokens;
use crate::words::next_field;
use konko_pattern::NetworkList;

/// What criteria are held against.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The host that will be connected to, as far as is known.
    pub(crate) host: String,
    /// The host as it was named.
    pub(crate) original_host: String,
    pub(crate) remote_user: String,
    pub(crate) local_user: String,
    pub(crate) tag: String,
    pub(crate) version: String,
    pub(crate) session_type: &'static str,
    /// The command to run there; empty for none.
    pub(crate) command: String,
    /// Whether the files are read for the last time.
    pub(crate) is_final: bool,
    /// For `exec`.
    pub(crate) tokens: Tokens,
}

/// What a `Match` line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Whether what follows counts.
    pub(crate) matched: bool,
    /// Whether the files have to be read once more, for `final`.
    pub(crate) wants_final: bool,
}

/// Holds the criteria in `line` against the facts. Commands are run only while all before has matched, and never
/// with `dry`.
pub(crate) fn evaluate(
    line: &str,
    facts: &Facts,
    source: &mut dyn Source,
    dry: bool,
) -> Result<Verdict, Problem> {
    let mut rest = Some(line.to_owned());
    let mut verdict = Verdict { matched: true, wants_final: false };
    let mut criteria = 0;
    while let Some(word) = next_field(&mut rest)?.filter(|word| !word.is_empty()) {
        if word.starts_with('#') {
            rest = None;
            break;
        }
        let (name, negated) = match word.strip_prefix('!') {
            Some(name) => (name.to_ascii_lowercase(), true),
            None => (word.to_ascii_lowercase(), false),
        };
        if name == "all" {
            let next = next_field(&mut rest)?.filter(|next| !next.is_empty());
            if criteria > 1 || next.is_some_and(|next| !next.starts_with('#')) {
                return Err(Problem::AllNotAlone);
            }
            verdict.matched &= !negated;
            return Ok(verdict);
        }
        criteria += 1;
        if name == "canonical" || name == "final" {
            verdict.wants_final |= name == "final";
            verdict.matched &= facts.is_final != negated;
            continue;
        }
        let argument = next_field(&mut rest)?.filter(|next| !next.is_empty() && !next.starts_with('#'));
        let argument = argument.ok_or_else(|| Problem::MissingCriterion(word.clone()))?;
        let found = match name.as_str() {
            "host" => matches_list_of_any_case(&argument, &facts.host),
            "originalhost" => matches_list_of_any_case(&argument, &facts.original_host),
            "user" => matches_list(&argument, &facts.remote_user),
            "localuser" => matches_list(&argument, &facts.local_user),
            "tagged" => matches_list(&argument, &facts.tag),
            "version" => matches_list(&argument, &facts.version),
            "sessiontype" => matches_list_of_any_case(&argument, facts.session_type),
            "command" => matches_list(&argument, &facts.command),
            "localnetwork" => is_in_network(&argument, source)?,
            "exec" => {
                let command = facts.tokens.expand_command(&argument)?;
                verdict.matched && !dry && succeeds(&command, source)?
            }
            _ => return Err(Problem::UnknownCriterion(word)),
        };
        verdict.matched &= found != negated;
    }
    if criteria == 0 {
        return Err(Problem::NoCriterion);
    }
    match rest.filter(|rest| !rest.is_empty()) {
        None => Ok(verdict),
        Some(extra) => Err(Problem::ExtraArgument(extra)),
    }
}

fn is_in_network(list: &str, source: &mut dyn Source) -> Result<bool, Problem> {
    let networks = NetworkList::parse(list).map_err(|_| Problem::Invalid {
        value: list.to_owned(),
        expected: "a list of networks such as 192.0.2.0/24,2001:db8::/32",
    })?;
    let addresses = source.addresses().map_err(|error| Problem::Source {
        what: "the addresses of this computer".to_owned(),
        reason: error.to_string(),
    })?;
    Ok(addresses.into_iter().any(|address| networks.contains(address)))
}

fn succeeds(command: &str, source: &mut dyn Source) -> Result<bool, Problem> {
    source
        .succeeds(command)
        .map_err(|error| Problem::Source { what: command.to_owned(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::net::{IpAddr, Ipv4Addr};

    #[derive(Default)]
    struct Scripted {
        commands: Vec<String>,
    }

    impl Source for Scripted {
        fn read(&mut self, _: &str, _: usize, _: bool) -> io::Result<Option<Vec<u8>>> {
            Ok(None)
        }

        fn succeeds(&mut self, command: &str) -> io::Result<bool> {
            self.commands.push(command.to_owned());
            Ok(command == "true h")
        }

        fn addresses(&mut self) -> io::Result<Vec<IpAddr>> {
            Ok(vec![Ipv4Addr::new(10, 1, 2, 3).into()])
        }
    }

    fn facts(is_final: bool) -> Facts {
        Facts {
            host: "h".to_owned(),
            original_host: "Orig".to_owned(),
            remote_user: "root".to_owned(),
            local_user: "me".to_owned(),
            tag: "t".to_owned(),
            version: "konko_1".to_owned(),
            session_type: "exec",
            command: "ls -l".to_owned(),
            is_final,
            tokens: Tokens::default().with('h', "h"),
        }
    }

    #[test]
    fn criteria_are_held_against_the_facts() {
        for (line, expected) in [
            ("all", Some(true)),
            ("!all", Some(false)),
            ("all # x", Some(true)),
            ("host H", Some(true)),
            ("host=h", Some(true)),
            ("host \"h\" user root,x", Some(true)),
            ("host h,!h", Some(false)),
            ("!host x", Some(true)),
            ("originalhost orig", Some(true)),
            ("user ROOT", Some(false)),
            ("localuser m*", Some(true)),
            ("tagged t", Some(true)),
            ("version konko_*", Some(true)),
            ("sessiontype EXEC,shell", Some(true)),
            ("command ls*", Some(true)),
            ("localnetwork 10.0.0.0/8", Some(true)),
            ("localnetwork 192.0.2.0/24", Some(false)),
            ("exec \"true %h\"", Some(true)),
            ("exec \"false\"", Some(false)),
            ("!exec false", Some(true)),
            ("final", Some(false)),
            ("canonical all", Some(false)),
            ("!final", Some(true)),
            ("HOST h", Some(true)),
            ("", None),
            ("host", None),
            ("host h all x", None),
            ("all host h", None),
            ("address h", None),
            ("localnetwork 10.0.0.1/8", None),
            ("exec \"x %Z\"", None),
            ("host \"h", None),
        ] {
            let verdict = evaluate(line, &facts(false), &mut Scripted::default(), false);
            assert_eq!(verdict.ok().map(|verdict| verdict.matched), expected, "{line}");
        }
        let verdict = evaluate("final host h", &facts(true), &mut Scripted::default(), false);
        assert_eq!(verdict, Ok(Verdict { matched: true, wants_final: true }));
    }

    #[test]
    fn a_command_is_not_run_once_it_cannot_matter() {
        let mut source = Scripted::default();
        let verdict = evaluate("host x exec \"true %h\"", &facts(false), &mut source, false);
        assert_eq!(verdict.map(|verdict| verdict.matched), Ok(false));
        let _ = evaluate("exec \"true %h\"", &facts(false), &mut source, true);
        assert!(source.commands.is_empty());
    }

    /// covers: L01
    #[test]
    fn a_host_that_a_shell_would_read_is_not_put_into_a_command() {
        let mut facts = facts(false);
        facts.tokens = facts.tokens.with('h', "$(id)");
        let verdict = evaluate("exec \"true %h\"", &facts, &mut Scripted::default(), false);
        assert!(matches!(verdict, Err(Problem::UnsafeToken { token: 'h', .. })));
    }
}
