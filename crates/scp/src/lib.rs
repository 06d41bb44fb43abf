//! The rcp protocol of scp as machines on a byte stream: source and sink.
