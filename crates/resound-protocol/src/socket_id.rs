//! Socket ids: the public name of a connection.

use std::fmt;

/// Two decimal numbers joined by a dot, as every server library demands (`^\d+\.\d+$`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(u32, u32);

impl SocketId {
    const NUMBER_MAX: u64 = 1_000_000_000;

    /// Makes an id of 64 random bits: two numbers from 1 to 1,000,000,000, as Reverb's are.
    pub fn from_random(bits: u64) -> Self {
        let number = |half: u64| ((half * Self::NUMBER_MAX) >> 32) as u32 + 1;
        Self(number(bits >> 32), number(bits & 0xffff_ffff))
    }

    /// Makes an id that says at which of `places` it was made: a request that names it finds its way.
    pub fn from_random_at(bits: u64, place: usize, places: usize) -> Self {
        let Self(a, b) = Self::from_random(bits);
        let places = u32::try_from(places).unwrap_or(1).max(1);
        let first = (b - 1) / places * places;
        let room = Self::NUMBER_MAX as u32 / places * places;
        Self(a, first % room + place as u32 % places + 1)
    }

    /// The place that [`SocketId::from_random_at`] was told.
    pub fn place(self, places: usize) -> usize {
        (self.1 as usize - 1) % places.max(1)
    }

    /// Reads an id that this server may have given out; `None` for every other text.
    pub fn parse(text: &str) -> Option<Self> {
        let (a, b) = text.split_once('.')?;
        Some(Self(number(a)?, number(b)?))
    }

    /// Says whether a text has the form of a socket id, ours or not.
    pub fn is_well_formed(text: &str) -> bool {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        text.split_once('.').is_some_and(|(a, b)| digits(a) && digits(b))
    }
}

/// A number as `Display` writes it: no sign, no leading zero.
fn number(text: &str) -> Option<u32> {
    let canonical = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    canonical.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_two_numbers_and_come_back_from_their_text() {
        for bits in [0, u64::MAX, 0x0123_4567_89ab_cdef] {
            let id = SocketId::from_random(bits);
            assert!(SocketId::is_well_formed(&id.to_string()));
            assert_eq!(SocketId::parse(&id.to_string()), Some(id));
        }
        assert_eq!(SocketId::from_random(0).to_string(), "1.1");
        assert_eq!(SocketId::from_random(u64::MAX).to_string(), "1000000000.1000000000");
    }

    #[test]
    fn an_id_knows_the_place_where_it_was_made() {
        for bits in [0, u64::MAX, 0x0123_4567_89ab_cdef, 0xffff_ffff, 1] {
            for places in [1, 2, 3, 64] {
                for place in 0..places {
                    let id = SocketId::from_random_at(bits, place, places);
                    assert_eq!(id.place(places), place, "{id}");
                    assert_eq!(SocketId::parse(&id.to_string()), Some(id));
                }
            }
        }
    }

    #[test]
    fn other_texts_are_no_ids() {
        for text in ["", "1", "1.", ".1", "a.b", "+1.2", "1.2.3", "01.2", "99999999999.1"] {
            assert_eq!(SocketId::parse(text), None, "{text}");
        }
        assert!(SocketId::is_well_formed("01.2"));
        assert!(!SocketId::is_well_formed("1.2.3"));
        assert!(!SocketId::is_well_formed("+1.2"));
    }
}
