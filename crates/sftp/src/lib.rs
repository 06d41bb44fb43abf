//! SFTP as machines on a byte stream: client, server, transfers.
