//! What was sent.

use std::{
    any::{Any, type_name},
    borrow::Cow,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{envelope::Envelope, pending::Timing};

/// An event that was given to a [`Fake`](crate::Fake).
///
/// ```
/// use resound::{Fake, Timing, broadcast};
///
/// let fake = Fake::new();
/// fake.broadcaster().send(broadcast::public("news").name("posted")).via("log").dispatch();
/// let recorded = &fake.events()[0];
/// assert_eq!((recorded.timing, &*recorded.connections), (Timing::Later, &["log".into()][..]));
/// assert!(recorded.to_string().ends_with("AnonymousEvent as posted on news via log: []"));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Recorded {
    /// What a driver would have got.
    pub envelope: Envelope,
    /// The connections by which it would have been sent; none stands for the default one.
    pub connections: Vec<Cow<'static, str>>,
    /// Whether it would have waited in the queue.
    pub timing: Timing,
    /// The type of the event.
    pub type_name: &'static str,
    event: Arc<dyn Any + Send + Sync>,
}

impl Recorded {
    /// The event itself, if it is of this type.
    ///
    /// ```
    /// use resound::{Broadcast, Fake};
    ///
    /// #[derive(serde::Serialize, Broadcast)]
    /// #[broadcast(channel = "news")]
    /// struct Posted { id: u64 }
    ///
    /// let fake = Fake::new();
    /// fake.broadcaster().send(Posted { id: 7 }).dispatch();
    /// let ids: Vec<_> = fake.events().iter().filter_map(|it| it.event::<Posted>().map(|it| it.id)).collect();
    /// assert_eq!(ids, [7]);
    /// ```
    pub fn event<E: 'static>(&self) -> Option<&E> {
        self.event.downcast_ref()
    }

    pub(crate) fn new<E: Send + Sync + 'static>(
        event: E,
        envelope: Envelope,
        connections: Vec<Cow<'static, str>>,
        timing: Timing,
    ) -> Self {
        Self { envelope, connections, timing, type_name: type_name::<E>(), event: Arc::new(event) }
    }

    pub(super) fn is<E: 'static>(&self) -> bool {
        self.event.is::<E>()
    }
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Envelope { name, channels, payload, socket, .. } = &self.envelope;
        let channels: Vec<_> = channels.iter().map(|channel| channel.as_str()).collect();
        write!(f, "{} as {name} on {}", self.type_name, channels.join(", "))?;
        if let Some(socket) = socket.as_deref() {
            write!(f, " to all but {socket}")?;
        }
        if !self.connections.is_empty() {
            write!(f, " via {}", self.connections.join(", "))?;
        }
        if self.timing == Timing::Now {
            f.write_str(" at once")?;
        }
        write!(f, ": {payload}")
    }
}

/// All that was sent.
#[derive(Default)]
pub(crate) struct Record(Mutex<Vec<Recorded>>);

impl Record {
    pub(crate) fn add(&self, recorded: Recorded) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(recorded);
    }

    pub(super) fn all(&self) -> Vec<Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all()).finish()
    }
}

/// What was sent, for the message of an assertion that fails.
pub(super) fn list(events: &[Recorded]) -> String {
    if events.is_empty() {
        return "nothing was broadcast".to_owned();
    }
    let lines: Vec<String> = events.iter().map(|event| format!("\n  {event}")).collect();
    format!("broadcast were:{}", lines.concat())
}
