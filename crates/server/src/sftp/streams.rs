//! A session of SFTP on two plain streams, as the standard ones of `sftp-server` are. One thread does everything, one
//! request after the other.

use konko_sansio::input::InputBuffer;
use konko_sftp::server::cancellation::Cancellation;
use konko_sftp::server::config::ServerConfig;
use konko_sftp::server::error::ServerError;
use konko_sftp::server::filesystem::Filesystem;
use konko_sftp::server::machine::SftpServer;
use std::io::{self, Read, Write};

/// Why a session on streams ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamsError {
    /// The client broke the protocol.
    #[error(transparent)]
    Client(#[from] ServerError),
    /// A stream failed.
    #[error("the connection to the client failed: {0}")]
    Io(#[from] io::Error),
}

/// Serves files to whoever is at the other end of two streams, until `input` ends.
///
/// # Errors
///
/// [`StreamsError`].
pub fn serve_streams<S: Filesystem>(
    filesystem: &S,
    config: ServerConfig,
    mut input: impl Read,
    mut output: impl Write,
) -> Result<(), StreamsError> {
    let mut server: SftpServer<S::File, S::Directory> = SftpServer::new(config);
    let mut buffer = InputBuffer::default();
    let nobody = Cancellation::default();
    loop {
        let asked = server.next_question();
        if let Ok(Some(question)) = asked {
            if let Some(slow) = server.serve(question, filesystem) {
                let answer = slow.perform(filesystem, &nobody);
                server.answer_slow(answer);
            }
            continue;
        }
        if !server.output().is_empty() {
            output.write_all(server.output())?;
            output.flush()?;
            server.consume_output(server.output().len());
        }
        // What could be said before the end has been said.
        asked?;
        if server.is_finished() {
            return Ok(());
        }
        if server.wants_input() {
            match input.read(buffer.spare()) {
                Ok(0) => server.handle_end(),
                Ok(n) => {
                    buffer.commit(n);
                    server.handle_input(buffer.take(n).freeze());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
