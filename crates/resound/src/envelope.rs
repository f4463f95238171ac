//! An event as drivers get it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{channel::Channel, event::Broadcast, json, socket::SocketId};

/// An event that is ready to be sent: its name, its payload as JSON, and where it goes.
///
/// ```
/// use resound::{Broadcast, Channel, Envelope};
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct Posted { id: u64 }
/// impl Broadcast for Posted {
///     fn channels(&self) -> Vec<Channel> { vec![Channel::public("news")] }
/// }
///
/// let envelope = Envelope::of(&Posted { id: 1 }, "App\\Events")?;
/// assert_eq!(envelope.name, "App\\Events\\Posted");
/// assert_eq!(envelope.payload, r#"{"id":1}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Envelope {
    /// The name that subscribers get.
    pub name: String,
    /// Where it goes; at least one.
    pub channels: Vec<Channel>,
    /// JSON, written as PHP writes it.
    pub payload: String,
    /// The connection that does not get it.
    pub socket: SocketId,
    /// The queue that the event asked for.
    pub queue: Option<Cow<'static, str>>,
}

impl Envelope {
    /// Writes down an event.
    ///
    /// # Errors
    /// If its payload can't be written as JSON.
    ///
    /// ```
    /// use resound::{Envelope, broadcast};
    ///
    /// let event = broadcast::private("user.1").name("greeting");
    /// let envelope = Envelope::of(&event, r"App\Events")?;
    /// assert_eq!((&*envelope.name, &*envelope.payload), ("greeting", "[]"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of<E: Broadcast + ?Sized>(event: &E, namespace: &str) -> serde_json::Result<Self> {
        let mut payload = json::encode(&event.payload())?;
        if payload == "null" {
            payload.replace_range(.., "[]");
        }
        Ok(Self {
            name: event.name().on_the_wire(namespace),
            channels: event.channels(),
            payload,
            socket: SocketId::none(),
            queue: event.queue(),
        })
    }

    /// The envelope as a queue keeps it, in a format that later versions will read.
    ///
    /// ```
    /// use resound::{Envelope, broadcast};
    ///
    /// let envelope = Envelope::of(&broadcast::public("news").name("posted").with("/"), "")?;
    /// let text = envelope.to_json();
    /// assert_eq!(text, r#"{"v":1,"event":"posted","channels":["news"],"data":"\"\\/\""}"#);
    /// assert_eq!(Envelope::from_json(&text).ok(), Some(envelope));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn to_json(&self) -> String {
        let stored = Stored {
            v: VERSION,
            event: Cow::Borrowed(&self.name),
            channels: self.channels.iter().map(|channel| Cow::Borrowed(channel.as_str())).collect(),
            data: Cow::Borrowed(&self.payload),
            socket: self.socket.as_deref().map(Cow::Borrowed),
            queue: self.queue.as_deref().map(Cow::Borrowed),
        };
        serde_json::to_string(&stored).expect("texts are JSON")
    }

    /// Reads what [`to_json`](Envelope::to_json) wrote.
    ///
    /// # Errors
    /// If it is something else, or of a version that this one does not know.
    ///
    /// ```
    /// use resound::Envelope;
    ///
    /// let stored = r#"{"v":1,"event":"posted","channels":["news"],"data":"{\"id\":7}"}"#;
    /// let envelope = Envelope::from_json(stored)?;
    /// assert_eq!(envelope.payload, r#"{"id":7}"#);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_json(text: &str) -> Result<Self, FormatError> {
        let Version { v } = serde_json::from_str(text).map_err(FormatError::Malformed)?;
        if v != VERSION {
            return Err(FormatError::Version(v));
        }
        let stored: Stored<'_> = serde_json::from_str(text).map_err(FormatError::Malformed)?;
        Ok(Self {
            name: stored.event.into_owned(),
            channels: stored.channels.into_iter().map(|name| name.into_owned().into()).collect(),
            payload: stored.data.into_owned(),
            socket: stored.socket.as_deref().into(),
            queue: stored.queue.map(|queue| queue.into_owned().into()),
        })
    }

    /// What it takes in a queue, roughly.
    pub(crate) fn bytes(&self) -> usize {
        let channels: usize = self.channels.iter().map(|c| c.as_str().len() + 32).sum();
        self.name.len() + self.payload.len() + channels + 128
    }
}

/// Why a stored envelope can't be read.
///
/// ```
/// use resound::{Envelope, envelope::FormatError};
///
/// let stored = r#"{"v":9,"event":"posted","channels":[]}"#;
/// assert!(matches!(Envelope::from_json(stored), Err(FormatError::Version(9))));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// It is no envelope.
    #[error("this is no stored event: {0}")]
    Malformed(serde_json::Error),
    /// A newer version of this library wrote it.
    #[error("the event was stored in format {0}, but this version reads format {VERSION} only")]
    Version(u64),
}

/// The version of the format.
const VERSION: u64 = 1;

#[derive(Deserialize)]
struct Version {
    v: u64,
}

/// The format. The payload is a text, so that it stays the same byte for byte.
#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    v: u64,
    #[serde(borrow)]
    event: Cow<'a, str>,
    channels: Vec<Cow<'a, str>>,
    data: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    socket: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    queue: Option<Cow<'a, str>>,
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;
    use crate::broadcast;

    #[derive(Serialize)]
    struct NoFields;
    impl Broadcast for NoFields {
        fn channels(&self) -> Vec<Channel> {
            vec!["c".into()]
        }
    }

    #[test]
    fn an_event_without_fields_is_an_empty_list_as_in_php() {
        assert_eq!(Envelope::of(&NoFields, "").expect("json").payload, "[]");
        assert_eq!(Envelope::of(&broadcast::public("c"), "").expect("json").payload, "[]");
    }

    #[test]
    fn an_empty_object_that_was_said_stays_one() {
        let event = broadcast::public("c").with(serde_json::json!({}));
        assert_eq!(Envelope::of(&event, "").expect("json").payload, "{}");
    }

    /// Rows of applications in use hold these texts: they must be read for ever.
    #[test]
    fn stored_envelopes_stay_readable() {
        let full = r#"{"v":1,"event":"App\\Events\\Posted","channels":["private-a","presence-b"],"data":"{\"x\":\"\\u00e9\\/\"}","socket":"1.2","queue":"high"}"#;
        let envelope = Envelope::from_json(full).expect("it is one");
        assert_eq!(envelope.name, r"App\Events\Posted");
        assert_eq!(envelope.channels, ["private-a".into(), "presence-b".into()]);
        assert_eq!(envelope.payload, r#"{"x":"\u00e9\/"}"#);
        assert_eq!(
            (envelope.socket.as_deref(), envelope.queue.as_deref()),
            (Some("1.2"), Some("high"))
        );
        assert_eq!(envelope.to_json(), full);
        let least = r#"{"v":1,"event":"x","channels":["c"],"data":"[]"}"#;
        assert_eq!(Envelope::from_json(least).expect("it is one").to_json(), least);
    }

    #[test]
    fn what_is_no_stored_envelope_says_why() {
        for text in ["", "[]", "{}", r#"{"v":1}"#, r#"{"v":"1"}"#, r#"{"v":1,"event":1}"#] {
            let error = Envelope::from_json(text).unwrap_err().to_string();
            assert!(error.starts_with("this is no stored event: "), "{error}");
        }
        let error = Envelope::from_json(r#"{"v":2,"to":[]}"#).unwrap_err().to_string();
        assert_eq!(error, "the event was stored in format 2, but this version reads format 1 only");
    }
}
