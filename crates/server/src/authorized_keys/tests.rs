use super::*;
use std::os::unix::fs::PermissionsExt;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

fn line(options: &str) -> AuthorizedKey {
    let text = if options.is_empty() { KEY.to_owned() } else { format!("{options} {KEY}") };
    let parsed = AuthorizedKeys::parse(text.as_bytes());
    assert_eq!(parsed.refused(), []);
    parsed.keys().first().unwrap().clone()
}

fn restrictions(options: &str) -> Option<Restrictions> {
    Restrictions::of(&line(options)).ok()
}

/// covers: H24
#[test]
fn restrictions_are_those_of_the_line() {
    assert_eq!(restrictions(""), Some(Restrictions::default()));
    let restricted = Restrictions { no_pty: true, no_port_forwarding: true, ..Restrictions::default() };
    assert_eq!(restrictions("restrict"), Some(restricted.clone()));
    assert_eq!(restrictions("no-pty,no-port-forwarding"), Some(restricted.clone()));
    assert_eq!(restrictions("restrict,pty"), Some(Restrictions { no_pty: false, ..restricted.clone() }));
    assert_eq!(
        restrictions("restrict,port-forwarding"),
        Some(Restrictions { no_port_forwarding: false, ..restricted })
    );
    assert_eq!(
        restrictions(r#"command="echo \"hi\"",environment="A=b=c",no-agent-forwarding"#),
        Some(Restrictions {
            forced_command: Some("echo \"hi\"".to_owned()),
            environment: vec![("A".to_owned(), "b=c".to_owned())],
            ..Restrictions::default()
        })
    );
}

/// covers: A15
#[test]
fn what_cannot_be_enforced_lets_nobody_in() {
    for options in [
        r#"from="192.0.2.1""#,
        r#"expiry-time="20991231""#,
        r#"permitopen="localhost:80""#,
        r#"permitlisten="8080""#,
        r#"principals="root""#,
        r#"tunnel="0""#,
        "verify-required",
        "no-touch-required",
        "command",
        r#"no-pty="yes""#,
        r#"environment="A""#,
        "something-new",
    ] {
        assert_eq!(restrictions(options), None, "{options}");
    }
}

#[test]
fn a_file_that_others_could_write_lets_nobody_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authorized_keys");
    let file = AuthorizedKeysFile::new(&path);
    let key = line("").key;
    assert_eq!(file.check(&key), None);
    std::fs::write(&path, format!("from=\"10.0.0.1\" {KEY}\nno-pty {KEY}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    // The first line cannot be enforced, the second can.
    assert_eq!(file.check(&key), Some(Restrictions { no_pty: true, ..Restrictions::default() }));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o664)).unwrap();
    assert_eq!(file.check(&key), None);
}
