//! Payloads that only subscribers can read: end-to-end encryption as Pusher's libraries do it.
//!
//! Who may join an encrypted channel gets its key from the application, in the answer of `/broadcasting/auth`; the server
//! between them never sees it. Names of events and channels stay in clear.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use crypto_secretbox::{KeyInit as _, XSalsa20Poly1305, aead::Aead as _};
use sha2::{Digest as _, Sha256};

use crate::json;

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// Bytes that are different for each event.
const NONCE_BYTES: usize = 24;

/// The key from which those of all encrypted channels are made: 32 random bytes, the same on every machine.
///
/// ```
/// use resound::{driver::Credentials, encryption::MasterKey};
///
/// let key = MasterKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")?;
/// let credentials = Credentials::new("key", "secret").master_key(key);
/// # let _ = credentials;
/// # Ok::<(), resound::encryption::MasterKeyFault>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey([u8; KEY_BYTES]);

/// Why a text is no master key.
///
/// ```
/// use resound::encryption::{MasterKey, MasterKeyFault};
///
/// assert_eq!(MasterKey::from_base64("c2hvcnQ=").err(), Some(MasterKeyFault));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a master key is 32 bytes in base64, such as `openssl rand -base64 32` makes")]
pub struct MasterKeyFault;

impl MasterKey {
    /// Reads a key. Laravel: `encryption_master_key_base64`.
    ///
    /// # Errors
    /// If it is not base64, or not of 32 bytes.
    ///
    /// ```
    /// use resound::encryption::MasterKey;
    ///
    /// // openssl rand -base64 32
    /// let key = MasterKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    /// assert!(key.is_ok());
    /// ```
    pub fn from_base64(text: &str) -> Result<Self, MasterKeyFault> {
        let bytes = BASE64_STANDARD.decode(text.trim()).map_err(|_| MasterKeyFault)?;
        bytes.try_into().map(Self).map_err(|_| MasterKeyFault)
    }

    /// The key of a channel, in base64, for who may join it.
    pub(crate) fn shared_secret(&self, channel: &str) -> String {
        BASE64_STANDARD.encode(self.channel_key(channel))
    }

    /// Encrypts a payload for a channel.
    #[cfg(any(feature = "embedded", feature = "http", feature = "redis"))]
    pub(crate) fn seal(&self, channel: &str, payload: &str) -> Result<String, String> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|error| format!("no random bytes: {error}"))?;
        self.seal_with(nonce, channel, payload)
    }

    #[cfg_attr(
        not(any(feature = "embedded", feature = "http", feature = "redis")),
        expect(dead_code, reason = "no other driver sends yet")
    )]
    fn seal_with(
        &self,
        nonce: [u8; NONCE_BYTES],
        channel: &str,
        payload: &str,
    ) -> Result<String, String> {
        let cipher = XSalsa20Poly1305::new(&self.channel_key(channel).into());
        let sealed = cipher.encrypt(&nonce.into(), payload.as_bytes());
        let sealed = sealed.map_err(|_| "the payload is too long to encrypt".to_owned())?;
        let (nonce, sealed) = (BASE64_STANDARD.encode(nonce), BASE64_STANDARD.encode(sealed));
        let (nonce, sealed) = (json::string(&nonce), json::string(&sealed));
        Ok(format!(r#"{{"nonce":{nonce},"ciphertext":{sealed}}}"#))
    }

    /// Decrypts a payload of a channel; `None` if it is none, or was encrypted with another key.
    pub(crate) fn open(&self, channel: &str, sealed: &str) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Sealed {
            nonce: String,
            ciphertext: String,
        }
        let Sealed { nonce, ciphertext } = serde_json::from_str(sealed).ok()?;
        let nonce: [u8; NONCE_BYTES] = BASE64_STANDARD.decode(nonce).ok()?.try_into().ok()?;
        let ciphertext = BASE64_STANDARD.decode(ciphertext).ok()?;
        let cipher = XSalsa20Poly1305::new(&self.channel_key(channel).into());
        String::from_utf8(cipher.decrypt(&nonce.into(), &*ciphertext).ok()?).ok()
    }

    fn channel_key(&self, channel: &str) -> [u8; KEY_BYTES] {
        Sha256::new().chain_update(channel).chain_update(self.0).finalize().into()
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MasterKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of our notes, verified with PyNaCl, tweetnacl, PHP's library and pusher-js.
    #[test]
    fn payloads_are_encrypted_as_pushers_libraries_encrypt_them() {
        let key = MasterKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
        let channel = "private-encrypted-orders.7";
        assert_eq!(key.shared_secret(channel), "OPd1N5sAmE6mvMoN2HCrvXWYTsQyH/bl1wVuxR80zH8=");
        let nonce: Vec<u8> = (100..124).collect();
        let sealed =
            key.seal_with(nonce.try_into().unwrap(), channel, r#"{"id":7,"status":"shipped"}"#);
        assert_eq!(
            sealed.unwrap(),
            r#"{"nonce":"ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7","ciphertext":"JmRF3YLDbqj+WmJt0MT\/EaVUIdKlfAzPHyTcinQc67lNXMICtXLII9a7AQ=="}"#
        );
        let sealed = r#"{"nonce":"ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7","ciphertext":"JmRF3YLDbqj+WmJt0MT\/EaVUIdKlfAzPHyTcinQc67lNXMICtXLII9a7AQ=="}"#;
        assert_eq!(key.open(channel, sealed).as_deref(), Some(r#"{"id":7,"status":"shipped"}"#));
        assert_eq!(key.open("private-encrypted-orders.8", sealed), None);
        assert_eq!(key.open(channel, "hello"), None);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in
            ["", "AAEC", "not base64 at all", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gIQ=="]
        {
            assert_eq!(MasterKey::from_base64(text), Err(MasterKeyFault), "{text}");
        }
    }
}
