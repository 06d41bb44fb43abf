use super::*;
use crate::catalogue::Algorithms;
use crate::jump::JumpHost;
use std::collections::BTreeMap;
use std::io;

/// Files by path; names end in `.conf` in one directory.
#[derive(Default, Clone)]
struct Tree {
    files: BTreeMap<String, Vec<u8>>,
    reads: usize,
}

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
        Self { files, reads: 0 }
    }
}

impl Source for Tree {
    fn read(&mut self, path: &str, limit: usize, _: bool) -> io::Result<Option<Vec<u8>>> {
        self.reads += 1;
        if path.ends_with("/directory") {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory"));
        }
        Ok(self.files.get(path).map(|bytes| bytes[..bytes.len().min(limit)].to_vec()))
    }

    fn glob(&mut self, pattern: &str) -> io::Result<Vec<String>> {
        Ok(self.files.keys().filter(|path| crate::pattern::matches(pattern, path)).cloned().collect())
    }

    fn variable(&self, name: &str) -> Option<String> {
        (name == "SOCK").then(|| "/run/agent".to_owned())
    }
}

fn configuration() -> Configuration {
    let local = Local {
        user: "me".to_owned(),
        uid: 1000,
        home: Some("/home/me".to_owned()),
        host_name: "here.example".to_owned(),
        version: "konko_1".to_owned(),
    };
    let some = Algorithms::new("one,two", "one,two,three");
    let catalogue = Catalogue {
        ciphers: some.clone(),
        macs: some.clone(),
        kex: some.clone(),
        keys: some.clone(),
        ca_signatures: some,
        required_rsa_size: 2048,
    };
    Configuration::new(local, catalogue)
}

fn resolve(text: &str, host: &str) -> Result<Resolved, ConfigErrors> {
    let mut tree = Tree::new(&[("/home/me/.ssh/config", text)]);
    configuration().resolve(&Request::new(host), &mut tree)
}

fn user_of(text: &str, host: &str) -> String {
    resolve(text, host).expect("a good file").user().to_owned()
}

#[test]
fn blocks_apply_to_the_hosts_that_they_name() {
    let text =
        "Host a* !ab\n User one\nHost ab ?c\n User two\nMatch host d\n User three\nHost *\n User four\n";
    for (host, user) in
        [("aa", "one"), ("ab", "two"), ("xc", "two"), ("d", "three"), ("D", "three"), ("e", "four")]
    {
        assert_eq!(user_of(text, host), user, "{host}");
    }
    // Patterns of Host are held against the host as it was named.
    assert_eq!(user_of("Host a\n User one\n", "A"), "me");
}

#[test]
fn options_come_first_then_the_user_then_the_system() {
    let mut tree = Tree::new(&[
        ("/home/me/.ssh/config", "Port 2\nIdentityFile b\n"),
        ("/etc/ssh/ssh_config", "Port 3\nUser sys\nIdentityFile c\n"),
    ]);
    let mut configuration = configuration();
    let origin = || Origin::command_line("-o IdentityFile=a");
    configuration.set("IdentityFile=a", origin(), &mut tree).expect("an option");
    let resolved = configuration.resolve(&Request::new("h"), &mut tree).expect("good files");
    assert_eq!((resolved.port(), resolved.user()), (2, "sys"));
    let files: Vec<_> = resolved.identity_files().iter().map(|file| file.written.as_str()).collect();
    assert_eq!(files, ["a", "b", "c"]);
    let origin_of = |keyword| resolved.origin(keyword).to_string();
    assert_eq!(origin_of(Keyword::Port), "/home/me/.ssh/config line 1");
    assert_eq!(origin_of(Keyword::User), "/etc/ssh/ssh_config line 2");
    assert_eq!(origin_of(Keyword::IdentityFile), "-o IdentityFile=a");
    assert_eq!(resolved.origin(Keyword::BatchMode), Origin::Default);
    configuration.replace(Keyword::Port, "4", Origin::command_line("-p 4"), &mut tree).expect("a port");
    assert!(configuration.replace(Keyword::Port, "x", Origin::command_line("-p x"), &mut tree).is_err());
    let resolved = configuration.resolve(&Request::new("h"), &mut tree).expect("good files");
    assert_eq!(resolved.port(), 4);
}

#[test]
fn every_error_of_a_file_is_told_with_its_line() {
    let text =
        "Port x\n\nHost\nBogus 1\nUser a b\nMatch\nMatch bogus x\nUser \"a\nInclude \"\"\nCiphers four\n";
    let errors = resolve(text, "h").expect_err("all is wrong");
    let shown = errors.to_string();
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines.len(), 9, "{shown}");
    assert_eq!(lines[0], "/home/me/.ssh/config line 1: Port: \"x\" is not a port");
    assert!(lines[2].contains("line 4: Bogus: there is no such keyword"), "{shown}");
    assert!(resolve("IgnoreUnknown bog*\nBogus 1\n", "h").is_ok());
    assert!(resolve("Host other\nBogus 1\n", "h").is_err(), "what does not apply has to be right, too");
}

#[test]
fn retired_keywords_are_noted_only() {
    let resolved = resolve("Protocol 2\nUseRoaming no\nCompressionLevel 3\n", "h").expect("they pass");
    let notes: Vec<_> = resolved.notes().iter().map(ToString::to_string).collect();
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[1].contains("line 3: the keyword CompressionLevel is not supported"));
}

#[test]
fn included_files_stand_where_they_are_included() {
    let mut tree = Tree::new(&[
        (
            "/home/me/.ssh/config",
            "Include d/*.conf nothing ~/x.conf\nHost h\n Include inner\n Port 7\nHost *\n User last\n",
        ),
        ("/home/me/.ssh/d/a.conf", "Host other\n User never\n"),
        ("/home/me/.ssh/d/b.conf", "IdentityFile b\n"),
        ("/home/me/x.conf", "IdentityFile x\n"),
        ("/home/me/.ssh/inner", "Host other\n User inner\n"),
    ]);
    let resolved = configuration().resolve(&Request::new("h"), &mut tree).expect("good files");
    let files: Vec<_> = resolved.identity_files().iter().map(|file| file.written.as_str()).collect();
    assert_eq!(files, ["b", "x"]);
    assert_eq!((resolved.port(), resolved.user()), (7, "last"));
    let other = configuration().resolve(&Request::new("other"), &mut tree).expect("good files");
    // In a block that does not apply, an included one cannot either.
    assert_eq!((other.port(), other.user()), (22, "never"));
}

/// covers: L05
#[test]
fn files_that_include_themselves_come_to_an_end() {
    let path = "/home/me/.ssh/config";
    for text in ["Include config\n", "Include config config\n"] {
        let mut tree = Tree::new(&[(path, text)]);
        let errors = configuration().resolve(&Request::new("h"), &mut tree).expect_err("too deep");
        assert!(errors.iter().any(|error| error.problem == Problem::TooDeep), "{errors}");
        assert!(tree.reads < 20);
    }
    let names: Vec<String> = (0..18).map(|index| format!("/home/me/.ssh/f{index}")).collect();
    let chain = |length: usize| {
        let mut tree = Tree::new(&[(path, "Include f0\n")]);
        for (index, name) in names.iter().enumerate().take(length) {
            tree.files.insert(name.clone(), format!("Include f{}\n", index + 1).into_bytes());
        }
        configuration().resolve(&Request::new("h"), &mut tree)
    };
    assert!(chain(16).is_ok());
    assert!(chain(17).is_err());
}

/// covers: L05, L08
#[test]
fn files_and_lines_have_limits() {
    let long = format!("# {}\nUser a\n", "x".repeat(9000));
    assert!(resolve(&long, "h").is_err());
    let longest = format!("User {}\n", "x".repeat(8192 - 5));
    assert!(resolve(&longest, "h").is_ok());
    assert!(resolve(&"# x\n".repeat(1 << 18), "h").is_ok());
    assert!(resolve(&"# x\n".repeat((1 << 18) + 1), "h").is_err());
    let mut tree =
        Tree::new(&[("/home/me/.ssh/config", "Include directory\n"), ("/home/me/.ssh/directory", "")]);
    let resolved = configuration().resolve(&Request::new("h"), &mut tree).expect("it is passed over");
    assert!(resolved.notes().iter().any(|note| note.text.contains("is a directory")));
    let only = Request::new("h").with_files(Files::Only("/x/directory".to_owned()));
    assert!(configuration().resolve(&only, &mut tree).is_err());
    let missing = Request::new("h").with_files(Files::Only("/x/missing".to_owned()));
    assert!(configuration().resolve(&missing, &mut tree).is_err());
    assert!(configuration().resolve(&Request::new("h").with_files(Files::None), &mut tree).is_ok());
}

#[test]
fn a_final_pass_sees_the_whole_and_the_new_name() {
    let text = "Host short\n HostName %h.Example\nMatch final host short.example\n User u\nHost short.example\n Port 9\n";
    let resolved = resolve(text, "short").expect("a good file");
    assert_eq!(resolved.host_name(), "short.example");
    assert_eq!((resolved.user(), resolved.port()), ("u", 9));
    assert_eq!(resolved.host(), "short");
}

#[test]
fn what_nobody_says_has_a_default() {
    let resolved = resolve("", "h").expect("an empty file");
    assert_eq!((resolved.user(), resolved.port(), resolved.host_name()), ("me", 22, "h"));
    assert_eq!(resolved.strict_host_key_checking(), crate::typed::StrictHostKeyChecking::Ask);
    assert_eq!(resolved.update_host_keys(), crate::typed::YesNoAsk::Yes);
    assert_eq!(resolved.user_known_hosts_files()[0], "/home/me/.ssh/known_hosts");
    assert_eq!(resolved.identity_files()[0].path, Ok("/home/me/.ssh/id_rsa".to_owned()));
    assert_eq!(resolved.number(Keyword::RequiredRSASize), 2048);
    assert_eq!(resolved.rekey_limit(), (None, None));
    let resolved = resolve("UserKnownHostsFile none\nBatchMode yes\n", "h").expect("a good file");
    assert!(resolved.user_known_hosts_files().is_empty());
    assert_eq!(resolved.update_host_keys(), crate::typed::YesNoAsk::No);
    assert_eq!(resolved.seconds(Keyword::ServerAliveInterval), Some(300));
}

/// covers: L17
#[test]
fn tokens_are_replaced_where_they_are_taken() {
    let text = "User u\nHostKeyAlias ALIAS\nUserKnownHostsFile ~/%h/%r \"/x/%k %n\"\nIdentityFile ~/%d/%u\n\
                CertificateFile %x\nIdentityAgent ${SOCK}\nControlPath /tmp/%C\nProxyCommand nc %h %p %%\n\
                LocalForward /run/%p a:1\nRemoteCommand echo %L\n";
    let resolved = resolve(text, "Host").expect("a good file");
    assert_eq!(resolved.user_known_hosts_files(), ["/home/me/host/u", "/x/alias Host"]);
    assert_eq!(resolved.identity_files()[0].path.as_deref(), Ok("/home/me//home/me/me"));
    assert_eq!(resolved.certificate_files()[0].path, Err(Problem::UnknownToken('x')));
    assert_eq!(resolved.identity_agent(), crate::typed::AgentPath::Socket("/run/agent".to_owned()));
    assert_eq!(resolved.proxy_command(), Ok(Some("nc host 22 %".to_owned())));
    let path = resolved.text(Keyword::ControlPath).expect("a path");
    // printf 'here.examplehost22u' | sha1sum
    assert_eq!(path.len(), "/tmp/".len() + 40);
    assert_eq!(resolved.local_forwards().next().map(|f| f.listen.to_string()), Some("/run/22".to_owned()));
    assert_eq!(resolved.text(Keyword::RemoteCommand), Some("echo here"));
    for broken in ["UserKnownHostsFile %x\n", "HostName %p\n", "IdentityAgent ${NO}\n", "RemoteCommand %x\n"]
    {
        assert!(resolve(broken, "h").is_err(), "{broken}");
    }
}

/// covers: L01
#[test]
fn what_a_shell_would_read_does_not_reach_it() {
    for host in ["", "-oProxyCommand=x", "a b", "a\nb", "a\0b", "a\u{7f}b"] {
        assert!(resolve("", host).is_err(), "{host:?}");
    }
    for host in ["$(id)", "a;b", "a`b", "a'b", "a|b"] {
        let resolved = resolve("ProxyCommand nc %h %p\n", host).expect("a strange host");
        assert!(matches!(resolved.proxy_command(), Err(Problem::UnsafeToken { .. })), "{host}");
        let resolved = resolve("ProxyJump %n\n", host).expect("a strange host");
        assert!(resolved.proxy_jump().is_err(), "{host}");
    }
    assert!(resolve("User \"a\u{1}b\"\n", "h").is_err());
}

#[test]
fn the_hosts_on_the_way_are_known() {
    let resolved = resolve("Host h\n ProxyJump a,u@%h.example:7\n", "h").expect("a good file");
    let jump = |user: Option<&str>, host: &str, port| JumpHost {
        user: user.map(str::to_owned),
        host: host.to_owned(),
        port,
    };
    let expected = vec![jump(None, "a", None), jump(Some("u"), "h.example", Some(7))];
    assert_eq!(resolved.proxy_jump(), Ok(expected));
    let resolved = resolve("ProxyJump none\nProxyCommand nc\n", "h").expect("a good file");
    assert_eq!(
        (resolved.proxy_jump(), resolved.proxy_command()),
        (Ok(Vec::new()), Ok(Some("nc".to_owned())))
    );
    assert!(resolve("ProxyJump a\nProxyUseFdpass yes\n", "h").is_err());
}

#[test]
fn standard_streams_alone_are_forwarded_where_that_is_asked_for() {
    let mut tree = Tree::new(&[("/home/me/.ssh/config", "LocalForward 1 a:2\n")]);
    let request = Request::new("h").with_stdio_forwarding(true);
    let resolved = configuration().resolve(&request, &mut tree).expect("a good file");
    assert_eq!(resolved.local_forwards().count(), 0);
    assert!(resolved.flag(Keyword::ExitOnForwardFailure));
}

#[test]
fn the_dump_holds_every_keyword_once() {
    let resolved =
        resolve("Tag t\nEscapeChar ^A\nProxyJump a,b\nAddKeysToAgent confirm 1m\n", "h").expect("good");
    let dump = resolved.dump();
    for line in [
        "host h",
        "tag t",
        "escapechar \\^A",
        "proxyjump a,b",
        "addkeystoagent confirm 60",
        "ciphers one,two",
        "rekeylimit 0 0",
        "streamlocalbindmask 0177",
        "canonicalizePermittedcnames none",
        "identityfile ~/.ssh/id_ed25519",
    ] {
        assert_eq!(dump.lines().filter(|other| *other == line).count(), 1, "{line}\n{dump}");
    }
    assert_eq!(resolved.origins().lines().count(), 4);
}

/// covers: R05
#[test]
fn a_rekey_limit_is_taken_as_it_is_or_refused() {
    let bytes =
        |text: &str| resolve(&format!("RekeyLimit {text}\n"), "h").map(|resolved| resolved.rekey_limit().0);
    for (text, expected) in [
        ("0", None),
        ("16", Some(16)),
        ("1K", Some(1 << 10)),
        ("1.5G", Some(3 << 29)),
        ("4G", Some(4 << 30)),
        ("9223372036854775807", Some(i64::MAX as u64)),
        ("default", None),
    ] {
        assert_eq!(bytes(text).expect(text), expected, "{text}");
    }
    for text in [
        "15",
        "1",
        "-1",
        "-1G",
        "9223372036854775808",
        "18446744073709551616",
        "8E",
        "1.2.3G",
        "G",
        "1X",
        "1KB",
        "0x10",
    ] {
        assert!(bytes(text).is_err(), "{text}");
    }
    let limit = |host: &str| {
        let text = "Match host a\n RekeyLimit 1M 5m\nHost b\n RekeyLimit 2M\nHost *\n RekeyLimit 3M 1h\n";
        resolve(text, host).expect("a good file").rekey_limit()
    };
    assert_eq!(limit("a"), (Some(1 << 20), Some(300)));
    assert_eq!(limit("b"), (Some(2 << 20), Some(3600)));
    assert_eq!(limit("c"), (Some(3 << 20), Some(3600)));
    assert!(resolve("Match host a\n RekeyLimit 15\n", "other").is_err(), "also where it does not apply");
}
