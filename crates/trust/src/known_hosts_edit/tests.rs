use super::*;
use crate::fixtures::{file, public, text};
use crate::known_hosts::HostKeyVerdict;
use konko_crypto::random::SystemRandom;

fn line(names: &str, key: &str) -> String {
    format!("{names} {}\n", public(key).to_openssh(""))
}

fn edited(edit: &Edit) -> String {
    String::from_utf8(edit.bytes.clone()).expect("a text")
}

/// Every line that ssh-keygen -F finds in a file with lines of all shapes, and no other.
///
/// covers: L12
#[test]
fn the_corpus_is_searched_as_ssh_keygen_searches_it() {
    let corpus = file("known_hosts.corpus");
    let found_by_ssh_keygen = text("known_hosts.found");
    let mut hosts: Vec<&str> =
        found_by_ssh_keygen.lines().filter_map(|found| found.split(' ').next()).collect();
    hosts.dedup();
    assert!(hosts.len() > 20);
    for host in hosts {
        let expected: Vec<String> = found_by_ssh_keygen
            .lines()
            .filter_map(|found| found.split_once(' '))
            .filter(|(other, _)| *other == host)
            .map(|(_, line)| line.to_owned())
            .collect();
        let found: Vec<String> = find(&corpus, host).iter().map(|found| found.line.to_string()).collect();
        assert_eq!(found, expected, "{host}");
    }
}

/// covers: L12
#[test]
fn what_is_removed_and_what_stays() {
    let contents = [
        "# comment\n",
        &line("a,b", "ed25519"),
        "\n",
        "not understood\n",
        &line("@revoked a", "ed25519"),
        &line("@cert-authority *", "rsa2048"),
        &line("*", "ecdsa256"),
        "  \t# another\r\n",
        &line("c", "ed25519"),
        "c ssh-unknown AAAA\n",
        line("[a]:22", "ed25519").trim_end(),
    ]
    .concat();
    let edit = remove(contents.as_bytes(), "A");
    assert_eq!((edit.changed.as_slice(), edit.invalid.as_slice()), ([2, 7].as_slice(), [4, 10].as_slice()));
    let expected = contents.replace(&line("a,b", "ed25519"), "").replace(&line("*", "ecdsa256"), "") + "\n";
    assert_eq!(edited(&edit), expected);
    let edit = remove(contents.as_bytes(), "[a]:22");
    assert_eq!(edit.changed, [7, 11]);
    let edit = remove(expected.as_bytes(), "nobody");
    assert_eq!((edit.changed.is_empty(), edited(&edit)), (true, expected));
    assert_eq!(remove(b"", "a"), Edit::default());
    assert_eq!(remove(b"\n\n", "a").bytes, b"\n\n");
}

#[test]
fn names_are_hashed_one_by_one() {
    let contents = [
        &line("Host.example,192.0.2.1", "ed25519"),
        &line("*.example", "ed25519"),
        "# comment\n",
        &line("@revoked bad.example", "rsa2048"),
        "damaged\n",
        &line("[port.example]:2222", "ecdsa256").replace('\n', " with a comment\n"),
    ]
    .concat();
    let edit = hash(contents.as_bytes(), &mut SystemRandom);
    assert_eq!(edit.changed, [1, 6]);
    assert_eq!(edit.patterns, [2]);
    assert_eq!(edit.invalid, [5]);
    let hashed = edited(&edit);
    assert_eq!(hashed.matches("|1|").count(), 3);
    assert!(!hashed.contains("Host.example") && hashed.ends_with(" with a comment\n"));
    let known = KnownHosts::parse(hashed.as_bytes());
    for (host, port, line, key) in [
        ("host.example", 22, 1, "ed25519"),
        ("192.0.2.1", 22, 2, "ed25519"),
        ("port.example", 2222, 7, "ecdsa256"),
    ] {
        assert_eq!(known.lookup(host, port, &public(key)), HostKeyVerdict::Known { line }, "{host}");
    }
    // A second time there is nothing to do.
    let again = hash(&edit.bytes, &mut SystemRandom);
    assert!(again.changed.is_empty());
    assert_eq!(again.bytes, edit.bytes);
}

/// covers: C11
#[test]
fn keys_are_replaced() {
    let contents = [
        "# comment\n",
        &line("h", "ed25519"),
        &line("other", "rsa2048"),
        &line("@cert-authority h", "rsa2048"),
        &line("h", "rsa2048"),
        "?? kept as it is",
    ]
    .concat();
    let wanted = [public("ed25519"), public("ecdsa256"), public("ecdsa256")];
    let edit = replace_keys(contents.as_bytes(), "h", 22, &wanted, None).expect("an edit");
    assert_eq!((edit.changed.as_slice(), edit.added), ([5].as_slice(), 1));
    let removed = line("h", "rsa2048");
    let at = contents.rfind(&removed).expect("the line");
    let expected =
        format!("{}{}\n{}", &contents[..at], &contents[at + removed.len()..], line("h", "ecdsa256"));
    assert_eq!(edited(&edit), expected);
    // Once more there is nothing to do.
    let again = replace_keys(&edit.bytes, "h", 22, &wanted, None).expect("an edit");
    assert_eq!((again.changed.len(), again.added, &again.bytes), (0, 0, &edit.bytes));

    let with_address = line("h,192.0.2.1", "rsa2048");
    let edit = replace_keys(with_address.as_bytes(), "h", 22, &wanted[..1], None).expect("an edit");
    assert_eq!(edited(&edit), line("h,192.0.2.1", "ed25519"));

    let hashed = replace_keys(b"", "h", 2222, &wanted[..1], Some(&mut SystemRandom)).expect("an edit");
    assert!(edited(&hashed).starts_with("|1|"));
    let known = KnownHosts::parse(&hashed.bytes);
    assert_eq!(known.lookup("h", 2222, &public("ed25519")), HostKeyVerdict::Known { line: 1 });
    let edit = replace_keys(&hashed.bytes, "h", 2222, &wanted[1..], None).expect("an edit");
    assert_eq!(edited(&edit), line("[h]:2222", "ecdsa256"));
}

/// covers: C11
#[test]
fn lines_of_other_hosts_forbid_it() {
    for names in ["*", "h,other", "!x,h", "h*", "h,192.0.2.1,192.0.2.2", "h,?"] {
        let contents = line("h", "ed25519") + &line(names, "rsa2048");
        let result = replace_keys(contents.as_bytes(), "h", 22, &[public("ecdsa256")], None);
        assert_eq!(result, Err(ReplaceError::OtherHosts { line: 2 }), "{names}");
    }
    let result = replace_keys(b"", "a b", 22, &[public("ecdsa256")], None);
    assert_eq!(result, Err(ReplaceError::HostName(HostNameError)));
}
