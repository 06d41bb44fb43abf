//! Connecting to servers that are not what they should be.

use crate::scripted_server::{ScriptedServer, key, options};
use konko_client::{
    ClientOptions, Error, HostKeyAnswer, HostKeyPolicy, HostKeyPrompter, KnownHostsFiles, Phase, SshClient,
    UnknownHostKey,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn believing(host_keys: HostKeyPolicy) -> ClientOptions {
    ClientOptions::new("user", host_keys).with_password("right")
}

/// covers: C03, C10
#[tokio::test]
async fn an_unknown_or_changed_host_gets_no_secret() {
    let directory = tempfile::tempdir().expect("a directory");
    let files = KnownHostsFiles::only(directory.path().join("known_hosts"));
    let server = Arc::new(ScriptedServer::default());
    let error = server.connect(&believing(HostKeyPolicy::Strict(files.clone()))).await.expect_err("unknown");
    let Error::HostKeyUnknown { name, shown } = &error else { panic!("{error}") };
    assert_eq!((name.as_str(), shown), ("server.test", server.host_key.public_key()));
    assert!(server.seen.lock().expect("no panic").is_empty());

    let accept_new = believing(HostKeyPolicy::AcceptNew(files.clone()));
    server.connect(&accept_new).await.expect("a new host");
    server.connect(&believing(HostKeyPolicy::Strict(files.clone()))).await.expect("now it is known");

    let impostor = Arc::new(ScriptedServer::default());
    let error = impostor.connect(&accept_new).await.expect_err("another key");
    let Error::HostKeyChanged(changed) = &error else { panic!("{error}") };
    assert_eq!(changed.expected, [server.host_key.public_key().clone()]);
    assert_eq!(&changed.shown, impostor.host_key.public_key());
    assert!(impostor.seen.lock().expect("no panic").is_empty());
}

#[tokio::test]
async fn hosts_are_known_by_name_port_and_alias() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("known_hosts");
    let server = Arc::new(ScriptedServer::default());
    let mut options = believing(HostKeyPolicy::AcceptNew(KnownHostsFiles::only(&path)));
    SshClient::over(server.listen(), "server.test", 2222, &options).await.expect("logged in");
    options.host_key_alias = Some("alias".to_owned());
    SshClient::over(server.listen(), "server.test", 2222, &options).await.expect("logged in");
    let text = std::fs::read_to_string(&path).expect("the file");
    let names: Vec<_> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, ["[server.test]:2222", "alias"]);
}

#[tokio::test]
async fn somebody_may_be_asked() {
    struct Says(HostKeyAnswer);
    impl HostKeyPrompter for Says {
        fn ask<'a>(&'a self, _question: &'a UnknownHostKey) -> konko_client::BoxedFuture<'a, HostKeyAnswer> {
            Box::pin(async { self.0 })
        }
    }
    let directory = tempfile::tempdir().expect("a directory");
    let files = KnownHostsFiles::only(directory.path().join("known_hosts"));
    let server = Arc::new(ScriptedServer::default());
    let asking = |answer| believing(HostKeyPolicy::Ask(files.clone(), Arc::new(Says(answer))));
    assert!(matches!(
        server.connect(&asking(HostKeyAnswer::Refuse)).await,
        Err(Error::HostKeyUnknown { .. })
    ));
    server.connect(&asking(HostKeyAnswer::Accept)).await.expect("accepted");
    server.connect(&asking(HostKeyAnswer::Refuse)).await.expect("known, so nobody is asked");
}

#[tokio::test]
async fn a_silent_server_is_left_in_time() {
    for phase in [Phase::Identification, Phase::KeyExchange] {
        let (near, mut far) = tokio::io::duplex(65_536);
        if phase == Phase::KeyExchange {
            far.write_all(b"SSH-2.0-silent\r\n").await.expect("written");
        }
        let mut options = options();
        options.timeouts.identification = Some(Duration::from_millis(50));
        options.timeouts.key_exchange = Some(Duration::from_millis(50));
        let error = SshClient::over(near, "server.test", 22, &options).await.expect_err("nobody speaks");
        assert!(matches!(error, Error::TimedOut { phase: at } if at == phase), "{phase:?}: {error}");
        drop(far);
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_is_told_by_phase() {
    for (greeting, phase) in [("", Phase::Identification), ("SSH-2.0-short\r\n", Phase::KeyExchange)] {
        let (near, mut far) = tokio::io::duplex(65_536);
        far.write_all(greeting.as_bytes()).await.expect("written");
        far.shutdown().await.expect("shut down");
        let error = SshClient::over(near, "server.test", 22, &options()).await.expect_err("it hangs up");
        assert!(matches!(error, Error::Closed { phase: at, .. } if at == phase), "{greeting:?}: {error:?}");
    }
}

#[tokio::test]
async fn something_else_on_that_port() {
    let (near, mut far) = tokio::io::duplex(65_536);
    far.write_all(b"SSH-1.5-old\r\n").await.expect("written");
    let error = SshClient::over(near, "server.test", 22, &options()).await.expect_err("version 1");
    assert!(matches!(error, Error::Protocol { .. }), "{error:?}");
}

/// A peer that cuts the connection at any byte of the handshake causes an error, and no wait.
#[tokio::test]
async fn cut_anywhere_in_the_handshake() {
    let server = Arc::new(ScriptedServer::default());
    for at in [1, 20, 30, 200, 700, 1200, 1500] {
        let (near, far) = tokio::io::duplex(65_536);
        let mut there = server.listen();
        tokio::spawn(async move {
            let (mut reader, mut writer) = tokio::io::split(far);
            let mut left = at;
            let mut buffer = vec![0; 65_536];
            loop {
                tokio::select! {
                    read = reader.read(&mut buffer) => match read {
                        Ok(len) if len > 0 => if there.write_all(&buffer[..len]).await.is_err() { return },
                        _ => return,
                    },
                    read = async {
                        let mut piece = [0; 100];
                        let len = there.read(&mut piece).await?;
                        std::io::Result::Ok((piece, len))
                    } => {
                        let Ok((piece, len)) = read else { return };
                        let passed = len.min(left);
                        if writer.write_all(&piece[..passed]).await.is_err() || passed < len || len == 0 {
                            return;
                        }
                        left -= passed;
                    }
                }
            }
        });
        match SshClient::over(near, "server.test", 22, &options()).await {
            Err(Error::Closed { .. } | Error::Network { .. }) => {}
            other => panic!("cut at {at}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn no_common_algorithm_names_both_lists() {
    let server = Arc::new(ScriptedServer::default());
    let mut options = options();
    let mut packet = (*options.transport.packet).clone();
    packet.algorithms.host_key.retain(|row| row.name.starts_with("rsa"));
    options.transport.packet = Arc::new(packet);
    let error = server.connect(&options).await.expect_err("the server has an Ed25519 key");
    assert!(matches!(&error, Error::Incompatible(_)), "{error}");
    let text = error.to_string();
    assert!(text.contains("rsa-sha2-512") && text.contains("ssh-ed25519"), "{text}");
}

#[tokio::test]
async fn a_closed_port_is_told_with_its_address() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let error = SshClient::connect(address.to_string(), &options()).await.expect_err("nobody listens");
    assert!(matches!(&error, Error::Connect { attempts, .. } if attempts.len() == 1), "{error}");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    assert!(matches!(SshClient::connect("a b", &options()).await, Err(Error::Address(_))));
}

#[tokio::test]
async fn over_tcp_with_the_port_of_the_address() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = Arc::new(ScriptedServer { host_key: key(), ..ScriptedServer::default() });
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        let mut there = server.listen();
        let _ = tokio::io::copy_bidirectional(&mut socket, &mut there).await;
    });
    let client = SshClient::connect(address.to_string(), &options()).await.expect("logged in");
    let output = client.command("out:hello status:0 eof close").output().await.expect("ended");
    assert_eq!(output.stdout, b"hello");
    client.close().await;
}
