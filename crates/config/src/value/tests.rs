use super::*;
use crate::catalogue::Algorithms;
use crate::keyword::Keyword;

fn value(line: &str) -> Result<String, Problem> {
    let catalogue =
        Catalogue { ciphers: Algorithms::new("aes128-ctr", "aes128-ctr,aes256-ctr"), ..Catalogue::default() };
    let variables = |name: &str| (name == "S").then(|| "/run/s".to_owned());
    let service = |name: &str| (name == "ssh").then_some(22);
    let reading = Reading { catalogue: &catalogue, variables: &variables, service: &service };
    let (name, rest) = line.split_once(' ').expect("a keyword and a value");
    let kind = Keyword::by_name(name).expect("a keyword").row().kind;
    let mut words = Words::split(rest)?;
    let value = reading.value(kind, rest, &mut words)?;
    words.end()?;
    Ok(match value {
        Value::Choice(word) => word.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text,
        Value::Words(words) => words.join("|"),
        Value::Forward(forward) => format!("{} {}", forward.listen, forward.connect),
        other => format!("{other:?}"),
    })
}

#[test]
fn values_are_read() {
    for (line, expected) in [
        ("Port ssh", "22"),
        ("ConnectTimeout none", "Seconds(None)"),
        ("ConnectTimeout 1m", "Seconds(Some(60))"),
        ("Compression YES", "yes"),
        ("PubkeyAuthentication host-bound", "host-bound"),
        ("StrictHostKeyChecking off", "false"),
        ("User \"a b\"", "a b"),
        ("ProxyCommand nc \"%h\" 22 # x", "nc \"%h\" 22 # x"),
        ("ProxyJump none", "Jumps(None)"),
        ("UserKnownHostsFile a \"b c\"", "a|b c"),
        ("Ciphers +aes256-ctr", "+aes256-ctr"),
        ("RekeyLimit default none", "RekeyLimit { bytes: 0, seconds: None }"),
        ("RekeyLimit 1G 1h", "RekeyLimit { bytes: 1073741824, seconds: Some(3600) }"),
        ("LocalForward 80 a:ssh", "80 [a]:22"),
        ("LocalForward ${S} a:22", "/run/s [a]:22"),
        ("RemoteForward 80", "80 [socks]:0"),
        ("DynamicForward a:80", "[a]:80 [socks]:0"),
        ("PermitRemoteOpen a:1 [::1]:*", "a:1|[::1]:*"),
        ("EscapeChar ^]", "EscapeChar(Some(29))"),
        ("EscapeChar none", "EscapeChar(None)"),
        ("SetEnv a=b c=d a=e", "a=b|c=d"),
        ("ControlPersist 0", "yes"),
        ("ControlPersist 1m", "Seconds(Some(60))"),
        ("TunnelDevice 1", "TunnelDevice(Some(1), None)"),
        ("IPQoS ef", "Quality(Some(184), Some(184))"),
        ("CanonicalDomains A.example. b", "a.example|b"),
        ("CanonicalizePermittedCNAMEs *.A:b *", "PermittedCnames([(\"*.a\", \"b\"), (\"*\", \"*\")])"),
        ("StreamLocalBindMask 0117", "79"),
        ("AddKeysToAgent confirm 5m", "AgentKeys(\"confirm\", 300)"),
        ("AddKeysToAgent 5m", "AgentKeys(\"true\", 300)"),
        ("IdentityAgent $SOCK", "$SOCK"),
        ("IdentityAgent ${S}", "${S}"),
        ("ForwardAgent true", "yes"),
        ("ObscureKeystrokeTiming interval:20", "20"),
        ("ChannelTimeout session=5m direct-tcpip=0", "session=5m|direct-tcpip=0"),
    ] {
        assert_eq!(value(line).as_deref(), Ok(expected), "{line}");
    }
}

/// covers: L07
#[test]
fn what_is_no_value_is_refused() {
    for line in [
        "Port 0",
        "Port 65536",
        "Port 22x",
        "Port \"\"",
        "Port 22 23",
        "ConnectTimeout 1x",
        "Compression true",
        "BatchMode maybe",
        "User \"a",
        "Ciphers rot13",
        "Ciphers aes*",
        "RekeyLimit 8",
        "RekeyLimit 1G soon",
        "LocalForward 80",
        "LocalForward 80 a:22 b",
        "LocalForward ${T} a:22",
        "DynamicForward 80 a:22",
        "PermitRemoteOpen a",
        "PermitRemoteOpen a:0",
        "PermitRemoteOpen any a:1",
        "UserKnownHostsFile none a",
        "EscapeChar ab",
        "EscapeChar é",
        "SendEnv A=b",
        "SetEnv A",
        "ControlPersist maybe",
        "TunnelDevice a",
        "TunnelDevice 1:2:3",
        "IPQoS 256",
        "CanonicalDomains -a",
        "CanonicalizePermittedCNAMEs a",
        "StreamLocalBindMask 0999",
        "StreamLocalBindMask 01000",
        "AddKeysToAgent yes 5m",
        "AddKeysToAgent maybe",
        "IdentityAgent $a-b",
        "IdentityAgent ${T}",
        "ObscureKeystrokeTiming interval:0",
        "ChannelTimeout session",
        "ConnectionAttempts -1",
        "ProxyJump a,,b",
        "Host a",
    ] {
        assert!(value(line).is_err(), "{line}");
    }
}
