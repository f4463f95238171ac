//! Signatures of one's own.

use std::fmt;

use resound_protocol::signature::{Signer, channel_auth};
use serde_json::{Map, Value};

use crate::{
    authorizer::{Authorization, AuthorizationRequest, Authorizer, Authorizing},
    encryption,
    error::AuthorizeError,
    presence::Member,
};

/// Signs subscriptions with the app's secret: for services, tools and tests. A program that users have in
/// their hands must not know the secret; give it an
/// [`EndpointAuthorizer`](crate::EndpointAuthorizer).
///
/// ```
/// use resound_client::{Client, Member, SecretAuthorizer};
///
/// let robot = Member::new("robot", serde_json::json!({ "name": "Robot" }));
/// let authorizer = SecretAuthorizer::new("resound-key", "resound-secret").member(robot);
/// let builder = Client::builder("ws://localhost:8080/app/resound-key").authorizer(authorizer);
/// ```
#[derive(Clone)]
pub struct SecretAuthorizer {
    key: String,
    signer: Signer,
    member: Option<Member>,
    master_key: Option<[u8; 32]>,
}

impl SecretAuthorizer {
    /// Signs for the app with this key and this secret.
    ///
    /// ```
    /// let authorizer = resound_client::SecretAuthorizer::new("resound-key", "resound-secret");
    /// ```
    pub fn new(key: impl Into<String>, secret: &str) -> Self {
        Self { key: key.into(), signer: Signer::new(secret), member: None, master_key: None }
    }

    /// Joins presence channels as this member. Default: nobody, and presence channels are refused.
    #[must_use]
    pub fn member(mut self, member: Member) -> Self {
        self.member = Some(member);
        self
    }

    /// Opens encrypted channels with the app's master key, 32 bytes in base64. Default: none, and
    /// encrypted channels are refused.
    ///
    /// # Errors
    /// [`AuthorizeError::NoSharedSecret`] if it is no such key.
    ///
    /// ```
    /// use resound_client::SecretAuthorizer;
    ///
    /// let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    /// assert!(SecretAuthorizer::new("key", "secret").master_key(key).is_ok());
    /// assert!(SecretAuthorizer::new("key", "secret").master_key("short").is_err());
    /// ```
    pub fn master_key(mut self, base64: &str) -> Result<Self, AuthorizeError> {
        let key = encryption::parse_master_key(base64).ok_or(AuthorizeError::NoSharedSecret)?;
        self.master_key = Some(key);
        Ok(self)
    }

    fn sign(&self, request: &AuthorizationRequest) -> Result<Authorization, AuthorizeError> {
        let AuthorizationRequest { socket_id, channel } = request;
        let channel_data = match &self.member {
            _ if !channel.starts_with("presence-") => None,
            Some(member) => Some(channel_data(member)),
            None => return Err(AuthorizeError::NoMember),
        };
        let shared_secret = match &self.master_key {
            _ if !channel.starts_with(encryption::PREFIX) => None,
            Some(key) => Some(encryption::shared_secret(channel, key)),
            None => return Err(AuthorizeError::NoSharedSecret),
        };
        let auth =
            channel_auth(&self.key, &self.signer, socket_id, channel, channel_data.as_deref());
        Ok(Authorization { auth, channel_data, shared_secret })
    }
}

fn channel_data(member: &Member) -> String {
    let mut data = Map::new();
    data.insert("user_id".to_owned(), Value::from(&*member.id));
    if !member.info.is_null() {
        data.insert("user_info".to_owned(), member.info.clone());
    }
    Value::Object(data).to_string()
}

impl Authorizer for SecretAuthorizer {
    fn authorize<'a>(&'a self, request: &'a AuthorizationRequest) -> Authorizing<'a> {
        Box::pin(async { self.sign(request) })
    }
}

impl fmt::Debug for SecretAuthorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretAuthorizer").field("key", &self.key).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sign(authorizer: &SecretAuthorizer, channel: &str) -> Result<Authorization, AuthorizeError> {
        authorizer.sign(&AuthorizationRequest::new("123456.7891011", channel))
    }

    /// The vectors were made with npm's pusher.
    #[test]
    fn signatures_are_those_of_pushers_libraries() {
        let authorizer = SecretAuthorizer::new("resound-key", "resound-secret")
            .member(Member::new("7", json!({ "name": "Zoë" })))
            .master_key("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
            .expect("32 bytes");
        for (channel, signature) in [
            (
                "private-orders.7",
                "bbbca0b81864e363c8267d09c5ae60ff73bdbc6b15a5695fb0c99cd39c999184",
            ),
            ("presence-room.1", "9f6f0bdbcf45727339641e22501dd1ba6a95c42161871a416d443f69ea745172"),
            (
                "private-encrypted-orders.7",
                "588f2dfc37a4b9a472a79566cc8ae3763e5bddbacb58632ceb019f18011bece5",
            ),
        ] {
            let authorization = sign(&authorizer, channel).expect("it signs");
            assert_eq!(authorization.auth, format!("resound-key:{signature}"));
            assert_eq!(authorization.channel_data.is_some(), channel == "presence-room.1");
            assert_eq!(authorization.shared_secret.is_some(), channel.contains("encrypted"));
        }
    }

    #[test]
    fn what_cannot_be_signed_says_what_is_missing() {
        let authorizer = SecretAuthorizer::new("key", "secret");
        assert_eq!(sign(&authorizer, "presence-a"), Err(AuthorizeError::NoMember));
        assert_eq!(sign(&authorizer, "private-encrypted-a"), Err(AuthorizeError::NoSharedSecret));
        assert!(!format!("{authorizer:?}").contains("secret\""));
    }
}
