//! Commands on OpenSSH's server: outputs, input, ends, environment, terminals.

use std::time::Duration;

use konko_client::{Credential, Error, ExitStatus, PtyOptions, SshClient, Stdin, WindowSize};
use konko_tests::peers::{Sshd, SshdOptions, TestAccount};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::our_client::{Target, check_transcript};
use crate::runtime::run_test;
use crate::table::{Failure, ensure};
use crate::transcript::{MEGABYTE, Transcript, same};
use crate::user::User;

fn server(user: &User) -> Option<Sshd> {
    SshdOptions::default().authorize(user.key()).start()
}

async fn client(sshd: &Sshd, user: &User) -> Result<SshClient, Failure> {
    let target = Target::sshd(sshd);
    target.connect(&target.options_with_key(user.key())).await
}

#[test]
fn a_hundred_megabytes_on_both_outputs_at_once() {
    let user = User::new();
    let Some(sshd) = server(&user) else { return };
    let transcript = Transcript::new(100 * MEGABYTE, 100 * MEGABYTE);
    run_test(async {
        let output = client(&sshd, &user).await?.command(transcript.command()).output().await?;
        check_transcript(&transcript, &output)
    });
}

#[test]
fn twenty_megabytes_of_input() {
    let user = User::new();
    let Some(sshd) = server(&user) else { return };
    let transcript = Transcript::new(20 * MEGABYTE, 0);
    let received = transcript.folder().join("received");
    run_test(async {
        let command = client(&sshd, &user).await?.command(format!("cat > {}", received.display()));
        let input = Stdin::Bytes(transcript.stdout.clone().into());
        let output = command.stdin(input).output().await?;
        ensure(output.status.is_success(), &output.status)?;
        same("the input", &transcript.stdout, &std::fs::read(&received)?)
    });
}

#[test]
fn the_end_of_a_command() {
    let user = User::new();
    let Some(sshd) = server(&user) else { return };
    run_test(async {
        let client = client(&sshd, &user).await?;
        for code in [0, 1, 42, 255] {
            let output = client.command(format!("exit {code}")).output().await?;
            ensure(output.status == ExitStatus::Code(code), &output.status)?;
        }
        for (number, expected) in [("TERM", "TERM"), ("KILL", "KILL"), ("USR1", "USR1")] {
            let output = client.command(format!("kill -{number} $$")).output().await?;
            match &output.status {
                ExitStatus::Signal { name, core_dumped: false, .. } if name == expected => {}
                other => return Err(format!("after {number}: {other}").into()),
            }
        }
        Ok(())
    });
}

/// Where root logs in this server has no process of its own for the user, and then delivers no signals.
#[test]
fn a_signal_is_delivered() {
    let Some(account) = TestAccount::with_password() else { return };
    let user = User::new();
    let Some(sshd) = server(&user) else { return };
    let target = Target::sshd(&sshd);
    let key = Credential::key_file(&user.key().private);
    let options = target.options(&account.name).with_credential(key);
    run_test(async {
        let client = target.connect(&options).await?;
        let mut child = client.command("echo up; exec tail -f /dev/null").spawn().await?;
        let mut line = [0; 3];
        child.stdout().ok_or("no output")?.read_exact(&mut line).await?;
        child.signal("TERM")?;
        match child.wait().await? {
            ExitStatus::Signal { name, .. } if name == "TERM" => Ok(()),
            other => Err(format!("after a signal: {other}").into()),
        }
    });
}

#[test]
fn a_deadline_ends_a_command_that_does_not() {
    let user = User::new();
    let Some(sshd) = server(&user) else { return };
    run_test(async {
        let client = client(&sshd, &user).await?;
        let endless = client.command("echo early; exec tail -f /dev/null").deadline(Duration::from_secs(3));
        match endless.output().await {
            Err(Error::DeadlineExceeded { output, .. }) => {
                same("the output until then", b"early\n", &output.stdout)
            }
            other => Err(format!("{other:?}").into()),
        }
    });
}

#[test]
fn the_environment_that_the_server_takes() {
    let user = User::new();
    let Some(sshd) = server(&user) else { return };
    run_test(async {
        let client = client(&sshd, &user).await?;
        let show = "printf '%s|%s' \"$KONKO_GREETING\" \"$OTHER\"";
        let output =
            client.command(show).env("KONKO_GREETING", "hello there").env("OTHER", "no").output().await?;
        same("the variables", b"hello there|", &output.stdout)?;
        let output = client.command(show).require_env("KONKO_GREETING", "hi").output().await?;
        same("the variables", b"hi|", &output.stdout)?;
        match client.command("true").require_env("OTHER", "no").output().await {
            Err(Error::RequestRefused { request: "env", detail }) => ensure(detail == "OTHER", detail),
            other => Err(format!("a variable that is not taken: {other:?}").into()),
        }
    });
}

#[test]
fn a_terminal_of_the_size_asked_for() {
    let user = User::new();
    let Some(sshd) = server(&user) else { return };
    run_test(async {
        let client = client(&sshd, &user).await?;
        let size = WindowSize { columns: 132, rows: 43, ..WindowSize::default() };
        let script = "tty; echo $TERM; stty size; read line; stty size; echo oops >&2; exit 5";
        let mut child = client.command(script).pty(PtyOptions::new("xterm-test", size)).spawn().await?;
        let mut stdout = child.stdout().ok_or("no output")?;
        let mut text = String::new();
        while !text.contains("43 132") {
            let chunk = stdout.read_chunk(4096).await?.ok_or_else(|| format!("it ends after {text:?}"))?;
            text.push_str(&String::from_utf8_lossy(&chunk));
        }
        ensure(text.starts_with("/dev/") && text.contains("xterm-test"), format!("{text:?}"))?;
        child.window_change(WindowSize { columns: 100, rows: 30, ..WindowSize::default() })?;
        child.stdin().ok_or("no input")?.write_all(b"go\n").await?;
        while let Some(chunk) = stdout.read_chunk(4096).await? {
            text.push_str(&String::from_utf8_lossy(&chunk));
        }
        ensure(text.contains("30 100") && text.contains("oops"), format!("{text:?}"))?;
        let status = child.wait().await?;
        ensure(status == ExitStatus::Code(5), status)
    });
}

#[test]
fn a_shell_a_subsystem_and_one_that_is_refused() {
    let user = User::new();
    let Some(sshd) = server(&user) else { return };
    run_test(async {
        let client = client(&sshd, &user).await?;
        let output = client.shell().stdin(Stdin::Bytes("echo in a shell; exit 3\n".into())).output().await?;
        ensure(output.status == ExitStatus::Code(3), &output.status)?;
        ensure(output.stdout.ends_with(b"in a shell\n"), String::from_utf8_lossy(&output.stdout))?;

        // SSH_FXP_INIT of version 3 is answered by SSH_FXP_VERSION.
        let mut sftp = client.subsystem("sftp").spawn().await?;
        let (mut stdin, mut stdout) = (sftp.stdin().ok_or("no input")?, sftp.stdout().ok_or("no output")?);
        stdin.write_all(&[0, 0, 0, 5, 1, 0, 0, 0, 3]).await?;
        let mut answer = [0; 5];
        stdout.read_exact(&mut answer).await?;
        ensure(answer[4] == 2, format!("{answer:?}"))?;
        drop((stdin, stdout));
        let status = sftp.wait().await?;
        ensure(status.is_success(), status)?;
        match client.subsystem("no-such-subsystem").output().await {
            Err(Error::RequestRefused { request: "subsystem", detail }) => {
                ensure(detail == "no-such-subsystem", detail)
            }
            other => Err(format!("a subsystem that is not there: {other:?}").into()),
        }
    });
}

#[test]
fn many_sessions_at_once_and_one_too_many() {
    let user = User::new();
    let Some(sshd) = server(&user) else { return };
    run_test(async {
        let client = client(&sshd, &user).await?;
        let mut children = Vec::new();
        // MaxSessions is 10 unless set.
        for number in 0..10 {
            children.push(client.command(format!("cat; exit {number}")).spawn().await?);
        }
        match client.command("true").output().await {
            Err(Error::OpenRefused { .. }) => {}
            other => return Err(format!("the eleventh session: {other:?}").into()),
        }
        for (number, child) in children.iter_mut().enumerate() {
            let status = child.wait().await?;
            ensure(status == ExitStatus::Code(number as u32), status)?;
        }
        Ok(())
    });
}
