//! `CanonicalizeHostname`: the full name of a host.

use crate::error::Problem;
use crate::keyword::Keyword;
use crate::network::numeric_host;
use crate::pattern::matches_list_of_any_case;
use crate::settings::Settings;
use crate::source::{Found, Source};
use crate::value::Value;

/// What canonicalization follows.
#[derive(Debug)]
struct Rules<'a> {
    mode: &'static str,
    /// Whether the host is connected to from here, not by a proxy.
    direct: bool,
    maximum_dots: usize,
    fall_back: bool,
    domains: &'a [String],
    aliases: &'a [(String, String)],
}

impl<'a> Rules<'a> {
    fn of(settings: &'a Settings) -> Self {
        let aliases = match settings.get(Keyword::CanonicalizePermittedCNAMEs).map(|setting| &setting.value) {
            Some(Value::PermittedCnames(rules)) => rules.as_slice(),
            _ => &[],
        };
        let command = settings.text(Keyword::ProxyCommand);
        let jumps = settings.get(Keyword::ProxyJump).map(|setting| &setting.value);
        // Before the last pass "none" counts as a jump to ssh(1) too.
        let direct = command.is_none_or(|command| command.eq_ignore_ascii_case("none")) && jumps.is_none();
        let domains = settings.words(Keyword::CanonicalDomains).unwrap_or_default();
        let none = domains.iter().position(|domain| domain == "none").unwrap_or(domains.len());
        Self {
            mode: settings.choice(Keyword::CanonicalizeHostname).unwrap_or("false"),
            direct,
            maximum_dots: settings
                .number(Keyword::CanonicalizeMaxDots)
                .map_or(1, |dots| usize::try_from(dots).unwrap_or(usize::MAX)),
            fall_back: settings.choice(Keyword::CanonicalizeFallbackLocal) != Some("no"),
            domains: domains.get(..none).unwrap_or_default(),
            aliases,
        }
    }

    /// Whether names of this connection may be looked up.
    fn apply(&self) -> bool {
        self.mode != "false" && (self.direct || self.mode == "always")
    }

    /// The name that `found` is an alias of, where that may be followed.
    fn followed(&self, name: &str, found: &Found) -> Option<String> {
        let target = found.canonical_name.as_deref()?.trim_end_matches('.');
        let permitted = |(from, to): &&(String, String)| {
            matches_list_of_any_case(from, name) && matches_list_of_any_case(to, target)
        };
        self.aliases.iter().find(permitted).map(|_| target.to_ascii_lowercase())
    }
}

/// The full name of the host; the same name where nothing is to be done.
pub(crate) fn canonical_host(
    host: &str,
    settings: &Settings,
    source: &mut dyn Source,
) -> Result<String, Problem> {
    if let Some(address) = numeric_host(host) {
        return Ok(address);
    }
    let rules = Rules::of(settings);
    if rules.apply() && !rules.aliases.is_empty() && !source.tells_aliases() {
        return Err(Problem::Source {
            what: "CanonicalizePermittedCNAMEs".to_owned(),
            reason: "what a name is an alias of cannot be asked for here".to_owned(),
        });
    }
    let mut look_up = |name: &str| {
        source
            .look_up(name)
            .map_err(|error| Problem::Source { what: name.to_owned(), reason: error.to_string() })
    };
    if rules.apply() {
        if let Some(name) = host.strip_suffix('.') {
            if let Some(found) = look_up(host)? {
                return Ok(rules.followed(name, &found).unwrap_or_else(|| name.to_owned()));
            }
            return not_found(host, &rules);
        }
        if host.matches('.').count() <= rules.maximum_dots {
            for domain in rules.domains {
                let name = format!("{host}.{domain}");
                if let Some(found) = look_up(&format!("{name}."))? {
                    return Ok(rules.followed(&name, &found).unwrap_or(name));
                }
            }
            not_found(host, &rules)?;
        }
    }
    // Aliases may be followed for names that are full already.
    if !rules.aliases.is_empty()
        && rules.apply()
        && let Some(found) = look_up(host)?
        && let Some(name) = rules.followed(host, &found)
    {
        return Ok(name);
    }
    Ok(host.to_owned())
}

fn not_found(host: &str, rules: &Rules<'_>) -> Result<String, Problem> {
    if rules.fall_back { Ok(host.to_owned()) } else { Err(Problem::NotCanonical(host.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::Origin;
    use std::io;

    #[derive(Default)]
    struct Names {
        asked: Vec<String>,
    }

    impl Source for Names {
        fn read(&mut self, _: &str, _: usize, _: bool) -> io::Result<Option<Vec<u8>>> {
            Ok(None)
        }

        fn look_up(&mut self, name: &str) -> io::Result<Option<Found>> {
            self.asked.push(name.to_owned());
            Ok(match name {
                "h.b.example." => Some(Found::default()),
                "www.b.example." => Some(Found { canonical_name: Some("Web.cdn.example.".to_owned()) }),
                "x.y.example" => Some(Found { canonical_name: Some("z.cdn.example".to_owned()) }),
                _ => None,
            })
        }
    }

    fn settings(mode: &'static str) -> Settings {
        let mut settings = Settings::default();
        let domains = ["a.example", "b.example"].map(str::to_owned).to_vec();
        let rules = vec![("*.b.example,*.y.example".to_owned(), "*.cdn.example".to_owned())];
        for (keyword, value) in [
            (Keyword::CanonicalizeHostname, Value::Choice(mode)),
            (Keyword::CanonicalDomains, Value::Words(domains)),
            (Keyword::CanonicalizePermittedCNAMEs, Value::PermittedCnames(rules)),
        ] {
            settings.add(keyword, value, Origin::Default).expect("taken");
        }
        settings
    }

    #[test]
    fn domains_are_tried_in_order_and_aliases_followed_where_permitted() {
        for (host, expected) in [
            ("h", "h.b.example"),
            ("www", "web.cdn.example"),
            ("h.b.example.", "h.b.example"),
            ("x.y.example", "z.cdn.example"),
            ("unknown", "unknown"),
            ("127.1", "127.0.0.1"),
        ] {
            let found = canonical_host(host, &settings("true"), &mut Names::default());
            assert_eq!(found.as_deref(), Ok(expected), "{host}");
        }
        let mut names = Names::default();
        assert_eq!(canonical_host("h", &settings("false"), &mut names).as_deref(), Ok("h"));
        assert!(names.asked.is_empty());
    }

    #[test]
    fn a_proxy_looks_names_up_itself() {
        for (mode, expected) in [("true", "h"), ("always", "h.b.example")] {
            let mut settings = settings(mode);
            let command = Value::Text("nc %h %p".to_owned());
            settings.add(Keyword::ProxyCommand, command, Origin::Default).expect("taken");
            let found = canonical_host("h", &settings, &mut Names::default());
            assert_eq!(found.as_deref(), Ok(expected), "{mode}");
        }
    }

    #[test]
    fn without_fallback_a_host_has_to_be_found() {
        let mut settings = settings("true");
        let no = Value::Choice("no");
        settings.add(Keyword::CanonicalizeFallbackLocal, no, Origin::Default).expect("taken");
        let found = canonical_host("unknown", &settings, &mut Names::default());
        assert_eq!(found, Err(Problem::NotCanonical("unknown".to_owned())));
    }
}
