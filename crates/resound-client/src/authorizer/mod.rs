//! Who says that the client may join a channel.
//!
//! # Layout
//!
//! * `endpoint`: the application, over HTTP; `secret`: the client itself, with the app's secret

mod endpoint;
mod secret;

use std::{fmt, pin::Pin};

pub use self::{endpoint::EndpointAuthorizer, secret::SecretAuthorizer};
use crate::error::AuthorizeError;

/// What an authorizer's answer will be.
pub type Authorizing<'a> =
    Pin<Box<dyn Future<Output = Result<Authorization, AuthorizeError>> + Send + 'a>>;

/// Authorises subscriptions to private, encrypted and presence channels: [`EndpointAuthorizer`] asks the
/// application as Echo does, [`SecretAuthorizer`] signs by itself. It is asked anew for every connection,
/// because a signature counts for one socket id.
///
/// ```
/// use resound_client::{Authorization, AuthorizationRequest, Authorizer, AuthorizeError, Authorizing};
///
/// /// Has the signatures from a service of one's own.
/// struct Service;
///
/// impl Authorizer for Service {
///     fn authorize<'a>(&'a self, request: &'a AuthorizationRequest) -> Authorizing<'a> {
///         Box::pin(async move {
///             if request.channel == "private-secrets" {
///                 return Err(AuthorizeError::Other("not this one".into()));
///             }
///             Ok(Authorization::new(format!("key:signature-of-{}", request.socket_id)))
///         })
///     }
/// }
/// ```
pub trait Authorizer: Send + Sync + 'static {
    /// Authorises one subscription.
    fn authorize<'a>(&'a self, request: &'a AuthorizationRequest) -> Authorizing<'a>;
}

/// Which subscription is to be authorised.
///
/// ```
/// # fn f(request: resound_client::AuthorizationRequest) {
/// println!("{} wants to join {}", request.socket_id, request.channel);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthorizationRequest {
    /// The connection's socket id, such as `123.456`.
    pub socket_id: String,
    /// The channel's whole name, such as `private-orders.1`.
    pub channel: String,
}

impl AuthorizationRequest {
    /// A question for this connection and this channel: for who asks an authorizer without a client.
    ///
    /// ```
    /// let request = resound_client::AuthorizationRequest::new("123.456", "private-orders.1");
    /// ```
    pub fn new(socket_id: &str, channel: &str) -> Self {
        Self { socket_id: socket_id.to_owned(), channel: channel.to_owned() }
    }
}

/// What an authorizer gives.
///
/// ```
/// use resound_client::Authorization;
///
/// let mut authorization = Authorization::new("key:0123…".to_owned());
/// authorization.channel_data = Some(r#"{"user_id":"7","user_info":{"name":"Zoë"}}"#.to_owned());
/// ```
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[non_exhaustive]
pub struct Authorization {
    /// `key:signature`.
    pub auth: String,
    /// Of a presence channel: the member, in exactly the bytes that were signed.
    pub channel_data: Option<String>,
    /// Of an encrypted channel: its key, in base64. It is not sent to the server.
    pub shared_secret: Option<String>,
}

impl Authorization {
    /// An authorisation of this signature and nothing else.
    pub fn new(auth: String) -> Self {
        Self { auth, channel_data: None, shared_secret: None }
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization")
            .field("channel_data", &self.channel_data)
            .finish_non_exhaustive()
    }
}

/// For clients of public channels.
#[derive(Debug)]
pub(crate) struct NoAuthorizer;

impl Authorizer for NoAuthorizer {
    fn authorize<'a>(&'a self, _: &'a AuthorizationRequest) -> Authorizing<'a> {
        Box::pin(async { Err(AuthorizeError::NoAuthorizer) })
    }
}
