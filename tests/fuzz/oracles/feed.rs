//! Structure out of the fuzzer's bytes: each decision takes a byte, so that a changed byte changes one decision.

/// Bytes that are used up; zeros when they are.
pub struct Feed<'a>(&'a [u8]);

impl<'a> Feed<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Feed(data)
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// A number below `sides`, which is at most 256.
    pub fn roll(&mut self, sides: usize) -> usize {
        usize::from(self.byte()) % sides
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())]
    }

    /// Up to `most` bytes.
    pub fn bytes(&mut self, most: usize) -> &'a [u8] {
        let length = self.roll(most + 1).min(self.0.len());
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    /// What is left.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }

    /// Up to `most` parts, put together.
    pub fn text(&mut self, most: usize, parts: &[&str]) -> String {
        let count = self.roll(most + 1);
        (0..count).map(|_| self.pick(parts)).collect()
    }

    /// Up to `most` texts.
    pub fn list(&mut self, most: usize, one: impl Fn(&mut Self) -> String) -> Vec<String> {
        let count = self.roll(most + 1);
        (0..count).map(|_| one(self)).collect()
    }
}
