//! A cursor over the octets that the fuzzer chose.

/// Reads from the front, and zeros where nothing is left: a layout that seeds can be written in by hand.
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// All of `octets`.
    #[must_use]
    pub fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next octet.
    pub fn u8(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    /// The next two octets, big-endian.
    pub fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    /// The next four octets, big-endian.
    pub fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }

    /// The next eight octets, big-endian.
    pub fn u64(&mut self) -> u64 {
        u64::from_be_bytes(self.array())
    }

    /// The lowest bit of the next octet.
    pub fn bool(&mut self) -> bool {
        self.u8() & 1 == 1
    }

    /// A number below `count`, which must not be zero.
    pub fn below(&mut self, count: usize) -> usize {
        let number = if count <= 0x100 {
            usize::from(self.u8())
        } else {
            usize::from(self.u16())
        };
        number % count
    }

    /// One of `items`, of which there must be some.
    pub fn pick<'i, T>(&mut self, items: &'i [T]) -> &'i T {
        &items[self.below(items.len())]
    }

    /// As many octets as the next octet says, or fewer at the end.
    pub fn short(&mut self) -> &'a [u8] {
        let count = usize::from(self.u8());
        self.take(count)
    }

    /// As many octets as the next two octets say, or fewer at the end.
    pub fn long(&mut self) -> &'a [u8] {
        let count = usize::from(self.u16());
        self.take(count)
    }

    /// What [`Self::short`] reads, as text.
    pub fn text(&mut self) -> String {
        String::from_utf8_lossy(self.short()).into_owned()
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut octets = [0; N];
        let taken = self.take(N);
        octets[..taken.len()].copy_from_slice(taken);
        octets
    }
}
