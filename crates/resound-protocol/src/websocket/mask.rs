//! Undoing the mask of a client's frame. RFC 6455 section 5.3.

/// The mask of one frame, turned so that its first byte is the one for the next byte of payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mask([u8; 4]);

impl Mask {
    pub(super) fn new(key: [u8; 4]) -> Self {
        Self(key)
    }

    /// Unmasks the next part of the payload in place.
    pub(super) fn apply(&mut self, part: &mut [u8]) {
        let [a, b, c, d] = self.0;
        let word = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
        // Whole words: the compiler turns this loop into vector instructions.
        let mut words = part.chunks_exact_mut(8);
        for bytes in &mut words {
            let bytes: &mut [u8; 8] = bytes.try_into().expect("chunks_exact_mut(8)");
            *bytes = (u64::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
        }
        for (byte, key) in words.into_remainder().iter_mut().zip([a, b, c, d].iter().cycle()) {
            *byte ^= key;
        }
        self.0.rotate_left(part.len() % 4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_split_unmasks_as_the_definition_says() {
        let key = [0x37, 0xFA, 0x21, 0x3D];
        let masked: Vec<u8> = (0..100).collect();
        let expect: Vec<u8> =
            masked.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]).collect();
        for split in 0..masked.len() {
            let mut bytes = masked.clone();
            let mut mask = Mask::new(key);
            let (first, second) = bytes.split_at_mut(split);
            mask.apply(first);
            mask.apply(second);
            assert_eq!(bytes, expect, "split at {split}");
        }
    }
}
