//! Connection state recovery: what a returning client says it has seen.

use std::borrow::Cow;

use serde::Deserialize;

use crate::client::Text;

/// A session that a client wants back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery<'a> {
    /// The session's private id, from the answer to its first CONNECT.
    pub pid: Cow<'a, str>,
    /// The offset of the last event that the client saw; absent if it saw none.
    pub offset: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Auth<'a> {
    #[serde(borrow)]
    pid: Cow<'a, str>,
    #[serde(borrow)]
    offset: Option<Text<'a>>,
}

/// Reads what socket.io-client 4 adds to the auth object of a CONNECT packet; none if it wants no
/// session back or says it in another form.
pub fn recovery(auth: Option<&str>) -> Option<Recovery<'_>> {
    let auth = auth.filter(|auth| auth.starts_with('{'))?;
    let Auth { pid, offset } = serde_json::from_str(auth).ok()?;
    Some(Recovery { pid, offset: offset.map(|text| text.0) })
}
