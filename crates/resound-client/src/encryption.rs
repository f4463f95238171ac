//! Opening the events of encrypted channels.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crypto_secretbox::{KeyInit as _, Nonce, XSalsa20Poly1305, aead::Aead as _};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// Bytes of a key.
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// What channels with end-to-end encryption begin with.
pub(crate) const PREFIX: &str = "private-encrypted-";

/// The key of one encrypted channel.
#[derive(Clone)]
pub(crate) struct ChannelKey(XSalsa20Poly1305);

#[derive(Deserialize)]
struct Sealed {
    nonce: String,
    ciphertext: String,
}

impl ChannelKey {
    /// Reads the `shared_secret` of an authorisation.
    pub(crate) fn parse(shared_secret: &str) -> Option<Self> {
        let bytes = STANDARD.decode(shared_secret).ok()?;
        XSalsa20Poly1305::new_from_slice(&bytes).ok().map(Self)
    }

    /// Opens an event's data.
    pub(crate) fn open(&self, data: &str) -> Option<String> {
        let sealed: Sealed = serde_json::from_str(data).ok()?;
        let nonce = STANDARD.decode(sealed.nonce).ok()?;
        let nonce = nonce.get(..NONCE_BYTES)?;
        let ciphertext = STANDARD.decode(sealed.ciphertext).ok()?;
        let text = self.0.decrypt(Nonce::from_slice(nonce), &*ciphertext).ok()?;
        String::from_utf8(text).ok()
    }
}

/// Reads a master key, 32 bytes in base64.
pub(crate) fn parse_master_key(base64: &str) -> Option<[u8; KEY_BYTES]> {
    STANDARD.decode(base64).ok()?.try_into().ok()
}

/// The `shared_secret` of a channel, as the application's server libraries derive it.
pub(crate) fn shared_secret(channel: &str, master_key: &[u8; KEY_BYTES]) -> String {
    let mut digest = Sha256::new();
    digest.update(channel.as_bytes());
    digest.update(master_key);
    STANDARD.encode(digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const CHANNEL: &str = "private-encrypted-orders.7";
    const DATA: &str = r#"{"nonce":"ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7","ciphertext":"JmRF3YLDbqj+WmJt0MT/EaVUIdKlfAzPHyTcinQc67lNXMICtXLII9a7AQ=="}"#;

    /// The vector was made with PyNaCl, tweetnacl and pusher-http-php.
    #[test]
    fn what_other_libraries_have_sealed_is_opened() {
        let master_key = parse_master_key(MASTER_KEY).expect("32 bytes");
        let secret = shared_secret(CHANNEL, &master_key);
        assert_eq!(secret, "OPd1N5sAmE6mvMoN2HCrvXWYTsQyH/bl1wVuxR80zH8=");
        let key = ChannelKey::parse(&secret).expect("a key");
        assert_eq!(key.open(DATA).as_deref(), Some(r#"{"id":7,"status":"shipped"}"#));
    }

    #[test]
    fn what_is_not_sealed_with_the_key_stays_closed() {
        let key = ChannelKey::parse(MASTER_KEY).expect("a key");
        for data in
            [DATA, "{}", "", r#"{"nonce":"","ciphertext":""}"#, r#"{"nonce":"?","ciphertext":"?"}"#]
        {
            assert_eq!(key.open(data), None, "{data}");
        }
        for key in ["", "AAEC", "?"] {
            assert!(ChannelKey::parse(key).is_none() && parse_master_key(key).is_none());
        }
    }
}
