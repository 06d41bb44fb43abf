//! Listing a directory with several READDIRs under way.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::answer::{Answer, Handle, failure};
use crate::client::SftpClient;
use crate::error::{Error, Misbehaviour};
use crate::message::number::StatusCode;
use crate::message::request::Readdir;
use crate::metadata::DirectoryEntry;
use crate::ticket::Lane;

/// READDIRs under way at first, and at most.
const START: usize = 2;
const MOST: usize = 64;
/// At first where the round trip is long, so that most directories are listed in one.
const FAR_START: usize = 4;
const FAR: Duration = Duration::from_millis(10);
/// Answers without a name in a row, before it is no accident.
const MOST_EMPTY: u32 = 16;

/// A directory that is listed.
#[derive(Debug)]
pub struct ReadDir {
    handle: Handle,
    lane: Lane,
    /// By request id: whether it was asked while nothing else was allowed to be under way.
    under_way: HashMap<u32, bool>,
    target: usize,
    entries: u64,
    empty: u32,
    ended: bool,
    one_at_a_time: bool,
    failed: Option<Error>,
}

impl ReadDir {
    /// Lists `handle`. Nothing is sent before [`pump`](Self::pump).
    pub fn new(client: &mut SftpClient, handle: Handle) -> Self {
        let lane = client.open_lane();
        let is_far = client.round_trip().is_some_and(|round_trip| round_trip >= FAR);
        Self {
            handle,
            lane,
            under_way: HashMap::new(),
            target: if is_far { FAR_START } else { START },
            entries: 0,
            empty: 0,
            ended: false,
            one_at_a_time: false,
            failed: None,
        }
    }

    /// Where answers arrive.
    pub const fn lane(&self) -> Lane {
        self.lane
    }

    /// Sends as many READDIRs as should be under way.
    pub fn pump(&mut self, client: &mut SftpClient, now: Instant) {
        let target = if self.one_at_a_time { 1 } else { self.target };
        while !self.ended && self.failed.is_none() && self.under_way.len() < target {
            match client.request(now, self.lane, &Readdir { handle: self.handle.as_bytes() }) {
                Ok(ticket) => {
                    self.under_way.insert(ticket.id(), self.one_at_a_time);
                }
                Err(error) => self.failed = Some(error),
            }
        }
    }

    /// The next entries, if some are there, with `.` and `..` where the server says them. After `None`, wait for
    /// the lane, unless [`is_finished`](Self::is_finished).
    ///
    /// # Errors
    ///
    /// What the server refused, or what ended the session; [`Misbehaviour::TooManyEntries`] and
    /// [`Misbehaviour::EmptyNames`] for listings that do not end.
    pub fn next(&mut self, client: &mut SftpClient) -> Option<Result<Vec<DirectoryEntry>, Error>> {
        loop {
            if let Some(error) = &self.failed {
                return Some(Err(error.clone()));
            }
            let Some(id) = client.next_arrived(self.lane) else {
                self.failed = client.error().cloned().filter(|_| !self.is_finished());
                return self.failed.clone().map(Err);
            };
            match self.take(client, id) {
                Ok(Some(entries)) => return Some(Ok(entries)),
                Ok(None) => {}
                Err(error) => self.failed = Some(error),
            }
        }
    }

    fn take(&mut self, client: &mut SftpClient, id: u32) -> Result<Option<Vec<DirectoryEntry>>, Error> {
        let alone = self.under_way.remove(&id).unwrap_or(true);
        let Some(answer) = client.take_answer(id) else { return Ok(None) };
        match answer? {
            (_, Answer::Names(entries)) if entries.is_empty() => {
                self.empty += 1;
                if self.empty == MOST_EMPTY {
                    return Err(Misbehaviour::EmptyNames(MOST_EMPTY).into());
                }
                Ok(None)
            }
            (_, Answer::Names(entries)) => {
                self.empty = 0;
                self.entries += entries.len() as u64;
                let most = client.config().maximum_entries;
                if self.entries > most {
                    return Err(Misbehaviour::TooManyEntries(most).into());
                }
                self.target = (self.target * 2).min(MOST);
                Ok(Some(entries))
            }
            (_, Answer::Status { code: StatusCode::EOF, .. }) => {
                self.ended = true;
                Ok(None)
            }
            // Some servers fail when several READDIRs are under way.
            (_, Answer::Status { .. }) if !alone || self.ended => {
                self.one_at_a_time = true;
                Ok(None)
            }
            (operation, Answer::Status { code, message }) => Err(failure(operation, code, &message)),
            _ => Err(Error::ApiMisuse("the ticket belongs to another request")),
        }
    }

    /// Whether everything was handed out.
    pub fn is_finished(&self) -> bool {
        self.ended && self.under_way.is_empty()
    }

    /// Ends the listing; answers under way are ignored. The directory stays open.
    pub fn finish(self, client: &mut SftpClient) -> Handle {
        client.close_lane(self.lane);
        self.handle
    }
}
