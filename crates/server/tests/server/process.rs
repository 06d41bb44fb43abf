//! Programs of the operating system.

use crate::support::*;
use konko_server::transport::wire::encode::Encode;
use konko_server::transport::wire::message::channel::{Signal, Subsystem, WindowChange};
use konko_server::transport::wire::terminal_modes::TerminalModes;
use konko_tokio::ChannelReader;
use rustix::process::{Pid, test_kill_process};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

const MEGABYTES: usize = 20;

async fn line(reader: &mut BufReader<ChannelReader>) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).await.unwrap();
    line.trim_end().to_owned()
}

fn process(text: &str) -> Pid {
    Pid::from_raw(text.trim().parse().unwrap()).unwrap()
}

/// Waits until a process is no more.
async fn gone(pid: Pid) {
    while test_kill_process(pid).is_ok() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_command_has_its_output_errors_and_status() {
    run(async {
        let connection = logged_in(standard(options())).await;
        let output = command(&connection, "cat; echo error >&2; exit 3", b"input").await;
        assert_eq!(
            output,
            Output { stdout: b"input".to_vec(), stderr: b"error\n".to_vec(), events: ends_with(3) }
        );
        assert_eq!(command(&connection, "no-such-command", b"").await.events, ends_with(127));
    });
}

#[test]
fn a_shell_is_a_login_shell() {
    run(async {
        let connection = logged_in(standard(options())).await;
        let channel = session(&connection).await;
        assert!(granted(&channel, "shell", b"").await);
        let mut writer = channel.writer();
        writer.write_all(b"echo $0\nexit 4\n").await.unwrap();
        let output = output(&channel).await;
        assert_eq!((output.text().as_str(), output.events), ("-sh\n", ends_with(4)));
    });
}

#[test]
fn much_goes_each_way_at_once() {
    run(async {
        let connection = logged_in(standard(options())).await;
        let input: Vec<u8> = (0..MEGABYTES << 20).map(|i| (i / 7 + i / 4099) as u8).collect();
        let output = command(&connection, "cat", &input).await;
        assert!(output.stdout == input, "{} bytes came back", output.stdout.len());
        assert_eq!(output.events, ends_with(0));
        let on_stderr = format!("head -c {} /dev/zero >&2", MEGABYTES << 20);
        assert_eq!(command(&connection, &on_stderr, b"").await.stderr.len(), MEGABYTES << 20);
    });
}

#[test]
fn a_program_may_leave_its_input() {
    run(async {
        let connection = logged_in(standard(options())).await;
        let input = vec![0; MEGABYTES << 20];
        let output = command(&connection, "head -c 3 | wc -c; exit 5", &input).await;
        assert_eq!((output.text().trim(), output.events), ("3", ends_with(5)));
    });
}

#[test]
fn a_client_that_wants_no_more_output_ends_a_program() {
    run(async {
        let connection = logged_in(standard(options())).await;
        let channel = session(&connection).await;
        assert!(exec(&channel, "exec yes").await);
        let mut reader = channel.reader();
        reader.read_exact(&mut [0; 100]).await.unwrap();
        assert!(granted(&channel, "eow@openssh.com", b"").await);
        let (events, mut rest) = (ending(&channel), Vec::new());
        let (events, read) = tokio::join!(events, reader.read_to_end(&mut rest));
        read.unwrap();
        assert_eq!(events, ["exit-signal PIPE", "eof", "closed"]);
    });
}

#[test]
fn a_signal_reaches_the_group_and_is_reported() {
    run(async {
        let connection = logged_in(standard(options())).await;
        for name in ["TERM", "KILL", "HUP", "USR1"] {
            let channel = session(&connection).await;
            // The shell waits for another process of its group.
            assert!(exec(&channel, "sleep 1000 & echo $!; wait").await);
            let mut reader = BufReader::new(channel.reader());
            let child = process(&line(&mut reader).await);
            let unknown = Signal { signal_name: b"SIGTERM" }.to_vec();
            assert!(!granted(&channel, "signal", &unknown).await);
            assert!(granted(&channel, "signal", &Signal { signal_name: name.as_bytes() }.to_vec()).await);
            let reported = format!("exit-signal {name}");
            assert_eq!(output(&channel).await.events, [reported.as_str(), "eof", "closed"]);
            gone(child).await;
        }
    });
}

/// covers: O03
#[test]
fn a_closed_channel_hangs_up_the_program_and_leaves_no_zombie() {
    run(async {
        let connection = logged_in(standard(options())).await;
        for terminal in [false, true] {
            let channel = session(&connection).await;
            if terminal {
                assert!(pty(&channel, "vt100", &TerminalModes::default()).await);
            }
            assert!(exec(&channel, "echo $$; exec sleep 1000").await);
            let mut reader = BufReader::new(channel.reader());
            let program = process(&line(&mut reader).await);
            assert!(test_kill_process(program).is_ok());
            channel.close();
            gone(program).await;
        }
        let channel = session(&connection).await;
        assert!(exec(&channel, "echo $$; exec sleep 1000").await);
        let mut reader = BufReader::new(channel.reader());
        let program = process(&line(&mut reader).await);
        drop((reader, channel, connection));
        gone(program).await;
    });
}

#[test]
fn a_process_left_behind_holds_the_session_only_by_its_pipes() {
    run(async {
        let connection = logged_in(standard(options())).await;
        let output = command(&connection, "sleep 1000 </dev/null >/dev/null 2>&1 & echo $!", b"").await;
        assert_eq!(output.events, ends_with(0));
        let left = process(&output.text());
        rustix::process::kill_process(left, rustix::process::Signal::KILL).unwrap();

        // With the output open the session goes on, and what is written late still comes.
        let channel = session(&connection).await;
        assert!(exec(&channel, "(read line; echo late $line) <&3 & echo early").await);
        drop(channel);
        let folder = tempfile::tempdir().unwrap();
        let gate = folder.path().join("gate");
        let made = std::process::Command::new("mkfifo").arg(&gate).status().unwrap();
        assert!(made.success());
        let channel = session(&connection).await;
        let gate = gate.display();
        assert!(exec(&channel, &format!("(read line < {gate}; echo late $line) & echo early")).await);
        let mut reader = BufReader::new(channel.reader());
        assert_eq!(line(&mut reader).await, "early");
        assert_eq!(command(&connection, &format!("echo word > {gate}"), b"").await.events, ends_with(0));
        assert_eq!(line(&mut reader).await, "late word");
        assert_eq!(ending(&channel).await, ends_with(0));
    });
}

#[test]
fn a_terminal_is_one_and_has_the_size_and_modes_asked_for() {
    run(async {
        let connection = logged_in(standard(options())).await;
        let channel = session(&connection).await;
        let mut modes = TerminalModes::default();
        // VINTR, ECHO, ONLCR, TTY_OP_ISPEED, TTY_OP_OSPEED; the last is one that the system does not have.
        for (opcode, argument) in [(1, 7), (53, 0), (72, 0), (128, 19200), (129, 19200), (145, 9)] {
            modes.push(opcode, argument);
        }
        assert!(pty(&channel, "vt220", &modes).await);
        assert!(exec(&channel, "tty; echo $SSH_TTY $TERM; stty size; stty -a; echo ok >&2; exit 6").await);
        let output = output(&channel).await;
        let text = output.text();
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with("/dev/pts/"), "{text}");
        assert_eq!(lines[1], format!("{} vt220", lines[0]));
        assert_eq!(lines[2], "24 80");
        for part in ["intr = ^G", "-echo ", "-onlcr", "speed 19200 baud"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(text.ends_with("ok\n") && !text.contains('\r') && output.stderr.is_empty(), "{text}");
        assert_eq!(output.events, ends_with(6));
    });
}

#[test]
fn a_terminal_changes_its_size_and_passes_signals_of_the_keyboard() {
    run(async {
        let connection = logged_in(standard(options())).await;
        let channel = session(&connection).await;
        assert!(pty(&channel, "vt100", &TerminalModes::default()).await);
        assert!(exec(&channel, "trap 'stty size' WINCH; stty -echo; echo ready; while read line; do echo $line; done; exec cat").await);
        let mut reader = BufReader::new(channel.reader());
        assert_eq!(line(&mut reader).await, "ready");
        let change =
            WindowChange { width_columns: 132, height_rows: 50, width_pixels: u32::MAX, height_pixels: 0 };
        assert!(granted(&channel, "window-change", &change.to_vec()).await);
        let mut writer = channel.writer();
        writer.write_all(b"word\n").await.unwrap();
        let answers = [line(&mut reader).await, line(&mut reader).await];
        assert!(
            answers.contains(&"50 132".to_owned()) && answers.contains(&"word".to_owned()),
            "{answers:?}"
        );
        writer.write_all(b"\x03").await.unwrap();
        let (events, mut rest) = (ending(&channel), Vec::new());
        let (events, read) = tokio::join!(events, reader.read_to_end(&mut rest));
        read.unwrap();
        assert_eq!(events, ["exit-signal INT", "eof", "closed"]);
    });
}

#[test]
fn much_goes_through_a_terminal() {
    run(async {
        let connection = logged_in(standard(options())).await;
        let channel = session(&connection).await;
        assert!(pty(&channel, "vt100", &TerminalModes::default()).await);
        assert!(
            exec(&channel, "stty raw -echo; echo ready; head -c 1000000 | cksum; head -c 2000000 /dev/zero")
                .await
        );
        let mut reader = BufReader::new(channel.reader());
        assert_eq!(line(&mut reader).await, "ready");
        let input: Vec<u8> = (0..1_000_000).map(|i| (i / 3 + i / 4099) as u8).collect();
        let mut writer = channel.writer();
        writer.write_all(&input).await.unwrap();
        let checksum = line(&mut reader).await;
        let (events, mut rest) = (ending(&channel), Vec::new());
        let (events, read) = tokio::join!(events, reader.read_to_end(&mut rest));
        read.unwrap();
        assert_eq!((rest.len(), events), (2_000_000, ends_with(0)));
        assert_eq!(command(&connection, "cksum", &input).await.text().trim(), checksum);
    });
}

#[test]
fn a_terminal_session_ends_with_its_program() {
    run(async {
        let connection = logged_in(standard(options())).await;
        let channel = session(&connection).await;
        assert!(pty(&channel, "vt100", &TerminalModes::default()).await);
        assert!(exec(&channel, "trap '' HUP; sleep 1000 & echo $!").await);
        let output = output(&channel).await;
        assert_eq!(output.events, ends_with(0));
        rustix::process::kill_process(process(&output.text()), rustix::process::Signal::KILL).unwrap();
    });
}

/// covers: H13
#[test]
fn the_environment_is_ours_but_for_what_is_allowed() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let mut options = options();
        options.process.working_directory = Some(folder.path().to_owned());
        options.process.environment.allow("PASSED_*");
        let account = options.process.account.clone();
        let connection = logged_in(standard(options)).await;
        let channel = session(&connection).await;
        for (name, value, taken) in [
            ("LANG", "C", true),
            ("LC_ALL", "C", true),
            ("PASSED_ON", "yes", true),
            ("LD_PRELOAD", "/x", false),
            ("PATH", "/x", false),
            ("HOME", "/x", false),
        ] {
            assert_eq!(env(&channel, name.as_bytes(), value.as_bytes()).await, taken, "{name}");
        }
        assert!(exec(&channel, "/usr/bin/env; pwd").await);
        let text = output(&channel).await.text();
        let mut lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.pop(), folder.path().canonicalize().unwrap().to_str());
        lines.retain(|line| !line.starts_with("_=") && !line.starts_with("TZ="));
        let names: std::collections::BTreeSet<_> =
            lines.iter().filter_map(|line| line.split('=').next()).collect();
        let expected = [
            "HOME",
            "LANG",
            "LC_ALL",
            "LOGNAME",
            "OLDPWD",
            "PASSED_ON",
            "PATH",
            "PWD",
            "SHELL",
            "SHLVL",
            "SSH_CLIENT",
            "SSH_CONNECTION",
            "USER",
        ];
        assert!(names.iter().all(|name| expected.contains(name)), "{names:?}");
        assert!(lines.contains(&format!("USER={}", account.name.display()).as_str()));
        assert!(lines.contains(&format!("HOME={}", account.home.display()).as_str()));
        assert!(lines.contains(&"SHELL=/bin/sh") && lines.contains(&"PASSED_ON=yes"));
        assert!(lines.contains(&"SSH_CONNECTION=UNKNOWN 65535 UNKNOWN 65535"));
    });
}

/// covers: O03
#[test]
fn a_program_has_no_descriptors_but_its_own() {
    run(async {
        let connection = logged_in(standard(options())).await;
        let channel = session(&connection).await;
        assert!(pty(&channel, "vt100", &TerminalModes::default()).await);
        let list = "cd /proc/$$/fd; for n in *; do echo $n $(readlink $n); done";
        let text = command(&connection, list, b"").await.text();
        let mut numbers = Vec::new();
        for line in text.lines() {
            let (number, target) = line.split_once(' ').unwrap();
            // What this process was itself given, by whoever runs the tests, any program of it has.
            let given = format!("/proc/{}/fd/{number}", std::os::unix::process::parent_id());
            if std::fs::read_link(given).is_ok_and(|given| given.as_os_str() == target) {
                continue;
            }
            // The shell's own for reading what readlink says.
            let own = target.is_empty() || numbers.len() >= 3 && target.starts_with("pipe:");
            if !own {
                numbers.push(number);
            }
        }
        assert_eq!(numbers, ["0", "1", "2"], "{text}");
    });
}

#[test]
fn subsystems_are_those_that_are_named() {
    run(async {
        let mut options = options();
        options.process.subsystems.insert("echo".into(), "exec cat".into());
        let connection = logged_in(standard(options)).await;
        let channel = session(&connection).await;
        assert!(!granted(&channel, "subsystem", &Subsystem { name: b"sftp" }.to_vec()).await);
        assert!(granted(&channel, "subsystem", &Subsystem { name: b"echo" }.to_vec()).await);
        channel.writer().write_all(b"hello").await.unwrap();
        channel.send_eof();
        let output = output(&channel).await;
        assert_eq!((output.text().as_str(), output.events), ("hello", ends_with(0)));
    });
}

// covers: O02
#[test]
fn a_shell_that_is_not_there_is_a_refusal() {
    run(async {
        let mut options = options();
        options.process.shell = Some("/no/such/shell".into());
        let connection = logged_in(standard(options)).await;
        let channel = session(&connection).await;
        assert!(!exec(&channel, "true").await);
    });
}
