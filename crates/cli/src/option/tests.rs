use crate::option::algorithms::{algorithms, pubkey_algorithms};
use crate::option::choice::{AddressFamily, LogLevel, RequestTty, SessionType, StrictHostKeyChecking};
use crate::option::error::OptionError;
use crate::option::settings::{RekeyLimit, Settings};
use crate::option::size::parse_size;
use crate::option::time::parse_time;
use crate::option::words::{split_name, split_words};
use std::time::Duration;

fn set(lines: &[&str]) -> Result<Settings, OptionError> {
    let mut settings = Settings::default();
    for line in lines {
        settings.set_line(line)?;
    }
    Ok(settings)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn times_are_sequences_of_numbers_with_units() {
    let table = [
        ("0", Some(0)),
        ("600", Some(600)),
        ("10m", Some(600)),
        ("1h30m", Some(5_400)),
        ("1w2d3H4M5S", Some(788_645)),
        ("90s10", Some(100)),
        ("2147483647", Some(2_147_483_647)),
        ("2147483648", None),
        ("99999999999999999999w", None),
        ("", None),
        ("m", None),
        ("-1", None),
        ("1.5h", None),
        ("1 h", None),
        ("1y", None),
        ("1\u{e9}", None),
    ];
    for (text, expected) in table {
        assert_eq!(parse_time(text), expected.map(seconds), "{text}");
    }
}

#[test]
fn sizes_have_binary_units() {
    let table = [
        ("1", Some(1)),
        ("512k", Some(524_288)),
        ("1M", Some(1_048_576)),
        ("4G", Some(4_294_967_296)),
        ("17179869184G", None),
        ("", None),
        ("G", None),
        ("+1", None),
        ("-1M", None),
        ("1T", None),
        ("1\u{e9}", None),
    ];
    for (text, expected) in table {
        assert_eq!(parse_size(text), expected, "{text}");
    }
}

#[test]
fn names_end_at_blanks_or_an_equals_sign() {
    for line in ["Port=22", "Port 22", "Port = 22", " Port\t=22 ", "Port  22"] {
        assert_eq!(split_name(line), ("Port", "22"), "{line}");
    }
    assert_eq!(split_name("SetEnv A=B"), ("SetEnv", "A=B"));
    assert_eq!(split_name("SetEnv=A=B"), ("SetEnv", "A=B"));
    assert_eq!(split_name("Port"), ("Port", ""));
}

#[test]
fn words_may_be_quoted() {
    let table: [(&str, &[&str]); 9] = [
        ("a b\tc", &["a", "b", "c"]),
        ("\"a b\" c", &["a b", "c"]),
        ("'a b'c", &["a bc"]),
        ("a\\ b", &["a b"]),
        ("\"a\\\"b\"", &["a\"b"]),
        ("a\\b", &["a\\b"]),
        ("\"\"", &[""]),
        ("a #b", &["a"]),
        ("a#b", &["a#b"]),
    ];
    for (value, expected) in table {
        assert_eq!(split_words("X", value).expect(value), expected, "{value}");
    }
    assert_eq!(split_words("X", "\"a"), Err(OptionError::Unterminated("X".to_owned())));
}

/// Every option once, in every way of writing one.
const EVERY_OPTION: &[&str] = &[
    "addressfamily inet6",
    "BatchMode=yes",
    "BindAddress=192.0.2.1",
    "CheckHostIP no",
    "Ciphers=aes256-ctr",
    "Compression yes",
    "ConnectTimeout=1m",
    "ConnectionAttempts=3",
    "EscapeChar=^]",
    "ForkAfterAuthentication=no",
    "GlobalKnownHostsFile=none",
    "HashKnownHosts=yes",
    "HostKeyAlgorithms=ssh-ed25519",
    "HostKeyAlias=alias",
    "HostName=host.example",
    "IdentitiesOnly=yes",
    "IdentityFile=~/.ssh/a",
    "IdentityFile=\"~/.ssh/b c\"",
    "ChallengeResponseAuthentication=no",
    "KexAlgorithms=curve25519-sha256",
    "LogLevel=debug2",
    "MACs=hmac-sha2-256",
    "NumberOfPasswordPrompts=1",
    "PasswordAuthentication=no",
    "Port=2222",
    "PreferredAuthentications=publickey,password",
    "PubkeyAcceptedKeyTypes=ssh-ed25519",
    "PubkeyAuthentication=YES",
    "RekeyLimit=1G 1h",
    "RemoteCommand=echo \"a  b",
    "RequestTTY=force",
    "RequiredRSASize=3072",
    "SendEnv=LANG LC_*",
    "SendEnv=X",
    "ServerAliveCountMax=2",
    "ServerAliveInterval=15",
    "SessionType=default",
    "SetEnv=A=b=c \"D=e f\"",
    "StdinNull=no",
    "StrictHostKeyChecking=accept-new",
    "KeepAlive=no",
    "User=me",
    "UserKnownHostsFile=/a /b",
];

#[test]
fn every_option_takes_its_values() {
    let all = set(EVERY_OPTION).expect("all are good");
    let text = |text: &str| Some(text.to_owned());
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let expected = Settings {
        address_family: Some(AddressFamily::Inet6),
        batch_mode: Some(true),
        bind_address: text("192.0.2.1"),
        ciphers: text("aes256-ctr"),
        compression: Some(true),
        connect_timeout: Some(Some(seconds(60))),
        connection_attempts: Some(3),
        escape_char: Some(Some(0x1d)),
        fork_after_authentication: Some(false),
        global_known_hosts_files: Some(Vec::new()),
        hash_known_hosts: Some(true),
        host_key_algorithms: text("ssh-ed25519"),
        host_key_alias: text("alias"),
        host_name: text("host.example"),
        identities_only: Some(true),
        identity_files: Some(texts(&["~/.ssh/a", "~/.ssh/b c"])),
        kbd_interactive_authentication: Some(false),
        kex_algorithms: text("curve25519-sha256"),
        log_level: Some(LogLevel::Debug2),
        macs: text("hmac-sha2-256"),
        number_of_password_prompts: Some(1),
        password_authentication: Some(false),
        port: Some(2222),
        preferred_authentications: Some(texts(&["publickey", "password"])),
        pubkey_accepted_algorithms: text("ssh-ed25519"),
        pubkey_authentication: Some(true),
        rekey_limit: Some(RekeyLimit { bytes: Some(1 << 30), interval: Some(seconds(3_600)) }),
        remote_command: Some(text("echo \"a  b")),
        request_tty: Some(RequestTty::Force),
        required_rsa_size: Some(3072),
        send_env: texts(&["LANG", "LC_*", "X"]),
        server_alive_count_max: Some(2),
        server_alive_interval: Some(seconds(15)),
        session_type: Some(SessionType::Default),
        set_env: Some(vec![("A".to_owned(), "b=c".to_owned()), ("D".to_owned(), "e f".to_owned())]),
        stdin_null: Some(false),
        strict_host_key_checking: Some(StrictHostKeyChecking::AcceptNew),
        tcp_keep_alive: Some(false),
        user: text("me"),
        user_known_hosts_files: Some(texts(&["/a", "/b"])),
    };
    assert_eq!(all, expected);
}

#[test]
fn words_for_nothing_and_for_the_default() {
    let settings = set(&[
        "ConnectTimeout=none",
        "EscapeChar=none",
        "IdentityFile=none",
        "RekeyLimit=default none",
        "RemoteCommand=none",
        "ServerAliveInterval=0",
        "StrictHostKeyChecking=off",
    ])
    .expect("all are good");
    assert_eq!(settings.connect_timeout, Some(None));
    assert_eq!(settings.escape_char, Some(None));
    assert_eq!(settings.identity_files, Some(Vec::new()));
    assert_eq!(settings.rekey_limit, Some(RekeyLimit { bytes: None, interval: None }));
    assert_eq!(settings.remote_command, Some(None));
    assert_eq!(settings.server_alive_interval, Some(Duration::ZERO));
    assert_eq!(settings.strict_host_key_checking, Some(StrictHostKeyChecking::Off));
}

#[test]
fn the_first_value_counts_but_every_one_is_checked() {
    let settings = set(&["Port=1", "port 2", "User=a", "USER=b"]).expect("both are good");
    assert_eq!((settings.port, settings.user.as_deref()), (Some(1), Some("a")));
    assert!(matches!(set(&["Port=1", "Port=x"]), Err(OptionError::Invalid { .. })));
}

#[test]
fn what_is_wrong_is_told_apart() {
    let unknown = |name: &str| OptionError::Unknown(name.to_owned());
    assert_eq!(set(&["Prot=22"]), Err(unknown("Prot")));
    assert_eq!(set(&["=22"]), Err(unknown("=22")));
    for name in
        ["ProxyJump", "proxycommand", "ControlMaster", "LocalForward", "Include", "GSSAPIAuthentication"]
    {
        let error = set(&[&format!("{name}=x")]).expect_err(name);
        assert!(matches!(error, OptionError::Unsupported(_)), "{error}");
        assert!(error.to_string().contains("not supported yet"), "{error}");
    }
    for line in ["Port", "Port=", "Port  ", "SendEnv", "RekeyLimit=#"] {
        assert!(matches!(set(&[line]), Err(OptionError::MissingValue(_))), "{line}");
    }
    for line in ["Port=22 23", "User=a b", "RekeyLimit=1G 1h x", "BatchMode=yes no"] {
        assert!(matches!(set(&[line]), Err(OptionError::TooMuch { .. })), "{line}");
    }
    let invalid = [
        "Port=0",
        "Port=65536",
        "Port=+22",
        "Port=ssh",
        "BatchMode=maybe",
        "StrictHostKeyChecking=perhaps",
        "ConnectTimeout=soon",
        "ConnectionAttempts=0",
        "NumberOfPasswordPrompts=-1",
        "RekeyLimit=15",
        "RekeyLimit=much",
        "RekeyLimit=1G soon",
        "SetEnv=A",
        "SetEnv==b",
        "SendEnv=A=b",
        "EscapeChar=ab",
        "PreferredAuthentications=a,,b",
        "UserKnownHostsFile=/a none",
        "LogLevel=LOUD",
        "User=\"\"",
    ];
    for line in invalid {
        assert!(matches!(set(&[line]), Err(OptionError::Invalid { .. })), "{line}");
    }
    for line in ["CheckHostIP=yes", "PubkeyAuthentication=unbound", "SendEnv=-LANG"] {
        assert!(matches!(set(&[line]), Err(OptionError::UnsupportedValue { .. })), "{line}");
    }
    assert!(matches!(set(&["IdentityFile=\"a"]), Err(OptionError::Unterminated(_))));
}

#[test]
fn lists_choose_algorithms() {
    let names = |settings: &Settings| -> Vec<&'static str> {
        let offer = algorithms(settings).expect("good lists");
        assert_eq!(offer.cipher_client_to_server.len(), offer.cipher_server_to_client.len());
        offer.cipher_client_to_server.iter().map(|row| row.name).collect()
    };
    let default = names(&Settings::default());
    assert_eq!(names(&set(&["Ciphers=aes256-ctr,aes128-ctr"]).expect("set")), ["aes256-ctr", "aes128-ctr"]);
    let appended = names(&set(&["Ciphers=+3des-cbc"]).expect("set"));
    assert_eq!(appended.split_last(), Some((&"3des-cbc", default.as_slice())));
    let headed = names(&set(&["Ciphers=^aes256-ctr"]).expect("set"));
    assert_eq!((headed[0], headed.len()), ("aes256-ctr", default.len()));
    assert!(!names(&set(&["Ciphers=-aes*-ctr"]).expect("set")).iter().any(|name| name.ends_with("-ctr")));

    for line in ["Ciphers=rot13", "KexAlgorithms=no-such", "MACs=none-such", "HostKeyAlgorithms=-*"] {
        let settings = set(&[line]).expect("set");
        assert!(matches!(algorithms(&settings), Err(OptionError::Algorithms { .. })), "{line}");
    }
    let compressed = algorithms(&set(&["Compression=yes"]).expect("set")).expect("good");
    let names: Vec<_> = compressed.compression_server_to_client.iter().map(|row| row.name).collect();
    assert_eq!(names, ["zlib@openssh.com", "none"]);

    let user = pubkey_algorithms(&Settings::default()).expect("good");
    assert!(user.iter().all(|row| !row.legacy));
    let user = pubkey_algorithms(&set(&["PubkeyAcceptedAlgorithms=+ssh-rsa"]).expect("set")).expect("good");
    assert_eq!(user.last().map(|row| row.name), Some("ssh-rsa"));
}
