//! Binary bodies of version 3.

use crate::engineio::payload::{ATTACHMENT, PayloadFault, decimal, text};

/// After the length of a packet.
const LENGTH_END: u8 = 0xFF;

/// The packets of a binary body.
pub(super) struct Binary<'a> {
    rest: &'a [u8],
    read: usize,
}

impl<'a> Binary<'a> {
    pub(super) fn of(body: &'a [u8]) -> Self {
        Self { rest: body, read: 0 }
    }
}

impl<'a> Iterator for Binary<'a> {
    type Item = Result<&'a str, PayloadFault>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&kind, rest) = self.rest.split_first()?;
        self.read += 1;
        let Some((packet, rest)) = split(rest) else {
            self.rest = &[];
            return Some(Err(PayloadFault::Length(self.read)));
        };
        self.rest = rest;
        Some(if kind == 0 { text(packet) } else { Ok(ATTACHMENT) })
    }
}

/// Takes the packet off the front whose length comes first.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(LENGTH_END, bytes)?;
    let digits = bytes[..end].iter().map(|digit| digit.wrapping_add(b'0'));
    bytes[end + 1..].split_at_checked(decimal(digits)?)
}
