//! Patterns of the names of files, as the shell has them (POSIX.1-2017, Shell and Utilities §2.13): `*`, `?`, `[a-z]`,
//! `[!a-z]`, and a backslash before what stands for itself.
//!
//! A name is a sequence of bytes, or of characters where a `?` is to stand for a whole one: [`Glob`] takes either.

use crate::walk;

/// What a backslash is between brackets. POSIX leaves it open (§2.13.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backslash {
    /// It takes the meaning from what follows it, as outside.
    Escapes,
    /// It is a member like others.
    Member,
}

/// One step of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step<S> {
    /// `*`
    Run,
    /// `?`
    Any,
    One(S),
    /// From the first to the last of each pair.
    Class {
        ranges: Vec<(S, S)>,
        negated: bool,
    },
}

impl<S: Ord> Step<S> {
    fn fits(&self, symbol: &S) -> bool {
        match self {
            Self::Run | Self::Any => true,
            Self::One(wanted) => wanted == symbol,
            Self::Class { ranges, negated } => {
                ranges.iter().any(|(first, last)| first <= symbol && symbol <= last) != *negated
            }
        }
    }
}

/// A pattern for one name: of bytes (`Glob<u8>`) or of characters (`Glob<char>`). To it a slash is like any other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob<S> {
    steps: Vec<Step<S>>,
}

impl<S: Copy + Ord + From<u8>> Glob<S> {
    /// Reads a pattern; anything is one. A bracket that nothing closes stands for itself, and so does a backslash at
    /// the end.
    pub fn new(pattern: &[S], backslash: Backslash) -> Self {
        let is = |symbol: S, byte: u8| symbol == S::from(byte);
        let mut steps = Vec::new();
        let mut rest = pattern;
        // Where one bracket is not closed, none behind it is.
        let mut may_close = true;
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            let step = if is(*first, b'*') {
                Step::Run
            } else if is(*first, b'?') {
                Step::Any
            } else if let (true, Some((literal, after))) = (is(*first, b'\\'), rest.split_first()) {
                rest = after;
                Step::One(*literal)
            } else if is(*first, b'[') && may_close {
                match class(rest, backslash) {
                    Some((class, after)) => {
                        rest = after;
                        class
                    }
                    None => {
                        may_close = false;
                        Step::One(*first)
                    }
                }
            } else {
                Step::One(*first)
            };
            steps.push(step);
        }
        Self { steps }
    }

    /// Whether all of a name matches. A dot at its beginning is matched by a dot only (POSIX §2.13.3), escaped or not:
    /// never by `*`, `?` or a class.
    ///
    /// The time is bounded by the product of the lengths of both whatever the pattern is.
    pub fn matches(&self, name: &[S]) -> bool {
        let dot = S::from(b'.');
        let says_dot = matches!(self.steps.first(), Some(Step::One(first)) if *first == dot);
        let is_hidden = name.first() == Some(&dot) && !says_dot;
        !is_hidden && walk::matches(&self.steps, name, |step| matches!(step, Step::Run), Step::fits)
    }
}

impl Glob<char> {
    /// [`Glob::new`] for a text.
    pub fn of_text(pattern: &str, backslash: Backslash) -> Self {
        Self::new(&pattern.chars().collect::<Vec<_>>(), backslash)
    }

    /// [`Glob::matches`] for a text.
    pub fn matches_text(&self, name: &str) -> bool {
        self.matches(&name.chars().collect::<Vec<_>>())
    }
}

/// A class, after its `[`, and what follows its `]`; `None` if nothing closes it.
fn class<S: Copy + Ord + From<u8>>(rest: &[S], backslash: Backslash) -> Option<(Step<S>, &[S])> {
    let is = |symbol: S, byte: u8| symbol == S::from(byte);
    let (negated, inside) = match rest.split_first() {
        Some((first, inside)) if is(*first, b'!') || is(*first, b'^') => (true, inside),
        _ => (false, rest),
    };
    // A `]` that comes first is a member.
    let end = 1 + inside.get(1..)?.iter().position(|symbol| is(*symbol, b']'))?;
    let (mut members, after) = (inside.get(..end)?, inside.get(end + 1..)?);
    let mut ranges = Vec::new();
    loop {
        members = match members {
            [first, dash, last, tail @ ..] if is(*dash, b'-') => {
                ranges.push((*first, *last));
                tail
            }
            [first, member, tail @ ..] if is(*first, b'\\') && backslash == Backslash::Escapes => {
                ranges.push((*member, *member));
                tail
            }
            [member, tail @ ..] => {
                ranges.push((*member, *member));
                tail
            }
            [] => return Some((Step::Class { ranges, negated }, after)),
        };
    }
}

/// Whether a name holds anything that is special where it stands for a pattern: `*`, `?` or `[` without a backslash
/// before it.
pub fn is_special(name: &[u8]) -> bool {
    let mut bytes = name.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'*' | b'?' | b'[' => return true,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
    false
}

/// The name that a pattern without anything special stands for: without its backslashes, save one at the end.
pub fn unescaped(pattern: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(pattern.len());
    let mut bytes = pattern.iter();
    while let Some(byte) = bytes.next() {
        let byte = if *byte == b'\\' { bytes.next().unwrap_or(byte) } else { byte };
        name.push(*byte);
    }
    name
}

#[cfg(test)]
mod tests;
