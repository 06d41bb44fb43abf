//! known_hosts: any file, asked for hosts; and what is appended is found again unless the file revokes it.
#![no_main]

use konko_fuzz::choices::Choices;
use konko_fuzz::endpoints::{host_key, user_key};
use konko_trust::known_hosts::{HostKeyVerdict, KnownHosts, append_line, line_for};
use konko_trust::known_hosts_edit::{find, hash, remove, replace_keys};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices::new(data);
    let port = if choices.flag() { 22 } else { choices.u16() };
    let hashed = choices.flag();
    let name = String::from_utf8_lossy(choices.short_bytes()).into_owned();
    let file = choices.rest();
    let (key, other) = (host_key().public_key(), user_key().public_key());

    let known_hosts = KnownHosts::parse(file);
    let lines = file.split(|byte| *byte == b'\n').count();
    assert!(known_hosts.lines().len() + known_hosts.not_understood().len() <= lines);
    for host in ["host.invalid", "192.0.2.1", name.as_str()] {
        let verdict = known_hosts.lookup(host, port, key);
        let types = known_hosts.key_types(host, port);
        match verdict {
            HostKeyVerdict::Known { line } => {
                assert!((1..=lines).contains(&line));
                assert!(types.contains(&key.key_type()));
            }
            HostKeyVerdict::Changed { expected, .. } => {
                assert!(!expected.is_empty() && !expected.contains(key));
            }
            HostKeyVerdict::NewKeyType { known } => {
                assert!(known.iter().all(|known| known.key_type() != key.key_type()));
            }
            _ => {}
        }
        assert!(known_hosts.lines().iter().all(|line| line.line() <= lines));
        let _ = known_hosts.lines().iter().filter(|line| line.is_for(host, port)).count();
    }

    let removed = remove(file, &name);
    assert!(find(&removed.bytes, &name).iter().all(|found| found.marker.is_some()));
    let hashed_once = hash(file, &mut konko_crypto::random::SystemRandom);
    assert!(hash(&hashed_once.bytes, &mut konko_crypto::random::SystemRandom).changed.is_empty());
    if let Ok(edit) = replace_keys(file, &name, port, &[other.clone()], None) {
        let verdict = KnownHosts::parse(&edit.bytes).lookup(&name, port, other);
        assert!(
            matches!(verdict, HostKeyVerdict::Known { .. } | HostKeyVerdict::Revoked { .. }),
            "{verdict:?}"
        );
    }

    let Ok(line) = line_for(&name, port, other, hashed.then_some(&[7; 20])) else { return };
    let mut longer = file.to_vec();
    longer.extend_from_slice(&append_line(file, &line));
    let verdict = KnownHosts::parse(&longer).lookup(&name, port, other);
    assert!(
        matches!(verdict, HostKeyVerdict::Known { .. } | HostKeyVerdict::Revoked { .. }),
        "{name:?} is {verdict:?} after {line:?} was appended"
    );
});
