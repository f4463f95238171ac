//! The mark inside every event: who sent it, its number, and when it was due.
//!
//! It is text of a fixed width without any character that JSON escapes, so it passes through every server
//! unchanged, and a receiver finds it without parsing JSON.

use std::io::Write;

use memchr::memmem::Finder;

const PREFIX: &[u8] = b"~rb";
const DUE_DIGITS: usize = 16;
const NUMBER_DIGITS: usize = 8;
const STREAM_DIGITS: usize = 4;
const RUN_DIGITS: usize = 2;

/// Length of a mark as text.
pub(crate) const MARK_BYTES: usize =
    PREFIX.len() + DUE_DIGITS + NUMBER_DIGITS + STREAM_DIGITS + RUN_DIGITS;

/// The identity of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// When the event was due to be sent.
    pub(crate) due: u64,
    /// Its place in its stream, from 0.
    pub(crate) number: u32,
    /// Its stream among those of its channel.
    pub(crate) stream: u16,
    /// The run that it belongs to: events of the warm-up may arrive during the measurement.
    pub(crate) run: u8,
}

impl Mark {
    /// Appends the mark as text.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let Self { due, number, stream, run } = self;
        out.extend_from_slice(PREFIX);
        write!(out, "{due:016x}{number:08x}{stream:04x}{run:02x}")
            .expect("writing to a Vec cannot fail");
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let (due, rest) = text.split_at_checked(DUE_DIGITS)?;
        let (number, rest) = rest.split_at_checked(NUMBER_DIGITS)?;
        let (stream, rest) = rest.split_at_checked(STREAM_DIGITS)?;
        let (run, _) = rest.split_at_checked(RUN_DIGITS)?;
        Some(Self {
            due: hexadecimal(due)?,
            number: hexadecimal(number)? as u32,
            stream: hexadecimal(stream)? as u16,
            run: hexadecimal(run)? as u8,
        })
    }
}

/// Finds marks in messages.
pub(crate) struct MarkFinder(Finder<'static>);

impl Default for MarkFinder {
    fn default() -> Self {
        Self(Finder::new(PREFIX))
    }
}

impl MarkFinder {
    #[inline]
    pub(crate) fn find(&self, message: &[u8]) -> Option<Mark> {
        let start = self.0.find(message)? + PREFIX.len();
        Mark::parse(&message[start..])
    }
}

#[inline]
fn hexadecimal(digits: &[u8]) -> Option<u64> {
    let mut value = 0;
    for digit in digits {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        value = value << 4 | u64::from(digit);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: Mark =
        Mark { due: 0x0123_4567_89ab_cdef, number: 0xdead_beef, stream: 0xfedc, run: 7 };

    fn text() -> Vec<u8> {
        let mut text = Vec::new();
        MARK.write(&mut text);
        text
    }

    #[test]
    fn a_mark_is_found_wherever_it_stands() {
        let finder = MarkFinder::default();
        assert_eq!(text().len(), MARK_BYTES);
        for around in [("", ""), (r#"{"data":"{\"mark\":\""#, r#"\",\"pad\":\"xx\"}"}"#)] {
            let message = [around.0.as_bytes(), &text(), around.1.as_bytes()].concat();
            assert_eq!(finder.find(&message), Some(MARK));
        }
    }

    #[test]
    fn what_is_no_mark_is_not_taken_for_one() {
        let finder = MarkFinder::default();
        assert_eq!(finder.find(b""), None);
        assert_eq!(finder.find(br#"{"event":"pusher:ping"}"#), None);
        assert_eq!(finder.find(&text()[..MARK_BYTES - 1]), None);
        assert_eq!(finder.find(&text().to_ascii_uppercase()), None);
        assert_eq!(finder.find(b"~rbwhatever follows is certainly not hexadecimal"), None);
    }
}
