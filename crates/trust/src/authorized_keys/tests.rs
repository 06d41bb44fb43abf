use super::*;
use crate::fixtures::public;

fn line(name: &str) -> String {
    public(name).to_openssh("someone@somewhere")
}

fn parse(options: &str) -> Result<KeyOptions, LineError> {
    let text = format!("{options} {}", line("ed25519"));
    AuthorizedKey::parse(1, &text).map(|key| {
        assert_eq!((key.key, key.comment.as_str()), (public("ed25519"), "someone@somewhere"));
        key.options
    })
}

#[test]
fn keys_without_options() {
    let contents = format!("# comment\n\n{}\r\n  {}\n", line("ed25519"), line("rsa2048"));
    let authorized = AuthorizedKeys::parse(contents.as_bytes());
    assert!(authorized.refused().is_empty());
    let found = authorized.find(&public("ed25519")).expect("the first key");
    assert_eq!(
        (found.line, found.comment.as_str(), &found.options),
        (3, "someone@somewhere", &KeyOptions::default())
    );
    assert_eq!(authorized.find(&public("rsa2048")).map(|found| found.line), Some(4));
    assert_eq!(authorized.find(&public("rsa3072")), None);
}

/// covers: L09
#[test]
fn options_end_at_the_first_blank_outside_quotes() {
    let command = |text: &str| parse(text).map(|options| options.command);
    assert_eq!(command(r#"command="echo \"a b\"",no-pty"#), Ok(Some(r#"echo "a b""#.to_owned())));
    assert_eq!(parse(r#"command="open"#), Err(LineError::Options(OptionError::Malformed)));
    assert_eq!(
        parse("no pty").map(|_| ()),
        Err(LineError::Options(OptionError::Unknown { name: "no".into() }))
    );
    assert_eq!(parse("pty pty").map(|_| ()), Err(LineError::Key(KeyError::NotAKey)));
    let unknown = |name: &str| Err(LineError::Options(OptionError::Unknown { name: name.into() }));
    assert_eq!(parse("ssh-unknown"), unknown("ssh-unknown"));
    assert_eq!(parse("restrict,from-now-on"), unknown("from-now-on"));
}

/// covers: L09
#[test]
fn the_type_must_be_there_and_be_the_one_of_the_key() {
    let line = line("ed25519");
    let base64 = line.split(' ').nth(1).expect("base64");
    let cases = [
        (format!("restrict {base64}"), LineError::Key(KeyError::NotAKey)),
        (format!("ssh-rsa {base64}"), LineError::Key(KeyError::TypeMismatch)),
        (format!("restrict ssh-rsa {base64}"), LineError::Key(KeyError::TypeMismatch)),
        ("restrict".to_owned(), LineError::Key(KeyError::NotAKey)),
        (format!("ssh-ed25519\0 {base64}"), LineError::NotText),
    ];
    for (text, expected) in cases {
        let authorized = AuthorizedKeys::parse(text.as_bytes());
        assert_eq!(authorized.refused(), [(1, expected)], "{text}");
        assert!(authorized.keys().is_empty());
    }
    assert!(AuthorizedKeys::parse(base64.as_bytes()).keys().is_empty());
}

#[test]
fn one_key_may_stand_in_several_lines() {
    let key = line("ed25519");
    let contents = format!("cert-authority {key}\nfrom=\"192.0.2.1\" {key}\nnot a key\n{key}\n");
    let authorized = AuthorizedKeys::parse(contents.as_bytes());
    let lines: Vec<_> = authorized.find_all(&public("ed25519")).map(|found| found.line).collect();
    assert_eq!(lines, [2, 4]);
    assert_eq!(authorized.find(&public("ed25519")).map(|found| found.line), Some(2));
    let lines: Vec<_> = authorized.authorities(&public("ed25519")).map(|found| found.line).collect();
    assert_eq!(lines, [1]);
    assert_eq!(authorized.keys().len(), 3);
    assert_eq!(authorized.refused().len(), 1);
}

/// The rest of a line that is too long is not a line.
///
/// covers: L08
#[test]
fn long_lines_are_refused_whole() {
    let key = line("ed25519");
    for extra in [0, 1, 1000, 10 * LIMITS.longest] {
        let padding = "x".repeat(LIMITS.longest + extra - key.len() - 1 - r#"command="" "#.len());
        let text = format!("command=\"{padding}\" {key}");
        let restricted = AuthorizedKeys::parse(text.as_bytes());
        assert_eq!(text.len(), LIMITS.longest + extra - 1);
        let fits = text.len() <= LIMITS.longest;
        assert_eq!(restricted.find(&public("ed25519")).is_some(), fits, "{extra}");
        assert!(restricted.keys().iter().all(|found| found.options.command.is_some()));
        assert_eq!(restricted.refused().is_empty(), fits);
    }
}

#[test]
fn lines_beyond_the_limit_are_not_read() {
    let key = line("ed25519");
    let last = format!("{}{key}", "\n".repeat(LIMITS.most - 1));
    assert_eq!(AuthorizedKeys::parse(last.as_bytes()).keys().len(), 1);
    let beyond = format!("{}{key}", "\n".repeat(LIMITS.most));
    let authorized = AuthorizedKeys::parse(beyond.as_bytes());
    assert!(authorized.keys().is_empty());
    assert_eq!(authorized.refused(), [(LIMITS.most + 1, LineError::TooManyLines)]);
}

/// Keys of authenticators are keys like others; certificates and unknown types stand in no line.
#[test]
fn types_of_keys() {
    let blob = public("ed25519").blob().to_vec();
    let mut sk = Vec::new();
    konko_wire::encode::put_string(&mut sk, b"sk-ssh-ed25519@openssh.com");
    sk.extend_from_slice(&blob[15..]);
    konko_wire::encode::put_string(&mut sk, b"ssh:");
    let sk = PublicKey::decode(&sk).expect("a key").to_openssh("");
    let certificate =
        String::from_utf8(crate::fixtures::trust_file("certificates/ed25519-4-plain-ecdsa521.pub"))
            .expect("a text");
    let unknown = "ssh-unknown@example.org AAAAF3NzaC11bmtub3duQGV4YW1wbGUub3Jn";
    let text = format!(
        "{sk}\nno-touch-required,verify-required {sk}\n{certificate}{unknown}\n{}\n",
        line("rsa2048")
    );
    let authorized = AuthorizedKeys::parse(text.as_bytes());
    let lines: Vec<_> = authorized.keys().iter().map(|found| found.line).collect();
    assert_eq!(lines, [1, 2, 5]);
    let options = &authorized.keys()[1].options;
    assert!(options.no_touch_required && options.verify_required);
    let refused: Vec<_> = authorized.refused().iter().map(|(line, _)| *line).collect();
    assert_eq!(refused, [3, 4]);
}
