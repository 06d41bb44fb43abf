//! The protocol of scp: our client with the scp of OpenSSH and Dropbear's servers, their clients with our server.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use konko_client::scp::{Scp, ScpError, ScpOptions};
use konko_client::{Credential, SshClient, blocking};
use konko_server::scp::ScpService;
use konko_tests::Seed;
use konko_tests::peers::{
    DropbearServer, Finished, KeyKind, Plink, Ssh, Sshd, SshdOptions, TestAccount, require_peer, run,
};
use tempfile::TempDir;

use crate::our_client::Target;
use crate::our_server::{OurServer, OurServerOptions, USER};
use crate::runtime::run_test;
use crate::table::{Failure, check_all, ensure};
use crate::transcript::same;
use crate::user::User;

/// Sizes about those at which something changes.
const SIZES: [usize; 7] = [0, 1, 32_767, 32_768, 32_769, 262_144, 20_000_000];
/// A moment that no test happens at.
const LONG_AGO: Duration = Duration::from_secs(1_183_828_267);

/// A folder in which nothing is by accident.
fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

fn server(user: &User) -> Option<Sshd> {
    require_peer("scp")?;
    SshdOptions::default().authorize(user.key()).start()
}

async fn client(sshd: &Sshd, user: &User) -> Result<SshClient, Failure> {
    let target = Target::sshd(sshd);
    target.connect(&target.options_with_key(user.key())).await
}

fn recursive() -> ScpOptions {
    let mut options = ScpOptions::default();
    options.recursive = true;
    options
}

fn preserving() -> ScpOptions {
    let mut options = recursive();
    options.preserve = true;
    options
}

/// A tree with names that shells and protocols stumble over.
fn plant(root: &Path) {
    fs::create_dir_all(root.join("sub folder/$(id)")).expect("folders");
    for (name, size) in [
        ("plain", 10),
        ("empty", 0),
        ("sub folder/it's `id`; \"quoted\"", 70_000),
        ("sub folder/$(id)/-rf", 1),
        ("sub folder/*", 32_768),
    ] {
        fs::write(root.join(name), Seed::new(size as u64).bytes(size)).expect("a file");
    }
    let odd = root.join(OsStr::from_bytes(b"not utf-8 \xff\xfe"));
    fs::write(odd, b"odd").expect("a file");
    fs::set_permissions(root.join("plain"), fs::Permissions::from_mode(0o751)).expect("a mode");
    let plain = fs::File::options().append(true).open(root.join("plain")).expect("a file");
    plain.set_modified(UNIX_EPOCH + LONG_AGO).expect("a time");
}

/// Whose modes and times are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compared {
    Files,
    All,
}

/// What is in a tree: names, contents, modes and times.
fn survey(root: &Path, compared: Compared) -> BTreeMap<Vec<u8>, (Vec<u8>, u32, i64)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let metadata = fs::symlink_metadata(&path).expect("metadata");
            let name = path.strip_prefix(root).expect("below").as_os_str().as_bytes().to_vec();
            let content = if metadata.is_dir() {
                folders.push(path);
                b"directory".to_vec()
            } else {
                fs::read(&path).expect("a file")
            };
            let is_compared = compared == Compared::All || metadata.is_file();
            let (mode, time) = if is_compared { (metadata.mode(), metadata.mtime()) } else { (0, 0) };
            found.insert(name, (content, mode, time));
        }
    }
    found
}

fn same_trees(expected: &Path, found: &Path, compared: Compared) -> Result<(), Failure> {
    let (expected, found) = (survey(expected, compared), survey(found, compared));
    let names = |tree: &BTreeMap<Vec<u8>, _>| -> Vec<String> {
        tree.keys().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
    };
    ensure(names(&expected) == names(&found), format!("{:?} not {:?}", names(&found), names(&expected)))?;
    for (name, (content, mode, time)) in &expected {
        let text = String::from_utf8_lossy(name);
        let (other, other_mode, other_time) = &found[name];
        same(&text, content, other)?;
        ensure((mode, time) == (other_mode, other_time), format!("{text}: mode or time differ"))?;
    }
    Ok(())
}

fn path(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// Files of all sizes to the server and back.
async fn to_and_fro(scp: &Scp) -> Result<(), Failure> {
    let (here, there, back) = (folder(), folder(), folder());
    for size in SIZES {
        let content = Seed::new(size as u64).bytes(size);
        let name = format!("file {size}");
        fs::write(here.path().join(&name), &content)?;
        let report = scp.put(here.path().join(&name), path(there.path())).await?;
        ensure((report.files, report.bytes) == (1, size as u64), format!("{report:?}"))?;
        same(&name, &content, &fs::read(there.path().join(&name))?)?;
        scp.get(path(&there.path().join(&name)), back.path().join("renamed")).await?;
        same(&name, &content, &fs::read(back.path().join("renamed"))?)?;
    }
    Ok(())
}

/// A tree with strange names to the server and back.
async fn trees(scp: &Scp) -> Result<(), Failure> {
    let (here, there, back) = (folder(), folder(), folder());
    plant(&here.path().join("."));
    let scp = scp.clone().with_options(preserving());
    let sent = scp.put(here.path(), path(&there.path().join("a new name"))).await?;
    ensure(sent.files == 6, format!("{sent:?}"))?;
    same_trees(here.path(), &there.path().join("a new name"), Compared::All)?;
    scp.get(path(&there.path().join("a new name")), back.path()).await?;
    same_trees(here.path(), &back.path().join("a new name"), Compared::All)?;
    scp.get(path(&there.path().join("a new name/")), back.path().join("again")).await?;
    same_trees(here.path(), &back.path().join("again"), Compared::All)
}

// covers: Y02
#[test]
fn files_and_trees_with_openssh() {
    let user = User::new();
    let Some(sshd) = server(&user) else { return };
    run_test(async {
        let scp = client(&sshd, &user).await?.scp();
        to_and_fro(&scp).await?;
        trees(&scp).await
    });
}

#[test]
fn files_and_trees_with_dropbear() {
    let Some(account) = TestAccount::with_password() else { return };
    if require_peer("scp").is_none() {
        return;
    }
    let Some(server) = DropbearServer::start(KeyKind::Ed25519, &[]) else { return };
    let target = Target::new(server.address(), std::slice::from_ref(server.host_key()));
    let options = target
        .options(&account.name)
        .with_credential(Credential::password(account.password.clone().expect("its password")));
    run_test(async {
        let scp = target.connect(&options).await?.scp();
        let home = String::from_utf8(scp_home(&target, &options).await?)?;
        let file = format!("{}/konko-scp", home.trim());
        let content = Seed::new(9).bytes(1_000_000);
        scp.write(&file, content.clone(), 0o640).await?;
        same("written and read", &content, &scp.read(&file, 2_000_000).await?)?;
        scp.write("konko-scp", content[..10].to_vec(), 0o640).await?;
        same("at home", &content[..10], &scp.read("~/konko-scp", 2_000_000).await?)
    });
}

async fn scp_home(target: &Target, options: &konko_client::ClientOptions) -> Result<Vec<u8>, Failure> {
    Ok(target.connect(options).await?.command("pwd").output().await?.stdout)
}

#[test]
fn streams_and_errors_with_openssh() {
    let user = User::new();
    let Some(sshd) = server(&user) else { return };
    run_test(async {
        let client = client(&sshd, &user).await?;
        let (scp, there) = (client.scp(), folder());
        let at = |name: &str| path(&there.path().join(name)).to_vec();
        let content = Seed::new(5).bytes(3_000_000);
        scp.write(at("a"), content.clone(), 0o600).await?;
        ensure(fs::metadata(there.path().join("a"))?.mode() & 0o777 == 0o600, "the mode")?;
        same("read", &content, &scp.read(at("a"), 3_000_000).await?)?;

        let small = scp.read(at("a"), 2_999_999).await;
        ensure(matches!(small, Err(ScpError::Incomplete(_))), format!("{small:?}"))?;
        let missing = scp.read(at("missing"), 10).await;
        let Err(ScpError::Incomplete(report)) = &missing else { return Err(format!("{missing:?}").into()) };
        ensure(report.failures[0].reason.contains("No such file"), format!("{report:?}"))?;
        let nowhere = scp.write(at("no/such/folder/x"), "x", 0o600).await;
        ensure(
            matches!(&nowhere, Err(error) if error.to_string().contains("No such file")),
            format!("{nowhere:?}"),
        )?;
        let folder_refused = scp.get(path(there.path()), "/nowhere").await;
        ensure(folder_refused.is_err(), "a directory without recursive")?;

        // A stream that ends early is told to the other side, and leaves the session whole.
        let short = scp.put_from(std::io::Cursor::new(vec![1; 10]), 500_000, 0o600, at("short")).await;
        ensure(matches!(short, Err(ScpError::Incomplete(_))), format!("{short:?}"))?;
        Ok(())
    });
}

/// A server without scp says so in its own way.
#[test]
fn a_server_without_scp() {
    let user = User::new();
    let Some(sshd) = require_peer("scp").and_then(|_| {
        SshdOptions::default()
            .line("SetEnv PATH=/nonexistent HOME=/nonexistent")
            .authorize(user.key())
            .start()
    }) else {
        return;
    };
    run_test(async {
        let scp = client(&sshd, &user).await?.scp();
        let missing = scp.read("/etc/hostname", 1000).await;
        ensure(matches!(missing, Err(ScpError::NotInstalled { .. })), format!("{missing:?}"))?;
        let missing = scp.write("x", "x", 0o600).await;
        ensure(matches!(missing, Err(ScpError::NotInstalled { .. })), format!("{missing:?}"))
    });
}

/// A peer that is silent is not waited for for ever.
// covers: Y08
#[test]
fn a_server_that_stalls() {
    let user = User::new();
    let silent = SshdOptions::default().line("ForceCommand exec tail -f /dev/null").authorize(user.key());
    let Some(sshd) = silent.start() else { return };
    let mut options = ScpOptions::default();
    options.stall = Some(Duration::from_millis(300));
    let here = folder();
    run_test(async {
        let scp = client(&sshd, &user).await?.scp().with_options(options.clone());
        let stalled = scp.get("x", here.path()).await;
        ensure(matches!(stalled, Err(ScpError::Stalled { .. })), format!("{stalled:?}"))?;
        let stalled = scp.write("x", "x", 0o600).await;
        ensure(matches!(stalled, Err(ScpError::Stalled { .. })), format!("{stalled:?}"))
    });
    let target = Target::sshd(&sshd);
    let logged_in = blocking::SshClient::connect(
        sshd.address().to_string().as_str(),
        &target.options_with_key(user.key()),
    );
    let scp = logged_in.expect("logged in").scp().with_options(options);
    let stalled = scp.get("x", here.path());
    assert!(matches!(stalled, Err(ScpError::Stalled { .. })), "{stalled:?}");
}

// covers: Y07
#[test]
fn links_in_the_target_are_not_followed() {
    let user = User::new();
    let Some(sshd) = server(&user) else { return };
    let (here, there, outside) = (folder(), folder(), folder());
    fs::create_dir(there.path().join("tree")).expect("a folder");
    fs::create_dir(there.path().join("tree/inner")).expect("a folder");
    fs::write(there.path().join("tree/inner/file"), b"new").expect("a file");
    fs::write(there.path().join("tree/canary"), b"new").expect("a file");
    fs::create_dir(here.path().join("tree")).expect("a folder");
    fs::write(outside.path().join("canary"), b"alive").expect("a file");
    symlink(outside.path(), here.path().join("tree/inner")).expect("a link");
    symlink(outside.path().join("canary"), here.path().join("tree/canary")).expect("a link");
    run_test(async {
        let scp = client(&sshd, &user).await?.scp().with_options(recursive());
        let result = scp.get(path(&there.path().join("tree")), here.path()).await;
        let Err(ScpError::Incomplete(report)) = &result else { return Err(format!("{result:?}").into()) };
        ensure(report.failed == 2, format!("{report:?}"))?;
        same("the canary", b"alive", &fs::read(outside.path().join("canary"))?)?;
        ensure(fs::read_dir(outside.path())?.count() == 1, "nothing else is outside")
    });
}

#[test]
fn patterns_are_expanded_by_the_server() {
    let user = User::new();
    let Some(sshd) = server(&user) else { return };
    let (here, there) = (folder(), folder());
    for name in ["a.txt", "b.txt", "c.md", "$(touch evil).txt"] {
        fs::write(there.path().join(name), name).expect("a file");
    }
    let mut options = ScpOptions::default();
    options.patterns = true;
    run_test(async {
        let scp = client(&sshd, &user).await?.scp().with_options(options);
        let report = scp.get(path(&there.path().join("*.txt")), here.path()).await?;
        ensure(report.files == 3, format!("{report:?}"))?;
        let exact = scp.get(path(&there.path().join("$(touch evil).t?t")), here.path().join("x")).await?;
        ensure(exact.files == 1, format!("{exact:?}"))
    });
}

#[test]
fn without_a_runtime() {
    let user = User::new();
    let Some(sshd) = server(&user) else { return };
    let target = Target::sshd(&sshd);
    let options = target.options_with_key(user.key());
    let client =
        blocking::SshClient::connect(sshd.address().to_string().as_str(), &options).expect("logged in");
    let (here, there, back) = (folder(), folder(), folder());
    plant(here.path());
    let scp = client.scp().with_options(preserving());
    scp.put(here.path(), path(&there.path().join("tree"))).expect("put");
    scp.get(path(&there.path().join("tree")), back.path()).expect("got");
    same_trees(here.path(), &back.path().join("tree"), Compared::All).expect("the same");
    let content = Seed::new(4).bytes(5_000_000);
    scp.write(path(&there.path().join("x")), &content, 0o644).expect("written");
    assert!(scp.read(path(&there.path().join("x")), 5_000_000).expect("read") == content);
    let missing = scp.read(path(&there.path().join("missing")), 10);
    assert!(matches!(missing, Err(ScpError::Incomplete(_))), "{missing:?}");
    client.close();
}

/// Our server, which serves scp so.
fn our_server(user: &User, service: ScpService) -> OurServer {
    OurServerOptions::new(user).allow(|standard| standard.process.scp = service).start()
}

/// Runs `scp -O` or `pscp -scp` between here and our server.
fn copy(mut command: Command, arguments: &[&OsStr]) -> Result<Finished, Failure> {
    command.args(arguments);
    Ok(run(&mut command, b"", Duration::from_secs(60))?)
}

/// The remote file, as a client's command line has it that passes it on to a shell.
fn remote(host: &str, path: &Path) -> OsString {
    let mut quoted = Vec::new();
    konko_scp::words::quote(path.as_os_str().as_bytes(), &mut quoted);
    let mut argument = OsString::from(format!("{host}:"));
    argument.push(OsStr::from_bytes(&quoted));
    argument
}

fn with_client(
    service: &ScpService,
    compared: Compared,
    command: impl Fn(&OurServer, &User) -> Option<(Command, String)>,
) -> Result<(), Failure> {
    let user = User::new();
    let server = our_server(&user, *service);
    let (here, there, back) = (folder(), folder(), folder());
    plant(here.path());
    // PuTTY knows names in its own character set only.
    fs::remove_file(here.path().join(OsStr::from_bytes(b"not utf-8 \xff\xfe")))?;
    let flags = [OsStr::new("-r"), OsStr::new("-p")];
    let run_with = |from: &OsStr, to: &OsStr| -> Result<Option<Finished>, Failure> {
        let Some((program, _)) = command(&server, &user) else { return Ok(None) };
        copy(program, &[flags[0], flags[1], from, to]).map(Some)
    };
    let Some((_, host)) = command(&server, &user) else { return Ok(()) };
    // PuTTY compares the name with the path as it was quoted.
    let name = if compared == Compared::All { "a new name" } else { "new" };
    let new = there.path().join(name);
    let Some(put) = run_with(here.path().as_os_str(), &remote(&host, &new))? else { return Ok(()) };
    ensure(put.code() == Some(0), format!("put: {}", put.stderr_text()))?;
    same_trees(here.path(), &new, compared)?;
    let Some(got) = run_with(&remote(&host, &new), back.path().as_os_str())? else { return Ok(()) };
    ensure(got.code() == Some(0), format!("get: {}", got.stderr_text()))?;
    same_trees(here.path(), &back.path().join(name), compared)?;

    for size in SIZES {
        let content = Seed::new(size as u64).bytes(size);
        let file = here.path().join(format!("file{size}"));
        fs::write(&file, &content)?;
        let Some(put) = run_with(file.as_os_str(), &remote(&host, &there.path().join("x")))? else {
            continue;
        };
        ensure(put.code() == Some(0), format!("put {size}: {}", put.stderr_text()))?;
        same("put", &content, &fs::read(there.path().join("x"))?)?;
        let target = back.path().join("x");
        let Some(got) = run_with(&remote(&host, &there.path().join("x")), target.as_os_str())? else {
            continue;
        };
        ensure(got.code() == Some(0), format!("get {size}: {}", got.stderr_text()))?;
        same("got", &content, &fs::read(&target)?)?;
    }
    let missing = remote(&host, &there.path().join("missing"));
    let Some(missing) = run_with(&missing, back.path().as_os_str())? else { return Ok(()) };
    ensure(missing.code() != Some(0), "a missing file is no success")?;
    let nowhere = remote(&host, &there.path().join("no/such/folder/x"));
    let Some(nowhere) = run_with(here.path().join("plain").as_os_str(), &nowhere)? else { return Ok(()) };
    ensure(nowhere.code() != Some(0), "a missing folder is no success")
}

#[test]
fn openssh_copies_with_our_server() {
    check_all(&[ScpService::System, ScpService::InProcess], |service| {
        with_client(service, Compared::All, |server, user| {
            let ssh = Ssh::new(server.address(), USER)?.identity(&user.key().private);
            let mut command = ssh.companion("scp")?;
            command.arg("-O");
            Some((command, ssh.host()))
        })
    });
}

#[test]
fn putty_copies_with_our_server() {
    check_all(&[ScpService::System, ScpService::InProcess], |service| {
        // Its home has the key, and must outlive it.
        let home = std::cell::RefCell::new(Vec::new());
        // It leaves the times of folders as they come.
        with_client(service, Compared::Files, |server, user| {
            let fingerprint = server.host_keys()[0].fingerprint();
            let plink = Plink::new(server.address(), USER, &fingerprint)?.identity(user.key());
            let mut command = plink.command("pscp");
            command.arg("-scp");
            home.borrow_mut().push(plink);
            Some((command, server.address().ip().to_string()))
        })
    });
}

/// A path that only a shell could make sense of is left to it, and harmless where there is none.
// covers: Y02
#[test]
fn a_shell_is_not_asked_for_what_needs_none() {
    let user = User::new();
    let server = our_server(&user, ScpService::InProcess);
    let there = folder();
    let target = Target::new(server.address(), server.host_keys());
    let options = target.options(USER).with_credential(Credential::key_file(&user.key().private));
    run_test(async {
        let scp = target.connect(&options).await?.scp();
        let name = "$(touch evil); `id` & it's";
        scp.write(path(&there.path().join(name)), "content", 0o600).await?;
        same("read", b"content", &scp.read(path(&there.path().join(name)), 100).await?)?;
        to_and_fro(&scp).await?;
        trees(&scp).await?;
        ensure(fs::read_dir(there.path())?.count() == 1, "nothing else was done")
    });
}
