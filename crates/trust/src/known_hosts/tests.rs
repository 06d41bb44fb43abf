use super::*;
use crate::fixtures::{file, public, text};
use HostKeyVerdict::{Changed, Known, NewKeyType, Revoked, Unknown};

fn line(name: &str) -> String {
    public(name).to_openssh("")
}

/// covers: L12
#[test]
fn files_of_ssh_keygen_in_the_clear_and_hashed() {
    let (ed25519, ecdsa256) = (public("ed25519"), public("ecdsa256"));
    let (rsa, ecdsa384) = (public("rsa2048"), public("ecdsa384"));
    for (name, shift) in [("known_hosts", 0), ("known_hosts.hashed", 1)] {
        let known = KnownHosts::parse(&file(name));
        assert!(known.not_understood().is_empty());
        assert_eq!(known.lookup("plain.example", 22, &ed25519), Known { line: 1 });
        assert_eq!(known.lookup("PLAIN.example", 22, &ed25519), Known { line: 1 });
        assert_eq!(known.lookup("first.example", 22, &ecdsa256), Known { line: 2 });
        // ssh-keygen -H writes each name of a line into a line of its own.
        assert_eq!(known.lookup("192.0.2.7", 22, &ecdsa256), Known { line: 2 + shift });
        assert_eq!(known.lookup("port.example", 2222, &rsa), Known { line: 3 + shift });
        assert_eq!(known.lookup("2001:db8::1", 2222, &ecdsa384), Known { line: 4 + shift });

        assert_eq!(known.lookup("port.example", 22, &rsa), Unknown);
        assert_eq!(known.lookup("port.example", 2223, &rsa), Unknown);
        assert_eq!(known.lookup("plain.example", 2222, &ed25519), Unknown);
        assert_eq!(known.lookup("2001:db8::1", 22, &ecdsa384), Unknown);
        assert_eq!(known.lookup("other.example", 22, &ed25519), Unknown);
        assert_eq!(known.lookup("plain.example", 22, &rsa), NewKeyType { known: vec![ed25519.clone()] });
        let changed = known.lookup("port.example", 2222, &public("rsa3072"));
        assert_eq!(changed, Changed { line: 3 + shift, expected: vec![rsa.clone()] });
        assert_eq!(known.key_types("port.example", 2222), ["ssh-rsa"]);
        assert!(known.key_types("port.example", 22).is_empty());
    }
    assert_eq!(text("known_hosts.hashed").matches("|1|").count(), 5);
}

#[test]
fn every_line_counts() {
    let contents = format!(
        "h {}\nh {}\nh {}\nh {}\nh {}\n",
        line("rsa2048"),
        line("ed25519"),
        line("rsa3072"),
        line("ecdsa256"),
        line("rsa2048")
    );
    let known = KnownHosts::parse(contents.as_bytes());
    assert_eq!(known.lookup("h", 22, &public("rsa2048")), Known { line: 1 });
    assert_eq!(known.lookup("h", 22, &public("rsa3072")), Known { line: 3 });
    let types = ["ssh-rsa", "ssh-ed25519", "ecdsa-sha2-nistp256"];
    assert_eq!(known.key_types("h", 22), types);
    let changed = KnownHosts::parse(format!("h {}\nh {}\n", line("ed25519"), line("rsa2048")).as_bytes());
    let expected = vec![public("rsa2048")];
    assert_eq!(changed.lookup("h", 22, &public("rsa3072")), Changed { line: 2, expected });
    let known = vec![public("ed25519"), public("rsa2048")];
    assert_eq!(changed.lookup("h", 22, &public("ecdsa384")), NewKeyType { known });
}

/// covers: L12
#[test]
fn markers() {
    let contents = format!(
        "host.example {0}\n@revoked * {0}\n@revoked other.example {1}\n@cert-authority *.example {2}\n@unknown * {1}\n",
        line("ed25519"),
        line("ecdsa256"),
        line("rsa2048"),
    );
    let known = KnownHosts::parse(contents.as_bytes());
    assert_eq!(known.lookup("host.example", 22, &public("ed25519")), Revoked { line: 2 });
    assert_eq!(known.lookup("elsewhere", 22, &public("ed25519")), Revoked { line: 2 });
    assert_eq!(known.lookup("other.example", 22, &public("ecdsa256")), Revoked { line: 3 });
    // A revoked key is no reason to expect another one, and a certificate authority is not a host key.
    assert_eq!(known.lookup("other.example", 22, &public("rsa2048")), Unknown);
    assert_eq!(known.lookup("other.example", 22, &public("rsa3072")), Unknown);
    let expected = NewKeyType { known: vec![public("ed25519")] };
    assert_eq!(known.lookup("host.example", 22, &public("ecdsa256")), expected);
    assert_eq!(known.key_types("other.example", 22), Vec::<&str>::new());
    assert_eq!(known.not_understood(), [5]);
    let markers: Vec<_> = known.lines().iter().map(HostKeyLine::marker).collect();
    let revoked = Some(Marker::Revoked);
    assert_eq!(markers, [None, revoked, revoked, Some(Marker::CertAuthority)]);
    assert!(known.lines()[3].is_for("a.example", 22) && !known.lines()[3].is_for("a.example", 2222));
}

/// covers: L12
#[test]
fn patterns_in_the_list_of_names() {
    let contents =
        format!("*.example,!bad.example,10.0.0.? {}\n[*.example]:* {}\n", line("ed25519"), line("ecdsa256"));
    let known = KnownHosts::parse(contents.as_bytes());
    assert_eq!(known.lookup("good.example", 22, &public("ed25519")), Known { line: 1 });
    assert_eq!(known.lookup("10.0.0.7", 22, &public("ed25519")), Known { line: 1 });
    assert_eq!(known.lookup("10.0.0.77", 22, &public("ed25519")), Unknown);
    assert_eq!(known.lookup("bad.example", 22, &public("ed25519")), Unknown);
    assert_eq!(known.lookup("good.example", 2222, &public("ecdsa256")), Known { line: 2 });
    assert_eq!(
        known.lookup("good.example", 22, &public("ecdsa256")),
        NewKeyType { known: vec![public("ed25519")] }
    );
}

/// covers: L12
#[test]
fn a_line_that_is_not_understood_says_nothing() {
    let good = line("ed25519");
    let base64 = good.split(' ').nth(1).expect("base64");
    let salt = Base64::encode_string(&[7; SALT_LEN]);
    let bad = [
        "host".to_owned(),
        "host ssh-ed25519".to_owned(),
        format!("host ssh-rsa {base64}"),
        format!("host ssh-ed25519 {}", &base64[..40]),
        format!("host ssh-unknown {base64}"),
        "host 1024 35 1234567890".to_owned(),
        format!("@ host {good}"),
        format!("@revoked{good}"),
        format!("@revoked @revoked host {good}"),
        format!("|2|{salt}|{salt} {good}"),
        format!("|1|{salt} {good}"),
        format!("|1|{salt}|{salt}|{salt} {good}"),
        format!("|1|!|{salt} {good}"),
        format!("|1|AAAA|{salt} {good}"),
        format!("host\0 {good}"),
        format!("host {good} {}", "x".repeat(LONGEST_LINE)),
        format!("host\u{a0}{good}"),
    ];
    let contents = format!("{}\n \t\n# host {good}\nhost  \t{good}  comment \r\nlast {good}", bad.join("\n"));
    let known = KnownHosts::parse(contents.as_bytes());
    assert_eq!(known.not_understood(), (1..=bad.len()).collect::<Vec<_>>());
    assert_eq!(known.lookup("host", 22, &public("ed25519")), Known { line: bad.len() + 3 });
    assert_eq!(known.lookup("last", 22, &public("ed25519")), Known { line: bad.len() + 4 });
    assert_eq!(known.lines()[0].comment(), "comment");
    assert!(KnownHosts::parse(&[0xff; 4096]).lines().is_empty());
    assert!(KnownHosts::parse(b"").lines().is_empty());
}

#[test]
fn lines_that_are_written_are_found_again() {
    let key = public("ecdsa256");
    for (host, port) in
        [("Host.Example", 22), ("host", 2222), ("192.0.2.1", 22), ("fe80::1%eth0", 22), ("::1", 2)]
    {
        for salt in [None, Some(&[7; SALT_LEN])] {
            let line = line_for(host, port, &key, salt).expect("a line");
            let known = KnownHosts::parse(line.as_bytes());
            assert_eq!(known.lookup(host, port, &key), Known { line: 1 }, "{line}");
            assert_eq!(known.lookup(host, port + 1, &key), Unknown, "{line}");
            assert_eq!(line.starts_with("|1|"), salt.is_some());
        }
    }
    assert!(line_for("host", 2222, &key, None).is_ok_and(|line| line.starts_with("[host]:2222 ecdsa")));
}

/// covers: L13
#[test]
fn a_host_name_cannot_bring_a_line_of_its_own() {
    let key = public("ed25519");
    let hostile = [
        "a\nb", "a,b", "*", "a?", "!a", "|1|x|y", "#a", "@revoked", "a b", "a\tb", "[a]", "a\0", "",
        "a\u{a0}b",
    ];
    for host in hostile {
        assert_eq!(line_for(host, 22, &key, None), Err(HostNameError), "{host:?}");
        assert_eq!(line_for(host, 2222, &key, None), Err(HostNameError), "{host:?}");
    }
    let hashed = line_for("a\nb", 22, &key, Some(&[7; SALT_LEN])).expect("a hash of anything");
    assert_eq!(hashed.lines().count(), 1);
}

/// covers: L13
#[test]
fn an_appended_line_stands_alone() {
    assert_eq!(append_line(b"", "new"), b"new\n");
    assert_eq!(append_line(b"old\n", "new"), b"new\n");
    assert_eq!(append_line(b"old", "new"), b"\nnew\n");
}

/// Lines of all shapes: the same ones speak of a host as `ssh-keygen -F` finds, but for those with a damaged key,
/// which it does not look at.
///
/// covers: L12
#[test]
fn the_lines_that_ssh_keygen_finds() {
    let corpus = text("known_hosts.corpus");
    let known = KnownHosts::parse(corpus.as_bytes());
    let is_damaged = |found: &&str| {
        let line: usize = found.split(' ').nth(1).expect("host line").parse().expect("a number");
        let text = corpus.lines().nth(line - 1).expect("a line");
        let damaged = ["ssh-rsa AAAAC3", "ssh-ed25519 AAAAAAAA", "ssh-ed25519 !"];
        damaged.iter().any(|key| text.starts_with(&format!("plain.example {key}")))
    };
    let expected: Vec<_> =
        text("known_hosts.found").lines().filter(|found| !is_damaged(found)).map(str::to_owned).collect();
    let mut names: Vec<&str> = expected.iter().filter_map(|line| line.split(' ').next()).collect();
    names.dedup();
    assert!(names.len() > 20);
    let mut found = Vec::new();
    for name in names {
        let (host, port) = match name.strip_prefix('[').and_then(|rest| rest.split_once("]:")) {
            Some((host, port)) => (host, port.parse().expect("a port")),
            None => (name, 22),
        };
        for entry in known.lines().iter().filter(|entry| entry.is_for(host, port)) {
            found.push(format!("{name} {}", entry.line()));
        }
    }
    assert_eq!(found, expected);
}
