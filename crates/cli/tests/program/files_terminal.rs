//! `konko sftp` at a terminal.

use crate::support::*;
use crate::terminal::Terminal;
use std::fs;
use std::process::Command;

fn sftp(server: &Server) -> Command {
    let mut command = konko(server.folder.path());
    command.args(["sftp", "-F", "none", "-P", &server.port.to_string(), "-i"]).arg(server.path("key"));
    command.arg("-o").arg(format!("UserKnownHostsFile={}", server.path("known_hosts").display()));
    command.args(["-o", "GlobalKnownHostsFile=none", "-o", "StrictHostKeyChecking=accept-new"]);
    command.args(["-o", &format!("User={USER}"), "-o", "BatchMode=yes"]);
    command
}

#[test]
fn lines_are_edited_completed_and_remembered() {
    let server = Server::start();
    let home = tempfile::tempdir().expect("a folder");
    fs::create_dir(home.path().join("folder with blanks")).expect("a folder");
    fs::write(home.path().join("folder with blanks/content.txt"), b"content").expect("a file");
    let mut terminal = Terminal::new(100, 30);
    let mut command = sftp(&server);
    command.arg(format!("127.0.0.1:{}", home.path().display())).current_dir(home.path());
    let client = terminal.start(&mut command);
    terminal.wait_for("Connected to 127.0.0.1.");
    terminal.wait_for("sftp> ");
    // Tab completes the command, the folder and the file.
    terminal.keys("vers\t\r");
    terminal.wait_for("SFTP protocol version 3");
    terminal.wait_for("sftp> ");
    terminal.keys("get fol\tcon\t fetched\r");
    terminal.wait_for("Fetching");
    terminal.wait_for("100%");
    terminal.wait_for("sftp> ");
    assert_eq!(fs::read(home.path().join("fetched")).expect("it is there"), b"content");
    terminal.keys("xyzzy\r");
    terminal.wait_for("invalid command");
    terminal.wait_for("sftp> ");
    // Ctrl-C gives up the line, and not the session; the arrow brings an earlier one back.
    terminal.keys("rm fetched\x03");
    terminal.wait_for("sftp> ");
    terminal.keys("lpwd\r");
    terminal.wait_for("Local working directory");
    terminal.wait_for("sftp> ");
    terminal.keys("\x1b[A\r");
    terminal.wait_for("Local working directory");
    terminal.wait_for("sftp> ");
    terminal.keys("\x04");
    assert_eq!(client.wait().code(), Some(0));
    assert!(home.path().join("fetched").exists());
    let history = server.path(".local/state/konko/sftp_history");
    assert!(fs::read_to_string(history).expect("it is kept").contains("get fol"));
}

#[test]
fn an_interrupted_transfer_leaves_the_session() {
    let server = Server::start();
    let home = tempfile::tempdir().expect("a folder");
    let big = fs::File::create(home.path().join("big")).expect("a file");
    big.set_len(4 << 30).expect("a length");
    let mut terminal = Terminal::new(100, 30);
    let mut command = sftp(&server);
    // So slow that it would take hours.
    command.args(["-l", "4000"]).arg(format!("127.0.0.1:{}", home.path().display()));
    let client = terminal.start(command.current_dir(home.path()));
    terminal.wait_for("sftp> ");
    terminal.keys("get big got\r");
    terminal.wait_for("ETA");
    client.signal(rustix::process::Signal::INT);
    terminal.wait_for("Interrupted");
    terminal.wait_for("sftp> ");
    terminal.keys("pwd\r");
    terminal.wait_for("Remote working directory");
    terminal.keys("bye\r");
    assert_eq!(client.wait().code(), Some(0));
    assert!(!home.path().join("got").exists());
}
