//! Our SFTP client with OpenSSH's server, and with asyncssh's in all versions of the protocol that it speaks.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use konko_client::SshClient;
use konko_client::sftp::{
    DiskSync, Error, OpenOptions, Progress, RemotePath, Sftp, SftpOptions, Symlinks, TransferOptions,
    WalkOptions,
};
use konko_tests::peers::{DropbearServer, KeyKind, PythonPeer, PythonServer, Sshd, SshdOptions, TestAccount};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use crate::our_client::Target;
use crate::runtime::run_test;
use crate::table::Failure;
use crate::user::User;

const SIZES: [usize; 6] = [0, 1, 32_767, 32_768, 32_769, 2_000_003];

fn content(len: usize, seed: usize) -> Vec<u8> {
    let mut state = seed as u64 + 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&state.to_be_bytes());
    }
    bytes.truncate(len);
    bytes
}

fn options() -> TransferOptions {
    let mut options = TransferOptions::default();
    options.sync = DiskSync::Never;
    options
}

/// What names the server knows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Bytes,
    /// UTF-8 only.
    Text,
}

/// Fails with `what` unless `condition` holds.
fn check(condition: bool, what: &dyn Debug) -> Result<(), Failure> {
    if condition { Ok(()) } else { Err(format!("{what:?}").into()) }
}

/// Every file below a directory.
fn tree(root: &Path) -> std::io::Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let name = path.strip_prefix(root).map_err(std::io::Error::other)?;
                found.insert(name.as_os_str().as_encoded_bytes().to_vec(), std::fs::read(&path)?);
            }
        }
    }
    Ok(found)
}

/// Nested folders with so many files.
fn make_tree(root: &Path, files: usize, len: usize) -> std::io::Result<()> {
    for file in 0..files {
        let folder = root.join(format!("{}/{}", file % 7, file % 31));
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(format!("file {file}")), content(len, file))?;
    }
    Ok(())
}

async fn sshd_client(sshd: &Sshd, user: &User) -> Result<SshClient, Failure> {
    let target = Target::sshd(sshd);
    target.connect(&target.options_with_key(user.key())).await
}

/// Everything that a client does with files, in `remote`, an empty directory that is `there` on this machine.
async fn exercise(sftp: &Sftp, there: &Path, names: Names) -> Result<(), Failure> {
    let remote = RemotePath::from(there);
    let local = TempDir::new()?;
    for size in SIZES {
        let data = content(size, size);
        let (source, back) = (local.path().join("source"), local.path().join("back"));
        std::fs::write(&source, &data)?;
        let mut options = options();
        options.preserve_times = true;
        options.preserve_permissions = true;
        sftp.put(&source, remote.join("f"), &options).await?;
        check(std::fs::read(there.join("f"))? == data, &size)?;
        sftp.get(remote.join("f"), &back, &options).await?;
        check(std::fs::read(&back)? == data, &size)?;
        let (modified, sent) =
            (std::fs::metadata(&back)?.modified()?, std::fs::metadata(&source)?.modified()?);
        let apart = sent.duration_since(modified).unwrap_or_default();
        check(apart.as_secs() < 2, &apart)?;
        // As a stream.
        let mut file = sftp.create(remote.join("stream")).await?;
        for piece in data.chunks(10_007) {
            file.write_all(piece).await?;
        }
        file.shutdown().await?;
        let mut file = sftp.open(remote.join("stream")).await?;
        let mut got = Vec::new();
        file.seek(std::io::SeekFrom::Start(size as u64 / 2)).await?;
        file.read_to_end(&mut got).await?;
        check(got == data[size / 2..], &size)?;
        file.close().await?;
    }
    make_tree(&local.path().join("tree"), 200, 500)?;
    let mut tree_options = options();
    tree_options.symlinks = Symlinks::Keep;
    let put = sftp.put_tree(local.path().join("tree"), remote.join("tree"), &tree_options).await?;
    check(put.files == 200, &put)?;
    let got = sftp.get_tree(remote.join("tree"), local.path().join("back-tree"), &tree_options).await?;
    check(got.files == 200, &got)?;
    check(tree(&local.path().join("tree"))? == tree(&local.path().join("back-tree"))?, &"the trees")?;
    change(sftp, &remote, there, names).await
}

async fn change(sftp: &Sftp, remote: &RemotePath, there: &Path, names: Names) -> Result<(), Failure> {
    let at = |name: &str| remote.join(name);
    sftp.create_dir_all(at("a/b/c")).await?;
    sftp.create_dir_all(at("a/b/c")).await?;
    let name: &[u8] = if names == Names::Bytes { b"a/\xff\xfe" } else { b"a/name" };
    sftp.write(remote.join(name), b"bytes").await?;
    check(sftp.read(remote.join(name)).await? == b"bytes", &"a name that need not be UTF-8")?;
    let mut open = OpenOptions::new();
    let mut file = sftp.open_with(at("a/f"), open.write(true).create_new(true).mode(0o600)).await?;
    file.write_all(b"0123456789").await?;
    file.flush_written().await?;
    let metadata = file.metadata().await?;
    check((metadata.len(), metadata.is_file(), metadata.permissions) == (10, true, Some(0o600)), &metadata)?;
    file.set_len(5).await?;
    file.close().await?;
    check(sftp.open_with(at("a/f"), &open).await.is_err(), &"it is there already")?;
    let mut file = sftp.open_with(at("a/f"), OpenOptions::new().append(true)).await?;
    file.write_all(b"abc").await?;
    file.shutdown().await?;
    check(std::fs::read(there.join("a/f"))? == b"01234abc", &"appending")?;
    sftp.set_permissions(at("a/f"), 0o640).await?;
    sftp.set_times(at("a/f"), 1_000_000_000, 1_100_000_000).await?;
    let metadata = sftp.metadata(at("a/f")).await?;
    let modified = metadata.modified.map(|time| time.seconds);
    check((metadata.permissions, modified) == (Some(0o640), Some(1_100_000_000)), &metadata)?;
    sftp.symlink("f", at("a/link")).await?;
    check(std::fs::read_link(there.join("a/link"))? == Path::new("f"), &"the link")?;
    check(sftp.read_link(at("a/link")).await? == RemotePath::from("f"), &"the link")?;
    check(sftp.symlink_metadata(at("a/link")).await?.is_symlink(), &"the link")?;
    check(sftp.rename_exclusive(at("a/f"), at("a/link")).await.is_err(), &"it is there already")?;
    if names == Names::Text {
        // This one has no rename that replaces.
        sftp.remove_file(at("a/link")).await?;
    }
    sftp.rename(at("a/f"), at("a/link")).await?;
    check(!sftp.try_exists(at("a/f")).await?, &"renamed")?;
    let canonical = sftp.canonicalize(at("a/b/../link")).await?;
    check(canonical == RemotePath::from(there.canonicalize()?.join("a/link")), &canonical)?;
    let mut walk = sftp.walk(at("a"), WalkOptions::default()).await?;
    let mut found = 0;
    while walk.next_entry().await?.is_some() {
        found += 1;
    }
    check(found == 4, &found)?;
    let globbed = sftp.glob(at("a/l*"), &Default::default()).await?;
    check(globbed == [at("a/link")], &globbed)?;
    let missing = sftp.metadata(at("missing")).await;
    let kind = missing.as_ref().err().map(Error::kind);
    check(kind == Some(std::io::ErrorKind::NotFound), &missing)?;
    sftp.remove_dir_all(at("a")).await?;
    check(!there.join("a").exists(), &"removed")
}

#[test]
fn with_openssh() {
    let user = User::new();
    let Some(sshd) = SshdOptions::default().authorize(user.key()).start() else { return };
    run_test(async {
        let client = sshd_client(&sshd, &user).await?;
        let folder = TempDir::new()?;
        exercise(&client.sftp().await?, folder.path(), Names::Bytes).await?;
        // The program instead of what is built in.
        let program = "/usr/lib/openssh/sftp-server";
        if Path::new(program).exists() {
            let folder = TempDir::new()?;
            let sftp = Sftp::start(client.command(program), SftpOptions::default()).await?;
            exercise(&sftp, folder.path(), Names::Bytes).await?;
        }
        Ok(())
    });
}

#[test]
fn with_asyncssh_in_every_version() {
    for version in 3..=6 {
        let user = User::new();
        let keys = user.authorized_keys().display().to_string();
        let name = "somebody";
        let version_argument = version.to_string();
        let arguments = ["--user", name, "--authorized-keys", &keys, "--sftp-version", &version_argument];
        let Some(server) = PythonServer::start(PythonPeer::Asyncssh, &arguments) else { return };
        run_test(async {
            let target = Target::new(server.address(), std::slice::from_ref(server.host_key()));
            let key = konko_client::Credential::key_file(&user.key().private);
            let client = target.connect(&target.options(name).with_credential(key)).await?;
            let mut options = SftpOptions::default();
            options.client.maximum_version = 6;
            let sftp = Sftp::start(client.subsystem("sftp"), options).await?;
            check(sftp.version() == version, &sftp.version())?;
            let folder = TempDir::new()?;
            exercise(&sftp, folder.path(), Names::Bytes)
                .await
                .map_err(|error| format!("version {version}: {error}; {}", server.log()).into())
        });
    }
}

#[test]
fn with_paramiko() {
    let user = User::new();
    let (keys, name) = (user.authorized_keys().display().to_string(), "somebody");
    let arguments = ["--user", name, "--authorized-keys", &keys];
    let Some(server) = PythonServer::start(PythonPeer::Paramiko, &arguments) else { return };
    run_test(async {
        let target = Target::new(server.address(), std::slice::from_ref(server.host_key()));
        let key = konko_client::Credential::key_file(&user.key().private);
        let client = target.connect(&target.options(name).with_credential(key)).await?;
        let folder = TempDir::new()?;
        exercise(&client.sftp().await?, folder.path(), Names::Text)
            .await
            .map_err(|error| format!("{error}; {}", server.log()).into())
    });
}

#[test]
fn with_dropbear_and_openssh_s_program() {
    let Some(account) = TestAccount::with_password() else { return };
    let Some(server) = DropbearServer::start(KeyKind::Ed25519, &[]) else { return };
    if !Path::new("/usr/lib/sftp-server").exists() {
        return;
    }
    let target = Target::new(server.address(), std::slice::from_ref(server.host_key()));
    let options =
        target.options(&account.name).with_password(account.password.as_deref().unwrap_or_default());
    run_test(async {
        let client = target.connect(&options).await?;
        let folder = TempDir::new()?;
        // The account is another one than that of the tests.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777))?;
        exercise(&client.sftp().await?, folder.path(), Names::Bytes).await
    });
}

#[test]
fn a_hundred_megabytes_and_two_thousand_files() {
    let user = User::new();
    let Some(sshd) = SshdOptions::default().authorize(user.key()).start() else { return };
    run_test(async {
        let sftp = sshd_client(&sshd, &user).await?.sftp().await?;
        let (there, here) = (TempDir::new()?, TempDir::new()?);
        let remote = RemotePath::from(there.path());
        let data = content(100_000_000, 7);
        std::fs::write(here.path().join("source"), &data)?;
        sftp.put(here.path().join("source"), remote.join("large"), &options()).await?;
        check(std::fs::read(there.path().join("large"))? == data, &"put")?;
        sftp.get(remote.join("large"), here.path().join("back"), &options()).await?;
        check(std::fs::read(here.path().join("back"))? == data, &"get")?;
        std::fs::remove_file(there.path().join("large"))?;
        make_tree(&here.path().join("tree"), 2000, 4096)?;
        let put = sftp.put_tree(here.path().join("tree"), remote.join("tree"), &options()).await?;
        check(put.files == 2000, &put)?;
        let got = sftp.get_tree(remote.join("tree"), here.path().join("again"), &options()).await?;
        check(got.files == 2000, &got)?;
        check(tree(&here.path().join("tree"))? == tree(&here.path().join("again"))?, &"the trees")
    });
}

// covers: G15
#[test]
fn a_connection_that_is_cut_leaves_the_old_file_and_a_part() {
    let user = User::new();
    let Some(sshd) = SshdOptions::default().authorize(user.key()).start() else { return };
    run_test(async {
        let (there, here) = (TempDir::new()?, TempDir::new()?);
        let remote = RemotePath::from(there.path()).join("f");
        let data = content(30_000_000, 3);
        for up in [true, false] {
            let (source, target) = (here.path().join("source"), here.path().join("target"));
            let file = there.path().join("f");
            std::fs::write(if up { &source } else { &file }, &data)?;
            let old = if up { file } else { target.clone() };
            std::fs::write(&old, "old")?;
            let mut options = options();
            options.keep_partial = true;
            options.resume = true;
            let client = sshd_client(&sshd, &user).await?;
            let sftp = client.sftp().await?;
            let cut = Arc::new(AtomicBool::new(false));
            let (tell, moved) = (Arc::clone(&cut), client.clone());
            options.progress = Some(Arc::new(move |progress: &Progress<'_>| {
                if progress.transferred > 5_000_000 && !tell.swap(true, Ordering::Relaxed) {
                    let client = moved.clone();
                    tokio::spawn(async move { client.close().await });
                }
            }));
            let mut slow = options.clone();
            slow.maximum_rate = Some(40_000_000);
            let result = if up {
                sftp.put(&source, &remote, &slow).await
            } else {
                sftp.get(&remote, &target, &slow).await
            };
            check(result.is_err() && cut.load(Ordering::Relaxed), &result)?;
            check(std::fs::read(&old)? == b"old", &"the old file stays")?;
            options.progress = None;
            let sftp = sshd_client(&sshd, &user).await?.sftp().await?;
            let result = if up {
                sftp.put(&source, &remote, &options).await?
            } else {
                sftp.get(&remote, &target, &options).await?
            };
            check(result.resumed >= 1_000_000, &result)?;
            check(std::fs::read(&old)? == data, &"the whole file")?;
        }
        Ok(())
    });
}

#[test]
fn the_blocking_face_with_openssh() {
    let user = User::new();
    let Some(sshd) = SshdOptions::default().authorize(user.key()).start() else { return };
    let target = Target::sshd(&sshd);
    let client = konko_client::blocking::SshClient::connect(
        sshd.address().to_string().as_str(),
        &target.options_with_key(user.key()),
    )
    .expect("a client");
    let (there, here) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let remote = RemotePath::from(there.path());
    let data = content(5_000_000, 1);
    for _ in 0..3 {
        let sftp = client.sftp().expect("a session");
        // Dropped below: what was written is sent all the same.
        let mut file = sftp.create(remote.join("dropped")).expect("a file");
        std::io::Write::write_all(&mut file, b"dropped").expect("written");
        sftp.write(remote.join("f"), &data).expect("written");
        assert!(std::fs::read(there.path().join("f")).expect("there") == data);
        sftp.get(remote.join("f"), here.path().join("f"), &options()).expect("got");
        assert!(std::fs::read(here.path().join("f")).expect("here") == data);
        sftp.put(here.path().join("f"), remote.join("g"), &options()).expect("put");
        let names: Vec<_> =
            sftp.read_dir(&remote).expect("a listing").map(|entry| entry.expect("an entry")).collect();
        assert_eq!(names.len(), 3);
        drop(file);
        assert_eq!(sftp.read(remote.join("dropped")).expect("read"), b"dropped");
    }
    // The connection goes on without the sessions.
    let output = client.command("echo on").output().expect("a command");
    assert_eq!(output.stdout, b"on\n");
}
