//! Text bodies of version 3.

use crate::engineio::payload::{PayloadFault, decimal};

/// `length:packet` repeated. Packets of the length 0 are passed over, as engine.io does.
pub(super) struct Lengths<'a> {
    rest: &'a str,
    read: usize,
}

impl<'a> Lengths<'a> {
    pub(super) fn of(body: &'a str) -> Self {
        Self { rest: body, read: 0 }
    }

    fn packet(&mut self) -> Option<&'a str> {
        let (length, rest) = self.rest.split_once(':')?;
        let (packet, rest) = rest.split_at(end_of_units(rest, decimal(length.bytes())?)?);
        self.rest = rest;
        Some(packet)
    }
}

impl<'a> Iterator for Lengths<'a> {
    type Item = Result<&'a str, PayloadFault>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            self.read += 1;
            match self.packet() {
                Some("") => {}
                Some(packet) => return Some(Ok(packet)),
                None => {
                    self.rest = "";
                    return Some(Err(PayloadFault::Length(self.read)));
                }
            }
        }
        None
    }
}

/// The byte at which the first `units` UTF-16 units of a text end; none if it is shorter or if a
/// character would be cut in two.
fn end_of_units(text: &str, units: usize) -> Option<usize> {
    let mut left = units;
    for (at, character) in text.char_indices() {
        if left == 0 {
            return Some(at);
        }
        left = left.checked_sub(character.len_utf16())?;
    }
    (left == 0).then_some(text.len())
}
