//! konko's client moving files over SFTP, as a peer of the benchmarks.

use konko_client::sftp::{DiskSync, Sftp, TransferOptions};
use konko_client::{ClientOptions, Credential, HostKeyPolicy, SshClient};
use konko_transport::ClientConfig;
use std::sync::Arc;
use std::time::Instant;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Does `action` (`sftp-get`, `sftp-put`, their `-tree` forms, and `sftp-none`) from `source` to `target`, and says how many seconds
/// it took from the opening of the session of SFTP on.
pub async fn run(
    address: &str,
    config: Arc<ClientConfig>,
    action: &str,
    source: &str,
    target: &str,
) -> Result<f64, Failure> {
    let user = std::env::var("BENCH_USER").unwrap_or_else(|_| "root".into());
    let mut options = ClientOptions::new(user, HostKeyPolicy::InsecureAcceptAny);
    options.credentials = vec![Credential::key_file(std::env::var("BENCH_KEY")?)];
    options.transport = config.as_ref().clone();
    let client = SshClient::connect(address, &options).await?;
    let begin = Instant::now();
    let sftp = client.sftp().await?;
    transfer(&sftp, action, source, target).await?;
    let seconds = begin.elapsed().as_secs_f64();
    client.close().await;
    Ok(seconds)
}

async fn transfer(sftp: &Sftp, action: &str, source: &str, target: &str) -> Result<(), Failure> {
    // As the other clients do it: into the file itself, and no fsync.
    let mut options = TransferOptions::new();
    options.atomic = false;
    options.sync = DiskSync::Never;
    match action {
        "sftp-get" => drop(sftp.get(source, target, &options).await?),
        "sftp-put" => drop(sftp.put(source, target, &options).await?),
        "sftp-get-tree" => drop(sftp.get_tree(source, target, &options).await?),
        "sftp-put-tree" => drop(sftp.put_tree(source, target, &options).await?),
        "sftp-none" => {}
        _ => return Err("unknown action".into()),
    }
    Ok(())
}
