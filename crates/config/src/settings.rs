//! The values so far. The first value of a keyword is the one that counts; a few keywords gather all of theirs.

use crate::error::Problem;
use crate::keyword::{Keyword, Kind};
use crate::origin::Origin;
use crate::pattern::matches;
use crate::value::Value;
use std::collections::BTreeMap;

/// How many values a keyword gathers.
const MAXIMUM_GATHERED: usize = 1000;
/// How many files with keys or certificates are named, as ssh(1) has it.
const MAXIMUM_KEY_FILES: usize = 100;

/// A value, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setting {
    /// The value.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
}

/// The values so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    values: BTreeMap<Keyword, Vec<Setting>>,
}

impl Settings {
    /// The value that counts.
    pub(crate) fn get(&self, keyword: Keyword) -> Option<&Setting> {
        self.all(keyword).first()
    }

    /// Everything that was gathered.
    pub(crate) fn all(&self, keyword: Keyword) -> &[Setting] {
        self.values.get(&keyword).map_or(&[], Vec::as_slice)
    }

    /// The word, or line, that counts.
    pub(crate) fn text(&self, keyword: Keyword) -> Option<&str> {
        match self.get(keyword) {
            Some(Setting { value: Value::Text(text), .. }) => Some(text),
            _ => None,
        }
    }

    /// The words that count.
    pub(crate) fn words(&self, keyword: Keyword) -> Option<&[String]> {
        match self.get(keyword) {
            Some(Setting { value: Value::Words(words), .. }) => Some(words),
            _ => None,
        }
    }

    /// The choice that counts.
    pub(crate) fn choice(&self, keyword: Keyword) -> Option<&'static str> {
        match self.get(keyword) {
            Some(Setting { value: Value::Choice(word), .. }) => Some(word),
            _ => None,
        }
    }

    /// The number that counts.
    pub(crate) fn number(&self, keyword: Keyword) -> Option<u32> {
        match self.get(keyword) {
            Some(Setting { value: Value::Number(number), .. }) => Some(*number),
            _ => None,
        }
    }

    /// The time that counts, where it is not `none`.
    pub(crate) fn seconds(&self, keyword: Keyword) -> Option<u32> {
        match self.get(keyword) {
            Some(Setting { value: Value::Seconds(seconds), .. }) => *seconds,
            _ => None,
        }
    }

    /// Forgets what was said.
    pub(crate) fn forget(&mut self, keyword: Keyword) {
        self.values.remove(&keyword);
    }

    /// Says something, whatever was said before.
    pub(crate) fn replace(&mut self, keyword: Keyword, value: Value, origin: Origin) {
        self.values.insert(keyword, vec![Setting { value, origin }]);
    }

    /// Says something, if nothing was said before.
    pub(crate) fn fill(&mut self, keyword: Keyword, value: Value) {
        self.values.entry(keyword).or_insert_with(|| vec![Setting { value, origin: Origin::Default }]);
    }

    /// Takes a value from a line.
    pub(crate) fn add(&mut self, keyword: Keyword, value: Value, origin: Origin) -> Result<(), Problem> {
        // Whichever of the two stands first silences the other; but "ProxyJump none" silences later jumps only.
        let silenced = match keyword {
            Keyword::ProxyCommand => {
                self.get(Keyword::ProxyJump).is_some_and(|setting| setting.value != Value::Jumps(None))
            }
            Keyword::ProxyJump => self.values.contains_key(&Keyword::ProxyCommand),
            _ => false,
        };
        if silenced {
            return Ok(());
        }
        let values = self.values.entry(keyword).or_default();
        match (keyword.row().kind, value) {
            (Kind::IdentityFile | Kind::CertificateFile, value) => {
                // The same file named by the system's configuration is another entry to ssh(1), which tries a key
                // that the user names in another order; it is no other key.
                if !values.iter().any(|setting| setting.value == value) {
                    push(values, Setting { value, origin }, MAXIMUM_KEY_FILES)?;
                }
            }
            (Kind::LocalForward | Kind::RemoteForward | Kind::DynamicForward, value) => {
                if !values.iter().any(|setting| setting.value == value) {
                    push(values, Setting { value, origin }, MAXIMUM_GATHERED)?;
                }
            }
            (Kind::SendEnv, Value::Words(names)) => {
                for name in names {
                    match name.strip_prefix('-') {
                        Some(pattern) => values.retain(
                            |setting| !matches!(&setting.value, Value::Text(name) if matches(pattern, name)),
                        ),
                        None => {
                            let setting = Setting { value: Value::Text(name), origin: origin.clone() };
                            push(values, setting, MAXIMUM_GATHERED)?;
                        }
                    }
                }
            }
            // Its two values count by themselves.
            (Kind::RekeyLimit, value) => match (values.first_mut(), &value) {
                (None, _) => values.push(Setting { value, origin }),
                (
                    Some(Setting { value: Value::RekeyLimit { seconds: seconds @ None, .. }, .. }),
                    Value::RekeyLimit { seconds: later, .. },
                ) => *seconds = *later,
                _ => {}
            },
            // "none" says no more than that it has not been said.
            (Kind::Time, value) => {
                if values.first().is_none_or(|setting| setting.value == Value::Seconds(None)) {
                    *values = vec![Setting { value, origin }];
                }
            }
            // A list without words says nothing.
            (_, Value::Words(words)) if words.is_empty() => {}
            (_, value) => {
                if values.is_empty() {
                    values.push(Setting { value, origin });
                }
            }
        }
        if values.is_empty() {
            self.values.remove(&keyword);
        }
        Ok(())
    }
}

fn push(values: &mut Vec<Setting>, setting: Setting, maximum: usize) -> Result<(), Problem> {
    if values.len() >= maximum {
        return Err(Problem::TooMany(maximum));
    }
    values.push(setting);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin::command_line("test")
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn the_first_value_counts_and_some_are_gathered() {
        let mut settings = Settings::default();
        for user in ["a", "b"] {
            settings.add(Keyword::User, text(user), origin()).expect("taken");
        }
        assert_eq!(settings.text(Keyword::User), Some("a"));
        for file in ["a", "b", "a"] {
            settings.add(Keyword::IdentityFile, text(file), origin()).expect("taken");
        }
        assert_eq!(settings.all(Keyword::IdentityFile).len(), 2);
        for names in [&["A", "B", "C"][..], &["-[", "-?", "D"]] {
            let names = Value::Words(names.iter().map(|name| (*name).to_owned()).collect());
            settings.add(Keyword::SendEnv, names, origin()).expect("taken");
        }
        assert_eq!(settings.all(Keyword::SendEnv).len(), 1);
    }

    #[test]
    fn the_first_of_command_and_jump_counts() {
        let mut settings = Settings::default();
        settings.add(Keyword::ProxyCommand, text("none"), origin()).expect("taken");
        settings.add(Keyword::ProxyJump, Value::Jumps(None), origin()).expect("taken");
        assert!(settings.get(Keyword::ProxyJump).is_none());
        let mut settings = Settings::default();
        settings.add(Keyword::ProxyJump, Value::Jumps(None), origin()).expect("taken");
        settings.add(Keyword::ProxyCommand, text("x"), origin()).expect("taken");
        assert_eq!(settings.text(Keyword::ProxyCommand), Some("x"));
    }

    #[test]
    fn the_two_values_of_the_rekey_limit_count_by_themselves() {
        let mut settings = Settings::default();
        for (bytes, seconds) in [(16, None), (32, Some(60)), (64, Some(90))] {
            let value = Value::RekeyLimit { bytes, seconds };
            settings.add(Keyword::RekeyLimit, value, origin()).expect("taken");
        }
        let value = settings.get(Keyword::RekeyLimit).map(|setting| &setting.value);
        assert_eq!(value, Some(&Value::RekeyLimit { bytes: 16, seconds: Some(60) }));
    }

    #[test]
    fn no_more_than_a_hundred_key_files() {
        let mut settings = Settings::default();
        for index in 0..100 {
            settings.add(Keyword::IdentityFile, text(&index.to_string()), origin()).expect("taken");
        }
        let last = settings.add(Keyword::IdentityFile, text("x"), origin());
        assert_eq!(last, Err(Problem::TooMany(100)));
    }
}
