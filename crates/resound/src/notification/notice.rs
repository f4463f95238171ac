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
    fn via(&self, notifiable: &N) -> Vec<Via>;

    /// What it says, the serialised fields by default, for all ways that have nothing of their own. Laravel: `toArray`.
    fn to_array(&self, notifiable: &N) -> impl Serialize {
        let _ = notifiable;
        self
    }

    /// What is stored. Laravel: `toDatabase`.
    fn to_database(&self, notifiable: &N) -> impl Serialize {
        self.to_array(notifiable)
    }

    /// What is broadcast, besides `id` and `type`: a map, or something that is one in JSON. Laravel: `toBroadcast`.
    ///
    /// Fields of these two names are overwritten by the notification's own.
    fn to_broadcast(&self, notifiable: &N) -> impl Serialize {
        self.to_array(notifiable)
    }

    /// What a [channel](crate::notification::Channel) gets. Laravel: `toMail` and its like.
    fn to_channel(&self, channel: &str, notifiable: &N) -> impl Serialize {
        let _ = channel;
        self.to_array(notifiable)
    }

    /// Whether it goes this way; asked once for each, true by default. Laravel: `shouldSend`.
    fn should_send(&self, notifiable: &N, via: &Via) -> bool {
        let _ = (notifiable, via);
        true
    }

    /// What it is called: the type's name in the notifier's [namespace](crate::notification::Builder::namespace) by
    /// default, `App\Notifications\InvoicePaid`. Front ends tell notifications apart by it.
    fn name(&self) -> EventName {
        EventName::of::<Self>()
    }

    /// Its `type` in the table, its [`name`](Self::name) by default. Laravel: `databaseType`.
    fn database_type(&self) -> EventName {
        self.name()
    }

    /// Its `type` in a broadcast, its [`name`](Self::name) by default. Laravel: `broadcastType`.
    fn broadcast_type(&self) -> EventName {
        self.name()
    }

    /// Where it is broadcast; if empty, as by default, where the
    /// [notifiable](Notifiable::receives_broadcast_notifications_on) listens. Laravel: `broadcastOn`.
    ///
    /// What was said [on demand](crate::notification::OnDemand) comes before either.
    fn broadcast_on(&self, notifiable: &N) -> Vec<Channel> {
        let _ = notifiable;
        Vec::new()
    }

    /// The name of the event, [`BROADCAST_NAME`] by default. Laravel: `broadcastAs`.
    ///
    /// With another name Echo's `notification()` does not hear it, but `listen()`.
    fn broadcast_as(&self) -> EventName {
        EventName::exact(BROADCAST_NAME)
    }

    /// All that is broadcast, without `id` and `type` unless they are in it; `None`, the default, stands for
    /// [`to_broadcast`](Self::to_broadcast) and these two. Laravel: `broadcastWith`.
    fn broadcast_with(&self, notifiable: &N, id: &str) -> Option<impl Serialize> {
        let _ = (notifiable, id);
        None::<()>
    }

    /// The queue that the broadcast waits in; `None`, the default, is the default queue.
    /// Laravel: `BroadcastMessage::onQueue`.
    fn broadcast_queue(&self) -> Option<Cow<'static, str>> {
        None
    }

    /// The broadcast connections that it is sent by; none, the default, means the broadcaster's default one.
    fn broadcast_connections(&self) -> Vec<Cow<'static, str>> {
        Vec::new()
    }
}
