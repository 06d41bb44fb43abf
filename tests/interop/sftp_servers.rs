//! Our SFTP client with servers that serve less than all of a machine: OpenSSH's in a chroot, Dropbear with the
//! program of OpenSSH for another account, and Go's (rclone).

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use konko_client::Credential;
use konko_client::sftp::{DiskSync, RemotePath, Sftp, TransferOptions};
use konko_tests::Seed;
use konko_tests::peers::{DropbearServer, KeyKind, RcloneServer, SshdOptions, TestAccount};
use tempfile::TempDir;

use crate::our_client::Target;
use crate::runtime::run_test;
use crate::table::{Failure, ensure};
use crate::transcript::same;
use crate::user::User;

const SIZES: [usize; 7] = [0, 1, 32_767, 32_768, 32_769, 1_000_003, 20_000_000];

/// Files and folders in `remote`, which is `there` on this machine.
async fn moves_files(sftp: &Sftp, remote: &RemotePath, there: &Path) -> Result<(), Failure> {
    let here = TempDir::new()?;
    let mut options = TransferOptions::default();
    options.sync = DiskSync::Never;
    for size in SIZES {
        let data = Seed::new(size as u64).bytes(size);
        std::fs::write(here.path().join("source"), &data)?;
        sftp.put(here.path().join("source"), remote.join("file"), &options).await?;
        same("put", &data, &std::fs::read(there.join("file"))?)?;
        sftp.get(remote.join("file"), here.path().join("back"), &options).await?;
        same("got", &data, &std::fs::read(here.path().join("back"))?)?;
    }
    for file in 0..300 {
        let folder = here.path().join(format!("tree/{}/{}", file % 3, file % 7));
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(file.to_string()), format!("content {file}"))?;
    }
    let put = sftp.put_tree(here.path().join("tree"), remote.join("tree"), &options).await?;
    let got = sftp.get_tree(remote.join("tree"), here.path().join("again"), &options).await?;
    ensure((put.files, got.files) == (300, 300), format!("{put:?} {got:?}"))?;
    for file in 0..300 {
        let name = format!("{}/{}/{file}", file % 3, file % 7);
        let read = std::fs::read(here.path().join("again").join(&name))?;
        same(&name, format!("content {file}").as_bytes(), &read)?;
    }
    sftp.rename(remote.join("file"), remote.join("renamed")).await?;
    ensure(there.join("renamed").exists() && !there.join("file").exists(), "it was not renamed")?;
    sftp.remove_file(remote.join("renamed")).await?;
    sftp.remove_dir_all(remote.join("tree")).await?;
    ensure(std::fs::read_dir(there)?.next().is_none(), "something is left")
}

#[test]
fn in_a_chroot_of_openssh() {
    // Only root can change its root, and only below a root that is root's alone.
    let slash = std::fs::metadata("/").unwrap();
    if TestAccount::current().name != "root" || slash.uid() != 0 || slash.mode() & 0o022 != 0 {
        return;
    }
    let user = User::new();
    // sshd wants every folder above it to be root's alone.
    let root = TempDir::new_in("/run").unwrap();
    std::fs::set_permissions(root.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::create_dir(root.path().join("files")).unwrap();
    let sshd = SshdOptions::default()
        .authorize(user.key())
        .line(&format!("ChrootDirectory {}", root.path().display()))
        .line("ForceCommand internal-sftp");
    let Some(sshd) = sshd.start() else { return };
    run_test(async {
        let target = Target::sshd(&sshd);
        let client = target.connect(&target.options_with_key(user.key())).await?;
        let sftp = client.sftp().await.map_err(|error| format!("{error}\n{}", sshd.log()))?;
        moves_files(&sftp, &RemotePath::from("/files"), &root.path().join("files"))
            .await
            .map_err(|error| format!("{error}\n{}", sshd.log()).into())
    });
}

#[test]
fn with_dropbear() {
    let Some(account) = TestAccount::with_password() else { return };
    let Some(server) = DropbearServer::start(KeyKind::Ed25519, &[]) else { return };
    let folder = TempDir::new().unwrap();
    let files = folder.path().join("files");
    std::fs::create_dir(&files).unwrap();
    for path in [folder.path(), &files] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    run_test(async {
        let target = Target::new(server.address(), std::slice::from_ref(server.host_key()));
        let password = account.password.as_deref().unwrap_or_default();
        let client = target.connect(&target.options(&account.name).with_password(password)).await?;
        moves_files(&client.sftp().await?, &RemotePath::from(&*files), &files).await
    });
}

#[test]
fn with_gos_server() {
    let folder = TempDir::new().unwrap();
    let Some(server) = RcloneServer::start(folder.path(), "somebody", "secret") else { return };
    run_test(async {
        let target = Target::new(server.address(), std::slice::from_ref(server.host_key()));
        let options = target.options("somebody").with_credential(Credential::password("secret"));
        let client = target.connect(&options).await?;
        moves_files(&client.sftp().await?, &RemotePath::from("/"), folder.path())
            .await
            .map_err(|error| format!("{error}\n{}", server.log()).into())
    });
}
