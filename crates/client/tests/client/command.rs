//! Commands against a server that misbehaves on demand.

use crate::scripted_server::{ScriptedServer, client, options};
use konko_client::{Error, ExitStatus, PtyOptions, Stdin, WindowSize};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// RFC 4254 §6.10 leaves the order of exit status, output, EOF and close to the server.
#[tokio::test]
async fn the_exit_status_may_come_at_any_time() {
    let client = client().await;
    for script in [
        "out:a err:b status:3 eof close",
        "out:a err:b eof status:3 close",
        "status:3 out:a err:b eof close",
        "out:a status:3 err:b close",
        "status:3 out:a err:b close",
    ] {
        let output = client.command(script).output().await.expect(script);
        assert_eq!(output.status, ExitStatus::Code(3), "{script}");
        assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"a"[..], &b"b"[..]), "{script}");
    }
    let output = client.command("status:0 eof close").output().await.expect("ended");
    assert!(output.status.is_success());
    assert!(output.stdout.is_empty() && output.stderr.is_empty());
}

#[tokio::test]
async fn what_is_not_an_exit_code() {
    let client = client().await;
    let output = client.command("out:x signal:SEGV eof close").output().await.expect("ended");
    let expected =
        ExitStatus::Signal { name: "SEGV".to_owned(), core_dumped: true, message: "it broke".to_owned() };
    assert_eq!(output.status, expected);
    assert_eq!(output.status.to_string(), "ended by signal SEGV, core dumped: it broke");
    for script in ["out:x eof close", "out:x close"] {
        let output = client.command(script).output().await.expect("ended");
        assert_eq!((output.status, &output.stdout[..]), (ExitStatus::NotReported, &b"x"[..]));
    }
    let output = client.command("status:4294967295 close").output().await.expect("ended");
    assert_eq!(output.status.code(), Some(u32::MAX));
}

#[tokio::test]
async fn a_hundred_megabytes_on_each_output() {
    let client = client().await;
    for (script, megabytes) in
        [("both-mb:100 status:0 eof close", 100), ("err-mb:10 out-mb:10 status:0 eof close", 10)]
    {
        let output = client.command(script).output().await.expect("ended");
        assert!(output.status.is_success());
        let expected = vec![b'x'; megabytes * 1_000_000];
        assert!(output.stdout == expected && output.stderr == expected, "{output:?}");
    }
}

#[tokio::test]
async fn output_is_limited() {
    let client = client().await;
    let error = client.command("out-mb:2 status:0 eof close").output_limit(1_000_000).output().await;
    let Err(Error::OutputLimit { limit: 1_000_000, output }) = error else { panic!("{error:?}") };
    assert_eq!(output.stdout.len(), 1_000_000);
    let exact = client.command("out-mb:1 status:0 eof close").output_limit(1_000_000).output().await;
    assert_eq!(exact.expect("within the limit").stdout.len(), 1_000_000);
}

#[tokio::test]
async fn a_connection_that_is_cut_is_no_end_of_a_command() {
    for script in ["out:half cut", "out-mb:3 cut", "out:half eof cut"] {
        let client = client().await;
        let result = client.command(script).output().await;
        let Err(Error::ConnectionLost { error, output }) = result else { panic!("{script}: {result:?}") };
        assert_eq!(output.status, ExitStatus::ConnectionLost);
        assert!(matches!(*error, Error::Closed { .. }), "{error}");
        assert!(client.is_closed());
        let error = client.command("status:0 close").output().await.expect_err("no connection");
        assert!(matches!(error, Error::Closed { .. }), "{error}");
    }
    // What is known of the end stays known.
    let client = client().await;
    let output = client.command("out:all status:7 eof cut").output().await.expect("the status has come");
    assert_eq!((output.status, &output.stdout[..]), (ExitStatus::Code(7), &b"all"[..]));
}

#[tokio::test]
async fn at_the_deadline_the_command_is_ended_and_its_output_kept() {
    let client = client().await;
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    let command = client.command("out:so-far ignore").deadline(Duration::from_secs(5));
    let result = command.kill_grace(Duration::from_secs(3)).output().await;
    let Err(Error::DeadlineExceeded { after, output }) = result else { panic!("{result:?}") };
    assert_eq!((after, &output.stdout[..]), (Duration::from_secs(5), &b"so-far"[..]));
    assert_eq!(begun.elapsed().as_secs(), 8);
    // A command that listens to TERM ends within its grace, and how it ended counts.
    let output = client.command("hang status:143 eof close").deadline(Duration::from_secs(5)).output().await;
    let output = output.expect("ended by itself");
    assert_eq!((output.status, &output.stdout[..]), (ExitStatus::Code(143), &b"got TERM"[..]));
    // Whatever a command leaves in the background holds its outputs open no longer than the deadline.
    let result = client.command("out:x status:0").deadline(Duration::from_secs(5)).output().await;
    assert!(matches!(result, Err(Error::DeadlineExceeded { .. })), "{result:?}");
    let mut child = client.command("ignore").deadline(Duration::from_secs(1)).spawn().await.expect("started");
    assert!(matches!(child.wait().await, Err(Error::DeadlineExceeded { .. })));
}

#[tokio::test]
async fn what_is_left_in_the_background_need_not_be_waited_for() {
    let client = client().await;
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    let command = client.command("out:x status:0").output_grace(Duration::from_secs(2));
    let output = command.output().await.expect("ended");
    assert_eq!((output.status, &output.stdout[..]), (ExitStatus::Code(0), &b"x"[..]));
    assert_eq!(begun.elapsed().as_secs(), 2);
}

#[tokio::test]
async fn input_and_output_flow_at_the_same_time() {
    let client = client().await;
    let input = vec![b'y'; 20_000_000];
    let output =
        client.command("cat status:0 close").stdin(Stdin::Bytes(input.clone().into())).output().await;
    assert_eq!(output.expect("ended").stdout, input);
    let stream = Stdin::Stream(Box::new(std::io::Cursor::new(input.clone())));
    let output = client.command("cat status:0 close").stdin(stream).output().await.expect("ended");
    assert_eq!(output.stdout, input);
    // Without any, it ends at once.
    let output = client.command("cat status:0 close").output().await.expect("ended");
    assert!(output.stdout.is_empty() && output.status.is_success());
    // A command that does not read all of it ends all the same.
    let unread = client.command("out:x status:1 eof close").stdin(Stdin::Bytes(input.into())).output().await;
    assert_eq!(unread.expect("ended").status, ExitStatus::Code(1));
}

/// Half of an input must not look like all of it.
#[tokio::test]
async fn an_input_that_cannot_be_read_is_no_end_of_the_input() {
    struct Broken(bool);
    impl tokio::io::AsyncRead for Broken {
        fn poll_read(
            mut self: std::pin::Pin<&mut Self>,
            _cx: &mut std::task::Context<'_>,
            buffer: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            if std::mem::replace(&mut self.0, true) {
                return std::task::Poll::Ready(Err(std::io::Error::other("the disk is gone")));
            }
            buffer.put_slice(b"half");
            std::task::Poll::Ready(Ok(()))
        }
    }
    let client = client().await;
    let command = client.command("cat status:0 eof close").stdin(Stdin::Stream(Box::new(Broken(false))));
    let error = command.output().await.expect_err("not all was sent");
    assert!(
        matches!(&error, Error::Local { error, .. } if error.to_string() == "the disk is gone"),
        "{error}"
    );
}

#[tokio::test]
async fn a_child_has_three_streams_and_takes_signals() {
    let client = client().await;
    let mut child = client.command("cat err:done status:5 eof close").spawn().await.expect("started");
    let mut stdin = child.stdin().expect("not taken");
    assert!(child.stdin().is_none());
    let (mut stdout, mut stderr) = (child.stdout().expect("not taken"), child.stderr().expect("not taken"));
    stdin.write_all(b"one line\n").await.expect("written");
    let mut line = [0; 9];
    stdout.read_exact(&mut line).await.expect("it is copied");
    assert_eq!(&line, b"one line\n");
    assert_eq!(child.try_wait(), None);
    drop(stdin);
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).await.expect("read");
    assert_eq!(rest, "done");
    assert_eq!(child.wait().await.expect("ended"), ExitStatus::Code(5));
    assert_eq!(child.try_wait(), Some(ExitStatus::Code(5)));

    let mut child = client.command("hang status:0 eof close").spawn().await.expect("started");
    assert!(matches!(child.signal(""), Err(Error::Options(_))));
    assert!(matches!(child.signal("TERM INT"), Err(Error::Options(_))));
    child.window_change(WindowSize { columns: 100, ..WindowSize::default() }).expect("sent");
    child.signal("SIGINT").expect("sent");
    let mut said = String::new();
    child.stdout().expect("not taken").read_to_string(&mut said).await.expect("read");
    assert_eq!(said, "got INT");
    assert!(child.wait().await.expect("ended").is_success());
}

/// Outputs that nobody took must not keep the command from ending.
#[tokio::test]
async fn waiting_discards_what_nobody_reads() {
    let client = client().await;
    let mut child = client.command("both-mb:20 cat status:9 eof close").spawn().await.expect("started");
    assert_eq!(child.wait().await.expect("ended"), ExitStatus::Code(9));
}

#[tokio::test]
async fn a_killed_child_ends() {
    let client = client().await;
    let mut child = client.command("out:x ignore").spawn().await.expect("started");
    child.kill();
    assert_eq!(child.wait().await.expect("ended"), ExitStatus::NotReported);
    assert!(
        client.command("status:0 close").output().await.expect("the connection lives").status.is_success()
    );
}

#[tokio::test]
async fn environment_terminal_and_order_of_requests() {
    let client = client().await;
    let output = client
        .command("env:LC_A requests status:0 eof close")
        .env("LC_A", "it's\n$x")
        .env("FORBIDDEN", "1")
        .require_env("LC_B", "2")
        .pty(PtyOptions::default())
        .output()
        .await
        .expect("ended");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "it's\n$xenv,env,env,pty-req,exec");
    let error = client.command("status:0 close").require_env("FORBIDDEN", "1").output().await;
    let Err(Error::RequestRefused { request: "env", detail }) = error else { panic!("{error:?}") };
    assert_eq!(detail, "FORBIDDEN");
}

#[tokio::test]
async fn shells_and_subsystems() {
    let client = client().await;
    assert_eq!(client.shell().output().await.expect("ended").stdout, b"shell");
    assert_eq!(client.subsystem("echo").output().await.expect("ended").stdout, b"echo");
    let error = client.subsystem("sftp").output().await.expect_err("not there");
    assert!(
        matches!(&error, Error::RequestRefused { request: "subsystem", detail } if detail == "sftp"),
        "{error}"
    );
}

#[tokio::test]
async fn standard_error_can_be_merged() {
    let client = client().await;
    let script = "out:1 err:2 out:3 err:4 status:0 eof close";
    let output = client.command(script).merge_stderr().output().await.expect("ended");
    assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"1234"[..], &b""[..]));
}

#[tokio::test]
async fn a_refused_command_says_so() {
    let server = Arc::new(ScriptedServer { refuse_exec: true, ..ScriptedServer::default() });
    let client = server.connect(&options()).await.expect("logged in");
    let error = client.command("status:0").output().await.expect_err("refused");
    assert!(matches!(error, Error::RequestRefused { request: "exec", .. }), "{error}");
}

/// OpenSSH's server asks on a channel whether the client is alive, and ends the connection if nobody answers.
#[tokio::test]
async fn requests_of_the_server_are_answered_while_nobody_waits() {
    let client = client().await;
    let output = client.command("keepalive status:0 eof close").output().await.expect("ended");
    assert_eq!(output.stdout, b"Ok(false)");
}

// covers: X09
#[tokio::test]
async fn many_commands_at_once_and_the_connection_ends_with_the_last_handle() {
    let client = client().await;
    let mut running = tokio::task::JoinSet::new();
    for index in 0..20 {
        let client = client.clone();
        running.spawn(async move {
            let output =
                client.command(format!("out:{index} both-mb:1 status:{index} eof close")).output().await;
            let output = output.expect("ended");
            assert_eq!(output.status, ExitStatus::Code(index));
            assert_eq!(output.stdout.len(), 1_000_000 + index.to_string().len());
        });
    }
    while let Some(result) = running.join_next().await {
        result.expect("no panic");
    }
    client.rekey();
    client.ping().await.expect("alive");
    assert!(
        client
            .command("out:after-rekey status:0 eof close")
            .output()
            .await
            .expect("ended")
            .status
            .is_success()
    );
    let connection = client.connection().clone();
    let mut child = client.command("cat status:0 eof close").spawn().await.expect("started");
    drop(client);
    // The child keeps it open.
    let mut stdin = child.stdin().expect("not taken");
    stdin.write_all(b"still here").await.expect("written");
    drop(stdin);
    assert!(child.wait().await.expect("ended").is_success());
    assert!(connection.error().is_none());
}

#[tokio::test]
async fn after_goodbye_everything_says_closed() {
    let client = client().await;
    let mut child = client.command("ignore").spawn().await.expect("started");
    client.close().await;
    client.close().await;
    assert_eq!(child.wait().await.expect("ended"), ExitStatus::ConnectionLost);
    assert!(matches!(client.command("x").spawn().await, Err(Error::Closed { .. })));
    assert!(matches!(client.ping().await, Err(Error::Closed { .. })));
}
