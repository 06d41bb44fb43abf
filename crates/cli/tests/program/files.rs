//! `konko scp` and `konko sftp` with `konko serve`.

use crate::support::*;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

/// Where sshd's own server of files usually is.
const SFTP_SERVER: &str = "/usr/lib/openssh/sftp-server";

/// `konko scp` or `konko sftp`, up to what is theirs alone.
fn command(server: &Server, name: &str) -> Command {
    let mut command = konko(server.folder.path());
    command.arg(name).args(["-F", "none", "-P", &server.port.to_string(), "-i"]).arg(server.path("key"));
    command.arg("-o").arg(format!("UserKnownHostsFile={}", server.path("known_hosts").display()));
    command.args(["-o", "GlobalKnownHostsFile=none", "-o", "StrictHostKeyChecking=accept-new"]);
    command.args(["-o", &format!("User={USER}"), "-o", "BatchMode=yes"]);
    command
}

fn remote(path: &Path) -> OsString {
    let mut argument = OsString::from("127.0.0.1:");
    argument.push(path);
    argument
}

/// A folder of this name with files of all sorts in it.
fn plant(root: &Path) -> PathBuf {
    let tree = root.join("tree");
    fs::create_dir_all(tree.join("sub folder/deep")).unwrap();
    for (name, size) in
        [("empty", 0), ("one", 1), ("sub folder/it's $(id)", 40_000), ("sub folder/deep/big", 1_000_000)]
    {
        let content: Vec<u8> = (0..size).map(|index: usize| (index * 7 % 251) as u8).collect();
        fs::write(tree.join(name), content).unwrap();
    }
    fs::set_permissions(tree.join("one"), fs::Permissions::from_mode(0o640)).unwrap();
    let one = fs::File::options().append(true).open(tree.join("one")).unwrap();
    one.set_modified(UNIX_EPOCH + Duration::from_secs(1_183_828_267)).unwrap();
    tree
}

fn contents(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
                found.push((name, Vec::new()));
            } else {
                found.push((name, fs::read(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn good(command: &mut Command) -> Left {
    let left = run(command, b"");
    assert_eq!(left.code(), Some(0), "{}{}", left.stderr, left.text());
    left
}

#[test]
fn scp_copies_there_and_back_with_either_protocol() {
    let server = Server::start();
    let home = tempfile::tempdir().unwrap();
    let tree = plant(home.path());
    for protocol in ["-q", "-O"] {
        let (there, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let scp = || {
            let mut scp = command(&server, "scp");
            scp.arg(protocol);
            scp
        };
        good(scp().arg("-rp").arg(&tree).arg(remote(there.path())));
        assert_eq!(contents(&there.path().join("tree")), contents(&tree), "{protocol}");
        let one = fs::metadata(there.path().join("tree/one")).unwrap();
        assert_eq!((one.mode() & 0o777, one.mtime()), (0o640, 1_183_828_267), "{protocol}");
        good(scp().arg("-r").arg(remote(&there.path().join("tree"))).arg(back.path().join("new")));
        assert_eq!(contents(&back.path().join("new")), contents(&tree), "{protocol}");

        good(scp().arg(tree.join("one")).arg(remote(&there.path().join("renamed"))));
        assert_eq!(fs::read(there.path().join("renamed")).unwrap(), [0]);
        good(scp().args([tree.join("one"), tree.join("empty")]).arg(remote(there.path())));
        assert!(there.path().join("empty").exists());
        // A pattern is expanded there.
        good(scp().arg(remote(&there.path().join("[er]*"))).arg(back.path()));
        assert!(back.path().join("renamed").exists() && back.path().join("empty").exists());
        assert!(!back.path().join("one").exists());
        good(scp().arg(remote(&there.path().join("renamed"))).arg("/dev/null"));
    }
}

#[test]
fn serve_answers_scp_itself_if_told_to() {
    let home = tempfile::tempdir().unwrap();
    let tree = plant(home.path());
    let server = Server::start_with(&["--scp", "this"]);
    let mut scp = command(&server, "scp");
    good(scp.args(["-O", "-rp"]).arg(&tree).arg(remote(&home.path().join("there"))));
    assert_eq!(contents(&home.path().join("there")), contents(&tree));
    let mut scp = command(&server, "scp");
    good(scp.args(["-O", "-r"]).arg(remote(&home.path().join("there"))).arg(home.path().join("back")));
    assert_eq!(contents(&home.path().join("back")), contents(&tree));
}

#[test]
fn scp_stays_where_sftp_stays() {
    let home = tempfile::tempdir().unwrap();
    let tree = plant(home.path());
    fs::write(home.path().join("secret"), b"secret").unwrap();
    symlink("../secret", tree.join("link")).unwrap();
    let root = tree.display().to_string();
    let server = Server::start_with(&["--scp", "this", "--sftp-root", &root, "--read-only"]);
    let scp = |source: OsString, target: OsString| {
        run(command(&server, "scp").args(["-O", "-q"]).arg(source).arg(target), b"")
    };
    let here = home.path().join("here");
    assert_eq!(scp(remote(Path::new("/one")), here.clone().into_os_string()).code(), Some(0));
    assert_eq!(fs::read(&here).unwrap(), [0]);
    fs::remove_file(&here).unwrap();
    for outside in ["/link", "/../secret", "/sub folder/../../secret"] {
        let left = scp(remote(Path::new(outside)), here.clone().into_os_string());
        assert_eq!(left.code(), Some(1), "{outside}");
        assert!(!here.exists(), "{outside}");
    }
    let put = scp(home.path().join("secret").into_os_string(), remote(Path::new("/new")));
    assert_eq!(put.code(), Some(1));
    assert!(!tree.join("new").exists());
}

// covers: G12
#[test]
fn scp_tells_what_it_cannot_copy() {
    let server = Server::start();
    let home = tempfile::tempdir().unwrap();
    let tree = plant(home.path());
    for protocol in ["-q", "-O"] {
        let scp = |source: OsString, target: OsString| {
            run(command(&server, "scp").arg(protocol).arg(source).arg(target), b"")
        };
        let here = || home.path().join("here").into_os_string();
        for (source, target) in [
            (remote(&home.path().join("missing")), here()),
            (remote(&tree), here()),
            (tree.clone().into_os_string(), remote(home.path())),
            (home.path().join("missing").into_os_string(), remote(home.path())),
            (tree.join("one").into_os_string(), remote(&home.path().join("no/such/folder/x"))),
            (remote(&home.path().join("tree/..")), here()),
            (remote(Path::new("..")), here()),
        ] {
            let left = scp(source.clone(), target.clone());
            assert_eq!(left.code(), Some(1), "{protocol} {source:?} {target:?}: {}", left.stderr);
            assert!(left.stderr.contains("konko: "), "{}", left.stderr);
        }
        assert!(!home.path().join("here").exists());
        // What can be copied is.
        let both = run(
            command(&server, "scp")
                .arg(protocol)
                .arg(home.path().join("missing"))
                .arg(tree.join("one"))
                .arg(remote(home.path())),
            b"",
        );
        assert_eq!(both.code(), Some(1));
        assert!(home.path().join("one").exists());
        fs::remove_file(home.path().join("one")).unwrap();
    }
    assert_eq!(run(konko(home.path()).args(["scp", "-S", "x", "a", "b:"]), b"").code(), Some(255));
    assert_eq!(run(konko(home.path()).args(["scp", "a"]), b"").code(), Some(255));
}

#[test]
fn scp_copies_between_two_computers() {
    let (one, other) = (Server::start(), Server::start());
    let home = tempfile::tempdir().unwrap();
    let tree = plant(home.path());
    for protocol in ["-s", "-O"] {
        let there = tempfile::tempdir().unwrap();
        let mut scp = konko(one.folder.path());
        scp.args(["scp", protocol, "-F", "none", "-rp", "-i"]).arg(one.path("key"));
        scp.arg("-i").arg(other.path("key")).arg("-B");
        scp.arg("-o").arg(format!("UserKnownHostsFile={}", one.path("known_hosts").display()));
        scp.args(["-o", "GlobalKnownHostsFile=none", "-o", "StrictHostKeyChecking=accept-new"]);
        scp.arg(format!("scp://{USER}@127.0.0.1:{}/{}", one.port, tree.display()));
        scp.arg(format!("scp://{USER}@127.0.0.1:{}/{}", other.port, there.path().display()));
        good(&mut scp);
        assert_eq!(contents(&there.path().join("tree")), contents(&tree), "{protocol}");
        assert_eq!(fs::metadata(there.path().join("tree/one")).unwrap().mtime(), 1_183_828_267);
    }
}

// covers: G01, Y07
#[test]
fn scp_does_not_follow_links_in_a_target_tree() {
    let server = Server::start();
    for protocol in ["-q", "-O"] {
        let (home, outside, back) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let tree = plant(home.path());
        fs::create_dir(back.path().join("tree")).unwrap();
        symlink(outside.path(), back.path().join("tree/sub folder")).unwrap();
        let left =
            run(command(&server, "scp").args([protocol, "-r"]).arg(remote(&tree)).arg(back.path()), b"");
        assert_eq!(left.code(), Some(1), "{}", left.stderr);
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0, "{protocol}");
    }
}

/// Runs a batch in that folder here and there.
fn batch(server: &Server, folder: &Path, flags: &[&str], lines: &str) -> Left {
    let mut sftp = command(server, "sftp");
    sftp.args(flags).args(["-b", "-"]).arg(remote(folder)).current_dir(folder);
    run(&mut sftp, lines.as_bytes())
}

#[test]
fn sftp_runs_a_batch_of_every_command() {
    let server = Server::start();
    let home = tempfile::tempdir().unwrap();
    let folder = fs::canonicalize(home.path()).unwrap();
    plant(&folder);
    let lines = "\
# a comment
pwd
lpwd
mkdir 'a b'
cd 'a b'
put -p tree/one
put tree/one 'with blank'
ls
cd ..
put -R tree copied
get -R copied back
get 'a b/one' fetched
rename fetched 'moved here'
ln -s one 'a b/link'
ln 'a b/one' hard
cp 'a b/one' cloned
chmod 600 cloned
ls -l cloned
lmkdir local
lcd local
get clon?d
lcd ..
rm a\\ b/*
rmdir 'a b'
df
version
!echo from the shell
lls local
progress
lumask 027
get -R copied/one masked
help
bye
rm tree
";
    let left = batch(&server, &folder, &[], lines);
    assert_eq!(left.code(), Some(0), "{}{}", left.stderr, left.text());
    let text = left.text();
    for expected in [
        &format!("Remote working directory: {}", folder.display())[..],
        &format!("Local working directory: {}", folder.display()),
        "sftp> mkdir 'a b'",
        "one  ",
        "SFTP protocol version 3",
        "from the shell",
        "cloned",
        "-rw-------",
        "%Capacity",
        "reput",
    ] {
        assert!(text.contains(expected), "{expected} is missing: {text}");
    }
    assert_eq!(contents(&folder.join("copied")), contents(&folder.join("tree")));
    assert_eq!(contents(&folder.join("back")), contents(&folder.join("tree")));
    assert!(!folder.join("a b").exists() && folder.join("moved here").exists());
    assert_eq!(fs::read(folder.join("hard")).unwrap(), [0]);
    assert_eq!(fs::metadata(folder.join("cloned")).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::read(folder.join("local/cloned")).unwrap(), [0]);
    assert_eq!(fs::metadata(folder.join("masked")).unwrap().mode() & 0o027, 0);
    assert!(folder.join("tree").exists(), "nothing is done after bye");
}

#[test]
fn sftp_ends_a_batch_at_the_first_failure() {
    let server = Server::start();
    let home = tempfile::tempdir().unwrap();
    let left = batch(&server, home.path(), &[], "-rm missing\n@mkdir one\n rm missing\nmkdir two\n");
    assert_eq!(left.code(), Some(1), "{}", left.stderr);
    assert!(home.path().join("one").exists() && !home.path().join("two").exists());
    assert!(
        left.text().contains("sftp> -rm missing") && !left.text().contains("mkdir one"),
        "{}",
        left.text()
    );
    let left = batch(&server, home.path(), &["-q"], "xyzzy\n");
    assert_eq!((left.code(), left.text().as_str()), (Some(1), ""), "{}", left.stderr);
    assert!(left.stderr.contains("xyzzy"), "{}", left.stderr);

    // Without -b, failures are told and the rest is done.
    let mut sftp = command(&server, "sftp");
    sftp.arg(remote(home.path()));
    let left = run(&mut sftp, b"rm missing\nmkdir three\n");
    assert_eq!(left.code(), Some(0), "{}", left.stderr);
    assert!(home.path().join("three").exists());
}

// covers: G01, Y07
#[test]
fn nothing_is_written_where_a_link_stands() {
    let server = Server::start();
    let (home, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir(home.path().join("there")).unwrap();
    fs::write(home.path().join("there/evil"), b"evil").unwrap();
    fs::write(outside.path().join("canary"), b"alive").unwrap();
    let here = home.path().join("here");
    fs::create_dir(&here).unwrap();
    symlink(outside.path().join("canary"), here.join("evil")).unwrap();
    let left = batch(&server, home.path(), &[], "get there/* here\n");
    assert_eq!(left.code(), Some(1), "{}", left.text());
    let left = batch(&server, home.path(), &[], "lcd here\nget there/evil\n");
    assert_eq!(left.code(), Some(1), "{}", left.text());
    for protocol in ["-s", "-O"] {
        let mut scp = command(&server, "scp");
        let left = run(scp.arg(protocol).arg(remote(&home.path().join("there/*"))).arg(&here), b"");
        assert_eq!(left.code(), Some(1), "{protocol}: {}", left.stderr);
    }
    assert_eq!(fs::read(outside.path().join("canary")).unwrap(), b"alive");
    // A link that the user names is followed.
    let named = batch(&server, home.path(), &[], "get there/evil here/evil\n");
    assert_eq!(named.code(), Some(0), "{}", named.stderr);
    assert_eq!(fs::read(outside.path().join("canary")).unwrap(), b"evil");
}

#[test]
fn many_files_at_once() {
    let server = Server::start();
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    for folder in ["here", "there", "back", "copied"] {
        fs::create_dir(at(folder)).unwrap();
    }
    for index in 0..100 {
        fs::write(at("here").join(format!("file {index}")), format!("content of {index}")).unwrap();
    }
    let left =
        batch(&server, home.path(), &[], "put here/* there\nget there/f* back\nput here/missing* there\n");
    assert_eq!(left.code(), Some(1), "{}", left.text());
    assert_eq!(contents(&at("back")), contents(&at("here")));
    let mut scp = command(&server, "scp");
    scp.args(contents(&at("here")).iter().map(|(name, _)| at("here").join(name)));
    let left = run(scp.arg(at("missing")).arg(remote(&at("copied"))), b"");
    assert_eq!(left.code(), Some(1), "{}", left.stderr);
    assert!(left.stderr.contains("missing"), "{}", left.stderr);
    assert_eq!(contents(&at("copied")), contents(&at("here")));
}

#[test]
fn sftp_resumes() {
    let server = Server::start();
    let home = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..3_000_000_u32).map(|index| (index % 253) as u8).collect();
    fs::write(home.path().join("whole"), &content).unwrap();
    fs::write(home.path().join("half"), &content[..1_000_000]).unwrap();
    let left = batch(&server, home.path(), &[], "reget whole half\n");
    assert_eq!(left.code(), Some(0), "{}{}", left.stderr, left.text());
    assert!(fs::read(home.path().join("half")).unwrap() == content);
    fs::write(home.path().join("half"), &content[..2_000_000]).unwrap();
    let left = batch(&server, home.path(), &["-a"], "put whole half\n");
    assert_eq!(left.code(), Some(0), "{}{}", left.stderr, left.text());
    assert!(fs::read(home.path().join("half")).unwrap() == content);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2, "nothing is left over");
}

#[test]
fn sftp_fetches_the_file_that_is_named() {
    let server = Server::start();
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("a b"), b"content").unwrap();
    let target = home.path().join("fetched");
    good(command(&server, "sftp").arg(remote(&home.path().join("a b"))).arg(&target));
    assert_eq!(fs::read(&target).unwrap(), b"content");
    let mut sftp = konko(server.folder.path());
    sftp.args(["sftp", "-F", "none", "-i"]).arg(server.path("key")).args(["-o", "BatchMode=yes"]);
    sftp.arg("-o").arg(format!("UserKnownHostsFile={}", server.path("known_hosts").display()));
    let path = home.path().join("a b").display().to_string().replace(' ', "%20");
    sftp.arg(format!("sftp://{USER}@127.0.0.1:{}/{path}", server.port)).current_dir(home.path().join("."));
    fs::remove_file(&target).unwrap();
    good(sftp.arg("fetched"));
    assert_eq!(fs::read(&target).unwrap(), b"content");
    let missing = run(command(&server, "sftp").arg(remote(&home.path().join("missing"))), b"");
    assert_eq!(missing.code(), Some(1), "{}", missing.stderr);
}

#[test]
fn sftp_talks_to_a_program_here() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("a"), b"content").unwrap();
    let own = format!("'{}' sftp-server", env!("CARGO_BIN_EXE_konko"));
    for program in [own.as_str(), SFTP_SERVER] {
        if program == SFTP_SERVER && !Path::new(SFTP_SERVER).exists() {
            continue;
        }
        let mut sftp = konko(home.path());
        sftp.args(["sftp", "-q", "-b", "-", "-R", "4", "-B", "4096", "-D", program]).current_dir(home.path());
        let left = run(&mut sftp, format!("cd {}\nls -1\nget a b\n", home.path().display()).as_bytes());
        assert_eq!(left.code(), Some(0), "{program}: {}", left.stderr);
        assert!(left.text().lines().any(|line| line == "a"), "{}", left.text());
        assert_eq!(fs::read(home.path().join("b")).unwrap(), b"content");
        fs::remove_file(home.path().join("b")).unwrap();
    }
}

#[test]
fn options_that_are_none_are_told() {
    let home = tempfile::tempdir().unwrap();
    for arguments in
        [&["sftp", "-z", "host"][..], &["sftp"], &["sftp", "-1", "host"], &["scp", "-z", "a", "b:"]]
    {
        let left = run(konko(home.path()).args(arguments), b"");
        assert_eq!(left.code(), Some(255), "{arguments:?}");
        assert!(left.stderr.contains("-h' for help"), "{}", left.stderr);
    }
    for name in ["sftp", "scp"] {
        let left = run(konko(home.path()).args([name, "-h"]), b"");
        assert_eq!(left.code(), Some(0));
        assert!(left.text().contains("Usage: konko"), "{}", left.text());
    }
}
