//! A notification as an event.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{
    channel::Channel, event::Broadcast, name::EventName, notification::notifiable::Owner,
    pending::Timing,
};

/// The event by which a notification is broadcast. Laravel's has the same name.
///
/// With the broadcaster of a [`Fake`](crate::Fake) it is what
/// `fake.assert_broadcast::<BroadcastNotificationCreated>(|event| event.id == id)` finds.
///
/// ```
/// # use resound::notification::{BroadcastNotificationCreated, MemoryStore, Notifier};
/// # use resound::{Model, notification::Notifiable};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # #[derive(Clone, Debug)]
/// # struct User { id: u64 }
/// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
/// # impl Notifiable for User {}
/// # #[derive(Clone, serde::Serialize)]
/// # struct InvoicePaid { amount: u64 }
/// # impl<N: Notifiable> resound::notification::Notification<N> for InvoicePaid {
/// #     fn via(&self, _: &N) -> Vec<resound::notification::Via> {
/// #         vec!["database".into(), "broadcast".into()]
/// #     }
/// # }
/// # let fake = resound::Fake::new();
/// # let broadcaster = fake.broadcaster();
/// let notifier = Notifier::new(&broadcaster, MemoryStore::new());
/// let receipt = notifier.send(&User { id: 1 }, InvoicePaid { amount: 5 }).await?;
/// fake.assert_broadcast::<BroadcastNotificationCreated>(|event| event.id == receipt.id)
///     .on("private-App.Models.User.1");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BroadcastNotificationCreated {
    /// The notification's id, in the table as well.
    pub id: String,
    /// What it is called: its `type`.
    pub kind: String,
    /// Who is notified; `None` on demand.
    pub owner: Option<Owner>,
    pub(crate) name: EventName,
    pub(crate) channels: Vec<Channel>,
    pub(crate) payload: Box<RawValue>,
    pub(crate) timing: Timing,
    pub(crate) queue: Option<Cow<'static, str>>,
    pub(crate) connections: Vec<Cow<'static, str>>,
}

impl BroadcastNotificationCreated {
    /// What is sent, as JSON.
    ///
    /// ```
    /// # use resound::notification::{BroadcastNotificationCreated, MemoryStore, Notifier};
    /// # use resound::{Model, notification::Notifiable};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(Clone, serde::Serialize)]
    /// # struct InvoicePaid { amount: u64 }
    /// # impl<N: Notifiable> resound::notification::Notification<N> for InvoicePaid {
    /// #     fn via(&self, _: &N) -> Vec<resound::notification::Via> {
    /// #         vec!["database".into(), "broadcast".into()]
    /// #     }
    /// # }
    /// # let fake = resound::Fake::new();
    /// # let broadcaster = fake.broadcaster();
    /// # let notifier = Notifier::new(&broadcaster, MemoryStore::new());
    /// notifier.send(&User { id: 1 }, InvoicePaid { amount: 5 }).await?;
    /// let is_it = |event: &BroadcastNotificationCreated| event.json().starts_with(r#"{"amount":5,"#);
    /// fake.assert_broadcast(is_it);
    /// # Ok(())
    /// # }
    /// ```
    pub fn json(&self) -> &str {
        self.payload.get()
    }
}

impl Serialize for BroadcastNotificationCreated {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.payload.serialize(serializer)
    }
}

impl Broadcast for BroadcastNotificationCreated {
    fn channels(&self) -> Vec<Channel> {
        self.channels.clone()
    }

    fn name(&self) -> EventName {
        self.name.clone()
    }

    fn timing(&self) -> Timing {
        self.timing
    }

    fn queue(&self) -> Option<Cow<'static, str>> {
        self.queue.clone()
    }

    fn connections(&self) -> Vec<Cow<'static, str>> {
        self.connections.clone()
    }
}
