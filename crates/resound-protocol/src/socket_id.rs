//! Socket ids: the public name of a connection.

use std::fmt;

/// Two decimal numbers joined by a dot, as every server library demands (`^\d+\.\d+$`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocketId(u32, u32);

impl SocketId {
    const NUMBER_MAX: u64 = 1_000_000_000;

    /// Makes an id of 64 random bits: two numbers from 1 to 1,000,000,000, as Reverb's are.
    pub fn from_random(bits: u64) -> Self {
        let number = |half: u64| ((half * Self::NUMBER_MAX) >> 32) as u32 + 1;
        Self(number(bits >> 32), number(bits & 0xffff_ffff))
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
    fn other_texts_are_no_ids() {
        for text in ["", "1", "1.", ".1", "a.b", "+1.2", "1.2.3", "01.2", "99999999999.1"] {
            assert_eq!(SocketId::parse(text), None, "{text}");
        }
        assert!(SocketId::is_well_formed("01.2"));
        assert!(!SocketId::is_well_formed("1.2.3"));
        assert!(!SocketId::is_well_formed("+1.2"));
    }
}
