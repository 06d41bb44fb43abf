//! Accounts of this machine that real servers can log in to.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::peers::find::{find_peer, skip};
use crate::peers::run::{RUN, run};

/// The account made for password logins. `userdel -r konko-test` removes it.
pub const THROW_AWAY: &str = "konko-test";

/// Where its password is kept for other tests of the same machine; readable to root only.
const PASSWORD_FOLDER: &str = "/run/konko-test";

/// A local account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestAccount {
    /// The user name.
    pub name: String,
    /// The password, if it is known.
    pub password: Option<String>,
    /// The home folder.
    pub home: PathBuf,
}

impl TestAccount {
    /// The user who runs the tests; no password is known.
    ///
    /// # Panics
    /// When the system does not know the user.
    pub fn current() -> Self {
        let name = run(Command::new("id").arg("-un"), b"", RUN).expect("id").expect_success().stdout_text();
        Self::named(name.trim_end()).expect("the user who runs the tests has an account")
    }

    /// An account that exists, without a password.
    pub fn named(name: &str) -> Option<Self> {
        let accounts = fs::read_to_string("/etc/passwd").ok()?;
        let fields =
            accounts.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|f| f[0] == name)?;
        Some(Self { name: name.to_owned(), password: None, home: PathBuf::from(fields.get(5)?) })
    }

    /// Whether the tests run as root.
    pub fn current_is_root() -> bool {
        run(Command::new("id").arg("-u"), b"", RUN).is_ok_and(|id| id.stdout_text().trim_end() == "0")
    }

    /// The throw-away account, made if it is not there, with a random password that only root can read. Says SKIP
    /// when the tests do not run as root.
    ///
    /// # Panics
    /// When the tests do not run as root and `KONKO_REQUIRE_PEERS=1`, or the account cannot be made.
    pub fn with_password() -> Option<Self> {
        if !Self::current_is_root() {
            skip("only root can make an account for password logins");
            return None;
        }
        Some(Self::prepare().unwrap_or_else(|error| panic!("no account {THROW_AWAY}: {error}")))
    }

    /// Adds a line to the `authorized_keys` of the throw-away account, for servers that read no other file. It stays
    /// there: keep no such private key.
    ///
    /// # Panics
    /// When this is another account or the file cannot be written.
    pub fn authorize(&self, public_line: &str) {
        assert_eq!(self.name, THROW_AWAY, "no other account's keys are touched");
        self.add_authorized_key(public_line)
            .unwrap_or_else(|error| panic!("authorized_keys of {THROW_AWAY}: {error}"));
    }

    fn add_authorized_key(&self, public_line: &str) -> io::Result<()> {
        let _lock = lock()?;
        let folder = self.home.join(".ssh");
        let file = folder.join("authorized_keys");
        fs::create_dir_all(&folder)?;
        fs::set_permissions(&folder, Permissions::from_mode(0o700))?;
        let mut keys = File::options().create(true).append(true).open(&file)?;
        keys.set_permissions(Permissions::from_mode(0o600))?;
        keys.write_all(format!("{public_line}\n").as_bytes())?;
        let owner = format!("{THROW_AWAY}:");
        administer("chown", &["-R", &owner, &folder.display().to_string()], b"")
    }

    fn prepare() -> io::Result<Self> {
        let _lock = lock()?;
        let kept = Path::new(PASSWORD_FOLDER).join("password");
        if let (Some(account), Ok(password)) = (Self::named(THROW_AWAY), fs::read_to_string(&kept)) {
            return Ok(Self { password: Some(password), ..account });
        }
        if Self::named(THROW_AWAY).is_none() {
            let comment = "throw-away account of konko's tests";
            administer(
                "useradd",
                &["--create-home", "--shell", "/bin/sh", "--comment", comment, THROW_AWAY],
                b"",
            )?;
        }
        let password = random_password()?;
        administer("chpasswd", &[], format!("{THROW_AWAY}:{password}\n").as_bytes())?;
        fs::write(&kept, &password)?;
        let account = Self::named(THROW_AWAY).ok_or(io::ErrorKind::NotFound)?;
        Ok(Self { password: Some(password), ..account })
    }
}

/// Tests run side by side in processes of their own: one of them changes the account, the others wait.
fn lock() -> io::Result<File> {
    let folder = Path::new(PASSWORD_FOLDER);
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    let lock = File::create(folder.join("lock"))?;
    lock.lock()?;
    Ok(lock)
}

fn administer(program: &str, arguments: &[&str], input: &[u8]) -> io::Result<()> {
    let path = find_peer(program).ok_or_else(|| io::Error::other(format!("{program} is not installed")))?;
    let finished = run(Command::new(path).args(arguments), input, RUN)?;
    if finished.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("{program}: {}", finished.stderr_text())))
}

fn random_password() -> io::Result<String> {
    let mut bytes = [0_u8; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_known_and_nobody_else_by_a_wrong_name() {
        assert_eq!(TestAccount::named("root").unwrap().name, "root");
        assert_eq!(TestAccount::named("no:such:user"), None);
        assert!(TestAccount::current().home.is_absolute());
    }
}
