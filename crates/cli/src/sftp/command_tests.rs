//! Lines and what they mean.

use crate::sftp::command::{COMMANDS, Command, Line, LineError, ListFlags, TransferFlags, find, parse};
use crate::sftp::words::Word;

fn word(text: &str) -> Word {
    crate::sftp::words::split(text.as_bytes()).unwrap().remove(0)
}

fn command(line: &str) -> Command {
    parse(line).unwrap().command.unwrap()
}

#[test]
fn every_command_is_known_by_its_name() {
    for row in COMMANDS {
        assert_eq!(find(row.name).unwrap().name, row.name);
        assert!(!row.help.is_empty());
    }
    assert_eq!(find("PWD").unwrap().name, "pwd");
    assert_eq!(find("vers").unwrap().name, "version");
    assert_eq!(find("ren").unwrap().name, "rename");
    assert!(matches!(find("re"), Err(LineError::Ambiguous(_))));
    assert!(matches!(find("xyzzy"), Err(LineError::Unknown(_))));
}

#[test]
fn lines_become_commands() {
    let flags = TransferFlags { resume: true, sync: true, preserve: true, recursive: true };
    let (remote, local) = (word("*.c"), Some(word("'a b'")));
    assert_eq!(command("get -afpR *.c 'a b'"), Command::Get { flags, remote, local });
    let resume = TransferFlags { resume: true, ..TransferFlags::default() };
    assert_eq!(command("reput x"), Command::Put { flags: resume, local: word("x"), remote: None });
    let flags = ListFlags { long: true, numeric: true, by_time: true, ..ListFlags::default() };
    assert_eq!(command("ls -1n -t dir"), Command::List { flags, path: Some(word("dir")) });
    assert_eq!(command("ls -Sln -ft dir"), Command::List { flags, path: Some(word("dir")) });
    let flags = ListFlags { single: true, by_size: true, ..ListFlags::default() };
    assert_eq!(command("ls -nftl1S dir"), Command::List { flags, path: Some(word("dir")) });
    assert_eq!(command("cd"), Command::ChangeDirectory(None));
    let mode = Command::ChangeMode { no_follow: true, mode: 0o4755, path: word("x") };
    assert_eq!(command("chmod -h 4755 x"), mode);
    assert_eq!(command("ln -s a b"), command("symlink a b"));
    assert_eq!(command("cp a b"), command("copy a b"));
    assert_eq!(command("df -hi"), Command::DiskFree { human: true, inodes: true, path: None });
    assert_eq!(command("! ls -l | wc"), Command::Shell(Some("ls -l | wc".to_owned())));
    assert_eq!(command("!"), Command::Shell(None));
    assert_eq!(command("lls -l 'x y'"), Command::LocalList("-l 'x y'".to_owned()));
    assert_eq!(command("lumask 077"), Command::LocalUmask(0o077));
    assert_eq!(command("rm -x"), Command::Remove(word("-x")));
    assert_eq!(command("ls -- -x"), Command::List { flags: ListFlags::default(), path: Some(word("-x")) });
}

#[test]
fn prefixes_are_for_batches() {
    let line = parse(" -@ rm x").unwrap();
    assert_eq!(
        line,
        Line { ignores_failure: true, is_silent: true, command: Some(Command::Remove(word("x"))) }
    );
    assert!(parse("@-rm x").unwrap().ignores_failure);
    for empty in ["", "   ", "# comment", "-", "@"] {
        assert_eq!(parse(empty).unwrap().command, None, "{empty:?}");
    }
}

#[test]
fn what_is_wrong_is_told() {
    for line in [
        "xyzzy",
        "get",
        "get a b c",
        "get -x a",
        "chmod 888 x",
        "chmod 10000 x",
        "chmod x",
        "chown -1 x",
        "rm",
        "mkdir",
        "rename a",
        "ln a",
        "lumask 999",
        "pwd x",
        "cd a b",
        "get 'a",
        "ls -lx",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
    assert_eq!(parse("get -x a"), Err(LineError::Flag("get", 'x')));
    assert_eq!(parse("rename a"), Err(LineError::Missing("rename", "the new name")));
}
