//! Ids of notifications.

use std::fmt::Write as _;

/// The length of a UUID as text.
const UUID_CHARS: usize = 36;

/// A UUID of version 4, as Laravel gives notifications.
///
/// # Panics
/// If the operating system has no randomness, without which nothing else works either.
pub(crate) fn random() -> String {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut id = String::with_capacity(UUID_CHARS);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            id.push('-');
        }
        // Writing to a String does not fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}

/// Whether a text is a UUID in the usual form.
#[cfg(any(test, feature = "_sql"))]
pub(crate) fn is_uuid(text: &str) -> bool {
    let is_fitting = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == UUID_CHARS && text.bytes().enumerate().all(is_fitting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_uuid_of_version_4_and_no_two_are_alike() {
        let id = random();
        assert!(is_uuid(&id), "{id}");
        assert_eq!(&id[14..15], "4");
        assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"), "{id}");
        assert_ne!(id, random());
    }

    #[test]
    fn other_texts_are_no_uuid() {
        for text in
            ["", "1", "eb272d6b-e4a4-4e7a-8860-dd37d6070e4", "eb272d6be-4a4-4e7a-8860-dd37d6070e40"]
        {
            assert!(!is_uuid(text), "{text}");
        }
        assert!(is_uuid("EB272D6B-e4a4-4e7a-8860-dd37d6070e40"));
        assert!(!is_uuid(&"é".repeat(18)));
    }
}
