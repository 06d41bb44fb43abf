use crate::support::*;

#[test]
fn the_demo_shows_a_command_through_ssh() {
    let home = tempfile::tempdir().expect("a folder");
    let left = run(konko(home.path()).arg("demo"), b"");
    assert_eq!(left.code(), Some(0), "{}", left.stderr);
    let text = left.text();
    for expected in [
        "  stdout: hello from",
        "  stderr: and a line on standard error",
        "exit status 7",
        "strict exchange   yes",
        "cipher            aes",
    ] {
        assert!(text.contains(expected), "{expected:?} in {text}");
    }
}

#[test]
fn the_program_tells_how_it_is_used() {
    let home = tempfile::tempdir().expect("a folder");
    for (arguments, expected) in [
        (&["--help"][..], "Usage: konko <COMMAND>"),
        (&["ssh", "-h"], "Usage: konko ssh [options]"),
        (&["ssh", "--help"], "Usage: konko ssh [options]"),
        (&["ssh", "-V"], "konko "),
        (&["--version"], "konko "),
        (&["serve", "--help"], "--authorized-keys"),
    ] {
        let left = run(konko(home.path()).args(arguments), b"");
        assert_eq!(left.code(), Some(0), "{arguments:?}: {}", left.stderr);
        assert!(left.text().contains(expected), "{arguments:?}: {}", left.text());
    }
}
