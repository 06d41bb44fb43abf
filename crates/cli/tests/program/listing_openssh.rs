//! `ls` of `konko sftp` beside that of OpenSSH's sftp, with the same server.

use crate::support::*;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

const SERVER: &str = "/usr/lib/openssh/sftp-server";
const SFTP: &str = "/usr/bin/sftp";

/// What a batch of this one command prints, without the commands.
fn listed(mut program: Command, folder: &Path, command: &str) -> Vec<String> {
    let batch = format!("cd {}\n{command}\n", folder.display());
    let left =
        run(program.args(["-q", "-D", SERVER, "-b", "-"]).env("TZ", "America/New_York"), batch.as_bytes());
    assert_eq!(left.code(), Some(0), "{command}: {}", left.stderr);
    let text = left.text();
    text.lines().filter(|line| !line.starts_with("sftp>")).map(|line| line.trim_end().to_owned()).collect()
}

/// A line without the number of links, which OpenSSH's sftp does not know and the server does.
fn without_links(line: &str) -> Vec<&str> {
    line.split_whitespace().enumerate().filter(|(place, _)| *place != 1).map(|(_, word)| word).collect()
}

/// Names of many kinds, sizes and dates.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("d/sub")).expect("made");
    fs::create_dir(at("d/empty")).expect("made");
    fs::create_dir(at("many")).expect("made");
    for number in 1..=30 {
        fs::write(at(&format!("many/a-file-{number}")), b"").expect("written");
    }
    fs::write(at("d/sub/inner"), b"yy").expect("written");
    std::os::unix::fs::symlink("three", at("d/link")).expect("linked");
    let day = Duration::from_secs(86_400);
    fs::create_dir(at("flat")).expect("made");
    for (name, size, age) in [
        ("three", 3, 20),
        ("big", 5_000_000, 4000),
        (".hidden", 1, 1),
        ("edge", 102_350, 30),
        ("half", 1500, 40),
    ] {
        // Where all sizes and dates differ, there is one order.
        for place in ["d", "flat"] {
            let file = fs::File::create(at(&format!("{place}/{name}"))).expect("made");
            file.set_len(size).expect("a size");
            file.set_modified(SystemTime::now() - day * age).expect("a date");
        }
    }
    folder
}

#[test]
fn flags_of_ls_are_those_of_openssh() {
    if [SERVER, SFTP].iter().any(|program| !Path::new(program).exists()) {
        let demanded = std::env::var_os("KONKO_REQUIRE_PEERS").is_some_and(|value| value == "1");
        assert!(!demanded, "sftp is missing");
        return;
    }
    let folder = folder();
    for command in [
        "ls d",
        "ls -1 d",
        "ls -a d",
        "ls -1a d",
        "ls -f d",
        "ls -1f d",
        "ls -1fr d",
        "ls -1r d",
        "ls -t flat",
        "ls -1tr flat",
        "ls -1S flat",
        "ls -1Sr flat",
        "ls -1l1 d",
        "ls many",
        "ls -r many",
        "ls -1 d/*",
        "ls d/su*",
        "ls -1 d/three",
        "ls -1 d/t*",
        "ls -1",
        "ls -1a",
        "ls -1Sf flat",
        "ls -1fS flat",
        "ls -l1 d",
    ] {
        assert_eq!(
            listed(konko_sftp(folder.path()), folder.path(), command),
            listed(Command::new(SFTP), folder.path(), command),
            "{command}"
        );
    }
    for command in [
        "ls -l d",
        "ls -la d",
        "ls -lh d",
        "ls -lah d",
        "ls -lt flat",
        "ls -ltr flat",
        "ls -lS flat",
        "ls -1l d",
        "ls -l d/*",
        "ls -lh d/*",
        "ls -l d/three",
        "ls -l",
    ] {
        let ours = listed(konko_sftp(folder.path()), folder.path(), command);
        let theirs = listed(Command::new(SFTP), folder.path(), command);
        let stripped = |lines: &[String]| -> Vec<Vec<String>> {
            lines.iter().map(|line| without_links(line).into_iter().map(str::to_owned).collect()).collect()
        };
        assert_eq!(stripped(&ours), stripped(&theirs), "{command}");
    }
}

/// sftp(1): "-n  Produce a long listing with user and group information presented numerically."
#[test]
fn owners_are_numbers_on_demand() {
    if !Path::new(SERVER).exists() {
        return;
    }
    let folder = folder();
    for command in ["ls -n d", "ls -nh d", "ls -ln d/t*", "ls -nl d/three"] {
        let lines = listed(konko_sftp(folder.path()), folder.path(), command);
        assert!(!lines.is_empty());
        for line in lines {
            let words: Vec<_> = line.split_whitespace().collect();
            assert!(words[2].parse::<u32>().is_ok() && words[3].parse::<u32>().is_ok(), "{command}: {line}");
        }
    }
}

fn konko_sftp(home: &Path) -> Command {
    let mut command = konko(home);
    command.arg("sftp");
    command
}
