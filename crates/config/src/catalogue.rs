//! Lists of algorithms: which there are, and what a list of the user's makes of them.

use crate::error::Problem;
use crate::keyword::AlgorithmList;
use crate::pattern::{matches, matches_list};

/// The algorithms of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Algorithms {
    /// Those that are used unless something else is said, the preferred one first.
    pub default: Vec<String>,
    /// All that there are.
    pub all: Vec<String>,
}

impl Algorithms {
    /// From names separated by commas.
    pub fn new(default: &str, all: &str) -> Self {
        let names = |list: &str| list.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Self { default: names(default), all: names(all) }
    }
}

/// The algorithms that the program has, by whose names a configuration may ask for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// Ciphers.
    pub ciphers: Algorithms,
    /// Message authentication codes.
    pub macs: Algorithms,
    /// Key exchange methods.
    pub kex: Algorithms,
    /// Signature algorithms of hosts and users.
    pub keys: Algorithms,
    /// Signature algorithms of certificate authorities.
    pub ca_signatures: Algorithms,
    /// `RequiredRSASize` where nobody says, in bits.
    pub required_rsa_size: u32,
}

impl Catalogue {
    fn of(&self, list: AlgorithmList) -> &Algorithms {
        match list {
            AlgorithmList::Ciphers => &self.ciphers,
            AlgorithmList::Macs => &self.macs,
            AlgorithmList::Kex => &self.kex,
            AlgorithmList::HostKey | AlgorithmList::Pubkey | AlgorithmList::Hostbased => &self.keys,
            AlgorithmList::CaSignature => &self.ca_signatures,
        }
    }

    /// Refuses a list that names what there is not. Wildcards are for the algorithms of keys, and for lists of what
    /// is taken away, which may name anything.
    pub(crate) fn check(&self, list: AlgorithmList, text: &str) -> Result<(), Problem> {
        if text.starts_with('-') {
            return Ok(());
        }
        let wildcards = !matches!(list, AlgorithmList::Ciphers | AlgorithmList::Macs | AlgorithmList::Kex);
        let all = &self.of(list).all;
        let names = text.strip_prefix(['+', '^']).unwrap_or(text);
        if names.is_empty() {
            return Err(Problem::NoAlgorithm(text.to_owned()));
        }
        let exists =
            |name: &&str| all.iter().any(|other| other == name || (wildcards && matches(name, other)));
        match names.split(',').filter(|name| !name.is_empty()).find(|name| !exists(name)) {
            None => Ok(()),
            Some(name) => Err(Problem::UnknownAlgorithm(name.to_owned())),
        }
    }

    /// What the user's list makes of the default one: it replaces it, or is appended (`+`), taken away (`-`) or put
    /// first (`^`).
    ///
    /// # Errors
    ///
    /// [`Problem::NoAlgorithm`] if nothing is left.
    pub(crate) fn assemble(&self, list: AlgorithmList, text: Option<&str>) -> Result<Vec<String>, Problem> {
        let algorithms = self.of(list);
        let Some(text) = text else { return Ok(algorithms.default.clone()) };
        let names = |list: &str| -> Vec<String> {
            let names = list.split(',').filter(|name| !name.is_empty());
            let expand = |name| algorithms.all.iter().filter(move |other| matches(name, other)).cloned();
            names.flat_map(expand).collect()
        };
        let mut chosen = match text.split_at_checked(1) {
            Some(("+", more)) => [algorithms.default.clone(), names(more)].concat(),
            Some(("^", first)) => [names(first), algorithms.default.clone()].concat(),
            Some(("-", less)) => {
                algorithms.default.iter().filter(|name| !matches_list(less, name)).cloned().collect()
            }
            _ => names(text),
        };
        let mut seen = Vec::new();
        chosen.retain(|name| {
            let new = !seen.contains(name);
            seen.push(name.clone());
            new
        });
        // The algorithms of the host are chosen anew for every host; ssh(1) does not look at them before.
        if chosen.is_empty() && list != AlgorithmList::HostKey {
            return Err(Problem::NoAlgorithm(text.to_owned()));
        }
        Ok(chosen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_replace_append_remove_and_prefer() {
        let keys = Algorithms::new("a1,a2,b1", "a1,a2,b1,b2,c");
        let catalogue = Catalogue { keys: keys.clone(), ciphers: keys, ..Catalogue::default() };
        let assemble =
            |text: &str| catalogue.assemble(AlgorithmList::Pubkey, Some(text)).map(|l| l.join(","));
        for (text, expected) in [
            ("c,a1", "c,a1"),
            ("+c,a1", "a1,a2,b1,c"),
            ("-a*", "b1"),
            ("^c,b1", "c,b1,a1,a2"),
            ("b*", "b1,b2"),
            ("c,c", "c"),
        ] {
            assert_eq!(assemble(text).as_deref(), Ok(expected), "{text}");
            assert_eq!(catalogue.check(AlgorithmList::Pubkey, text), Ok(()), "{text}");
        }
        assert_eq!(assemble("-*"), Err(Problem::NoAlgorithm("-*".to_owned())));
        assert_eq!(catalogue.assemble(AlgorithmList::HostKey, Some("-*")), Ok(Vec::new()));
        assert_eq!(
            catalogue.check(AlgorithmList::Ciphers, "a*"),
            Err(Problem::UnknownAlgorithm("a*".into()))
        );
        assert_eq!(catalogue.check(AlgorithmList::Pubkey, "+d"), Err(Problem::UnknownAlgorithm("d".into())));
        assert_eq!(catalogue.check(AlgorithmList::Ciphers, "-d*"), Ok(()));
    }
}
