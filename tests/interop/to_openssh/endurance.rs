//! Connections to OpenSSH's server that live long, or do not.

use std::time::Duration;

use konko_client::{Error, ExitStatus, SshClient};
use konko_tests::peers::SshdOptions;

use crate::our_client::{Target, check_transcript, exchange, transport};
use crate::runtime::run_test;
use crate::table::ensure;
use crate::transcript::{MEGABYTE, Transcript, same};
use crate::user::User;

fn exchanges(client: &SshClient) -> u64 {
    client.connection().with(|transport, _| transport.stats().key_re_exchanges)
}

#[test]
fn keys_are_exchanged_again_and_again_because_the_server_wants_to() {
    let user = User::new();
    let Some(sshd) = SshdOptions::default().authorize(user.key()).line("RekeyLimit 1M").start() else {
        return;
    };
    let (target, transcript) = (Target::sshd(&sshd), Transcript::new(8 * MEGABYTE, 8 * MEGABYTE));
    run_test(async {
        let client = target.connect(&target.options_with_key(user.key())).await?;
        let output = client.command(transcript.command()).output().await?;
        check_transcript(&transcript, &output)?;
        exchange(&client, 5 * MEGABYTE).await?;
        ensure(exchanges(&client) >= 8, format!("{} exchanges", exchanges(&client)))
    });
}

#[test]
fn keys_are_exchanged_again_and_again_because_we_want_to() {
    let user = User::new();
    let Some(sshd) = SshdOptions::default().authorize(user.key()).start() else { return };
    let (target, transcript) = (Target::sshd(&sshd), Transcript::new(8 * MEGABYTE, 8 * MEGABYTE));
    let options = target.options_with_key(user.key());
    let options = options.with_transport(transport(|packet| packet.rekey.bytes = 1 << 20));
    run_test(async {
        let client = target.connect(&options).await?;
        let output = client.command(transcript.command()).output().await?;
        check_transcript(&transcript, &output)?;
        exchange(&client, 5 * MEGABYTE).await?;
        ensure(exchanges(&client) >= 8, format!("{} exchanges", exchanges(&client)))
    });
}

#[test]
fn both_sides_exchange_keys_at_the_same_limit_with_compression() {
    let user = User::new();
    let options = SshdOptions::default().authorize(user.key()).line("RekeyLimit 1M").line("Compression yes");
    let Some(sshd) = options.start() else { return };
    let (target, transcript) = (Target::sshd(&sshd), Transcript::new(4 * MEGABYTE, 4 * MEGABYTE));
    let mut options = target.options_with_key(user.key());
    options = options.with_transport(transport(|packet| packet.rekey.bytes = 1 << 20));
    options.compression = true;
    run_test(async {
        let client = target.connect(&options).await?;
        let output = client.command(transcript.command()).output().await?;
        check_transcript(&transcript, &output)?;
        exchange(&client, 5 * MEGABYTE).await
    });
}

#[test]
fn signs_of_life_both_ways() {
    let user = User::new();
    let options = SshdOptions::default().authorize(user.key()).line("ClientAliveInterval 1");
    let Some(sshd) = options.line("ClientAliveCountMax 2").start() else { return };
    let target = Target::sshd(&sshd);
    let options = target.options_with_key(user.key()).with_keepalive(Duration::from_millis(300));
    run_test(async {
        let client = target.connect(&options).await?;
        client.ping().await?;
        // Longer than the server waits for a client that does not answer.
        let output = client.command("sleep 5; echo alive").output().await?;
        same("the output", b"alive\n", &output.stdout)
    });
}

/// The server's process is there and does nothing: keepalive requests find out.
#[test]
fn a_server_that_hangs_is_given_up() {
    let user = User::new();
    let Some(sshd) = SshdOptions::default().authorize(user.key()).start() else { return };
    let target = Target::sshd(&sshd);
    let mut options = target.options_with_key(user.key()).with_keepalive(Duration::from_millis(300));
    options.keepalive_maximum_missed = 2;
    run_test(async {
        let client = target.connect(&options).await?;
        // The parent of the command is the server's process of this connection. It wakes up at the end.
        let stop = "kill -STOP $PPID; sleep 6; kill -CONT $PPID";
        match client.command(stop).output().await {
            Err(Error::ConnectionLost { error, .. }) => match *error {
                Error::ServerGone => Ok(()),
                other => Err(format!("given up for another reason: {other}").into()),
            },
            other => Err(format!("{other:?}").into()),
        }
    });
}

#[test]
fn a_server_that_is_killed_in_the_middle_of_a_transfer() {
    let user = User::new();
    let Some(sshd) = SshdOptions::default().authorize(user.key()).start() else { return };
    let target = Target::sshd(&sshd);
    let transcript = Transcript::new(5 * MEGABYTE, 0);
    run_test(async {
        let client = target.connect(&target.options_with_key(user.key())).await?;
        // The parent of the command is the server's process of this connection.
        let file = transcript.stdout_file();
        let command = format!("cat {}; kill -KILL $PPID; exec tail -f /dev/null", file.display());
        match client.command(command).output().await {
            Err(Error::ConnectionLost { output, .. }) => {
                ensure(output.status == ExitStatus::ConnectionLost, &output.status)?;
                let came = output.stdout.len();
                ensure(came > 0, "nothing came before the end")?;
                same("what came before the end", &transcript.stdout[..came], &output.stdout)?;
            }
            other => return Err(format!("{other:?}").into()),
        }
        ensure(client.is_closed(), "the client does not know")?;
        match client.command("true").output().await {
            Err(_) => Ok(()),
            Ok(_) => Err("a command ran on a dead connection".into()),
        }
    });
}
