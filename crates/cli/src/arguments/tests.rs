use crate::arguments::destination::{Destination, parse_forward};
use crate::arguments::error::ArgumentError;
use crate::arguments::ssh_arguments::{Invocation, SshArguments};
use crate::option::choice::{AddressFamily, LogLevel, RequestTty, SessionType};
use crate::option::error::OptionError;
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

#[test]
fn values_are_attached_or_follow() {
    for line in
        [&["-p", "2222", "host"][..], &["-p2222", "host"], &["-vp", "2222", "host"], &["-vp2222", "host"]]
    {
        assert_eq!(parse(line).settings.port, Some(2222), "{line:?}");
    }
    let all = parse(&[
        "-46Cnqvvl",
        "me",
        "-i",
        "a",
        "-ib",
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
        "host",
    ]);
    let settings = &all.settings;
    assert_eq!(settings.address_family, Some(AddressFamily::Inet6));
    assert_eq!((settings.compression, settings.stdin_null), (Some(true), Some(true)));
    assert_eq!(settings.log_level, Some(LogLevel::Debug2));
    assert_eq!(settings.user.as_deref(), Some("me"));
    assert_eq!(settings.identity_files.as_deref(), Some(&["a".to_owned(), "b".to_owned()][..]));
    assert_eq!(settings.batch_mode, Some(true));
    assert_eq!(settings.ciphers.as_deref(), Some("aes256-ctr"));
    assert_eq!(settings.macs.as_deref(), Some("hmac-sha2-256"));
    assert_eq!(settings.bind_address.as_deref(), Some("::1"));
    assert_eq!(settings.escape_char, Some(None));
    assert_eq!(all.log_file.as_deref(), Some("log"));
    assert!(all.no_configuration);
    assert_eq!((all.host.as_str(), all.command), ("host", None));
}

#[test]
fn flags_may_follow_the_destination_until_the_command_begins() {
    let table: [(&[&str], Option<u16>, Option<&str>); 7] = [
        (&["host", "-p", "2", "ls", "-l"], Some(2), Some("ls -l")),
        (&["-p", "1", "host", "-p", "2"], Some(1), None),
        (&["host", "ls", "-p", "2"], None, Some("ls -p 2")),
        (&["host", "--", "-p", "2"], None, Some("-p 2")),
        (&["--", "host", "-p", "2"], None, Some("-p 2")),
        (&["-p", "2", "--", "host", "ls"], Some(2), Some("ls")),
        (&["host", "-p2", "--", "--", "x"], Some(2), Some("-- x")),
    ];
    for (line, port, command) in table {
        let arguments = parse(line);
        assert_eq!(arguments.host, "host", "{line:?}");
        assert_eq!((arguments.settings.port, arguments.command.as_deref()), (port, command), "{line:?}");
    }
}

#[test]
fn flags_before_the_destination_count_more_than_it() {
    let arguments = parse(&["-l", "a", "-o", "Port=1", "ssh://b@host:2"]);
    assert_eq!((arguments.settings.user.as_deref(), arguments.settings.port), (Some("a"), Some(1)));
    let arguments = parse(&["ssh://b@host:2", "-l", "a", "-p", "1"]);
    assert_eq!((arguments.settings.user.as_deref(), arguments.settings.port), (Some("b"), Some(2)));
}

#[test]
fn terminals_and_sessions() {
    let table: [(&[&str], Option<RequestTty>); 6] = [
        (&["host"], None),
        (&["-t", "host"], Some(RequestTty::Yes)),
        (&["-tt", "host"], Some(RequestTty::Force)),
        (&["-t", "host", "-t"], Some(RequestTty::Force)),
        (&["-T", "host"], Some(RequestTty::No)),
        (&["-tT", "host"], Some(RequestTty::No)),
    ];
    for (line, expected) in table {
        assert_eq!(parse(line).settings.request_tty, expected, "{line:?}");
    }
    assert_eq!(parse(&["-N", "host"]).settings.session_type, Some(SessionType::None));
    let subsystem = parse(&["-s", "host", "sftp"]);
    assert_eq!(subsystem.settings.session_type, Some(SessionType::Subsystem));
    assert_eq!(subsystem.command.as_deref(), Some("sftp"));
    let forward = parse(&["-W", "[::1]:80", "host"]);
    assert_eq!(forward.forward, Some(("::1".to_owned(), 80)));
    assert_eq!(forward.settings.session_type, Some(SessionType::None));
    assert_eq!(forward.settings.request_tty, Some(RequestTty::No));
    let background = parse(&["-f", "host", "sleep 1"]);
    assert_eq!(background.settings.fork_after_authentication, Some(true));
    assert_eq!(background.settings.stdin_null, Some(true));
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
        (&["-L", "1:a:2", "host"], |error| *error == UnsupportedFlag('L')),
        (&["-vA", "host"], |error| *error == UnsupportedFlag('A')),
        (&["-p"], |error| *error == MissingValue('p')),
        (&["host", "-vp"], |error| *error == MissingValue('p')),
        (&["-p", "0", "host"], |error| matches!(error, InvalidValue { flag: 'p', .. })),
        (&["-p", "", "host"], |error| matches!(error, InvalidValue { flag: 'p', .. })),
        (&["-F", "file", "host"], |error| matches!(error, InvalidValue { flag: 'F', .. })),
        (&["-W", "host", "host"], |error| matches!(error, InvalidValue { flag: 'W', .. })),
        (&["-W", "a:1", "-W", "b:1", "host"], |error| matches!(error, Conflict(_))),
        (&["-N", "-s", "host", "x"], |error| matches!(error, Conflict(_))),
        (&["-N", "host", "ls"], |error| matches!(error, Conflict(_))),
        (&["-s", "host"], |error| matches!(error, Conflict(_))),
        (&["-f", "host"], |error| matches!(error, Conflict(_))),
        (&["-o", "RemoteCommand=a", "host", "b"], |error| matches!(error, Conflict(_))),
        (&["-o", "Nonsense=1", "host"], |error| matches!(error, InOption(OptionError::Unknown(_)))),
        (&["-oProxyJump=x", "host"], |error| matches!(error, InOption(OptionError::Unsupported(_)))),
        (&["-", "host"], |error| matches!(error, BadDestination(_))),
    ];
    for (line, check) in table {
        let error = invoke(line).expect_err("wrong");
        assert!(check(&error), "{line:?}: {error:?}");
    }
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
