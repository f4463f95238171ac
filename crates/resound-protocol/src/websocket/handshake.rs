//! The answer to `Sec-WebSocket-Key`. RFC 6455 sections 4.1 and 4.2.2.

use base64::{
    Engine,
    alphabet::STANDARD as ALPHABET,
    engine::{GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use sha1::{Digest, Sha1};

/// The constant that proves that the other side speaks WebSocket.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Bytes of the random number in a key.
const KEY_BYTES: usize = 16;

/// Characters of a key: 16 bytes in base64.
const KEY_CHARACTERS: usize = 24;

/// Reads keys whose last character carries stray bits, as some hand-written clients send them.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Returns the value of `Sec-WebSocket-Accept` for a client's `Sec-WebSocket-Key`.
///
/// ```
/// use resound_protocol::websocket::accept_key;
///
/// assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
pub fn accept_key(sec_websocket_key: &str) -> String {
    let mut digest = Sha1::new();
    digest.update(sec_websocket_key.as_bytes());
    digest.update(GUID);
    STANDARD.encode(digest.finalize())
}

/// Tells whether a `Sec-WebSocket-Key` is what the RFC asks for: 16 bytes in base64.
pub fn is_valid_key(sec_websocket_key: &str) -> bool {
    // The length is checked first so that nothing longer is ever decoded.
    let mut bytes = [0; KEY_BYTES + 2];
    sec_websocket_key.len() == KEY_CHARACTERS
        && LENIENT.decode_slice(sec_websocket_key, &mut bytes) == Ok(KEY_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_is_answered_as_printed_there() {
        assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_key_is_sixteen_bytes_in_base64() {
        assert!(is_valid_key("dGhlIHNhbXBsZSBub25jZQ=="));
        assert!(is_valid_key("dGhlIHNhbXBsZSBub25jZR=="), "stray bits are harmless");
        for key in ["", "dGhlIHNhbXBsZQ==", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZSEh"] {
            assert!(!is_valid_key(key), "{key}");
        }
        assert!(!is_valid_key("dGhlIHNhbXBsZSBub25j*Q=="), "not the alphabet");
        assert!(!is_valid_key(&"é".repeat(12)), "not ASCII");
    }
}
