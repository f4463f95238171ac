//! An event as drivers get it.

use std::borrow::Cow;

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

    /// What it takes in a queue, roughly.
    pub(crate) fn bytes(&self) -> usize {
        let channels: usize = self.channels.iter().map(|c| c.as_str().len() + 32).sum();
        self.name.len() + self.payload.len() + channels + 128
    }
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
}
