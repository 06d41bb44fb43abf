//! An input read as a sequence of small decisions; when it is used up every decision is zero.

/// What is left of an input.
#[derive(Debug, Clone)]
pub struct Choices<'a> {
    rest: &'a [u8],
}

impl<'a> Choices<'a> {
    /// All of `input`.
    pub fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    /// Splits an input in two by the length that its first two bytes name.
    pub fn pair(input: &'a [u8]) -> (Self, Self) {
        let mut whole = Self::new(input);
        let length = usize::from(whole.u16());
        let first = whole.take(length);
        (Self::new(first), whole)
    }

    /// Whether there is nothing left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        match self.rest.split_first() {
            Some((first, rest)) => {
                self.rest = rest;
                *first
            }
            None => 0,
        }
    }

    /// The next two bytes as a number.
    pub fn u16(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// A number below `end`, which is 256 at most; zero if it is zero.
    pub fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end.max(1)
    }

    /// Yes or no.
    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// At most `length` bytes.
    pub fn take(&mut self, length: usize) -> &'a [u8] {
        let (head, tail) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = tail;
        head
    }

    /// Bytes whose number the next byte names.
    pub fn short_bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte());
        self.take(length)
    }

    /// Bytes whose number the next two bytes name.
    pub fn long_bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.u16());
        self.take(length)
    }

    /// A number that is likely to stand at an edge.
    pub fn edge(&mut self) -> u32 {
        match self.byte() {
            small @ 0..=127 => u32::from(small),
            128..=159 => u32::MAX - u32::from(self.byte()),
            160..=191 => 0x8000_0000_u32.wrapping_add(u32::from(self.byte())).wrapping_sub(128),
            192..=223 => u32::from(self.u16()),
            _ => u32::from(self.u16()) << 8,
        }
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }
}
