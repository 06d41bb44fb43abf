//! Patterns and lists of them where upper and lower case may differ.

/// Whether all of `text` matches `pattern`, where `*` stands for any run of bytes and `?` for any one byte, and
/// upper and lower case differ. Takes no more time than the product of the two lengths.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(p), text.get(t)) {
            (Some(b'*'), _) => {
                p += 1;
                last_star = Some((p, t));
                continue;
            }
            (Some(wanted), Some(byte)) if *wanted == b'?' || wanted == byte => {
                (p, t) = (p + 1, t + 1);
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        match last_star {
            Some((after, start)) if start < text.len() => {
                (p, t) = (after, start + 1);
                last_star = Some((p, t));
            }
            _ => return false,
        }
    }
}

/// Whether `text` matches one of the patterns between commas and none of those with `!` before them.
pub(crate) fn matches_list(list: &str, text: &str) -> bool {
    let mut found = false;
    for pattern in list.split(',') {
        match pattern.strip_prefix('!') {
            Some(negated) if matches(negated, text) => return false,
            None if matches(pattern, text) => found = true,
            _ => {}
        }
    }
    found
}

/// [`matches_list`] where upper and lower case do not differ.
pub(crate) fn matches_list_of_any_case(list: &str, text: &str) -> bool {
    matches_list(&list.to_ascii_lowercase(), &text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("A", "a", false),
            ("*.example", "h.example", true),
            ("[a]", "a", false),
            ("**a**b", "xaxb", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
        let mut pattern = "*".repeat(1000);
        pattern.push('b');
        assert!(!matches(&pattern, &"a".repeat(1000)));
    }

    #[test]
    fn a_negated_match_decides() {
        assert!(matches_list("a*,!ab", "ac"));
        assert!(!matches_list("a*,!ab", "ab"));
        assert!(!matches_list("!ab", "ac"));
        assert!(!matches_list("AC", "ac"));
        assert!(matches_list_of_any_case("AC", "ac") && matches_list_of_any_case("ac", "AC"));
    }
}
