//! Reading a file, or a part of it, with as many READs under way as the link needs.
//!
//! Short answers are asked for again, answers may come in any order, and a file may end earlier or later than
//! expected. What is done with the data is the caller's affair.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Instant;

use crate::answer::{Answer, Handle, failure};
use crate::client::SftpClient;
use crate::error::Error;
use crate::incoming::Payload;
use crate::message::number::StatusCode;
use crate::message::request::Read;
use crate::pace::Pace;
use crate::ticket::Lane;

/// What a reader that may want only little is given to begin with, in bytes.
const GENTLE_START: usize = 64 * 1024;

/// A part of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Where it belongs, in bytes from the beginning of the file.
    pub offset: u64,
    /// What stands there.
    pub data: Payload,
}

/// How far to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// To wherever the file ends. With the size that the file is expected to have, if that is known: beyond it only
    /// one READ is under way at a time.
    End(Option<u64>),
    /// To this byte and no further; the file may end before it.
    Offset(u64),
}

/// In which order the data is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As it arrives.
    Arrival,
    /// From the beginning to the end; what comes too early is kept, and counts as under way.
    File,
}

/// What a READ asked for.
#[derive(Debug, Clone, Copy)]
struct Range {
    offset: u64,
    length: u32,
    /// Asked while nothing else was allowed to be under way.
    alone: bool,
}

/// A file that is read.
#[derive(Debug)]
pub struct Download {
    handle: Handle,
    lane: Lane,
    until: Until,
    order: Order,
    /// What was never asked for begins here.
    next: u64,
    /// The missing rest of short answers, and what is to be tried again.
    again: VecDeque<(u64, u32)>,
    under_way: HashMap<u32, Range>,
    under_way_bytes: usize,
    /// Where the file was found to end.
    end: Option<u64>,
    /// Handed out in file order: up to here.
    delivered: u64,
    early: BTreeMap<u64, Payload>,
    early_bytes: usize,
    pace: Pace,
    /// While this is below the pace's target it is what may be under way; it doubles with every answer.
    allowance: usize,
    /// The longest READ that this file's server answers in full.
    longest: u32,
    /// The server fails with several READs under way.
    one_at_a_time: bool,
    failed: Option<Error>,
}

impl Download {
    /// Reads `handle` from `start` on. Nothing is sent before [`pump`](Self::pump).
    pub fn new(client: &mut SftpClient, handle: Handle, start: u64, until: Until, order: Order) -> Self {
        let lane = client.open_lane();
        Self {
            handle,
            lane,
            until,
            order,
            next: start,
            again: VecDeque::new(),
            under_way: HashMap::new(),
            under_way_bytes: 0,
            end: None,
            delivered: start,
            early: BTreeMap::new(),
            early_bytes: 0,
            pace: Pace::new(client.round_trip(), client.config().maximum_in_flight),
            allowance: usize::MAX,
            longest: u32::MAX,
            one_at_a_time: false,
            failed: None,
        }
    }

    /// Begins with little under way, for a reader that may want only little: it doubles with every answer.
    #[must_use]
    pub const fn gently(mut self) -> Self {
        self.allowance = GENTLE_START;
        self
    }

    /// Where answers arrive.
    pub const fn lane(&self) -> Lane {
        self.lane
    }

    /// The file.
    pub const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Where the file was found to end, once that is known: what was handed out beyond it does not belong to it.
    pub const fn end(&self) -> Option<u64> {
        self.end
    }

    /// Sends as many READs as should be under way.
    pub fn pump(&mut self, client: &mut SftpClient, now: Instant) {
        while self.failed.is_none()
            && let Some((offset, length)) = self.next_range(client)
        {
            let request = Read { handle: self.handle.as_bytes(), offset, length };
            match client.request(now, self.lane, &request) {
                Ok(ticket) => {
                    let alone = self.one_at_a_time;
                    self.under_way.insert(ticket.id(), Range { offset, length, alone });
                    self.under_way_bytes += length as usize;
                }
                Err(error) => {
                    self.again.push_front((offset, length));
                    if self.under_way.is_empty() {
                        self.failed = Some(error);
                    }
                    return;
                }
            }
        }
    }

    /// What to ask for next, if anything now.
    fn next_range(&mut self, client: &SftpClient) -> Option<(u64, u32)> {
        let most = if self.one_at_a_time { 1 } else { client.config().maximum_requests };
        if self.under_way.len() >= most {
            return None;
        }
        if let Some(end) = self.end {
            self.again.retain(|(offset, _)| *offset < end);
        }
        let gentle = u32::try_from(self.allowance).unwrap_or(u32::MAX);
        let longest = client.limits().read_length.min(self.longest).min(gentle).max(1);
        if let Some((offset, length)) = self.again.pop_front() {
            if length > longest {
                self.again.push_front((offset + u64::from(longest), length - longest));
            }
            return Some((offset, length.min(longest)));
        }
        if self.end.is_some() {
            return None;
        }
        let target = self.pace.target().min(self.allowance);
        let room = target.saturating_sub(self.under_way_bytes + self.early_bytes);
        if !self.under_way.is_empty() && room.min(client.transfer_room()) < longest as usize {
            return None;
        }
        let left = match self.until {
            Until::Offset(end) => end.checked_sub(self.next).filter(|left| *left > 0)?,
            Until::End(Some(size)) if self.next < size => size - self.next,
            // Beyond the size that the file said, one READ tells whether it has grown.
            Until::End(Some(size)) if self.under_way.values().any(|range| range.offset >= size) => {
                return None;
            }
            Until::End(_) => u64::MAX,
        };
        let length = u32::try_from(left).unwrap_or(u32::MAX).min(longest);
        let offset = self.next;
        self.next = self.next.checked_add(u64::from(length))?;
        Some((offset, length))
    }

    /// The next part of the file, if one is there. After `None`, wait for the lane, unless
    /// [`is_finished`](Self::is_finished).
    ///
    /// # Errors
    ///
    /// What the server refused, with its offset, or what ended the session. The download is over then.
    pub fn next(&mut self, client: &mut SftpClient, now: Instant) -> Option<Result<Piece, Error>> {
        loop {
            if let Some(error) = &self.failed {
                return Some(Err(error.clone()));
            }
            if self.order == Order::File
                && let Some(data) = self.early.remove(&self.delivered)
            {
                self.early_bytes -= data.len();
                let offset = self.delivered;
                self.delivered += data.len() as u64;
                return Some(Ok(Piece { offset, data }));
            }
            let Some(id) = client.next_arrived(self.lane) else {
                self.failed = client.error().cloned().filter(|_| !self.is_finished());
                return self.failed.clone().map(Err);
            };
            match self.take(client, now, id) {
                Ok(Some(piece)) if self.order == Order::Arrival => return Some(Ok(piece)),
                Ok(Some(piece)) => {
                    self.early_bytes += piece.data.len();
                    self.early.insert(piece.offset, piece.data);
                }
                Ok(None) => {}
                Err(error) => self.failed = Some(error),
            }
        }
    }

    /// One answer.
    fn take(&mut self, client: &mut SftpClient, now: Instant, id: u32) -> Result<Option<Piece>, Error> {
        let Some(Range { offset, length, alone }) = self.under_way.remove(&id) else { return Ok(None) };
        self.under_way_bytes -= length as usize;
        let Some(answer) = client.take_answer(id) else { return Ok(None) };
        let (operation, answer) = answer?;
        match answer {
            Answer::Data(data) => {
                let got = data.len() as u32;
                self.pace.answered(now, data.len(), client.round_trip());
                self.allowance = self.allowance.saturating_mul(2);
                if got < length {
                    self.short(offset, got, length);
                }
                self.end_reached();
                Ok(Some(Piece { offset, data }))
            }
            Answer::Status { code: StatusCode::EOF, .. } => {
                self.end = Some(self.end.map_or(offset, |end| end.min(offset)));
                Ok(None)
            }
            // Some servers fail when several READs are under way: the rest goes one by one.
            Answer::Status { .. } if !alone => {
                self.one_at_a_time = true;
                self.again.push_back((offset, length));
                Ok(None)
            }
            Answer::Status { code, message } => Err(failure(operation, code, &message).at_offset(offset)),
            _ => Err(Error::ApiMisuse("the ticket belongs to another request")),
        }
    }

    /// Less came than was asked for: the rest is asked for again, unless the file ends there as expected.
    fn short(&mut self, offset: u64, got: u32, asked: u32) {
        let reached = offset + u64::from(got);
        let whole = match self.until {
            Until::End(Some(size)) | Until::Offset(size) => reached < size,
            // Without a size the end is the usual reason; the next READ tells.
            Until::End(None) => false,
        };
        if whole {
            // A server that gives less inside a file will do so again.
            self.longest = self.longest.min(got.max(1024));
        }
        self.again.push_back((reached, asked - got));
    }

    /// Whether all that was to be read has been asked for.
    fn end_reached(&mut self) {
        if let (Until::Offset(end), None) = (self.until, self.end)
            && self.next >= end
            && self.again.is_empty()
            && self.under_way.is_empty()
        {
            self.end = Some(end);
        }
    }

    /// Whether everything was handed out. In [`Order::Arrival`] what lies behind [`end`](Self::end) is then to be
    /// cut off.
    pub fn is_finished(&self) -> bool {
        let asked = match (self.end, self.until) {
            (Some(end), _) => self.again.iter().all(|(offset, _)| *offset >= end),
            (None, Until::Offset(end)) => self.next >= end && self.again.is_empty(),
            (None, Until::End(_)) => false,
        };
        asked && self.under_way.is_empty() && !self.early.contains_key(&self.delivered)
    }

    /// Ends the download; answers under way are ignored. The file stays open.
    pub fn finish(self, client: &mut SftpClient) -> Handle {
        client.close_lane(self.lane);
        self.handle
    }
}
