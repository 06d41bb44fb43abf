use super::*;
use crate::configured::attendant::Unattended;
use crate::configured::catalogue::catalogue;
use crate::known_hosts_files::{HostKeyUpdates, KnownHostsFiles};
use konko_config::{Configuration, Files, Local, Origin, Request, Source};
use konko_transport::userauth::MethodName;
use std::io;
use std::path::PathBuf;

struct Nothing;

impl Source for Nothing {
    fn read(&mut self, _: &str, _: usize, _: bool) -> io::Result<Option<Vec<u8>>> {
        Ok(None)
    }
}

fn options(lines: &[&str]) -> Result<ClientOptions, Error> {
    let local = Local {
        user: "me".to_owned(),
        uid: 1000,
        home: Some("/home/me".to_owned()),
        host_name: "here".to_owned(),
        version: "konko".to_owned(),
    };
    let mut configuration = Configuration::new(local, catalogue());
    for line in lines {
        configuration.set(line, Origin::command_line(format!("-o {line}")), &mut Nothing)?;
    }
    let request = Request::new("Host").with_files(Files::None);
    let resolved = configuration.resolve(&request, &mut Nothing)?;
    ClientOptions::from_config(&resolved, &Unattended)
}

#[test]
fn values_reach_the_client() {
    let options = options(&[
        "Port=2222",
        "User=you",
        "ConnectTimeout=7",
        "ServerAliveInterval=5",
        "ServerAliveCountMax=1",
        "RekeyLimit=1M 10m",
        "RequiredRSASize=3072",
        "Compression=yes",
        "AddressFamily=inet6",
        "BindAddress=::1",
        "HostKeyAlias=Alias",
        "NumberOfPasswordPrompts=2",
        "PreferredAuthentications=password,gssapi-with-mic,publickey",
        "PubkeyAcceptedAlgorithms=ssh-ed25519",
        "TCPKeepAlive=no",
        "IdentitiesOnly=yes",
        "Ciphers=aes256-ctr",
        "KexAlgorithms=-*sha1,*nistp*",
        "UserKnownHostsFile=/a /b",
        "VersionAddendum=for tests",
        "PubkeyAuthentication=unbound",
    ])
    .expect("all are good");
    assert_eq!((options.user.as_str(), options.port), ("you", 2222));
    assert_eq!(options.timeouts.connect, Some(Duration::from_secs(7)));
    assert_eq!(options.timeouts.identification, Some(Duration::from_secs(7)));
    assert_eq!((options.keepalive, options.keepalive_maximum_missed), (Some(Duration::from_secs(5)), 1));
    let packet = &options.transport.packet;
    assert_eq!((packet.rekey.bytes, packet.rekey.interval), (1 << 20, Some(Duration::from_secs(600))));
    assert_eq!(packet.minimum_rsa_bits, 3072);
    assert_eq!(packet.algorithms.cipher_client_to_server.len(), 1);
    assert_eq!(packet.algorithms.cipher_server_to_client[0].name, "aes256-ctr");
    assert!(packet.algorithms.kex.iter().all(|row| !row.name.contains("nistp")));
    assert!(packet.identification.as_bytes().ends_with(b" for tests"));
    assert!(options.compression && options.identities_only && !options.tcp_keepalive);
    assert_eq!(options.address_family, AddressFamily::V6);
    assert_eq!(options.bind_address, "::1".parse().ok());
    assert_eq!(options.host_key_alias.as_deref(), Some("alias"));
    assert_eq!(options.password_prompts, 2);
    assert_eq!(options.preferred_methods, Some(vec![MethodName::Password, MethodName::PublicKey]));
    assert_eq!(options.signature_algorithms.len(), 1);
    assert!(!options.transport.auth.host_bound);
    let HostKeyPolicy::Strict(files) = &options.host_keys else { panic!("{:?}", options.host_keys) };
    assert_eq!(files.user, [PathBuf::from("/a"), PathBuf::from("/b")]);
}

#[test]
fn a_client_is_what_it_is_by_default() {
    let options = options(&[]).expect("nothing is wrong");
    let usual = ClientOptions::new("me", HostKeyPolicy::InsecureAcceptAny);
    assert_eq!((options.user.as_str(), options.port), ("me", 22));
    assert_eq!(options.timeouts, usual.timeouts);
    assert_eq!(options.keepalive, None);
    assert_eq!(options.transport.packet.rekey, usual.transport.packet.rekey);
    assert_eq!(options.transport.packet.minimum_rsa_bits, usual.transport.packet.minimum_rsa_bits);
    let names = |options: &ClientOptions| -> Vec<&str> {
        options.transport.packet.algorithms.host_key.iter().map(|row| row.name).collect()
    };
    assert_eq!(names(&options), names(&usual));
    assert!(options.tcp_keepalive && !options.compression);
}

#[test]
fn what_keys_are_used_for() {
    let usual = options(&[]).expect("good");
    assert!(usual.transport.auth.host_bound && usual.add_keys_to_agent.is_none());
    let unbound = options(&["PubkeyAuthentication=unbound"]).expect("good");
    assert!(!unbound.transport.auth.host_bound);
    let bound = options(&["PubkeyAuthentication=host-bound"]).expect("good");
    assert!(bound.transport.auth.host_bound);
    let vouching = options(&["HostbasedAcceptedAlgorithms=rsa-sha2-512"]).expect("good");
    let names: Vec<_> = vouching.host_based_algorithms.iter().map(|row| row.name).collect();
    assert_eq!(names, ["rsa-sha2-512"]);
    assert_eq!(vouching.signature_algorithms.len(), usual.signature_algorithms.len());
    for (line, lifetime, confirm) in [
        ("AddKeysToAgent=yes", None, false),
        ("AddKeysToAgent=confirm", None, true),
        ("AddKeysToAgent=confirm 5m", Some(Duration::from_secs(300)), true),
        ("AddKeysToAgent=1h", Some(Duration::from_secs(3600)), false),
    ] {
        let adding = options(&[line, "IdentityAgent=/agent"]).expect("good").add_keys_to_agent.expect(line);
        assert_eq!((adding.lifetime, adding.confirm), (lifetime, confirm), "{line}");
        assert_eq!(adding.agent.origin(), "the agent at /agent");
    }
    for (line, ask) in [("AddKeysToAgent=ask", true), ("AddKeysToAgent=yes", false)] {
        let adding = options(&[line, "IdentityAgent=/agent"]).expect("good").add_keys_to_agent.expect(line);
        assert_eq!(adding.ask, ask, "{line}");
    }
    for lines in [
        &["AddKeysToAgent=yes", "IdentityAgent=none"][..],
        &["AddKeysToAgent=no", "IdentityAgent=/agent"],
        &["AddKeysToAgent=ask", "IdentityAgent=/agent", "BatchMode=yes"],
    ] {
        assert!(options(lines).expect("good").add_keys_to_agent.is_none(), "{lines:?}");
    }
}

#[test]
fn those_who_type_have_a_class_of_their_own() {
    let class = |lines: &[&str]| options(lines).expect("good").traffic_class;
    assert_eq!(class(&["IPQoS=af21 cs1"]), Some(0x20));
    assert_eq!(class(&["IPQoS=af21 cs1", "RequestTTY=yes"]), Some(0x48));
    assert_eq!(class(&["IPQoS=none"]), None);
    assert_eq!(class(&[]), None);
}

#[test]
fn an_address_says_more_than_an_interface() {
    let interface = |lines: &[&str]| options(lines).expect("good").bind_interface;
    assert_eq!(interface(&["BindInterface=lo"]).as_deref(), Some("lo"));
    assert_eq!(interface(&["BindInterface=lo", "BindAddress=127.0.0.1"]), None);
}

#[test]
fn nobody_is_asked_in_batch_mode() {
    let batch = options(&["BatchMode=yes"]).expect("good");
    assert_eq!(batch.preferred_methods, Some(vec![MethodName::PublicKey]));
    let none = options(&["PubkeyAuthentication=no", "NumberOfPasswordPrompts=0"]).expect("good");
    assert_eq!(none.preferred_methods, Some(Vec::new()));
}

#[test]
fn what_matters_and_cannot_be_done_is_refused() {
    for line in [
        "PKCS11Provider=/x",
        "ProxyUseFdpass=yes",
        "Tunnel=yes",
        "KnownHostsCommand=not/absolute",
        "KnownHostsCommand=/bin/x 'open",
        "KnownHostsCommand=/bin/x %Z",
        "RefuseConnection=no way",
        "PreferredAuthentications=telepathy",
        "ChannelTimeout=session=5m",
        "VersionAddendum=a\u{e9}b\u{1}",
    ] {
        let error = options(&[line]).expect_err(line);
        assert!(error.to_string().starts_with("-o "), "{error}");
    }
    for line in [
        "PKCS11Provider=none",
        "Tunnel=no",
        "ForwardX11=yes",
        "GSSAPIAuthentication=yes",
        "ChannelTimeout=none",
    ] {
        assert!(options(&[line]).is_ok(), "{line}");
    }
}

#[test]
fn this_computer_may_be_exempt_from_host_keys() {
    let lenient = "NoHostAuthenticationForLocalhost=yes";
    let exempt = options(&[lenient, "HostName=127.0.0.1"]).expect("good");
    assert!(matches!(exempt.host_keys, HostKeyPolicy::InsecureAcceptAny));
    for lines in [&[lenient][..], &["HostName=127.0.0.1"]] {
        assert!(matches!(options(lines).expect("good").host_keys, HostKeyPolicy::Strict(_)));
    }
}

/// The files that a policy looks into.
fn files(options: &ClientOptions) -> &KnownHostsFiles {
    match &options.host_keys {
        HostKeyPolicy::Strict(files) => files,
        policy => panic!("{policy:?}"),
    }
}

#[test]
fn what_says_which_hosts_to_believe() {
    let usual = options(&[]).expect("good");
    assert_eq!((files(&usual).revoked.len(), &files(&usual).command), (0, &None));
    assert!(files(&usual).authority_algorithms.is_none());
    let options = options(&[
        "RevokedHostKeys=~/revoked",
        "KnownHostsCommand=/bin/x  \"a b\" %H %t%% h=%h 'c\"%I'",
        "CASignatureAlgorithms=ssh-ed25519",
        "UpdateHostKeys=yes",
        "HostName=100%%.example",
    ])
    .expect("good");
    let files = files(&options);
    assert_eq!(files.revoked, [PathBuf::from("/home/me/revoked")]);
    let command = files.command.as_ref().expect("a command");
    assert_eq!(command.program, PathBuf::from("/bin/x"));
    // A percent sign in what a token stands for stays one.
    assert_eq!(command.arguments, ["a b", "%H", "%t%%", "h=100%%.example", "c\"%I"]);
    let names: Vec<_> = files.authority_algorithms.iter().flatten().map(|row| row.name).collect();
    assert_eq!(names, ["ssh-ed25519"]);
    assert_eq!(files.update, HostKeyUpdates::Always);
    let no = super::tests::options(&["UpdateHostKeys=no"]).expect("good");
    assert_eq!(super::tests::files(&no).update, HostKeyUpdates::Never);
    let ask = super::tests::options(&["UpdateHostKeys=ask"]).expect("good");
    assert_eq!(super::tests::files(&ask).update, HostKeyUpdates::Ask);
    let silent = super::tests::options(&["UpdateHostKeys=ask", "BatchMode=yes"]).expect("good");
    assert_eq!(super::tests::files(&silent).update, HostKeyUpdates::Never);
}
