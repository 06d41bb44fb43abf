//! What a pseudo-terminal is to be like.

use konko_transport::wire::encode::Encode;
use konko_transport::wire::message::channel::{PtyReq, WindowChange};
use konko_transport::wire::terminal_modes::TerminalModes;

/// The size of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSize {
    /// In characters.
    pub columns: u32,
    /// In characters.
    pub rows: u32,
    /// In pixels; 0 where it is not known.
    pub width_pixels: u32,
    /// In pixels; 0 where it is not known.
    pub height_pixels: u32,
}

impl Default for WindowSize {
    /// 80 columns, 24 rows.
    fn default() -> Self {
        Self { columns: 80, rows: 24, width_pixels: 0, height_pixels: 0 }
    }
}

impl WindowSize {
    /// The body of a `window-change` (RFC 4254 §6.7).
    pub(crate) fn window_change(self) -> Vec<u8> {
        WindowChange {
            width_columns: self.columns,
            height_rows: self.rows,
            width_pixels: self.width_pixels,
            height_pixels: self.height_pixels,
        }
        .to_vec()
    }
}

/// What a pseudo-terminal is to be like (RFC 4254 §6.2).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PtyOptions {
    /// The variable TERM. Default: `vt100`.
    pub term: String,
    /// Its size. Default: 80 × 24.
    pub size: WindowSize,
    /// Its modes (RFC 4254 §8). Default: none, which leaves them to the server.
    pub modes: TerminalModes,
}

impl Default for PtyOptions {
    fn default() -> Self {
        Self { term: "vt100".to_owned(), size: WindowSize::default(), modes: TerminalModes::default() }
    }
}

impl PtyOptions {
    /// Of this type and size, with the modes left to the server.
    pub fn new(term: impl Into<String>, size: WindowSize) -> Self {
        Self { term: term.into(), size, modes: TerminalModes::default() }
    }

    /// With these modes.
    #[must_use]
    pub fn with_modes(mut self, modes: TerminalModes) -> Self {
        self.modes = modes;
        self
    }

    /// The body of a `pty-req`.
    pub(crate) fn pty_req(&self) -> Vec<u8> {
        PtyReq {
            term: self.term.as_bytes(),
            width_columns: self.size.columns,
            height_rows: self.size.rows,
            width_pixels: self.size.width_pixels,
            height_pixels: self.size.height_pixels,
            encoded_terminal_modes: &self.modes.encode(),
        }
        .to_vec()
    }
}
