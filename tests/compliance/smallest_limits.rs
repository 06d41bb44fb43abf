//! Whole sessions with every queue and window as small as it can be: whoever waits for room in one while somebody else
//! waits for room in another would wait for ever.

use crate::in_process::{connect, key, options, run, server};
use konko_channel::ChannelConfig;
use konko_client::{ClientOptions, Credential, SshClient};
use konko_server::transport::ServerConfig;
use konko_server::{AuthorizedKeysFile, Server, StandardOptions};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// One byte a packet, one packet a window, and one request at a time.
fn smallest() -> ChannelConfig {
    ChannelConfig {
        initial_window_size: 1,
        maximum_window_size: 1,
        maximum_total_window: 1,
        maximum_packet_size: 1,
        maximum_pending_requests: 1,
        ..ChannelConfig::default()
    }
}

fn ends(small_client: bool, small_server: bool) -> (tempfile::TempDir, Arc<Server>, ClientOptions) {
    let folder = tempfile::tempdir().expect("a folder");
    let key = key();
    let path = folder.path().join("authorized_keys");
    std::fs::write(&path, key.public_key().to_openssh("")).expect("written");
    let mut standard = StandardOptions::default();
    standard.authorized_keys = Some(AuthorizedKeysFile::new(path));
    let server = server(standard, |config: &mut ServerConfig| {
        if small_server {
            config.channel = smallest();
        }
    });
    let mut options = options("user").with_credential(Credential::private_key(key));
    if small_client {
        options.transport.channel = smallest();
    }
    (folder, server, options)
}

/// `cat` with input and output at once, which neither end may hold up.
async fn echo(client: &SshClient, data: &[u8]) -> Vec<u8> {
    let mut child = client.command("cat").spawn().await.expect("it starts");
    let (mut stdin, mut stdout) = (child.stdin().expect("its input"), child.stdout().expect("its output"));
    let writing = async {
        stdin.write_all(data).await.expect("written");
        stdin.shutdown().await.expect("its end");
    };
    let mut received = Vec::new();
    let reading = async { stdout.read_to_end(&mut received).await.expect("read") };
    tokio::join!(writing, reading);
    assert!(child.wait().await.expect("a status").is_success());
    received
}

/// covers: X11
#[test]
fn nobody_waits_for_whoever_waits_for_them() {
    for (small_client, small_server, capacity) in
        [(true, true, 1), (true, false, 1), (false, true, 1), (true, true, 1 << 20), (false, false, 1)]
    {
        let (_folder, server, options) = ends(small_client, small_server);
        run(async {
            let client = connect(&server, &options, capacity).await.expect("logged in");
            let data: Vec<Vec<u8>> =
                (0..4).map(|seed: u8| (0..150).map(|n: u8| n.wrapping_mul(seed)).collect()).collect();
            let (one, two, three, four) = tokio::join!(
                echo(&client, &data[0]),
                echo(&client, &data[1]),
                async {
                    // New keys in the midst of it.
                    client.rekey();
                    echo(&client, &data[2]).await
                },
                echo(&client, &data[3]),
            );
            assert!([one, two, three, four] == data[..], "{small_client} {small_server} {capacity}");
            client.close().await;
        });
    }
}
