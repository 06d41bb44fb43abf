//! Sets of serial numbers.

use crate::krl::error::KrlError;

/// Serial numbers from `offset` on, one for each bit that is set; the last bit of the last byte is `offset` itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bitmap {
    offset: u64,
    bytes: Vec<u8>,
}

impl Bitmap {
    /// `bytes` is big-endian.
    pub(crate) fn new(offset: u64, bytes: &[u8]) -> Result<Self, KrlError> {
        let beyond = KrlError::Invalid { what: "a bitmap that leads beyond the last serial number" };
        let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
        let bytes = bytes.get(start..).unwrap_or_default();
        let bits = (bytes.len() as u64).saturating_mul(8);
        let highest =
            bits.saturating_sub(1 + u64::from(bytes.first().map_or(0, |byte| byte.leading_zeros())));
        offset.checked_add(highest).ok_or(beyond)?;
        Ok(Self { offset, bytes: bytes.to_vec() })
    }

    fn contains(&self, serial: u64) -> bool {
        let Some(bit) = serial.checked_sub(self.offset).and_then(|bit| usize::try_from(bit).ok()) else {
            return false;
        };
        let byte = (bit / 8).checked_add(1).and_then(|back| self.bytes.len().checked_sub(back));
        byte.and_then(|at| self.bytes.get(at)).is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
    }

    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Serial numbers of one authority.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Serials {
    /// First and last.
    ranges: Vec<(u64, u64)>,
    bitmaps: Vec<Bitmap>,
    /// The ranges are in no order, and may touch each other.
    unsettled: bool,
}

impl Serials {
    pub(crate) fn add(&mut self, serial: u64) {
        self.ranges.push((serial, serial));
        self.unsettled = true;
    }

    pub(crate) fn add_range(&mut self, first: u64, last: u64) -> Result<(), KrlError> {
        if first > last {
            return Err(KrlError::Invalid { what: "a range of serial numbers that ends before it begins" });
        }
        self.ranges.push((first, last));
        self.unsettled = true;
        Ok(())
    }

    pub(crate) fn add_bitmap(&mut self, bitmap: Bitmap) {
        self.bitmaps.push(bitmap);
    }

    /// Puts the ranges into order and joins those that touch.
    pub(crate) fn settle(&mut self) {
        self.ranges.sort_unstable();
        let mut joined: Vec<(u64, u64)> = Vec::with_capacity(self.ranges.len());
        for (first, last) in self.ranges.drain(..) {
            match joined.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = (*end).max(last),
                _ => joined.push((first, last)),
            }
        }
        self.ranges = joined;
        self.unsettled = false;
    }

    /// Whether the set has this number. Many ranges cost a few comparisons once they are settled.
    pub(crate) fn contains(&self, serial: u64) -> bool {
        let in_ranges = if self.unsettled {
            self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&serial))
        } else {
            let after = self.ranges.partition_point(|(first, _)| *first <= serial);
            after.checked_sub(1).and_then(|at| self.ranges.get(at)).is_some_and(|(_, last)| serial <= *last)
        };
        in_ranges || self.bitmaps.iter().any(|bitmap| bitmap.contains(serial))
    }

    pub(crate) fn ranges(&self) -> &[(u64, u64)] {
        &self.ranges
    }

    pub(crate) fn bitmaps(&self) -> &[Bitmap] {
        &self.bitmaps
    }
}
