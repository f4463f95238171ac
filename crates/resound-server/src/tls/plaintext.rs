//! What a session has decrypted: into the reader's buffer as far as it goes.

use bytes::{Buf as _, BytesMut};

/// Where decrypted bytes go: behind those that the buffer has, and what does not fit waits.
pub(super) struct Plaintext<'a> {
    to: &'a mut [u8],
    count: usize,
    rest: &'a mut BytesMut,
}

impl<'a> Plaintext<'a> {
    /// A buffer that gets first what still waits.
    pub(super) fn new(to: &'a mut [u8], rest: &'a mut BytesMut) -> Self {
        let count = rest.len().min(to.len());
        to[..count].copy_from_slice(&rest[..count]);
        rest.advance(count);
        if rest.is_empty() {
            *rest = BytesMut::new();
        }
        Self { to, count, rest }
    }

    /// Bytes in the buffer.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Bytes that the buffer has room for.
    pub(super) fn room(&self) -> usize {
        self.to.len() - self.count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0 && self.rest.is_empty()
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        let room = if self.rest.is_empty() { self.room() } else { 0 };
        let (now, later) = bytes.split_at(room.min(bytes.len()));
        self.to[self.count..self.count + now.len()].copy_from_slice(now);
        self.count += now.len();
        self.rest.extend_from_slice(later);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_waits_in_order() {
        let mut rest = BytesMut::new();
        let mut to = [0; 4];
        let mut plaintext = Plaintext::new(&mut to, &mut rest);
        for part in ["abc", "de", "f"] {
            plaintext.put(part.as_bytes());
        }
        assert_eq!((plaintext.count, &to), (4, b"abcd"));
        let mut plaintext = Plaintext::new(&mut to, &mut rest);
        assert_eq!(plaintext.count, 2);
        plaintext.put(b"ghi");
        assert_eq!((plaintext.count, &to, &*rest), (4, b"efgh", &b"i"[..]));
    }
}
