use crate::support::*;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::Command;

/// No test needs nearly as long.
const LIMIT: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

/// A terminal whose keyboard and screen the test has.
pub(crate) struct Terminal {
    control: File,
    end: File,
    seen: String,
}

const fn size(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

impl Terminal {
    pub(crate) fn new(columns: u16, rows: u16) -> Self {
        let control =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        grantpt(&control).and_then(|()| unlockpt(&control)).expect("it is ours");
        let name = ptsname(&control, Vec::new()).expect("a name").into_string().expect("text");
        let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
        let end: OwnedFd = rustix::fs::open(name, flags, rustix::fs::Mode::empty()).expect("its other end");
        tcsetwinsize(&control, size(columns, rows)).expect("a size");
        Self { control: File::from(control), end: File::from(end), seen: String::new() }
    }

    pub(crate) fn start(&self, command: &mut Command) -> Running {
        let end = || self.end.try_clone().expect("a copy");
        Running(
            command.env("TERM", "vt220").stdin(end()).stdout(end()).stderr(end()).spawn().expect("it starts"),
        )
    }

    pub(crate) fn keys(&mut self, keys: &str) {
        self.control.write_all(keys.as_bytes()).expect("they are typed");
    }

    /// Reads the screen until this is on it, and forgets what came before.
    pub(crate) fn wait_for(&mut self, text: &str) {
        let mut piece = [0; 4096];
        while !self.seen.contains(text) {
            let mut wanted = [PollFd::new(&self.control, PollFlags::IN)];
            let ready = poll(&mut wanted, Some(&LIMIT)).expect("it can be waited for");
            assert_ne!(ready, 0, "no {text:?} in {:?}", self.seen);
            let len = self.control.read(&mut piece).expect("a screen");
            assert_ne!(len, 0, "{text:?} in {:?}", self.seen);
            self.seen.push_str(&String::from_utf8_lossy(&piece[..len]));
        }
        self.seen = self.seen.split_once(text).map(|(_, after)| after.to_owned()).expect("it is there");
    }

    pub(crate) fn has_echo(&self) -> bool {
        tcgetattr(&self.end).expect("settings").local_modes.contains(LocalModes::ECHO)
    }

    fn is_raw(&self) -> bool {
        !tcgetattr(&self.end).expect("settings").local_modes.intersects(LocalModes::ECHO | LocalModes::ICANON)
    }
}

#[test]
fn a_command_gets_a_terminal_like_ours() {
    let server = Server::start();
    let mut terminal = Terminal::new(132, 43);
    let trap =
        "trap 'stty size; exit 5' WINCH; tty; stty size; echo $TERM; echo ready; while :; do sleep 0.1; done";
    let client = terminal.start(server.ssh(&["-t"]).arg(trap));
    terminal.wait_for("/dev/");
    terminal.wait_for("43 132\r\n");
    terminal.wait_for("vt220\r\n");
    terminal.wait_for("ready\r\n");
    assert!(terminal.is_raw());
    tcsetwinsize(&terminal.control, size(100, 30)).expect("a size");
    // The system tells the terminal's foreground processes only, and the client is not among them here.
    client.signal(Signal::WINCH);
    terminal.wait_for("30 100\r\n");
    terminal.wait_for("Connection to 127.0.0.1 closed.");
    assert_eq!(client.wait().code(), Some(5));
    assert!(!terminal.is_raw());
}

#[test]
fn keys_reach_the_command_and_escapes_do_not() {
    let server = Server::start();
    let mut terminal = Terminal::new(80, 24);
    let command = "trap 'echo interrupted; on=1' INT; echo ready; while [ -z $on ]; do sleep 0.1; done; cat";
    let client = terminal.start(server.ssh(&["-tt"]).arg(command));
    terminal.wait_for("ready\r\n");
    terminal.keys("\x03");
    terminal.wait_for("interrupted\r\n");
    terminal.keys("hello\r");
    terminal.wait_for("hello\r\nhello\r\n");
    terminal.keys("~?");
    terminal.wait_for("Supported escape sequences");
    terminal.keys("~~x\r");
    terminal.wait_for("~x\r\n~x\r\n");
    terminal.keys("~.");
    assert_eq!(client.wait().code(), Some(255));
    assert!(!terminal.is_raw());
}

#[test]
fn a_signal_puts_the_terminal_back() {
    let server = Server::start();
    let mut terminal = Terminal::new(80, 24);
    let client = terminal.start(server.ssh(&["-t"]).arg("echo ready; cat"));
    terminal.wait_for("ready\r\n");
    assert!(terminal.is_raw());
    client.signal(Signal::TERM);
    assert_eq!(client.wait().code(), Some(255));
    assert!(!terminal.is_raw());
}

/// ssh(1), -t: "Multiple -t options force tty allocation, even if ssh has no local tty."
#[test]
fn without_a_terminal_here_there_is_none_there_unless_it_is_forced() {
    let server = Server::start();
    let left = run(server.ssh(&["-t"]).arg("tty"), b"");
    assert!(left.stderr.contains("Pseudo-terminal will not be allocated"), "{}", left.stderr);
    assert_eq!((left.code(), left.text().as_str()), (Some(1), "not a tty\n"));
    let left = run(server.ssh(&["-tt"]).arg("tty; stty size"), b"");
    assert_eq!(left.code(), Some(0), "{}", left.stderr);
    assert!(left.text().starts_with("/dev/"), "{}", left.text());
}

/// A program with a terminal of its own, which is where it asks.
pub(crate) fn with_terminal(command: &Command) -> Command {
    let mut alone = Command::new("setsid");
    alone.arg("--ctty").arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => alone.env(name, value),
            None => alone.env_remove(name),
        };
    }
    alone.env_remove("SSH_ASKPASS_REQUIRE");
    alone
}

#[test]
fn the_terminal_is_where_questions_are_asked() {
    let server = Server::start();
    let mut terminal = Terminal::new(80, 24);
    let mut command = konko(server.folder.path());
    command.args(["ssh", "-o", "UserKnownHostsFile=~/known_hosts", "-i", "none"]);
    command.args(["-o", "PreferredAuthentications=password", "-l", USER]);
    command.args(["-p", &server.port.to_string(), "127.0.0.1", "echo in"]);
    let client = terminal.start(&mut with_terminal(&command));
    terminal.wait_for("(yes/no/[fingerprint])? ");
    terminal.keys("perhaps\r");
    terminal.wait_for("Please type 'yes', 'no' or the fingerprint: ");
    terminal.keys("yes\r");
    terminal.wait_for("Warning: Permanently added");
    terminal.wait_for("'s password: ");
    assert!(!tcgetattr(&terminal.end).expect("settings").local_modes.contains(LocalModes::ECHO));
    terminal.keys(&format!("{PASSWORD}\r"));
    terminal.wait_for("in\r\n");
    assert!(!terminal.seen.contains(PASSWORD));
    assert_eq!(client.wait().code(), Some(0));
}

#[test]
fn a_question_can_be_interrupted() {
    let server = Server::start();
    let mut terminal = Terminal::new(80, 24);
    let mut command = server.client();
    command.args(["-i", "none", "-o", "PreferredAuthentications=password", "127.0.0.1", "true"]);
    let client = terminal.start(&mut with_terminal(&command));
    terminal.wait_for("'s password: ");
    terminal.keys("\x03");
    terminal.wait_for("konko: killed by signal 2");
    assert_eq!(client.wait().code(), Some(255));
    assert!(tcgetattr(&terminal.end).expect("settings").local_modes.contains(LocalModes::ECHO));
}
