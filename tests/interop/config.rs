//! What our reader of ssh_config makes of files, and what the real `ssh -G` makes of them, line by line.
//!
//! The corpus is `vectors/config/*.conf`: lines that begin with `#:` hold the arguments of `ssh` after `-F file`. Beside
//! it, files are made up at random from lines of every keyword, right ones and wrong ones.

mod routes;

use konko_client::SystemSource;
use konko_client::config::{Algorithms, Catalogue, Configuration, Files, Origin, Request};
use konko_tests::Seed;
use konko_tests::peers::{find, openssh};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// How many files are made up. `KONKO_CONFIG_FILES` asks for more.
const MADE_UP: u64 = 300;
/// The release that the dump follows. Others have other defaults, and other keywords.
const RELEASE: &str = "OpenSSH_9.2";

/// Where our dump is another on purpose: the keyword, and why.
const DIFFERENCES: &[(&str, &str)] = &[
    ("syslogfacility", "ssh takes it from blocks that do not apply, too"),
    ("streamlocalbindmask", "ssh takes the last one, from blocks that do not apply, too"),
];

/// The real program, if it is the release that is known.
static SSH: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let ssh = find::require_peer("ssh")?;
    let version = Command::new(&ssh).arg("-V").output().ok()?;
    let version = String::from_utf8_lossy(&version.stderr).into_owned();
    if version.starts_with(RELEASE) {
        return Some(ssh);
    }
    find::skip(&format!("ssh is {}, not {RELEASE}", version.trim()));
    None
});

/// The algorithms of the real program, so that its lists are ours.
static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let dump = run_ssh(Path::new("none"), &["h".to_owned()]).expect("no file is a good file");
    let algorithms = |keyword: &str, kind: &str| {
        let default = dump.iter().find_map(|line| line.strip_prefix(&format!("{keyword} ")));
        let all = openssh::supported(kind).expect("ssh tells what it has");
        Algorithms::new(default.expect("a list"), &all.join(","))
    };
    Catalogue {
        ciphers: algorithms("ciphers", "cipher"),
        macs: algorithms("macs", "mac"),
        kex: algorithms("kexalgorithms", "kex"),
        keys: algorithms("hostkeyalgorithms", "HostKeyAlgorithms"),
        ca_signatures: algorithms("casignaturealgorithms", "sig"),
        required_rsa_size: 1024,
    }
});

/// The lines of `ssh -G`; `None` if it refuses.
fn run_ssh(file: &Path, arguments: &[String]) -> Option<Vec<String>> {
    let ssh = SSH.as_ref()?;
    let output = Command::new(ssh)
        .args(["-G", "-F"])
        .arg(file)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .expect("ssh runs");
    let text = String::from_utf8(output.stdout).expect("the dump is text");
    output.status.success().then(|| text.lines().map(str::to_owned).collect())
}

/// Our lines; the reason if the file is refused.
fn run_ours(file: &Path, arguments: &[String]) -> Result<Vec<String>, String> {
    let mut source = SystemSource::default();
    let mut configuration = Configuration::new(SystemSource::local("konko"), CATALOGUE.clone());
    let mut host = None;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let keyword = match argument.as_str() {
            "-o" => "",
            "-l" => "User=",
            "-p" => "Port=",
            named => {
                host = Some(named);
                continue;
            }
        };
        let line = format!("{keyword}{}", rest.next().expect("a value"));
        let origin = Origin::command_line(argument.as_str());
        configuration.set(&line, origin, &mut source).map_err(|errors| errors.to_string())?;
    }
    let files = Files::Only(file.display().to_string());
    let request = Request::new(host.expect("a host")).with_files(files);
    let resolved = configuration.resolve(&request, &mut source).map_err(|errors| errors.to_string())?;
    Ok(resolved.dump().lines().map(str::to_owned).collect())
}

/// What differs; empty if nothing does.
fn compare(file: &Path, arguments: &[String]) -> String {
    let known =
        |line: &&String| !DIFFERENCES.iter().any(|(keyword, _)| line.split(' ').next() == Some(keyword));
    match (run_ssh(file, arguments), run_ours(file, arguments)) {
        (None, Err(_)) => String::new(),
        (None, Ok(_)) => "ssh refuses it, we do not".to_owned(),
        (Some(_), Err(error)) => format!("ssh takes it, we say: {error}"),
        (Some(theirs), Ok(ours)) => {
            let theirs: Vec<_> = theirs.iter().filter(known).collect();
            let ours: Vec<_> = ours.iter().filter(known).collect();
            let mut difference = String::new();
            for index in 0..theirs.len().max(ours.len()) {
                if theirs.get(index) != ours.get(index) {
                    difference =
                        format!("line {index}: ssh {:?}, ours {:?}", theirs.get(index), ours.get(index));
                    break;
                }
            }
            difference
        }
    }
}

// covers: L06
#[test]
fn the_corpus_means_to_us_what_it_means_to_ssh() {
    if SSH.is_none() {
        return;
    }
    let folder = find::repository().join("vectors/config");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("the corpus").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let (mut compared, mut refused) = (0, 0);
    let mut failures = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a file of the corpus");
        for line in text.lines().filter_map(|line| line.strip_prefix("#:")) {
            let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            let difference = compare(&file, &arguments);
            if !difference.is_empty() {
                failures.push(format!("{} {line}: {difference}", file.display()));
            }
            compared += 1;
            refused += usize::from(run_ours(&file, &arguments).is_err());
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(compared >= 45 && (7..compared / 2).contains(&refused), "{compared} compared, {refused} refused");
}

/// Files by name, in one folder whose path stands for `{d}` in them.
fn write_tree(folder: &Path, files: &[(&str, &str)]) {
    use std::os::unix::fs::PermissionsExt;
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(&path, text.replace("{d}", &folder.display().to_string())).expect("written");
        let mode = if name.ends_with("loose") { 0o666 } else { 0o644 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("changed");
    }
}

#[test]
fn included_files_mean_to_us_what_they_mean_to_ssh() {
    if SSH.is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    write_tree(
        folder,
        &[
            ("globs", "Include {d}/parts/*.conf\nUser last\n"),
            ("parts/20.conf", "Host a\n User twenty\n"),
            ("parts/10.conf", "IdentityFile ten\nMatch host b\n User ten\n"),
            ("parts/.hidden.conf", "Port 1\n"),
            ("parts/other", "Port 2\n"),
            ("nested", "Host a b\n Include {d}/inner {d}/parts/10.conf\n Port 77\nHost *\n User outer\n"),
            ("inner", "Host b\n User inner\nHost *\n IdentityFile inner\n"),
            ("classes", "Include {d}/parts/[12]0.conf {d}/parts/?0.conf\n"),
            ("missing", "Include {d}/no/such/file {d}/none*\nUser there\n"),
            ("quoted", "Include \"{d}/with blank\"\n"),
            ("with blank", "User blank\n"),
            ("unsafe", "Include {d}/loose\n"),
            ("loose", "User evil\n"),
            ("itself", "Include {d}/itself\n"),
            ("folder", "Include {d}/parts\n"),
            ("bad", "Include {d}/broken\nUser never\n"),
            ("broken", "Host other\n Bogus 1\n"),
            ("late", "Match final\n Include {d}/inner\nMatch exec true\n Include {d}/with\\ blank\n"),
        ],
    );
    // Fifteen and sixteen levels below the first are right, seventeen are not.
    for depth in 0..=17 {
        let text = if depth == 17 {
            "User deep\n".to_owned()
        } else {
            format!("Include {{d}}/level{}\n", depth + 1)
        };
        write_tree(folder, &[(&format!("level{depth}"), &text)]);
    }
    let names = [
        "globs", "nested", "classes", "missing", "quoted", "unsafe", "itself", "folder", "bad", "late",
        "level0", "level1", "level2",
    ];
    let mut refused = Vec::new();
    for name in names {
        for host in ["a", "b", "c"] {
            let (file, arguments) = (folder.join(name), [host.to_owned()]);
            let difference = compare(&file, &arguments);
            assert!(difference.is_empty(), "{name} {host}: {difference}");
            if host == "a" && run_ours(&file, &arguments).is_err() {
                refused.push(name);
            }
        }
    }
    assert_eq!(refused, ["unsafe", "itself", "bad", "level0"]);
}

/// Lines of every kind of value, most of them right.
const LINES: &[&str] = &[
    "AddKeysToAgent yes",
    "AddKeysToAgent confirm 5m",
    "AddKeysToAgent 90",
    "AddressFamily inet",
    "BatchMode yes",
    "BindAddress 127.0.0.1",
    "CanonicalDomains a.example b.example",
    "CanonicalizeMaxDots 3",
    "CanonicalizePermittedCNAMEs none",
    "CASignatureAlgorithms -rsa*",
    "CertificateFile ~/.ssh/x-cert.pub",
    "CheckHostIP yes",
    "Ciphers aes256-ctr",
    "Ciphers ^aes256-ctr",
    "ClearAllForwardings yes",
    "Compression yes",
    "ConnectionAttempts 3",
    "ConnectTimeout 1m30s",
    "ConnectTimeout none",
    "ControlPath /tmp/%C-%k",
    "ControlPersist 10",
    "DynamicForward 1080",
    "EscapeChar ^X",
    "EscapeChar \"#\"",
    "FingerprintHash sha384",
    "ForwardAgent yes",
    "ForwardX11Timeout 1w",
    "GatewayPorts yes",
    "GlobalKnownHostsFile a b",
    "HashKnownHosts yes",
    "HostKeyAlgorithms +ssh-rsa",
    "HostKeyAlias Alias",
    "Hostname %h.example",
    "HostName=192.0.2.1",
    "IdentitiesOnly yes",
    "IdentityAgent ~/agent",
    "IdentityFile ~/.ssh/a",
    "IdentityFile \"b c\"",
    "IdentityFile none",
    "IgnoreUnknown X*",
    "Xyz whatever",
    "IPQoS ef 0x10",
    "KexAlgorithms -*sha1",
    "KnownHostsCommand /bin/x %H",
    "LocalCommand echo \"a b\" # c",
    "LocalForward 80 a:81",
    "LocalForward [::1]:80 b:82",
    "LogLevel DEBUG2",
    "LogVerbose a b",
    "MACs hmac-sha2-256,hmac-sha2-512",
    "NumberOfPasswordPrompts 2",
    "PermitRemoteOpen a:1 b:*",
    "PermitRemoteOpen none",
    "Port 2222",
    "Port=+77",
    "PreferredAuthentications publickey",
    "ProxyCommand nc %h %p",
    "ProxyCommand none",
    "ProxyJump a,b@c:1",
    "ProxyJump none",
    "PubkeyAcceptedAlgorithms *ed25519*",
    "PubkeyAuthentication unbound",
    "RekeyLimit 1G",
    "RekeyLimit default 1h",
    "RekeyLimit 2M none",
    "RemoteCommand ls %n",
    "RemoteForward 80 a:81",
    "RemoteForward 80",
    "RequestTTY force",
    "RequiredRSASize 2048",
    "RevokedHostKeys none",
    "SendEnv A B*",
    "SendEnv -A",
    "ServerAliveInterval 5",
    "SessionType none",
    "SetEnv A=1 B=2",
    "StrictHostKeyChecking no",
    "TCPKeepAlive no",
    "Tunnel yes",
    "TunnelDevice 1:2",
    "UpdateHostKeys no",
    "User u",
    "User \"v w\"",
    "UserKnownHostsFile /a/%h /b",
    "UserKnownHostsFile ~/.ssh/known_hosts",
    "UserKnownHostsFile none",
    "VerifyHostKeyDNS ask",
    "XAuthLocation /x",
    "# a comment",
    "",
];

/// Lines that begin a block.
const BLOCKS: &[&str] = &[
    "Host a",
    "Host b* !bb",
    "Host *",
    "Host !a *",
    "Host A",
    "Host a.example",
    "Match all",
    "Match host a",
    "Match host *.example",
    "Match originalhost bb,a",
    "Match user u",
    "Match !user u host b*",
    "Match final",
    "Match final host *.example",
    "Match canonical all",
    "Match exec \"test %n = a\"",
    "Match !exec \"test %p = 77\"",
    "Match localuser *",
];

/// Lines that are wrong.
const WRONG: &[&str] = &[
    "Port 0",
    "Port 22x",
    "User",
    "User a b",
    "User \"a",
    "Bogus 1",
    "Compression true",
    "ConnectTimeout 1x",
    "ConnectTimeout 999999999999",
    "Ciphers aes*",
    "EscapeChar ab",
    "IPQoS 300",
    "LocalForward 80",
    "LocalForward 80 a:b:c:d:e",
    "Match",
    "Match bogus x",
    "Match host",
    "Match host a all b",
    "Host",
    "RekeyLimit 3",
    "ProxyJump a,,b",
    "SendEnv A=b",
    "SetEnv A",
    "TunnelDevice x",
    "UserKnownHostsFile none a",
    "UserKnownHostsFile /%Z",
    "Include",
    "ServerAliveInterval yes",
    "NumberOfPasswordPrompts -1",
];

// covers: L06
#[test]
fn files_made_up_at_random_mean_to_us_what_they_mean_to_ssh() {
    if SSH.is_none() {
        return;
    }
    let count =
        std::env::var("KONKO_CONFIG_FILES").ok().and_then(|count| count.parse().ok()).unwrap_or(MADE_UP);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config");
    let mut refused = 0;
    for number in 0..count {
        let mut seed = Seed::new(number);
        let mut text = String::new();
        for _ in 0..2 + seed.below(14) {
            let lines = match seed.below(40) {
                0 => WRONG,
                1..10 => BLOCKS,
                _ => LINES,
            };
            text.push_str(seed.choose(lines).expect("there are lines"));
            text.push('\n');
        }
        std::fs::write(&file, &text).expect("written");
        for host in ["a", "bb", "Bc.example"] {
            let arguments = [host.to_owned()];
            let difference = compare(&file, &arguments);
            assert!(difference.is_empty(), "file {number}, host {host}: {difference}\n{text}");
            refused += usize::from(run_ours(&file, &arguments).is_err());
        }
    }
    let count = usize::try_from(count).expect("a number") * 3;
    assert!(refused > 0 && refused < count / 2, "{refused} of {count} were refused");
}
