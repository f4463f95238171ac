//! What somebody is told.

use std::borrow::Cow;

use serde::Serialize;

use crate::{
    channel::Channel,
    name::EventName,
    notification::{notifiable::Notifiable, via::Via},
};

/// The name of the event by which a notification is broadcast, for which Echo's `notification()` listens.
pub const BROADCAST_NAME: &str = r"Illuminate\Notifications\Events\BroadcastNotificationCreated";

/// Something that somebody of type `N` is told. Laravel: `Notification`.
///
/// Write `impl<N: Notifiable> Notification<N> for …` for one that suits everybody. One that is made for users,
/// `impl Notification<User> for …`, knows their fields, and can't be sent to anybody else.
///
/// ```
/// use resound::{Model, notification::{Notifiable, Notification, Via}};
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct InvoicePaid { invoice_id: u64, amount: u64 }
/// impl<N: Notifiable> Notification<N> for InvoicePaid {
///     fn via(&self, _: &N) -> Vec<Via> { vec![Via::Database, Via::Broadcast] }
/// }
///
/// struct User { id: u64, name: String, wants_mail: bool }
/// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
/// # impl Notifiable for User {}
/// #[derive(Serialize)]
/// struct Welcome;
/// impl Notification<User> for Welcome {
///     fn via(&self, user: &User) -> Vec<Via> {
///         if user.wants_mail { vec!["mail".into()] } else { vec![Via::Database] }
///     }
///     fn to_channel(&self, _: &str, user: &User) -> impl Serialize {
///         serde_json::json!({ "subject": format!("Welcome, {}", user.name) })
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a notification for `{N}`",
    label = "not a notification for `{N}`",
    note = "implement `resound::notification::Notification<{N}>` for it; it needs `#[derive(serde::Serialize)]` and `via`"
)]
pub trait Notification<N: Notifiable>: Serialize {
    /// The ways by which it goes to this notifiable; by none, and it is not sent.
    ///
    /// ```
    /// # use resound::notification::{Notification, Via};
    /// # use resound::{Model, notification::Notifiable};
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(serde::Serialize)]
    /// # struct InvoicePaid { amount: u64 }
    /// impl<N: Notifiable> Notification<N> for InvoicePaid {
    ///     fn via(&self, _: &N) -> Vec<Via> {
    ///         match self.amount {
    ///             0 => Vec::new(),
    ///             1..100 => vec![Via::Broadcast],
    ///             _ => vec![Via::Database, Via::Broadcast, "mail".into()],
    ///         }
    ///     }
    /// }
    /// # assert_eq!(InvoicePaid { amount: 5 }.via(&User { id: 1 }), [Via::Broadcast]);
    /// ```
    fn via(&self, notifiable: &N) -> Vec<Via>;

    /// What it says, the serialised fields by default, for all ways that have nothing of their own. Laravel: `toArray`.
    ///
    /// ```
    /// # use resound::{NotificationFake, notification::{Notification, Via}};
    /// # use resound::{Model, notification::Notifiable};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(serde::Serialize)]
    /// # struct InvoicePaid { amount: u64 }
    /// impl Notification<User> for InvoicePaid {
    ///     # fn via(&self, _: &User) -> Vec<Via> { vec![Via::Database] }
    ///     fn to_array(&self, user: &User) -> impl serde::Serialize {
    ///         serde_json::json!({ "amount": self.amount, "by": user.id })
    ///     }
    /// }
    /// # let fake = NotificationFake::new();
    /// # fake.notifier().send(&User { id: 1 }, InvoicePaid { amount: 5 }).await?;
    /// # assert_eq!(fake.sent()[0].data, r#"{"amount":5,"by":1}"#);
    /// # Ok(())
    /// # }
    /// ```
    fn to_array(&self, notifiable: &N) -> impl Serialize {
        let _ = notifiable;
        self
    }

    /// What is stored. Laravel: `toDatabase`.
    ///
    /// ```
    /// # use resound::{Broadcaster, notification::{MemoryStore, Notification, Notifier, Via}};
    /// # use resound::{Model, notification::Notifiable};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(serde::Serialize)]
    /// # struct InvoicePaid { amount: u64 }
    /// impl<N: Notifiable> Notification<N> for InvoicePaid {
    ///     # fn via(&self, _: &N) -> Vec<Via> { vec![Via::Database] }
    ///     fn to_database(&self, _: &N) -> impl serde::Serialize {
    ///         serde_json::json!({ "text": format!("paid: {}", self.amount) })
    ///     }
    /// }
    /// # let store = MemoryStore::new();
    /// # let notifier = Notifier::new(&Broadcaster::null(), store.clone());
    /// # notifier.send(&User { id: 1 }, InvoicePaid { amount: 5 }).await?;
    /// # assert_eq!(store.all()[0].data, r#"{"text":"paid: 5"}"#);
    /// # Ok(())
    /// # }
    /// ```
    fn to_database(&self, notifiable: &N) -> impl Serialize {
        self.to_array(notifiable)
    }

    /// What is broadcast, besides `id` and `type`: a map, or something that is one in JSON. Laravel: `toBroadcast`.
    ///
    /// Fields of these two names are overwritten by the notification's own.
    ///
    /// ```
    /// # use resound::notification::{BroadcastNotificationCreated, MemoryStore, Notification, Notifier, Via};
    /// # use resound::{Model, notification::Notifiable};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(serde::Serialize)]
    /// # struct InvoicePaid { amount: u64 }
    /// impl<N: Notifiable> Notification<N> for InvoicePaid {
    ///     # fn via(&self, _: &N) -> Vec<Via> { vec![Via::Broadcast] }
    ///     fn to_broadcast(&self, _: &N) -> impl serde::Serialize {
    ///         serde_json::json!({ "sound": "coins" })
    ///     }
    /// }
    /// # let fake = resound::Fake::new();
    /// # let broadcaster = fake.broadcaster();
    /// # let notifier = Notifier::new(&broadcaster, MemoryStore::new());
    /// # notifier.send(&User { id: 1 }, InvoicePaid { amount: 5 }).await?;
    /// # fake.assert_broadcast(|event: &BroadcastNotificationCreated| event.json().contains(r#""sound":"coins""#));
    /// # Ok(())
    /// # }
    /// ```
    fn to_broadcast(&self, notifiable: &N) -> impl Serialize {
        self.to_array(notifiable)
    }

    /// What a [channel](crate::notification::Channel) gets. Laravel: `toMail` and its like.
    ///
    /// ```
    /// # use resound::notification::{Notification, Via};
    /// # use resound::{Model, notification::Notifiable};
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(serde::Serialize)]
    /// # struct InvoicePaid { amount: u64 }
    /// impl<N: Notifiable> Notification<N> for InvoicePaid {
    ///     # fn via(&self, _: &N) -> Vec<Via> { vec!["mail".into(), "sms".into()] }
    ///     fn to_channel(&self, channel: &str, _: &N) -> impl serde::Serialize {
    ///         match channel {
    ///             "mail" => serde_json::json!({ "subject": "Thank you", "amount": self.amount }),
    ///             _ => serde_json::json!({ "text": "Thank you" }),
    ///         }
    ///     }
    /// }
    /// # let said = serde_json::to_value(InvoicePaid { amount: 5 }.to_channel("sms", &User { id: 1 }))?;
    /// # assert_eq!(said["text"], "Thank you");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    fn to_channel(&self, channel: &str, notifiable: &N) -> impl Serialize {
        let _ = channel;
        self.to_array(notifiable)
    }

    /// Whether it goes this way; asked once for each, true by default. Laravel: `shouldSend`.
    ///
    /// ```
    /// # use resound::{NotificationFake, notification::{Notification, Via}};
    /// # use resound::{Model, notification::Notifiable};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(serde::Serialize)]
    /// # struct InvoicePaid { amount: u64 }
    /// impl<N: Notifiable> Notification<N> for InvoicePaid {
    ///     # fn via(&self, _: &N) -> Vec<Via> { vec![Via::Database, Via::Broadcast] }
    ///     fn should_send(&self, _: &N, via: &Via) -> bool {
    ///         *via != Via::Broadcast || self.amount > 100
    ///     }
    /// }
    /// # let fake = NotificationFake::new();
    /// # fake.notifier().send(&User { id: 1 }, InvoicePaid { amount: 5 }).await?;
    /// # assert_eq!(fake.sent()[0].via, [Via::Database]);
    /// # Ok(())
    /// # }
    /// ```
    fn should_send(&self, notifiable: &N, via: &Via) -> bool {
        let _ = (notifiable, via);
        true
    }

    /// What it is called: the type's name in the notifier's [namespace](crate::notification::Builder::namespace) by
    /// default, `App\Notifications\InvoicePaid`. Front ends tell notifications apart by it.
    ///
    /// ```
    /// # use resound::{EventName, notification::{Notification, Via}};
    /// # use resound::{Model, notification::Notifiable};
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(serde::Serialize)]
    /// # struct InvoicePaid;
    /// impl<N: Notifiable> Notification<N> for InvoicePaid {
    ///     # fn via(&self, _: &N) -> Vec<Via> { vec![Via::Database] }
    ///     fn name(&self) -> EventName {
    ///         EventName::exact("invoice.paid")
    ///     }
    /// }
    /// # assert_eq!(Notification::<User>::database_type(&InvoicePaid), EventName::exact("invoice.paid"));
    /// ```
    fn name(&self) -> EventName {
        EventName::of::<Self>()
    }

    /// Its `type` in the table, its [`name`](Self::name) by default. Laravel: `databaseType`.
    ///
    /// ```
    /// # use resound::{EventName, notification::{Notification, Via}};
    /// # use resound::{Model, notification::Notifiable};
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(serde::Serialize)]
    /// # struct InvoicePaid;
    /// impl<N: Notifiable> Notification<N> for InvoicePaid {
    ///     # fn via(&self, _: &N) -> Vec<Via> { vec![Via::Database] }
    ///     fn database_type(&self) -> EventName {
    ///         EventName::exact(r"App\Notifications\Billing\InvoicePaid") // as Laravel has written it
    ///     }
    /// }
    /// # assert_ne!(Notification::<User>::name(&InvoicePaid), Notification::<User>::database_type(&InvoicePaid));
    /// ```
    fn database_type(&self) -> EventName {
        self.name()
    }

    /// Its `type` in a broadcast, its [`name`](Self::name) by default. Laravel: `broadcastType`.
    ///
    /// ```
    /// # use resound::{EventName, notification::{Notification, Via}};
    /// # use resound::{Model, notification::Notifiable};
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(serde::Serialize)]
    /// # struct InvoicePaid;
    /// impl<N: Notifiable> Notification<N> for InvoicePaid {
    ///     # fn via(&self, _: &N) -> Vec<Via> { vec![Via::Broadcast] }
    ///     fn broadcast_type(&self) -> EventName {
    ///         EventName::exact("invoice.paid") // .notification((it) => it.type === 'invoice.paid')
    ///     }
    /// }
    /// # assert_ne!(Notification::<User>::name(&InvoicePaid), Notification::<User>::broadcast_type(&InvoicePaid));
    /// ```
    fn broadcast_type(&self) -> EventName {
        self.name()
    }

    /// Where it is broadcast; if empty, as by default, where the
    /// [notifiable](Notifiable::receives_broadcast_notifications_on) listens. Laravel: `broadcastOn`.
    ///
    /// What was said [on demand](crate::notification::OnDemand) comes before either.
    ///
    /// ```
    /// # use resound::{Channel, notification::{Notification, Via}};
    /// # use resound::{Model, notification::Notifiable};
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(serde::Serialize)]
    /// # struct InvoicePaid;
    /// impl Notification<User> for InvoicePaid {
    ///     # fn via(&self, _: &User) -> Vec<Via> { vec![Via::Broadcast] }
    ///     fn broadcast_on(&self, user: &User) -> Vec<Channel> {
    ///         vec![Channel::private(user), Channel::private("bookkeeping")]
    ///     }
    /// }
    /// # assert_eq!(InvoicePaid.broadcast_on(&User { id: 1 })[0].as_str(), "private-App.Models.User.1");
    /// ```
    fn broadcast_on(&self, notifiable: &N) -> Vec<Channel> {
        let _ = notifiable;
        Vec::new()
    }

    /// The name of the event, [`BROADCAST_NAME`] by default. Laravel: `broadcastAs`.
    ///
    /// With another name Echo's `notification()` does not hear it, but `listen()`.
    ///
    /// ```
    /// # use resound::{EventName, notification::{Notification, Via}};
    /// # use resound::{Model, notification::Notifiable};
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(serde::Serialize)]
    /// # struct InvoicePaid;
    /// impl<N: Notifiable> Notification<N> for InvoicePaid {
    ///     # fn via(&self, _: &N) -> Vec<Via> { vec![Via::Broadcast] }
    ///     fn broadcast_as(&self) -> EventName {
    ///         EventName::exact("invoice.paid") // .listen('.invoice.paid', …)
    ///     }
    /// }
    /// # assert_eq!(Notification::<User>::broadcast_as(&InvoicePaid), EventName::exact("invoice.paid"));
    /// ```
    fn broadcast_as(&self) -> EventName {
        EventName::exact(BROADCAST_NAME)
    }

    /// All that is broadcast, without `id` and `type` unless they are in it; `None`, the default, stands for
    /// [`to_broadcast`](Self::to_broadcast) and these two. Laravel: `broadcastWith`.
    ///
    /// ```
    /// # use resound::notification::{BroadcastNotificationCreated, MemoryStore, Notification, Notifier, Via};
    /// # use resound::{Model, notification::Notifiable};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(serde::Serialize)]
    /// # struct InvoicePaid { amount: u64 }
    /// impl<N: Notifiable> Notification<N> for InvoicePaid {
    ///     # fn via(&self, _: &N) -> Vec<Via> { vec![Via::Broadcast] }
    ///     fn broadcast_with(&self, _: &N, id: &str) -> Option<impl serde::Serialize> {
    ///         Some(serde_json::json!({ "uuid": id }))
    ///     }
    /// }
    /// # let fake = resound::Fake::new();
    /// # let broadcaster = fake.broadcaster();
    /// # let notifier = Notifier::new(&broadcaster, MemoryStore::new());
    /// # let id = notifier.send(&User { id: 1 }, InvoicePaid { amount: 5 }).await?.id;
    /// # fake.assert_broadcast(|event: &BroadcastNotificationCreated| event.json() == format!(r#"{{"uuid":"{id}"}}"#));
    /// # Ok(())
    /// # }
    /// ```
    fn broadcast_with(&self, notifiable: &N, id: &str) -> Option<impl Serialize> {
        let _ = (notifiable, id);
        None::<()>
    }

    /// The queue that the broadcast waits in; `None`, the default, is the default queue.
    /// Laravel: `BroadcastMessage::onQueue`.
    ///
    /// ```
    /// # use resound::notification::{Notification, Via};
    /// # use std::borrow::Cow;
    /// # use resound::{Model, notification::Notifiable};
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(serde::Serialize)]
    /// # struct InvoicePaid;
    /// impl<N: Notifiable> Notification<N> for InvoicePaid {
    ///     # fn via(&self, _: &N) -> Vec<Via> { vec![Via::Broadcast] }
    ///     fn broadcast_queue(&self) -> Option<Cow<'static, str>> {
    ///         Some("high".into())
    ///     }
    /// }
    /// # assert_eq!(Notification::<User>::broadcast_queue(&InvoicePaid).as_deref(), Some("high"));
    /// ```
    fn broadcast_queue(&self) -> Option<Cow<'static, str>> {
        None
    }

    /// The broadcast connections that it is sent by; none, the default, means the broadcaster's default one.
    ///
    /// ```
    /// # use resound::notification::{Notification, Via};
    /// # use std::borrow::Cow;
    /// # use resound::{Model, notification::Notifiable};
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(serde::Serialize)]
    /// # struct InvoicePaid;
    /// impl<N: Notifiable> Notification<N> for InvoicePaid {
    ///     # fn via(&self, _: &N) -> Vec<Via> { vec![Via::Broadcast] }
    ///     fn broadcast_connections(&self) -> Vec<Cow<'static, str>> {
    ///         vec!["reverb".into()]
    ///     }
    /// }
    /// # assert_eq!(Notification::<User>::broadcast_connections(&InvoicePaid), ["reverb"]);
    /// ```
    fn broadcast_connections(&self) -> Vec<Cow<'static, str>> {
        Vec::new()
    }
}
