//! INIT follows the request that starts the server, and does not wait for its answer. What went wrong is told all the
//! same.

use crate::scripted_server::client;
use konko_client::sftp::{Error, Sftp, SftpError, SftpOptions};

#[tokio::test]
async fn a_refused_subsystem_is_told_as_such() {
    let client = client().await;
    let refused = Sftp::start(client.subsystem("sftp"), SftpOptions::default()).await;
    let Err(Error::Start(error)) = refused else { panic!("{refused:?}") };
    assert!(
        matches!(&*error, konko_client::Error::RequestRefused { request: "subsystem", detail } if detail == "sftp"),
        "{error}"
    );
    // The connection goes on.
    assert_eq!(client.shell().output().await.expect("ended").stdout, b"shell");
}

#[tokio::test]
async fn a_command_that_is_no_server_is_told_by_what_it_says() {
    let client = client().await;
    let command = client.command("out:hello status:0 eof close");
    let begun = Sftp::start(command, SftpOptions::default()).await;
    assert!(matches!(&begun, Err(Error::Sftp(SftpError::ShellOutput(text))) if text == "hello"), "{begun:?}");
    let begun = Sftp::start(client.command("status:1 eof close"), SftpOptions::default()).await;
    assert!(matches!(&begun, Err(Error::Sftp(SftpError::Ended))), "{begun:?}");
}
