//! The wildcards of ssh_config, for texts.

use konko_pattern::wildcard::{self, ListMatch};

/// [`wildcard::matches_exactly`]: upper and lower case differ.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    wildcard::matches_exactly(pattern.as_bytes(), text.as_bytes())
}

/// Whether `text` matches one of the patterns between commas and none of those with `!` before them.
pub(crate) fn matches_list(list: &str, text: &str) -> bool {
    wildcard::matches_list_exactly(list.as_bytes(), text.as_bytes()) == ListMatch::Matched
}

/// [`matches_list`] where upper and lower case do not differ.
pub(crate) fn matches_list_of_any_case(list: &str, text: &str) -> bool {
    wildcard::matches_list(list.as_bytes(), text.as_bytes()) == ListMatch::Matched
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: L04
    #[test]
    fn a_negated_match_decides() {
        assert!(matches("A?", "AC") && !matches("A?", "ac"));
        assert!(matches_list("a*,!ab", "ac"));
        assert!(!matches_list("a*,!ab", "ab"));
        assert!(!matches_list("!ab", "ac"));
        assert!(!matches_list("AC", "ac"));
        assert!(matches_list_of_any_case("AC", "ac") && matches_list_of_any_case("ac", "AC"));
        assert!(!matches_list_of_any_case("a*,!AB", "ab"));
    }
}
