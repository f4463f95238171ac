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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_returning_client_names_its_session_and_what_it_saw() {
        let want = |pid: &'static str, offset: Option<&'static str>| {
            Some(Recovery { pid: pid.into(), offset: offset.map(Into::into) })
        };
        assert_eq!(recovery(Some(r#"{"pid":"p","offset":"1a"}"#)), want("p", Some("1a")));
        assert_eq!(recovery(Some(r#"{"pid":"p","token":"t"}"#)), want("p", None));
        assert_eq!(recovery(Some(r#"{"pid":"\u0070","offset":null}"#)), want("p", None));
    }

    #[test]
    fn every_other_client_begins_anew() {
        assert_eq!(recovery(None), None);
        for auth in ["", "{}", "[\"p\",\"1a\"]", r#"{"pid":7}"#, r#"{"pid":"p","offset":7}"#] {
            assert_eq!(recovery(Some(auth)), None, "{auth}");
        }
    }
}
