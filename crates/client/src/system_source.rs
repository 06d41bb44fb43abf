//! What ssh_config is read from: the files, environment, shell and resolver of this computer.

use konko_config::{Found, Local, Source};
use konko_pattern::glob::{Backslash, Glob};
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};
use std::path::Path;
use std::process::{Command, Stdio};

/// The largest file of the system's that is looked into.
const MAXIMUM_TABLE_LEN: u64 = 4 << 20;
/// How many entries of a directory, and paths, a pattern of `Include` may go through.
const MAXIMUM_PATHS: usize = 100_000;

/// The files, environment, shell and resolver of this computer. It blocks the thread that asks it.
///
/// What a name is an alias of (CNAME) is not known to the resolver of the standard library, so that
/// `CanonicalizePermittedCNAMEs` is refused. `Match localnetwork` works on Linux.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct SystemSource;

impl SystemSource {
    /// What is known of this computer and its user. `version` is what the program calls itself. The home directory
    /// is that of the environment (`HOME`), or that of the user's account.
    pub fn local(version: impl Into<String>) -> Local {
        let account = Account::current();
        let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
        let home = home.map(|home| home.to_string_lossy().into_owned());
        Local {
            user: account.name,
            uid: account.uid,
            home: home.or(account.home),
            host_name: host_name(),
            version: version.into(),
        }
    }
}

/// A line of passwd(5).
#[derive(Debug)]
struct Account {
    name: String,
    uid: u32,
    home: Option<String>,
}

impl Account {
    fn current() -> Self {
        let uid = user_id();
        let found = table("/etc/passwd").lines().filter_map(Self::parse).find(|account| account.uid == uid);
        found.unwrap_or_else(|| {
            let name = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
            Self { name: name.unwrap_or_else(|| uid.to_string()), uid, home: None }
        })
    }

    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let uid = fields.nth(1)?.parse().ok()?;
        let home = fields.nth(2).filter(|home| !home.is_empty());
        Some(Self { name: name.to_owned(), uid, home: home.map(str::to_owned) })
    }
}

#[cfg(unix)]
fn user_id() -> u32 {
    rustix::process::getuid().as_raw()
}

#[cfg(not(unix))]
fn user_id() -> u32 {
    0
}

#[cfg(unix)]
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host_name() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}

/// A file of the system's as text; empty if it cannot be read.
fn table(path: &str) -> String {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAXIMUM_TABLE_LEN).read_to_end(&mut bytes));
    match read {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => String::new(),
    }
}

impl Source for SystemSource {
    fn read(&mut self, path: &str, limit: usize, private: bool) -> io::Result<Option<Vec<u8>>> {
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if metadata.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
        }
        if private && !metadata.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        let file = File::open(path)?;
        if private {
            check_owner(&file.metadata()?)?;
        }
        let mut bytes = Vec::new();
        file.take(u64::try_from(limit).unwrap_or(u64::MAX)).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn glob(&mut self, pattern: &str) -> io::Result<Vec<String>> {
        glob(pattern)
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn home_of(&self, user: &str) -> Option<String> {
        table("/etc/passwd")
            .lines()
            .filter_map(Account::parse)
            .find(|account| account.name == user)
            .and_then(|account| account.home)
    }

    fn service(&self, name: &str) -> Option<u16> {
        table("/etc/services").lines().find_map(|line| {
            let line = line.split_once('#').map_or(line, |(line, _)| line);
            let mut words = line.split_whitespace();
            let official = words.next()?;
            let (port, protocol) = words.next()?.split_once('/')?;
            let is_it = protocol == "tcp" && (official == name || words.any(|alias| alias == name));
            if is_it { port.parse().ok() } else { None }
        })
    }

    fn succeeds(&mut self, command: &str) -> io::Result<bool> {
        let shell = std::env::var_os("SHELL").filter(|shell| !shell.is_empty());
        let mut child = Command::new(shell.unwrap_or_else(|| "/bin/sh".into()));
        let status = child.arg("-c").arg(command).stdin(Stdio::null()).stdout(Stdio::null()).status()?;
        match status.code() {
            Some(code) => Ok(code == 0),
            None => Err(io::Error::other(format!("it was ended: {status}"))),
        }
    }

    fn addresses(&mut self) -> io::Result<Vec<IpAddr>> {
        if !cfg!(target_os = "linux") {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "not known on this system"));
        }
        let mut addresses = local_ipv4(&table("/proc/net/fib_trie"));
        addresses.extend(local_ipv6(&table("/proc/net/if_inet6")));
        Ok(addresses)
    }

    fn tells_aliases(&self) -> bool {
        false
    }

    fn look_up(&mut self, name: &str) -> io::Result<Option<Found>> {
        // That there is no such host is an error like others to the standard library.
        Ok((name, 0).to_socket_addrs().ok().map(|_| Found::default()))
    }
}

/// The addresses that Linux calls local: each stands on a line before one that says `/32 host LOCAL`.
fn local_ipv4(table: &str) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = Vec::new();
    let mut last = None;
    for line in table.lines() {
        let line = line.trim_start();
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.trim().parse::<Ipv4Addr>().ok();
        } else if line.starts_with("/32 host LOCAL")
            && let Some(address) = last.map(IpAddr::V4)
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    found
}

/// Each line begins with an address of 32 hexadecimal digits.
fn local_ipv6(table: &str) -> Vec<IpAddr> {
    let address = |line: &str| {
        let digits = line.split_whitespace().next().filter(|digits| digits.len() == 32)?;
        u128::from_str_radix(digits, 16).ok().map(|bits| IpAddr::V6(Ipv6Addr::from(bits)))
    };
    table.lines().filter_map(address).collect()
}

/// A configuration runs commands: what others than the user and the superuser can write is not obeyed. A group that
/// is the user's alone may write.
#[cfg(unix)]
fn check_owner(metadata: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let mode = metadata.mode() & 0o777;
    let owner_is_good = metadata.uid() == 0 || metadata.uid() == user_id();
    let others_write = mode & 0o002 != 0 || (mode & 0o020 != 0 && !is_own_group(metadata.gid()));
    if owner_is_good && !others_write {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("bad owner or permissions (owner {}, mode {mode:04o}): others can write it", metadata.uid()),
    ))
}

#[cfg(not(unix))]
fn check_owner(_: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Whether nobody but the user is in the group.
#[cfg(unix)]
fn is_own_group(gid: u32) -> bool {
    let account = Account::current();
    let primary = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let group: u32 = fields.nth(2)?.parse().ok()?;
        (group == gid).then(|| name.to_owned())
    };
    let only_user = table("/etc/passwd").lines().filter_map(primary).all(|name| name == account.name);
    let group = table("/etc/group");
    let members = group.lines().find_map(|line| {
        let mut fields = line.split(':');
        let number: u32 = fields.nth(2)?.parse().ok()?;
        (number == gid).then(|| fields.next().unwrap_or_default().to_owned())
    });
    only_user
        && members
            .is_some_and(|members| members.split(',').all(|name| name.is_empty() || name == account.name))
}

/// The paths that match an absolute pattern, sorted.
fn glob(pattern: &str) -> io::Result<Vec<String>> {
    let mut paths = vec![String::new()];
    let mut seen = 0;
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let glob = Glob::of_text(part, Backslash::Member);
        let mut next = Vec::new();
        for directory in &paths {
            if !part.contains(['*', '?', '[', '\\']) {
                next.push(format!("{directory}/{part}"));
                continue;
            }
            let listed = if directory.is_empty() { "/" } else { directory.as_str() };
            // A directory that is not there, or not for the user to read, has nothing that matches.
            let Ok(entries) = std::fs::read_dir(listed) else { continue };
            for entry in entries {
                let name = entry?.file_name();
                seen += 1;
                if seen > MAXIMUM_PATHS {
                    return Err(io::Error::other("the pattern goes through too many files"));
                }
                if let Some(name) = name.to_str().filter(|name| glob.matches_text(name)) {
                    next.push(format!("{directory}/{name}"));
                }
            }
        }
        paths = next;
    }
    paths.retain(|path| Path::new(path).symlink_metadata().is_ok());
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_sorted() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["b.conf", "a.conf", ".c.conf", "d"] {
            std::fs::write(folder.path().join(name), "").expect("written");
        }
        let path = folder.path().display();
        assert_eq!(
            glob(&format!("{path}/*.conf")).expect("listed"),
            [format!("{path}/a.conf"), format!("{path}/b.conf")]
        );
        assert_eq!(glob(&format!("{path}/d")).expect("listed"), [format!("{path}/d")]);
        assert!(glob(&format!("{path}/e")).expect("listed").is_empty());
        assert!(glob("/no-such-directory/*").expect("listed").is_empty());
    }

    /// covers: L05
    #[cfg(unix)]
    #[test]
    fn what_others_can_write_is_not_obeyed() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config");
        std::fs::write(&path, "User a\n").expect("written");
        let text = path.display().to_string();
        for (mode, private, expected) in [(0o644, true, true), (0o666, true, false), (0o666, false, true)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("changed");
            assert_eq!(SystemSource.read(&text, 100, private).is_ok(), expected, "{mode:o} {private}");
        }
        assert_eq!(SystemSource.read(&text, 4, false).expect("read"), Some(b"User".to_vec()));
        assert!(SystemSource.read(&folder.path().display().to_string(), 100, false).is_err());
        assert!(SystemSource.read("/dev/zero", 100, true).is_err());
        assert_eq!(SystemSource.read("/no-such-file", 100, true).expect("nothing"), None);
    }

    #[test]
    fn commands_run_by_the_shell() {
        assert!(SystemSource.succeeds("test a = a").expect("run"));
        assert!(!SystemSource.succeeds("exit 3").expect("run"));
    }

    #[test]
    fn tables_of_linux_hold_addresses() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     |-- 127.0.0.1\n        \
                    /32 host LOCAL\n     |-- 192.0.2.255\n        /32 link BROADCAST\n";
        assert_eq!(local_ipv4(trie), [IpAddr::V4(Ipv4Addr::LOCALHOST)]);
        let inet6 = "00000000000000000000000000000001 01 80 10 80       lo\n";
        assert_eq!(local_ipv6(inet6), [IpAddr::V6(Ipv6Addr::LOCALHOST)]);
    }
}
