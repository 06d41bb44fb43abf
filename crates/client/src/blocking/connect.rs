//! From a host name to a TCP connection, waiting.

use crate::connect;
use crate::error::Error;
use crate::options::ClientOptions;
use std::io;
use std::net::TcpStream;
use std::thread;

/// Connects as [`connect::connect`] does. Several addresses at once, with a time for each, want a runtime; it has a
/// thread of its own, as the caller may be part of another, and both are gone when there is a connection.
///
/// # Errors
///
/// [`Error::Resolve`], or [`Error::Connect`] with every address that was tried; [`Error::Local`] without threads.
pub(crate) fn connect(host: &str, port: u16, options: &ClientOptions) -> Result<TcpStream, Error> {
    let local = |error: io::Error| Error::Local { what: "cannot connect", error };
    let connecting = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(local)?;
        let connected = runtime.block_on(connect::connect(host, port, options));
        let stream = connected.and_then(|stream| {
            let stream = stream.into_std().map_err(local)?;
            stream.set_nonblocking(false).map_err(local)?;
            Ok(stream)
        });
        // Nobody waits for a resolver that was given up.
        runtime.shutdown_background();
        stream
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("konko-connect".to_owned());
        let connecting = thread.spawn_scoped(scope, connecting).map_err(local)?;
        connecting.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host_keys::HostKeyPolicy;
    use std::net::TcpListener;

    #[test]
    fn it_waits_within_a_runtime_and_without_one() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let options = ClientOptions::new("user", HostKeyPolicy::InsecureAcceptAny);
        let connected = || connect("127.0.0.1", port, &options).expect("connected");
        let stream = connected();
        assert!(stream.nodelay().expect("an option"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async { connected() });
        drop(listener);
        let error = connect("127.0.0.1", port, &options).expect_err("nobody listens");
        assert!(matches!(&error, Error::Connect { attempts, .. } if attempts.len() == 1), "{error}");
    }
}
