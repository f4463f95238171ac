//! Whose browser sent the request.

use std::fmt;

/// The bytes that an id may have; Pusher's are 21 at most, Socket.IO's 20.
const BYTES_MAX: usize = 100;

/// The connection that is left out by [`to_others`](crate::PendingBroadcast::to_others): what Echo sends in
/// the header `X-Socket-ID`, if it did.
///
/// What can't be the id of a connection counts as none, because the header is anybody's to fill.
///
/// ```
/// use resound::SocketId;
///
/// assert_eq!(SocketId::from("123.456").as_deref(), Some("123.456"));
/// assert_eq!(SocketId::none().as_deref(), None);
/// assert_eq!(SocketId::from("not an id"), SocketId::none());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SocketId(Option<Box<str>>);

impl SocketId {
    /// No connection: everybody gets the event.
    ///
    /// ```
    /// use resound::SocketId;
    ///
    /// const EVERYBODY: SocketId = SocketId::none();
    /// assert_eq!(EVERYBODY, SocketId::default());
    /// ```
    pub const fn none() -> Self {
        Self(None)
    }

    /// The id as text, if there is one.
    ///
    /// ```
    /// use resound::SocketId;
    ///
    /// let header = Some("123.456");
    /// assert_eq!(SocketId::from(header).as_deref(), Some("123.456"));
    /// ```
    pub fn as_deref(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The id if it has the form that Pusher's servers give out: two numbers joined by a dot.
    ///
    /// ```
    /// use resound::SocketId;
    ///
    /// assert_eq!(SocketId::from("123.456").pusher(), Some("123.456"));
    /// assert_eq!(SocketId::from("q1w2e3").pusher(), None); // Socket.IO
    /// ```
    pub fn pusher(&self) -> Option<&str> {
        self.as_deref().filter(|id| resound_protocol::socket_id::SocketId::is_well_formed(id))
    }
}

impl From<&str> for SocketId {
    fn from(id: &str) -> Self {
        let is_id = !id.is_empty()
            && id.len() <= BYTES_MAX
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-#/".contains(&b))
            // What JavaScript writes for a connection that has none yet.
            && !["undefined", "null"].contains(&id);
        Self(is_id.then(|| id.into()))
    }
}

impl From<String> for SocketId {
    fn from(id: String) -> Self {
        id.as_str().into()
    }
}

impl From<&String> for SocketId {
    fn from(id: &String) -> Self {
        id.as_str().into()
    }
}

impl From<&Self> for SocketId {
    fn from(id: &Self) -> Self {
        id.clone()
    }
}

impl<T: Into<Self>> From<Option<T>> for SocketId {
    fn from(id: Option<T>) -> Self {
        id.map_or_else(Self::none, Into::into)
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_deref().unwrap_or("none"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_of_pusher_are_sent_to_its_servers() {
        assert_eq!(SocketId::from("1.2").pusher(), Some("1.2"));
        assert_eq!(SocketId::from("PjaYFS19stiacBe4AAAA").pusher(), None);
        assert_eq!(
            SocketId::from("/app#PjaYFS19stiacBe4AAAA").as_deref(),
            Some("/app#PjaYFS19stiacBe4AAAA")
        );
    }

    #[test]
    fn what_is_no_id_is_none() {
        for text in ["", "undefined", "null", "1.2\r\n", "a b", "é", &"1".repeat(101)] {
            assert_eq!(SocketId::from(text), SocketId::none(), "{text:?}");
        }
    }
}
