use crate::arguments::destination::{Destination, parse_forward};
use crate::arguments::error::ArgumentError;
use crate::arguments::ssh_arguments::{Invocation, Purpose, SshArguments};
use konko::client::config::{Files, Keyword, SessionType, Value};
use std::ffi::OsString;

fn invoke(line: &[&str]) -> Result<Invocation, ArgumentError> {
    SshArguments::parse(line.iter().map(OsString::from))
}

fn parse(line: &[&str]) -> SshArguments {
    match invoke(line) {
        Ok(Invocation::Connect(arguments)) => *arguments,
        other => panic!("{line:?}: {other:?}"),
    }
}

#[test]
fn destinations_name_user_host_and_port() {
    type Parts = (Option<&'static str>, &'static str, Option<u16>);
    let table: [(&str, Option<Parts>); 30] = [
        ("host", Some((None, "host", None))),
        ("me@host", Some((Some("me"), "host", None))),
        ("me@realm@host", Some((Some("me@realm"), "host", None))),
        ("DOMAIN\\me@host", Some((Some("DOMAIN\\me"), "host", None))),
        ("::1", Some((None, "::1", None))),
        ("me@fe80::1%eth0", Some((Some("me"), "fe80::1%eth0", None))),
        ("ssh://host", Some((None, "host", None))),
        ("SSH://me@host:2222/", Some((Some("me"), "host", Some(2222)))),
        ("ssh://[::1]:2222", Some((None, "::1", Some(2222)))),
        ("ssh://[::1]", Some((None, "::1", None))),
        ("ssh://m%65;fingerprint=x@host", Some((Some("me"), "host", None))),
        ("", None),
        ("@host", None),
        ("me@", None),
        ("-host", None),
        ("me@-oProxyCommand=x", None),
        ("-l@host", None),
        ("host name", None),
        ("host;rm", None),
        ("$(x)", None),
        ("`x`@host", None),
        ("ho\nst", None),
        ("ssh://", None),
        ("ssh://host:0", None),
        ("ssh://host:65536", None),
        ("ssh://host:x", None),
        ("ssh://host/path", None),
        ("ssh://[::1", None),
        ("ssh://[::1]x", None),
        ("ssh://m%6@host", None),
    ];
    for (text, expected) in table {
        let expected = expected.map(|(user, host, port)| Destination {
            user: user.map(str::to_owned),
            host: host.to_owned(),
            port,
        });
        assert_eq!(Destination::parse(text).ok(), expected, "{text}");
    }
}

#[test]
fn forwards_name_host_and_port() {
    let table = [
        ("host:22", Some(("host", 22))),
        ("[::1]:22", Some(("::1", 22))),
        ("host", None),
        ("host:", None),
        (":22", None),
        ("::1:22", None),
        ("[::1]", None),
    ];
    for (text, expected) in table {
        let expected = expected.map(|(host, port)| (host.to_owned(), port));
        assert_eq!(parse_forward(text), expected, "{text}");
    }
}

/// What the options so far say of a keyword, in one word.
fn given(arguments: &SshArguments, keyword: Keyword) -> Option<String> {
    arguments.configuration.given(keyword).map(|setting| match &setting.value {
        Value::Choice(word) => (*word).to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Forward(forward) => format!("{} {}", forward.listen, forward.connect),
        other => format!("{other:?}"),
    })
}

fn check_given(arguments: &SshArguments, expected: &[(Keyword, &str)]) {
    for (keyword, value) in expected {
        assert_eq!(given(arguments, *keyword).as_deref(), Some(*value), "{keyword}");
    }
}

#[test]
fn values_are_attached_or_follow() {
    for line in
        [&["-p", "2222", "host"][..], &["-p2222", "host"], &["-vp", "2222", "host"], &["-vp2222", "host"]]
    {
        check_given(&parse(line), &[(Keyword::Port, "2222")]);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    std::fs::write(&key, "").expect("written");
    let key = key.display().to_string();
    let all = parse(&[
        "-46ACnqvvl",
        "me",
        "-i",
        &key,
        "-i/no/such/file",
        "-oBatchMode=yes",
        "-o",
        "User other",
        "-F",
        "none",
        "-c",
        "aes256-ctr",
        "-mhmac-sha2-256",
        "-b",
        "::1",
        "-E",
        "log",
        "-e",
        "none",
        "-J",
        "a,b",
        "-gGS",
        "/x",
        "-P",
        "tag",
        "host",
    ]);
    check_given(
        &all,
        &[
            (Keyword::AddressFamily, "inet6"),
            (Keyword::ForwardAgent, "yes"),
            (Keyword::Compression, "yes"),
            (Keyword::StdinNull, "yes"),
            (Keyword::LogLevel, "DEBUG2"),
            (Keyword::User, "me"),
            (Keyword::IdentityFile, &key),
            (Keyword::BatchMode, "yes"),
            (Keyword::Ciphers, "aes256-ctr"),
            (Keyword::MACs, "hmac-sha2-256"),
            (Keyword::BindAddress, "::1"),
            (Keyword::EscapeChar, "EscapeChar(None)"),
            (Keyword::GatewayPorts, "yes"),
            (Keyword::ControlPath, "/x"),
            (Keyword::Tag, "tag"),
        ],
    );
    assert!(matches!(
        all.configuration.given(Keyword::ProxyJump).map(|setting| &setting.value),
        Some(Value::Jumps(Some(jumps))) if jumps.hosts.len() == 2
    ));
    assert_eq!(all.warnings.len(), 1, "{:?}", all.warnings);
    assert_eq!((all.log_file.as_deref(), &all.files, all.dumps), (Some("log"), &Files::None, true));
    assert_eq!((all.host.as_str(), all.command), ("host", None));
}

#[test]
fn files_of_the_configuration_are_chosen() {
    assert_eq!(parse(&["host"]).files, Files::Usual);
    assert_eq!(parse(&["-F", "/x", "host"]).files, Files::Only("/x".to_owned()));
    assert_eq!(parse(&["host", "ls"]).request().command.as_deref(), Some("ls"));
}

#[test]
fn forwardings_stand_in_one_word() {
    let line = ["-L8080:a:80", "-L", "[::1]:8081:/run/s", "-R", "9000", "-R0:b:22", "-D", "1080", "host"];
    let arguments = parse(&line);
    check_given(
        &arguments,
        &[
            (Keyword::LocalForward, "8080 [a]:80"),
            (Keyword::RemoteForward, "9000 [socks]:0"),
            (Keyword::DynamicForward, "1080 [socks]:0"),
        ],
    );
}

#[test]
fn flags_may_follow_the_destination_until_the_command_begins() {
    let table: [(&[&str], Option<&str>, Option<&str>); 7] = [
        (&["host", "-p", "2", "ls", "-l"], Some("2"), Some("ls -l")),
        (&["-p", "1", "host", "-p", "2"], Some("1"), None),
        (&["host", "ls", "-p", "2"], None, Some("ls -p 2")),
        (&["host", "--", "-p", "2"], None, Some("-p 2")),
        (&["--", "host", "-p", "2"], None, Some("-p 2")),
        (&["-p", "2", "--", "host", "ls"], Some("2"), Some("ls")),
        (&["host", "-p2", "--", "--", "x"], Some("2"), Some("-- x")),
    ];
    for (line, port, command) in table {
        let arguments = parse(line);
        assert_eq!(arguments.host, "host", "{line:?}");
        assert_eq!(given(&arguments, Keyword::Port).as_deref(), port, "{line:?}");
        assert_eq!(arguments.command.as_deref(), command, "{line:?}");
    }
}

#[test]
fn flags_before_the_destination_count_more_than_it() {
    let arguments = parse(&["-l", "a", "-o", "Port=1", "ssh://b@host:2"]);
    check_given(&arguments, &[(Keyword::User, "a"), (Keyword::Port, "1")]);
    let arguments = parse(&["ssh://b@host:2", "-l", "a", "-p", "1"]);
    check_given(&arguments, &[(Keyword::User, "b"), (Keyword::Port, "2")]);
}

#[test]
fn terminals_and_sessions() {
    let table: [(&[&str], Option<&str>); 6] = [
        (&["host"], None),
        (&["-t", "host"], Some("true")),
        (&["-tt", "host"], Some("force")),
        (&["-t", "host", "-t"], Some("force")),
        (&["-T", "host"], Some("false")),
        (&["-tT", "host"], Some("false")),
    ];
    for (line, expected) in table {
        assert_eq!(given(&parse(line), Keyword::RequestTTY).as_deref(), expected, "{line:?}");
    }
    check_given(&parse(&["-N", "host"]), &[(Keyword::SessionType, "none")]);
    let subsystem = parse(&["-s", "host", "sftp"]);
    check_given(&subsystem, &[(Keyword::SessionType, "subsystem")]);
    assert_eq!(subsystem.command.as_deref(), Some("sftp"));
    let forward = parse(&["-W", "[::1]:80", "host"]);
    assert_eq!(forward.forward, Some(("::1".to_owned(), 80)));
    check_given(&forward, &[(Keyword::SessionType, "none"), (Keyword::RequestTTY, "false")]);
    let background = parse(&["-f", "host", "sleep 1"]);
    check_given(&background, &[(Keyword::ForkAfterAuthentication, "yes"), (Keyword::StdinNull, "yes")]);
}

#[test]
fn what_is_wrong_is_told_apart() {
    use ArgumentError::{
        BadDestination, Conflict, InvalidValue, MissingValue, NoDestination, Option as InOption, UnknownFlag,
        UnsupportedFlag,
    };
    type Check = fn(&ArgumentError) -> bool;
    let table: [(&[&str], Check); 24] = [
        (&[], |error| *error == NoDestination),
        (&["-v"], |error| *error == NoDestination),
        (&["--"], |error| *error == NoDestination),
        (&["-z", "host"], |error| *error == UnknownFlag('z')),
        (&["--port", "host"], |error| *error == UnknownFlag('-')),
        (&["-vz", "host"], |error| *error == UnknownFlag('z')),
        (&["host", "-z"], |error| *error == UnknownFlag('z')),
        (&["-O", "exit", "host"], |error| *error == UnsupportedFlag('O')),
        (&["-vy", "host"], |error| *error == UnsupportedFlag('y')),
        (&["-p"], |error| *error == MissingValue('p')),
        (&["host", "-vp"], |error| *error == MissingValue('p')),
        (&["-p", "0", "host"], |error| matches!(error, InOption(_))),
        (&["-p", "", "host"], |error| matches!(error, InvalidValue { flag: 'p', .. })),
        (&["-L", "1:a", "host"], |error| matches!(error, InOption(_))),
        (&["-W", "host", "host"], |error| matches!(error, InvalidValue { flag: 'W', .. })),
        (&["-W", "a:1", "-W", "b:1", "host"], |error| matches!(error, Conflict(_))),
        (&["-N", "-s", "host", "x"], |error| matches!(error, Conflict(_))),
        (&["-N", "host", "ls"], |error| matches!(error, Conflict(_))),
        (&["-s", "host"], |error| matches!(error, Conflict(_))),
        (&["-c", "rot13", "host"], |error| matches!(error, InOption(_))),
        (&["-o", "RemoteCommand=a", "host", "b"], |error| matches!(error, Conflict(_))),
        (&["-o", "Nonsense=1", "host"], |error| matches!(error, InOption(_))),
        (&["-oProxyJump=a,,b", "host"], |error| matches!(error, InOption(_))),
        (&["-", "host"], |error| matches!(error, BadDestination(_))),
    ];
    for (line, check) in table {
        let error = invoke(line).expect_err("wrong");
        assert!(check(&error), "{line:?}: {error:?}");
    }
}

#[test]
fn what_goes_to_the_background_has_a_command() {
    let purpose = |configured_command, session_type| {
        Purpose { command: false, configured_command, session_type, forks: true }.check()
    };
    assert!(purpose(false, SessionType::Default).is_err());
    assert!(purpose(true, SessionType::Default).is_ok());
    assert!(purpose(false, SessionType::None).is_ok());
}

#[test]
fn an_option_that_is_wrong_is_told_as_it_was_written() {
    let error = invoke(&["-o", "Port=x", "host"]).expect_err("no port");
    assert_eq!(error.to_string(), "-o Port=x: Port: \"x\" is not a port");
    let error = invoke(&["-L", "x", "host"]).expect_err("no forwarding");
    assert_eq!(error.to_string(), "-L x: LocalForward: \"x\" is not a forwarding");
}

#[test]
fn version_and_help_need_no_destination() {
    assert_eq!(invoke(&["-V"]), Ok(Invocation::Version));
    assert_eq!(invoke(&["-vh", "-z"]), Ok(Invocation::Help));
    assert_eq!(invoke(&["host", "-V"]), Ok(Invocation::Version));
    assert_eq!(parse(&["host", "ls", "-V"]).command.as_deref(), Some("ls -V"));
}

#[cfg(unix)]
#[test]
fn arguments_must_be_utf_8() {
    use std::os::unix::ffi::OsStringExt;
    let argument = OsString::from_vec(vec![b'h', 0xff]);
    assert!(matches!(SshArguments::parse([argument]), Err(ArgumentError::NotUtf8(_))));
}
