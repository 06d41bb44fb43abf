//! Wildcards of names and addresses, as OpenSSH's files write them: `*`, `?`, and lists whose members may be negated
//! with `!`. Names of hosts are the same in upper and lower case of US-ASCII; those of users, algorithms and variables
//! are not.

use crate::walk;

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

/// Whether all of `text` matches `pattern`, where `*` stands for any run of bytes and `?` for any one byte. Upper and
/// lower case are the same.
///
/// The time is bounded by the product of the two lengths whatever the pattern is.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    matches_where(pattern, text, u8::eq_ignore_ascii_case)
}

/// [`matches()`] where upper and lower case differ.
pub fn matches_exactly(pattern: &[u8], text: &[u8]) -> bool {
    matches_where(pattern, text, u8::eq)
}

fn matches_where(pattern: &[u8], text: &[u8], same: impl Fn(&u8, &u8) -> bool) -> bool {
    let fits = |wanted: &u8, byte: &u8| *wanted == b'?' || same(wanted, byte);
    walk::matches(pattern, text, |step| *step == b'*', fits)
}

/// What a list of patterns, separated by commas, says of `text`. Upper and lower case are the same.
pub fn matches_list(list: &[u8], text: &[u8]) -> ListMatch {
    matches_list_where(list, text, matches)
}

/// [`matches_list`] where upper and lower case differ.
pub fn matches_list_exactly(list: &[u8], text: &[u8]) -> ListMatch {
    matches_list_where(list, text, matches_exactly)
}

fn matches_list_where(list: &[u8], text: &[u8], matches: impl Fn(&[u8], &[u8]) -> bool) -> ListMatch {
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
    use crate::walk::words;

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

    /// covers: L04
    #[test]
    fn every_short_pattern_means_what_the_definition_says() {
        let texts = words(b"ab", 5);
        for pattern in words(b"ab*?", 5) {
            for text in &texts {
                let expected = naive(&pattern, text);
                assert_eq!(matches(&pattern, text), expected, "{pattern:?} {text:?}");
                assert_eq!(matches_exactly(&pattern, text), expected, "{pattern:?} {text:?}");
                assert_eq!(matches(&pattern, &text.to_ascii_uppercase()), expected, "{pattern:?} {text:?}");
            }
        }
    }

    /// covers: L04
    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("*", "", true),
            ("?", "", false),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("a?c", "abc", true),
            ("ab", "abc", false),
            ("abc", "ab", false),
            ("A", "a", false),
            ("*.example", "h.example", true),
            ("[a]", "a", false),
            ("**a**b", "xaxb", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-d", false),
            ("*cbc", "aes-cbc-cbc", true),
            ("A?C*E", "ABCDE", true),
            ("A?C*E", "ABCDEF", false),
        ] {
            assert_eq!(matches_exactly(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
        assert!(matches(b"A", b"a") && matches(b"a", b"A"));
        assert!(!matches(b"[", b"{"), "the bit that tells cases apart tells no others apart");
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
        assert_eq!(matches_list_exactly(b"*.example,!bad.example", b"BAD.example"), ListMatch::Matched);
        assert_eq!(matches_list(b"!bad.example,*", b"bad.example"), ListMatch::Negated);
        assert_eq!(matches_list_exactly(b"!bad.example,*", b"bad.example"), ListMatch::Negated);
        assert_eq!(matches_list(b"!bad.example", b"good.example"), ListMatch::NotMatched);
        assert_eq!(matches_list(b"", b"good.example"), ListMatch::NotMatched);
        assert_eq!(matches_list_exactly(b"AC", b"ac"), ListMatch::NotMatched);
    }
}
