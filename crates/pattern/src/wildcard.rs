//! Patterns of host names and addresses, as known_hosts and ssh_config write them: `*`, `?`, and lists whose
//! members may be negated with `!`. Upper and lower case of US-ASCII are the same.

/// What a list of patterns says of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListMatch {
    /// A pattern matches, and no negated one does.
    Matched,
    /// No pattern matches.
    NotMatched,
    /// A negated pattern matches; what others say does not count.
    Negated,
}

/// Whether all of `text` matches `pattern`, where `*` stands for any run of bytes and `?` for any one byte.
///
/// The time is bounded by the product of the two lengths whatever the pattern is: only the last `*` is ever
/// taken up again.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut resume: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(p), text.get(t)) {
            (Some(b'*'), _) => {
                p += 1;
                resume = Some((p, t));
                continue;
            }
            (Some(wanted), Some(byte)) if *wanted == b'?' || wanted.eq_ignore_ascii_case(byte) => {
                (p, t) = (p + 1, t + 1);
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        // The last star swallows one byte more.
        match resume {
            Some((after_star, start)) if start < text.len() => {
                (p, t) = (after_star, start + 1);
                resume = Some((p, t));
            }
            _ => return false,
        }
    }
}

/// What a list of patterns, separated by commas, says of `text`.
pub fn matches_list(list: &[u8], text: &[u8]) -> ListMatch {
    let mut result = ListMatch::NotMatched;
    for pattern in list.split(|byte| *byte == b',') {
        match pattern.strip_prefix(b"!") {
            Some(negated) if matches(negated, text) => return ListMatch::Negated,
            None if matches(pattern, text) => result = ListMatch::Matched,
            _ => {}
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the definition reads, at any cost.
    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => (0..=text.len()).any(|skipped| naive(rest, &text[skipped..])),
            ([b'?', rest @ ..], [_, tail @ ..]) => naive(rest, tail),
            ([wanted, rest @ ..], [byte, tail @ ..]) => wanted == byte && naive(rest, tail),
            _ => false,
        }
    }

    fn words(alphabet: &[u8], longest: usize) -> Vec<Vec<u8>> {
        let mut all = vec![Vec::new()];
        let mut last = all.clone();
        for _ in 0..longest {
            let grown = |word: &Vec<u8>| {
                alphabet.iter().map(|byte| [word.as_slice(), &[*byte]].concat()).collect::<Vec<_>>()
            };
            last = last.iter().flat_map(grown).collect();
            all.extend(last.iter().cloned());
        }
        all
    }

    /// covers: L04
    #[test]
    fn every_short_pattern_means_what_the_definition_says() {
        let texts = words(b"ab", 5);
        for pattern in words(b"ab*?", 5) {
            for text in &texts {
                assert_eq!(matches(&pattern, text), naive(&pattern, text), "{pattern:?} {text:?}");
            }
        }
    }

    /// A matcher that takes up every star again would not come back from here.
    ///
    /// covers: L04
    #[test]
    fn many_stars_cost_no_more_than_the_product_of_the_lengths() {
        let text = vec![b'a'; 1000];
        let mut pattern = vec![b'*'; 1000];
        pattern.push(b'b');
        assert!(!matches(&pattern, &text));
        let mut mixed = b"?*".repeat(500);
        mixed.push(b'b');
        assert!(!matches(&mixed, &text));
        mixed.pop();
        assert!(matches(&mixed, &text));
    }

    #[test]
    fn one_negated_match_decides() {
        assert_eq!(matches_list(b"*.example,!bad.example", b"good.example"), ListMatch::Matched);
        assert_eq!(matches_list(b"*.example,!bad.example", b"BAD.example"), ListMatch::Negated);
        assert_eq!(matches_list(b"!bad.example,*", b"bad.example"), ListMatch::Negated);
        assert_eq!(matches_list(b"!bad.example", b"good.example"), ListMatch::NotMatched);
        assert_eq!(matches_list(b"", b"good.example"), ListMatch::NotMatched);
    }
}
