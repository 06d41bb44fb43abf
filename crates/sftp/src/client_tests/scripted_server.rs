//! A server that a test holds in its hands: it sees every request and answers in whatever way the test likes.

use std::time::{Duration, Instant};

use bytes::Bytes;
use konko_sansio::Machine;
use konko_wire::encode::Encode;

use crate::client::{Event, SftpClient};
use crate::config::ClientConfig;
use crate::error::Error;
use crate::message::extension::{Limits, LimitsReply};
use crate::message::initialization::Version;
use crate::message::number::{PacketType, StatusCode};
use crate::message::packet::{Packet, put_packet};
use crate::message::reply::{Data, ExtendedReply, Handle, Status};

/// A request that the server has seen.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) packet_type: PacketType,
    pub(super) id: u32,
    pub(super) fields: Vec<u8>,
}

/// Client and server, and the bytes between them.
pub(super) struct Session {
    pub(super) client: SftpClient,
    pub(super) now: Instant,
    from_client: Vec<u8>,
    /// How many bytes the client is fed at once.
    pub(super) feed: usize,
}

impl Session {
    /// Before the first answer.
    pub(super) fn unanswered(config: ClientConfig) -> Self {
        Self {
            client: SftpClient::new(config),
            now: Instant::now(),
            from_client: Vec::new(),
            feed: usize::MAX,
        }
    }

    /// After VERSION 3 with these extensions.
    pub(super) fn with_extensions(extensions: &[(&str, &str)]) -> Self {
        Self::begun(ClientConfig::default(), extensions)
    }

    /// As [`with_extensions`](Self::with_extensions).
    pub(super) fn begun(config: ClientConfig, extensions: &[(&str, &str)]) -> Self {
        let mut session = Self::unanswered(config);
        session.take_output();
        assert_eq!(session.from_client, [0, 0, 0, 5, 1, 0, 0, 0, 3]);
        session.from_client.clear();
        session.send_version(3, extensions).unwrap();
        assert_eq!(session.client.poll_event(), Some(Event::Ready));
        session
    }

    /// After VERSION 3, without extensions.
    pub(super) fn plain() -> Self {
        let mut session = Self::with_extensions(&[]);
        assert_eq!(session.client.poll_event(), Some(Event::Limits));
        session
    }

    /// After VERSION 3 and with OpenSSH's limits.
    pub(super) fn with_limits(read: u64, write: u64) -> Self {
        let mut session = Self::with_extensions(&[(Limits::NAME, "1")]);
        let seen = session.requests();
        assert_eq!(seen.len(), 1);
        let reply = LimitsReply {
            max_packet_length: 262_144,
            max_read_length: read,
            max_write_length: write,
            max_open_handles: 0,
        };
        let fields = reply.to_vec();
        let reply = ExtendedReply { fields: konko_wire::decode::Rest(&fields) };
        session.reply(seen[0].id, ExtendedReply::TYPE, &reply).unwrap();
        assert_eq!(session.client.poll_event(), Some(Event::Limits));
        session
    }

    pub(super) fn send_version(&mut self, version: u32, extensions: &[(&str, &str)]) -> Result<(), Error> {
        let extensions = extensions.iter().map(|(name, data)| (name.as_bytes(), data.as_bytes())).collect();
        self.send(&Version { version, extensions }.to_vec())
    }

    fn take_output(&mut self) {
        while !self.client.output().is_empty() {
            let n = self.client.output().len();
            self.from_client.extend_from_slice(self.client.output());
            self.client.consume_output(n);
        }
    }

    /// What the client has asked since the last time.
    pub(super) fn requests(&mut self) -> Vec<Seen> {
        self.take_output();
        let bytes = std::mem::take(&mut self.from_client);
        let mut rest = &bytes[..];
        let mut seen = Vec::new();
        while let Some((length, tail)) = rest.split_first_chunk::<4>() {
            let (packet, tail) = tail.split_at(u32::from_be_bytes(*length) as usize);
            let Packet { packet_type, id, fields } = Packet::split(packet).unwrap();
            seen.push(Seen { packet_type, id, fields: fields.to_vec() });
            rest = tail;
        }
        assert!(rest.is_empty());
        seen
    }

    /// Feeds bytes to the client, a millisecond later.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.now += Duration::from_millis(1);
        for chunk in bytes.chunks(self.feed.min(bytes.len().max(1))) {
            self.client.handle_chunk(self.now, Bytes::copy_from_slice(chunk))?;
        }
        Ok(())
    }

    pub(super) fn reply<M: Encode>(
        &mut self,
        id: u32,
        packet_type: PacketType,
        fields: &M,
    ) -> Result<(), Error> {
        let mut out = Vec::new();
        put_packet(&mut out, packet_type, id, fields);
        self.send(&out)
    }

    pub(super) fn status(&mut self, id: u32, code: StatusCode, message: &str) -> Result<(), Error> {
        self.reply(id, Status::TYPE, &Status { code, message: message.as_bytes(), language_tag: b"" })
    }

    pub(super) fn handle(&mut self, id: u32, handle: &[u8]) -> Result<(), Error> {
        self.reply(id, Handle::TYPE, &Handle { handle })
    }

    pub(super) fn data(&mut self, id: u32, data: &[u8]) -> Result<(), Error> {
        self.reply(id, Data::TYPE, &Data { data })
    }
}
