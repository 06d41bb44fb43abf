use super::*;
use crate::walk::words;

/// Each case says the same of bytes and of characters.
fn matches(pattern: &str, name: &str, backslash: Backslash) -> bool {
    let of_bytes = Glob::new(pattern.as_bytes(), backslash).matches(name.as_bytes());
    assert_eq!(Glob::of_text(pattern, backslash).matches_text(name), of_bytes, "{pattern} {name}");
    of_bytes
}

#[test]
fn patterns_are_the_shell_s() {
    for (pattern, name, expected) in [
        ("", "", true),
        ("", "a", false),
        ("*", "", true),
        ("*", "a", true),
        ("**", "x", true),
        ("*.txt", "a.txt", true),
        ("*.txt", "a.txt.gz", false),
        ("a*b*c", "aXbXbc", true),
        ("a*b*c", "aXbYbZc", true),
        ("a*b*c", "aXbYbZ", false),
        ("a*b", "ac", false),
        ("?", "x", true),
        ("?", "", false),
        ("?", "xy", false),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("[a-c]x", "bx", true),
        ("[a-c]", "d", false),
        ("[!a-c]x", "dx", true),
        ("[^a-c]x", "dx", true),
        ("[!a-c]x", "bx", false),
        ("[]x]", "]", true),
        ("[!]x]", "]", false),
        ("[c-a]", "b", false),
        ("[a-]", "-", true),
        ("[-a]", "-", true),
        ("[*?]", "*", true),
        ("[*?]", "x", false),
        ("[a", "[a", true),
        ("[", "[", true),
        ("[]", "[]", true),
        ("[!]", "[!]", true),
        ("[[[a]", "[", true),
        ("\\*", "*", true),
        ("\\*", "x", false),
        ("a\\?b", "a?b", true),
        ("\\\\", "\\", true),
        ("a*\\", "ax\\", true),
    ] {
        for backslash in [Backslash::Escapes, Backslash::Member] {
            assert_eq!(matches(pattern, name, backslash), expected, "{pattern} {name} {backslash:?}");
        }
    }
    assert!(Glob::new(b"*\xff*", Backslash::Member).matches(b"a\xffb"));
}

#[test]
fn a_backslash_between_brackets_is_what_the_caller_says() {
    for (pattern, name, escapes, member) in [
        ("[\\-x]", "-", false, false),
        ("[\\!]", "\\", false, true),
        ("[\\!]", "!", true, true),
        ("[a\\b]", "\\", false, true),
        ("[a\\b]", "b", true, true),
        ("[\\]", "\\", true, true),
    ] {
        assert_eq!(matches(pattern, name, Backslash::Escapes), escapes, "{pattern} {name}");
        assert_eq!(matches(pattern, name, Backslash::Member), member, "{pattern} {name}");
    }
}

/// POSIX §2.13.3: a period at the beginning of a name is matched by a period of the pattern, and by nothing else.
#[test]
fn only_a_dot_matches_a_dot_at_the_beginning() {
    for (pattern, name, expected) in [
        ("*", ".a", false),
        ("?a", ".a", false),
        ("[.]a", ".a", false),
        ("[!x]a", ".a", false),
        ("*.txt", ".a.txt", false),
        (".*", ".a", true),
        ("\\.*", ".a", true),
        ("*.", "a.", true),
    ] {
        assert_eq!(matches(pattern, name, Backslash::Escapes), expected, "{pattern} {name}");
    }
}

#[test]
fn one_character_may_be_many_bytes() {
    let (pattern, name) = ("?[\u{e0}-\u{e9}]", "\u{fc}\u{e4}");
    assert!(Glob::of_text(pattern, Backslash::Member).matches_text(name));
    assert!(!Glob::new(b"??", Backslash::Member).matches(name.as_bytes()));
    assert!(Glob::new(b"????", Backslash::Member).matches(name.as_bytes()));
}

/// As the definition reads, at any cost, of patterns without brackets.
fn naive(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=name.len()).any(|skipped| naive(rest, &name[skipped..])),
        ([b'?', rest @ ..], [_, tail @ ..]) => naive(rest, tail),
        ([b'\\', wanted, rest @ ..], [byte, tail @ ..]) => wanted == byte && naive(rest, tail),
        ([wanted, rest @ ..], [byte, tail @ ..]) => wanted == byte && naive(rest, tail),
        _ => false,
    }
}

#[test]
fn every_short_pattern_means_what_the_definition_says() {
    let names = words(b"a*\\", 4);
    for pattern in words(b"a*?\\", 5) {
        let glob = Glob::new(&pattern, Backslash::Escapes);
        for name in &names {
            assert_eq!(glob.matches(name), naive(&pattern, name), "{pattern:?} {name:?}");
        }
    }
}

#[test]
fn a_pattern_cannot_take_for_ever() {
    let pattern = [b"*a".repeat(200).as_slice(), b"b"].concat();
    assert!(!Glob::new(&pattern, Backslash::Member).matches(&b"a".repeat(5000)));
    let unclosed = [b"*".as_slice(), &b"[".repeat(5000), b"x"].concat();
    assert!(!Glob::new(&unclosed, Backslash::Member).matches(&b"[".repeat(5000)));
}

#[test]
fn what_is_escaped_is_a_name() {
    for (pattern, special) in [("a*", true), ("a?", true), ("[a", true), ("a\\*", false), ("a\\\\*", true)] {
        assert_eq!(is_special(pattern.as_bytes()), special, "{pattern}");
    }
    assert_eq!(unescaped(b"a\\*\\\\"), b"a*\\");
    assert_eq!(unescaped(b"a\\"), b"a\\");
}
