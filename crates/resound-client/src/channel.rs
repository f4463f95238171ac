//! Channels, by what can be done with them.

use std::{fmt, marker::PhantomData, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::{ListenError, SubscribeError, WhisperError},
    event::Event,
    listener::Listener,
    names,
    presence::Member,
    registry::{Filter, Lease, Status},
};

/// Marks a channel that everybody may listen to.
#[derive(Clone, Copy, Debug)]
pub enum Public {}
/// Marks a channel that needs an authorisation, and takes whispers.
#[derive(Clone, Copy, Debug)]
pub enum Private {}
/// Marks a private channel whose events are encrypted from end to end. It takes no whispers.
#[derive(Clone, Copy, Debug)]
pub enum Encrypted {}
/// Marks a private channel with a list of members.
#[derive(Clone, Copy, Debug)]
pub enum Presence {}

mod sealed {
    #[allow(unnameable_types, reason = "so that no other crate makes a kind of channel")]
    pub trait Whispers {}
    impl Whispers for super::Private {}
    impl Whispers for super::Presence {}
}

/// A subscription, of the kind that `K` marks. It lasts as long as one of its handles or listeners lives,
/// over all reconnections; [`leave`](Self::leave) ends it for all of them.
///
/// Call `listen` before the next `.await`: what arrives while nobody listens is gone.
///
/// ```no_run
/// # async fn f(client: resound_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// #[derive(serde::Deserialize)]
/// struct OrderUpdated {
///     status: String,
/// }
///
/// let mut updates = client.private("orders.1").listen::<OrderUpdated>("OrderUpdated");
/// while let Some(update) = updates.next().await {
///     println!("{}", update?.status);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Channel<K> {
    lease: Lease,
    kind: PhantomData<fn() -> K>,
}

impl<K> Channel<K> {
    pub(crate) fn new(lease: Lease) -> Self {
        Self { lease, kind: PhantomData }
    }

    /// The whole name, such as `private-orders.1`.
    ///
    /// ```no_run
    /// # fn f(client: resound_client::Client) {
    /// assert_eq!(client.join("room.1").name(), "presence-room.1");
    /// # }
    /// ```
    pub fn name(&self) -> &str {
        &self.lease.wanted.channel
    }

    /// Waits until the server has confirmed the subscription; at once if it has.
    ///
    /// # Errors
    /// It was refused, or has ended. A refused one is tried again with the next connection, and before if the
    /// application could not be asked, did not answer, or answered that it is away or busy (429, 5xx).
    ///
    /// ```no_run
    /// # async fn f(client: resound_client::Client) -> Result<(), resound_client::SubscribeError> {
    /// let orders = client.private("orders.1");
    /// orders.subscribed().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn subscribed(&self) -> Result<(), SubscribeError> {
        let ended = || SubscribeError::Ended { channel: self.name().to_owned() };
        let mut status = self.lease.status().ok_or_else(ended)?;
        let settled = status.wait_for(|status| !matches!(status, Status::Pending)).await;
        match settled.map(|status| status.clone()) {
            Ok(Status::Subscribed | Status::Pending) => Ok(()),
            Ok(Status::Refused(error)) => Err(error),
            Ok(Status::Ended) | Err(_) => Err(ended()),
        }
    }

    /// Listens to an event whose data is a `T`. The name is written as for Echo: `OrderUpdated` is
    /// `App\Events\OrderUpdated` on the wire, `.order.updated` is `order.updated`.
    ///
    /// ```no_run
    /// # fn f(client: resound_client::Client) {
    /// let updates = client.channel("orders").listen::<serde_json::Value>("OrderUpdated");
    /// let custom = client.channel("orders").listen::<serde_json::Value>(".order.updated");
    /// # }
    /// ```
    pub fn listen<T: DeserializeOwned>(&self, event: &str) -> Listener<T> {
        let name = self.on_the_wire(event);
        self.listener(Filter::Named(name), |event| json(&event))
    }

    /// Listens to an event without reading its data.
    ///
    /// ```no_run
    /// # async fn f(client: resound_client::Client) {
    /// let mut prices = client.channel("prices").listen_raw(".price");
    /// if let Some(Ok(event)) = prices.next().await {
    ///     println!("{}", event.text);
    /// }
    /// # }
    /// ```
    pub fn listen_raw(&self, event: &str) -> Listener<Event> {
        let name = self.on_the_wire(event);
        self.listener(Filter::Named(name), |event| Ok(Arc::unwrap_or_clone(event)))
    }

    /// Listens to all events of the channel save Pusher's own. Their names are as `listen` takes them:
    /// without the namespace, or with a leading dot.
    ///
    /// ```no_run
    /// # async fn f(client: resound_client::Client) {
    /// let mut all = client.channel("orders").listen_to_all();
    /// while let Some(Ok(event)) = all.next().await {
    ///     println!("{}: {}", event.name, event.text);
    /// }
    /// # }
    /// ```
    pub fn listen_to_all(&self) -> Listener<Event> {
        let namespace = self.lease.shared.namespace.clone();
        self.listener(Filter::All, move |event| {
            let mut event = Arc::unwrap_or_clone(event);
            event.name = names::to_a_listener(&event.name, &namespace);
            Ok(event)
        })
    }

    /// Listens to Laravel's broadcast notifications, whose `type` and `id` are fields of `T` as others.
    ///
    /// ```no_run
    /// # fn f(client: resound_client::Client) {
    /// #[derive(serde::Deserialize)]
    /// struct InvoicePaid {
    ///     id: String,
    ///     amount: u64,
    /// }
    /// let paid = client.private("App.Models.User.1").notification::<InvoicePaid>();
    /// # }
    /// ```
    pub fn notification<T: DeserializeOwned>(&self) -> Listener<T> {
        self.listener(Filter::Named(names::NOTIFICATION.to_owned()), |event| json(&event))
    }

    /// Leaves the channel, also for its other handles; all its listeners end.
    ///
    /// ```no_run
    /// # fn f(client: resound_client::Client) {
    /// client.channel("news").leave();
    /// # }
    /// ```
    pub fn leave(self) {
        self.lease.shared.leave(self.name());
    }

    fn on_the_wire(&self, event: &str) -> String {
        names::on_the_wire(event, &self.lease.shared.namespace)
    }

    fn listener<T>(
        &self,
        filter: Filter,
        read: impl Fn(Arc<Event>) -> Result<T, ListenError> + Send + Sync + 'static,
    ) -> Listener<T> {
        Listener::new(self.lease.events(filter), Some(self.lease.clone()), read)
    }
}

impl<K: sealed::Whispers> Channel<K> {
    /// Sends an event to the others in the channel, past the application: `whisper("typing", …)` is
    /// `client-typing` on the wire. Whether the server takes it only [`errors`](crate::Client::errors)
    /// tells.
    ///
    /// # Errors
    /// The channel is not subscribed, too much waits to be sent, or the data is no JSON.
    ///
    /// ```no_run
    /// # async fn f(client: resound_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let room = client.join("room.1");
    /// room.subscribed().await?;
    /// room.whisper("typing", &serde_json::json!({ "name": "Zoë" }))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn whisper<T: Serialize + ?Sized>(
        &self,
        event: &str,
        data: &T,
    ) -> Result<(), WhisperError> {
        let data = serde_json::to_value(data).map_err(|e| WhisperError::Data(Arc::new(e)))?;
        self.lease.send(&format!("client-{event}"), &data)
    }

    /// Listens to what others whisper. Who it was, of a presence channel, tells
    /// [`listen_raw`](Self::listen_raw) of `.client-typing`.
    ///
    /// ```no_run
    /// # async fn f(client: resound_client::Client) {
    /// let mut typing = client.join("room.1").listen_for_whisper::<serde_json::Value>("typing");
    /// while let Some(Ok(data)) = typing.next().await {
    ///     println!("{data}");
    /// }
    /// # }
    /// ```
    pub fn listen_for_whisper<T: DeserializeOwned>(&self, event: &str) -> Listener<T> {
        self.listener(Filter::Named(format!("client-{event}")), |event| json(&event))
    }
}

impl Channel<Presence> {
    /// Tells who is here, with every subscription: first of all, after every reconnection, and at once if
    /// the channel is subscribed already.
    ///
    /// ```no_run
    /// # async fn f(client: resound_client::Client) {
    /// let mut here = client.join("room.1").here();
    /// while let Some(Ok(members)) = here.next().await {
    ///     members.iter().for_each(|member| println!("{}", member.id));
    /// }
    /// # }
    /// ```
    pub fn here(&self) -> Listener<Vec<Member>> {
        Listener::new(self.lease.here(), Some(self.lease.clone()), Ok)
    }

    /// Tells who joins.
    ///
    /// ```no_run
    /// # async fn f(client: resound_client::Client) {
    /// let mut joining = client.join("room.1").joining();
    /// while let Some(Ok(member)) = joining.next().await {
    ///     println!("{} joins", member.id);
    /// }
    /// # }
    /// ```
    pub fn joining(&self) -> Listener<Member> {
        Listener::new(self.lease.joining(), Some(self.lease.clone()), Ok)
    }

    /// Tells who leaves.
    ///
    /// ```no_run
    /// # async fn f(client: resound_client::Client) {
    /// let mut leaving = client.join("room.1").leaving();
    /// while let Some(Ok(member)) = leaving.next().await {
    ///     println!("{} leaves", member.id);
    /// }
    /// # }
    /// ```
    pub fn leaving(&self) -> Listener<Member> {
        Listener::new(self.lease.leaving(), Some(self.lease.clone()), Ok)
    }

    /// Who is here as far as is known; nobody without a subscription.
    ///
    /// ```no_run
    /// # fn f(room: resound_client::Channel<resound_client::Presence>) {
    /// println!("{} are here", room.members().len());
    /// # }
    /// ```
    pub fn members(&self) -> Vec<Member> {
        self.lease.members()
    }
}

fn json<T: DeserializeOwned>(event: &Event) -> Result<T, ListenError> {
    event.json().map_err(|error| ListenError::Data {
        name: event.name.clone(),
        channel: event.channel.clone(),
        error: Arc::new(error),
    })
}

impl<K> Clone for Channel<K> {
    fn clone(&self) -> Self {
        Self::new(self.lease.clone())
    }
}

impl<K> fmt::Debug for Channel<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Channel").field(&self.name()).finish()
    }
}
