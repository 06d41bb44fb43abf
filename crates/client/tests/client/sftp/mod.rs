//! SFTP with OpenSSH's own server, where it is installed, and with ours, each over a socket pair.

/// Every one of these tests against both servers.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod openssh {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::Kind::OpenSsh).await;
            })*
        }

        mod ours {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::Kind::Ours).await;
            })*
        }
    };
}

mod servers;
mod files;
mod transfers;
mod blocking;
mod hostile;
mod cut;
mod start;
