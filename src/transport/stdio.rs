//! The two ends of a command's bytes that every transport needs: what is still to be sent, and the last of stderr.

use super::Answer;
use std::io::{self, Read, Write};

/// How much is read ahead from what is to be sent; below that, writes to a channel are slow.
const READ_AHEAD: usize = 1 << 20;

/// How much of standard error is kept.
const STDERR_KEPT: usize = 64 << 10;

/// Output that is whole when the command has ended, not before.
pub struct Output<'a>(pub &'a mut dyn Write);

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Answer for Output<'_> {
    fn is_whole(&self) -> bool {
        false
    }
}

/// Bytes on their way to a command's standard input.
pub struct Outgoing<'a> {
    source: &'a mut dyn Read,
    buffer: Vec<u8>,
    sent: usize,
    filled: usize,
    exhausted: bool,
}

impl<'a> Outgoing<'a> {
    /// Nothing is read before the first [`Outgoing::peek`].
    pub fn new(source: &'a mut dyn Read) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            sent: 0,
            filled: 0,
            exhausted: false,
        }
    }

    /// The next bytes to send, empty at the end. The same bytes until [`Outgoing::advance`].
    ///
    /// # Errors
    /// When the source can't be read.
    pub fn peek(&mut self) -> io::Result<&[u8]> {
        if self.sent == self.filled && !self.exhausted {
            self.fill()?;
        }
        Ok(&self.buffer[self.sent..self.filled])
    }

    /// `count` bytes of what was last peeked at are gone.
    pub fn advance(&mut self, count: usize) {
        self.sent = (self.sent + count).min(self.filled);
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.resize(READ_AHEAD, 0);
        self.sent = 0;
        self.filled = 0;
        // One read, not a full buffer: a source that waits must not hold back what it already gave.
        loop {
            match self.source.read(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(count) => {
                    self.filled = count;
                    self.exhausted = count == 0;
                    return Ok(());
                }
            }
        }
    }
}

/// The end of what was pushed, at most 64 KiB.
#[derive(Debug, Default)]
pub struct Tail(Vec<u8>);

impl Tail {
    /// Adds `bytes`, and forgets the oldest.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        if self.0.len() > 2 * STDERR_KEPT {
            self.trim();
        }
    }

    /// As text; what is no UTF-8, a character cut in two included, is replaced.
    pub fn into_text(mut self) -> String {
        self.trim();
        String::from_utf8_lossy(&self.0).into_owned()
    }

    fn trim(&mut self) {
        let excess = self.0.len().saturating_sub(STDERR_KEPT);
        self.0.drain(..excess);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_end() {
        let mut tail = Tail::default();
        for number in 0..100_000 {
            tail.push(format!("{number:05}\n").as_bytes());
        }
        let text = tail.into_text();
        assert_eq!(text.len(), STDERR_KEPT);
        assert!(text.ends_with("\n99998\n99999\n"));
    }

    #[test]
    fn unsent_bytes_are_offered_again() {
        let mut source: &[u8] = b"abc";
        let mut outgoing = Outgoing::new(&mut source);
        assert_eq!(outgoing.peek().unwrap(), b"abc");
        outgoing.advance(1);
        assert_eq!(outgoing.peek().unwrap(), b"bc");
        outgoing.advance(2);
        assert_eq!(outgoing.peek().unwrap(), b"");
        assert_eq!(outgoing.peek().unwrap(), b"");
    }
}
