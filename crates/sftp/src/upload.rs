//! Writing a file with as many WRITEs under way as the link needs. Every one is answered, and the failure with the
//! lowest offset is the error: a later success cannot hide it.

use std::collections::HashMap;
use std::time::Instant;

use crate::answer::{Answer, Expected, Handle, failure};
use crate::client::SftpClient;
use crate::error::Error;
use crate::message::number::{PacketType, StatusCode};
use crate::message::packet::{begin_packet, end_packet};
use crate::message::request::WriteHead;
use crate::pace::Pace;
use crate::ticket::Lane;
use konko_wire::encode::Encode;

/// What may wait to be sent before more is accepted, in bytes.
const MOST_UNSENT: usize = 2 * 1024 * 1024;
/// The operation's name in errors.
const WRITE: &str = "SSH_FXP_WRITE";

/// A file that is written.
#[derive(Debug)]
pub struct Upload {
    handle: Handle,
    lane: Lane,
    under_way: HashMap<u32, (u64, u32)>,
    under_way_bytes: usize,
    acknowledged: u64,
    pace: Pace,
    one_at_a_time: bool,
    /// The lowest offset that failed, and why.
    failed: Option<(u64, Error)>,
}

/// Room for the data of several WRITEs that follow each other, exactly where it will be sent from.
#[derive(Debug)]
pub struct WriteBatch {
    buffer: Vec<u8>,
    offset: u64,
    /// Where the packet begins, and where its data lies.
    packets: Vec<(usize, std::ops::Range<usize>)>,
    /// Data bytes in all.
    len: usize,
}

impl WriteBatch {
    /// Where in the file the first byte goes.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes of data.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no room at all.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The places to fill, in the order of the file, each with its offset in it.
    pub fn slots(&mut self) -> Vec<(u64, &mut [u8])> {
        let mut slots = Vec::with_capacity(self.packets.len());
        let (mut rest, mut consumed, mut offset) = (&mut self.buffer[..], 0, self.offset);
        for (_, place) in &self.packets {
            let (slot, tail) = rest[place.start - consumed..].split_at_mut(place.len());
            slots.push((offset, slot));
            offset += place.len() as u64;
            consumed = place.end;
            rest = tail;
        }
        slots
    }

    /// Keeps the first `len` bytes of data: there was no more to read.
    pub fn truncate(&mut self, len: usize) {
        let mut left = len;
        let mut end = 0;
        self.packets.retain_mut(|(_, place)| {
            place.end = place.start + place.len().min(left);
            left -= place.len();
            let kept = place.end > place.start;
            if kept {
                end = place.end;
            }
            kept
        });
        self.len = len - left;
        self.buffer.truncate(end);
    }
}

impl Upload {
    /// Writes to `handle`.
    pub fn new(client: &mut SftpClient, handle: Handle) -> Self {
        let lane = client.open_lane();
        Self {
            handle,
            lane,
            under_way: HashMap::new(),
            under_way_bytes: 0,
            acknowledged: 0,
            pace: Pace::new(client.round_trip(), client.config().maximum_in_flight),
            one_at_a_time: false,
            failed: None,
        }
    }

    /// Where answers arrive.
    pub const fn lane(&self) -> Lane {
        self.lane
    }

    /// The file.
    pub const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// How many bytes the server has acknowledged.
    pub const fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// From now on, one WRITE at a time: for servers that fail otherwise.
    pub const fn one_at_a_time(&mut self) {
        self.one_at_a_time = true;
    }

    /// How many bytes may be written now. Zero while enough is under way, and after a failure.
    pub fn room(&self, client: &SftpClient) -> usize {
        if self.failed.is_some() || client.error().is_some() {
            return 0;
        }
        let longest = client.limits().write_length as usize;
        if self.under_way.is_empty() {
            let unsent = MOST_UNSENT.saturating_sub(client.output_len());
            return if self.one_at_a_time { longest } else { unsent.max(longest) };
        }
        if self.one_at_a_time || self.under_way.len() >= client.config().maximum_requests {
            return 0;
        }
        let room = self.pace.target().saturating_sub(self.under_way_bytes);
        room.min(client.transfer_room()).min(MOST_UNSENT.saturating_sub(client.output_len()))
    }

    /// Room for `len` bytes that go to `offset`. It is filled by the caller, wherever that takes time, and then
    /// [sent](Self::send).
    pub fn batch(&self, client: &mut SftpClient, offset: u64, len: usize) -> WriteBatch {
        let longest = (client.limits().write_length as usize).max(1);
        let mut buffer = client.outgoing().used();
        let mut packets = Vec::with_capacity(len.div_ceil(longest));
        let head = 4 + 1 + 4 + 4 + self.handle.as_bytes().len() + 8 + 4;
        let (mut end, mut left) = (0, len);
        while left > 0 {
            let length = left.min(longest);
            packets.push((end, end + head..end + head + length));
            end += head + length;
            left -= length;
        }
        // What an earlier use left in it is overwritten.
        buffer.resize(end, 0);
        WriteBatch { buffer, offset, packets, len }
    }

    /// Sends a batch that was filled.
    ///
    /// # Errors
    ///
    /// What ended the session; nothing of the batch is sent then.
    pub fn send(
        &mut self,
        client: &mut SftpClient,
        now: Instant,
        mut batch: WriteBatch,
    ) -> Result<(), Error> {
        client.usable_version()?;
        let mut offset = batch.offset;
        let mut head = Vec::new();
        for (start, place) in &batch.packets {
            let length = place.len() as u32;
            let id = client.expect(now, Some(self.lane), WRITE, Expected::Status, length)?;
            head.clear();
            begin_packet(&mut head, PacketType::WRITE, id);
            WriteHead { handle: self.handle.as_bytes(), offset, length }.encode(&mut head);
            batch.buffer[*start..place.start].copy_from_slice(&head);
            end_packet(&mut batch.buffer[..place.end], *start);
            self.began(id, offset, length);
            offset += u64::from(length);
        }
        client.outgoing().push(batch.buffer);
        Ok(())
    }

    /// Copies as much of `data` as there is [room](Self::room) for and sends it to `offset`; returns how much.
    ///
    /// # Errors
    ///
    /// What ended the session.
    pub fn write(
        &mut self,
        client: &mut SftpClient,
        now: Instant,
        offset: u64,
        data: &[u8],
    ) -> Result<usize, Error> {
        client.usable_version()?;
        let (room, longest) = (self.room(client), client.limits().write_length as usize);
        let data = &data[..data.len().min(room)];
        let mut at = offset;
        for piece in data.chunks(longest.max(1)) {
            let length = piece.len() as u32;
            let id = client.expect(now, Some(self.lane), WRITE, Expected::Status, length)?;
            let head = WriteHead { handle: self.handle.as_bytes(), offset: at, length };
            client.outgoing().append(|out| {
                let start = begin_packet(out, PacketType::WRITE, id);
                head.encode(out);
                out.extend_from_slice(piece);
                end_packet(out, start);
            });
            self.began(id, at, length);
            at += u64::from(length);
        }
        Ok(data.len())
    }

    fn began(&mut self, id: u32, offset: u64, length: u32) {
        self.under_way.insert(id, (offset, length));
        self.under_way_bytes += length as usize;
    }

    /// Takes the answers that are there.
    ///
    /// # Errors
    ///
    /// Once nothing is under way any more: the failure with the lowest offset. At once: what ended the session.
    pub fn poll(&mut self, client: &mut SftpClient, now: Instant) -> Result<(), Error> {
        while let Some(id) = client.next_arrived(self.lane) {
            let Some((offset, length)) = self.under_way.remove(&id) else { continue };
            self.under_way_bytes -= length as usize;
            let Some(answer) = client.take_answer(id) else { continue };
            let error = match answer? {
                (_, Answer::Status { code: StatusCode::OK, .. }) => {
                    self.acknowledged += u64::from(length);
                    self.pace.answered(now, length as usize, client.round_trip());
                    continue;
                }
                (operation, Answer::Status { code, message }) => {
                    failure(operation, code, &message).at_offset(offset)
                }
                _ => Error::ApiMisuse("the ticket belongs to another request"),
            };
            if self.failed.as_ref().is_none_or(|(lowest, _)| offset < *lowest) {
                self.failed = Some((offset, error));
            }
        }
        match (&self.failed, client.error()) {
            (_, Some(error)) if !self.under_way.is_empty() => Err(error.clone()),
            (Some((_, error)), _) if self.under_way.is_empty() => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// The lowest offset that failed: what lies before it and was sent is written.
    pub fn failed_at(&self) -> Option<u64> {
        self.failed.as_ref().map(|(offset, _)| *offset)
    }

    /// Whether every WRITE is answered.
    pub fn is_flushed(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Ends the upload; answers under way are ignored. The file stays open.
    pub fn finish(self, client: &mut SftpClient) -> Handle {
        client.close_lane(self.lane);
        self.handle
    }
}
