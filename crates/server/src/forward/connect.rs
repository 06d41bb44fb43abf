//! Outgoing connections on a client's behalf (RFC 4254 §7.2).

use std::io;
use std::time::Duration;
use tokio::net::TcpStream;

/// Connects to a host: to each of its addresses in turn, until one answers within `timeout`. The error is that of
/// the last one.
pub(crate) async fn connect(host: &str, port: u16, timeout: Duration) -> io::Result<TcpStream> {
    let addresses = within(timeout, tokio::net::lookup_host((host, port))).await?;
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match within(timeout, TcpStream::connect(address)).await {
            Ok(stream) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY");
                }
                return Ok(stream);
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Waits for `operation` at most `timeout`.
pub(crate) async fn within<T>(
    timeout: Duration,
    operation: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    match tokio::time::timeout(timeout, operation).await {
        Ok(result) => result,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}
