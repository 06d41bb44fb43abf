//! The handles of one session. A handle is a place in the table and a serial number that never comes again, so that
//! one that was closed, made up or taken from another session leads nowhere.
//!
//! A handle is any bytes at all (draft-ietf-secsh-filexfer-02 §3), but some clients take it for text: ours are digits.

use crate::server::failure::Failure;
use std::sync::Arc;

/// The length of the handles that we give out, in bytes: hexadecimal digits.
const HANDLE_LEN: usize = 16;
/// A handle as we give it out.
pub type Handle = [u8; HANDLE_LEN];

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// What a handle stands for.
#[derive(Debug)]
pub enum Open<F, D> {
    /// A file.
    File(Arc<F>),
    /// A directory.
    Directory(Arc<D>),
}

impl<F, D> Clone for Open<F, D> {
    fn clone(&self) -> Self {
        match self {
            Self::File(file) => Self::File(Arc::clone(file)),
            Self::Directory(directory) => Self::Directory(Arc::clone(directory)),
        }
    }
}

/// The table.
#[derive(Debug)]
pub struct Handles<F, D> {
    slots: Vec<Slot<F, D>>,
    free: Vec<u32>,
    next_serial: u32,
}

#[derive(Debug)]
struct Slot<F, D> {
    serial: u32,
    open: Option<Open<F, D>>,
}

impl<F, D> Handles<F, D> {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), next_serial: 1 }
    }

    /// How many are open.
    pub(super) const fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) fn insert(&mut self, open: Open<F, D>) -> Handle {
        let serial = self.next_serial;
        self.next_serial = self.next_serial.wrapping_add(1);
        let slot = Slot { serial, open: Some(open) };
        let index = match self.free.pop() {
            Some(index) => {
                self.slots[index as usize] = slot;
                index
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        };
        let value = u64::from(index) << 32 | u64::from(serial);
        std::array::from_fn(|place| DIGITS[(value >> (60 - 4 * place)) as usize & 15])
    }

    pub(super) fn get(&self, handle: &[u8]) -> Result<Open<F, D>, Failure> {
        let index = self.index_of(handle).ok_or_else(Failure::invalid_handle)?;
        self.slots[index].open.clone().ok_or_else(Failure::invalid_handle)
    }

    pub(super) fn file(&self, handle: &[u8]) -> Result<Arc<F>, Failure> {
        match self.get(handle)? {
            Open::File(file) => Ok(file),
            Open::Directory(_) => Err(Failure::invalid_handle()),
        }
    }

    pub(super) fn directory(&self, handle: &[u8]) -> Result<Arc<D>, Failure> {
        match self.get(handle)? {
            Open::Directory(directory) => Ok(directory),
            Open::File(_) => Err(Failure::invalid_handle()),
        }
    }

    pub(super) fn remove(&mut self, handle: &[u8]) -> Result<Open<F, D>, Failure> {
        let index = self.index_of(handle).ok_or_else(Failure::invalid_handle)?;
        let open = self.slots[index].open.take().ok_or_else(Failure::invalid_handle)?;
        self.free.push(index as u32);
        Ok(open)
    }

    /// Closes all.
    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.free.clear();
    }

    fn index_of(&self, handle: &[u8]) -> Option<usize> {
        if handle.len() != HANDLE_LEN {
            return None;
        }
        let value = handle.iter().try_fold(0_u64, |value, byte| {
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'f' => byte - b'a' + 10,
                _ => return None,
            };
            Some(value << 4 | u64::from(digit))
        })?;
        let (index, serial) = ((value >> 32) as usize, value as u32);
        let slot = self.slots.get(index)?;
        (slot.serial == serial && slot.open.is_some()).then_some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: F04
    #[test]
    fn only_open_handles_of_the_right_kind_lead_anywhere() {
        let mut handles: Handles<u8, u16> = Handles::new();
        let file = handles.insert(Open::File(Arc::new(7)));
        let directory = handles.insert(Open::Directory(Arc::new(9)));
        assert_eq!(*handles.file(&file).unwrap(), 7);
        assert_eq!(*handles.directory(&directory).unwrap(), 9);
        assert!(handles.file(&directory).is_err());
        assert!(handles.directory(&file).is_err());
        assert!(file.is_ascii());
        for bit in 0..8 * HANDLE_LEN {
            let mut forged = file;
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(handles.file(&forged).is_err(), "bit {bit}");
        }
        for len in [0usize, 1, 8, 15, 16, 17, 255, 256, 257, 65_536] {
            assert!(handles.get(&vec![0; len]).is_err());
        }
        assert!(handles.remove(&file).is_ok());
        assert!(handles.remove(&file).is_err());
        let again = handles.insert(Open::File(Arc::new(8)));
        assert_ne!(again, file);
        assert!(handles.file(&file).is_err());
        assert_eq!(handles.len(), 2);
    }
}
