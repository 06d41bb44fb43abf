//! Names and homes of users and groups, from passwd(5) and group(5) files. Other sources of accounts (LDAP, NIS) are
//! not asked: their users stay numbers.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The most bytes of a file that are read.
const LARGEST_FILE: u64 = 16 * 1024 * 1024;

/// What passwd(5) and group(5) say. Of entries with one number the first counts.
#[derive(Debug, Default)]
pub struct Accounts {
    users: HashMap<u32, Vec<u8>>,
    groups: HashMap<u32, Vec<u8>>,
    homes: HashMap<Vec<u8>, Vec<u8>>,
}

impl Accounts {
    /// Those of the system. What cannot be read is empty.
    pub fn of_system() -> Self {
        Self::parse(&read(Path::new("/etc/passwd")), &read(Path::new("/etc/group")))
    }

    /// Those of two files' contents. Lines that make no sense are skipped.
    pub fn parse(passwd: &[u8], group: &[u8]) -> Self {
        let mut accounts = Self::default();
        for fields in lines(passwd) {
            // passwd(5): name:password:UID:GID:GECOS:directory:shell
            if let [name, _, uid, _, _, home, _] = fields.as_slice()
                && let Some(uid) = number(uid)
            {
                accounts.users.entry(uid).or_insert_with(|| name.to_vec());
                accounts.homes.entry(name.to_vec()).or_insert_with(|| home.to_vec());
            }
        }
        for fields in lines(group) {
            // group(5): group_name:password:GID:user_list
            if let [name, _, gid, _] = fields.as_slice()
                && let Some(gid) = number(gid)
            {
                accounts.groups.entry(gid).or_insert_with(|| name.to_vec());
            }
        }
        accounts
    }

    /// The name of a user.
    pub fn user(&self, uid: u32) -> Option<&[u8]> {
        self.users.get(&uid).map(Vec::as_slice)
    }

    /// The name of a group.
    pub fn group(&self, gid: u32) -> Option<&[u8]> {
        self.groups.get(&gid).map(Vec::as_slice)
    }

    /// The home directory of the user of a name.
    pub fn home(&self, user_name: &[u8]) -> Option<&[u8]> {
        self.homes.get(user_name).map(Vec::as_slice)
    }
}

fn lines(content: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    content
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.starts_with(b"#"))
        .map(|line| line.split(|&byte| byte == b':').collect::<Vec<_>>())
        .filter(|fields| !fields[0].is_empty())
}

fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn read(path: &Path) -> Vec<u8> {
    let mut content = Vec::new();
    match File::open(path).and_then(|file| file.take(LARGEST_FILE).read_to_end(&mut content)) {
        Ok(_) => content,
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_that_make_sense() {
        let accounts = Accounts::parse(
            b"root:x:0:0:root:/root:/bin/bash\n# a:x:1:1::/:/\nbob:x:1000:1000:,,:/home/bob:\nalso:x:0:0::/x:\n\
              :x:5:5::/:/\nshort:x:7\nbig:x:4294967296:0::/:/\n+::::::\n",
            b"root:x:0:\nusers:*:100:bob,\xff\nx:y\n",
        );
        assert_eq!(accounts.user(0), Some(&b"root"[..]));
        assert_eq!(accounts.user(1000), Some(&b"bob"[..]));
        assert_eq!(accounts.home(b"bob"), Some(&b"/home/bob"[..]));
        assert_eq!(accounts.home(b"also"), Some(&b"/x"[..]));
        assert_eq!(accounts.group(100), Some(&b"users"[..]));
        for unknown in [1, 5, 7, 100] {
            assert_eq!(accounts.user(unknown), None);
        }
    }
}
