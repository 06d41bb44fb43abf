//! What arrived and is not used up yet: lines and data.

use crate::error::ScpError;
use crate::record::MAXIMUM_LINE;
use bytes::{Buf, Bytes};
use std::collections::VecDeque;

/// Input of a machine. Data is handed on as it came; only a line that is spread over pieces is put together.
#[derive(Debug, Default)]
pub(crate) struct Input {
    pieces: VecDeque<Bytes>,
    line: Vec<u8>,
    pub(crate) ended: bool,
}

impl Input {
    pub(crate) fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.pieces.push_back(piece);
        }
    }

    /// Whether all that arrived is used up, but for the beginning of a line.
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Whether there is the beginning of a line.
    pub(crate) fn is_within_line(&self) -> bool {
        !self.line.is_empty()
    }

    /// The beginning of a line that was not ended.
    pub(crate) fn unfinished(&self) -> &[u8] {
        &self.line
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.pieces.front().and_then(|piece| piece.first().copied())
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let piece = self.pieces.front_mut()?;
        let byte = piece.first().copied()?;
        piece.advance(1);
        if piece.is_empty() {
            self.pieces.pop_front();
        }
        Some(byte)
    }

    /// Data, as much of it as lies together, but not more than `limit`, which is not 0.
    pub(crate) fn data(&mut self, limit: u64) -> Option<Bytes> {
        let piece = self.pieces.front_mut()?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if piece.len() > limit {
            return Some(piece.split_to(limit));
        }
        self.pieces.pop_front()
    }

    /// A line without its newline, if there is a whole one.
    pub(crate) fn line(&mut self) -> Result<Option<Vec<u8>>, ScpError> {
        while let Some(piece) = self.pieces.front_mut() {
            let end = piece.iter().take(MAXIMUM_LINE).position(|byte| *byte == b'\n');
            let length = end.unwrap_or(piece.len());
            if self.line.len() + length >= MAXIMUM_LINE {
                return Err(ScpError::LineTooLong);
            }
            self.line.extend_from_slice(&piece[..length]);
            piece.advance(length + usize::from(end.is_some()));
            if piece.is_empty() {
                self.pieces.pop_front();
            }
            if end.is_some() {
                return Ok(Some(std::mem::take(&mut self.line)));
            }
        }
        Ok(None)
    }
}
