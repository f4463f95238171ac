//! HMAC-SHA256, keyed once.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Bytes of a signature.
const SIGNATURE_BYTES: usize = 32;

/// A signature before it is written in hex.
pub(super) type Signature = [u8; SIGNATURE_BYTES];

/// Signs and verifies with the secret of one app.
///
/// The key schedule is computed when it is made, not at each use, which spares two of the rounds of
/// SHA-256 for a short text.
///
/// ```
/// use resound_protocol::signature::Signer;
///
/// let signer = Signer::new("7ad3773142a6692b25b8");
/// let signature = "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4";
/// assert_eq!(signer.hex(&[b"1234.1234", b":", b"private-foobar"]), signature);
/// assert!(signer.verify_hex(&[b"1234.1234:private-foobar"], signature));
/// ```
#[derive(Clone)]
pub struct Signer(Hmac<Sha256>);

impl Signer {
    /// Prepares a secret, of any length.
    pub fn new(secret: &str) -> Self {
        Self(Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length"))
    }

    /// Signs the parts as if they were one text.
    pub fn sign(&self, parts: &[&[u8]]) -> Signature {
        self.over(parts).finalize().into_bytes().into()
    }

    /// Signs the parts as if they were one text, and writes the signature in lower-case hex.
    pub fn hex(&self, parts: &[&[u8]]) -> String {
        hex(&self.sign(parts))
    }

    /// Tells whether `signature_hex` is the signature of the parts, in a time that does not depend on
    /// how much of it is right. Upper-case hex is refused, as it is by Reverb and soketi.
    pub fn verify_hex(&self, parts: &[&[u8]], signature_hex: &str) -> bool {
        parse_hex(signature_hex.as_bytes()).is_some_and(|signature| self.verify(parts, &signature))
    }

    /// The same for a signature that was read already.
    pub(super) fn verify(&self, parts: &[&[u8]], signature: &Signature) -> bool {
        self.over(parts).verify_slice(signature).is_ok()
    }

    fn over(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut hmac = self.0.clone();
        for part in parts {
            hmac.update(part);
        }
        hmac
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The state of the HMAC is as good as the secret.
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Writes bytes in lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 0xF)]));
    }
    text
}

/// Reads a signature from lower-case hex.
pub(super) fn parse_hex(hex: &[u8]) -> Option<Signature> {
    let mut bytes = [0; SIGNATURE_BYTES];
    if hex.len() != 2 * SIGNATURE_BYTES {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
        *byte = parse_digit(digits[0])? << 4 | parse_digit(digits[1])?;
    }
    Some(bytes)
}

fn parse_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_signed_as_one_text() {
        let signer = Signer::new("secret");
        assert_eq!(signer.sign(&[b"a", b"", b"bc"]), signer.sign(&[b"abc"]));
        assert_eq!(signer.hex(&[b"abc"]).len(), 64);
    }

    #[test]
    fn the_known_answer_of_rfc_4231_is_given() {
        assert_eq!(
            Signer::new("Jefe").hex(&[b"what do ya want ", b"for nothing?"]),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn what_is_not_a_signature_in_lower_case_hex_is_refused() {
        let signer = Signer::new("secret");
        let right = signer.hex(&[b"text"]);
        assert!(signer.verify_hex(&[b"text"], &right));
        assert!(!signer.verify_hex(&[b"Text"], &right));
        let wrong = ["".into(), right[1..].into(), right.to_uppercase(), "é".repeat(32)];
        for signature in wrong.iter().chain([&format!("{right}0"), &"g".repeat(64)]) {
            assert!(!signer.verify_hex(&[b"text"], signature), "{signature}");
        }
    }

    #[test]
    fn the_secret_is_not_in_the_debug_output() {
        assert_eq!(format!("{:?}", Signer::new("secret")), "Signer { .. }");
    }
}
