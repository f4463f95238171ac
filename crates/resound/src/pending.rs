//! One event on its way.

use std::{
    any::type_name,
    borrow::Cow,
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
};

use crate::{
    after_commit::{Held, Waits},
    broadcaster::Broadcaster,
    error::SendError,
    event::Broadcast,
    parcel::{Parcel, Shelf, Wishes, log_lost},
    socket::SocketId,
};

/// When an event is sent.
///
/// ```
/// use resound::{Fake, Timing, broadcast};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let fake = Fake::new();
/// fake.broadcaster().send(broadcast::public("news")).await;
/// fake.broadcaster().send(broadcast::public("news")).now().await;
/// let timings: Vec<_> = fake.events().iter().map(|event| event.timing).collect();
/// assert_eq!(timings, [Timing::Later, Timing::Now]);
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// In the queue: the sender goes on at once.
    Later,
    /// Before the sender goes on, within the connection's [timeout](crate::connection::Policy::timeout).
    Now,
}

/// What became of an event that met no error.
///
/// ```
/// use resound::{Broadcaster, Outcome, broadcast};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broadcaster = Broadcaster::null();
/// let to_nobody = broadcast::on(Vec::<String>::new()).name("posted");
/// assert_eq!(broadcaster.send(to_nobody).result().await?, Outcome::Skipped);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The server took it.
    Sent,
    /// It is in the queue.
    Queued,
    /// It waits for the transaction that it was sent in.
    AfterCommit,
    /// It did not want to be sent ([`Broadcast::when`]), or it has no channel.
    Skipped,
}

/// An event that is sent when this is awaited. It begins with [`Broadcaster::send`].
///
/// ```
/// use resound::{Broadcaster, Outcome, broadcast};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), resound::SendError> {
/// # let broadcaster = Broadcaster::null();
/// # let event = || broadcast::private("user.1").name("greeting");
/// broadcaster.send(event()).await;                       // in the queue
/// broadcaster.send(event()).to_others("123.456").await;  // not to this connection
/// broadcaster.send(event()).now().await;                 // at once
/// broadcaster.send(event()).via("null").await;           // by this connection
///
/// let outcome = broadcaster.send(event()).now().result().await?;
/// assert_eq!(outcome, Outcome::Sent);
/// # Ok(())
/// # }
/// ```
#[must_use = "an event is sent when this is awaited, or by `.dispatch()`"]
pub struct PendingBroadcast<E> {
    broadcaster: Broadcaster,
    event: E,
    socket: SocketId,
    timing: Option<Timing>,
    connections: Vec<Cow<'static, str>>,
    queue: Option<Cow<'static, str>>,
    waits: Waits,
    shelf: Shelf,
}

impl<E: Broadcast + Send + Sync + 'static> PendingBroadcast<E> {
    pub(crate) fn new(broadcaster: Broadcaster, event: E, waits: Waits) -> Self {
        let (socket, timing, connections) = (event.socket(), None, Vec::new());
        Self {
            broadcaster,
            event,
            socket,
            timing,
            connections,
            queue: None,
            waits,
            shelf: Shelf::Any,
        }
    }

    /// Leaves out the connection of whoever sent the request; with [`SocketId::none`] everybody gets it.
    ///
    /// With axum [`SocketId`] is an extractor.
    ///
    /// ```
    /// use resound::{Broadcaster, Fake, SocketId, broadcast::{self, AnonymousEvent}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// /// With axum, `socket: SocketId` is an argument of the handler.
    /// async fn rename(socket: SocketId, broadcaster: Broadcaster) {
    ///     broadcaster.send(broadcast::private("board").name("renamed")).to_others(socket).await;
    /// }
    /// # let fake = Fake::new();
    /// # rename("123.456".into(), fake.broadcaster()).await;
    /// # fake.assert_broadcast::<AnonymousEvent>(|_| true).to_others("123.456");
    /// # }
    /// ```
    pub fn to_others(mut self, socket: impl Into<SocketId>) -> Self {
        self.socket = socket.into();
        self
    }

    /// Sends it before the sender goes on, whatever the event says.
    ///
    /// ```
    /// use resound::{Broadcaster, Outcome, broadcast};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broadcaster = Broadcaster::null();
    /// let outcome = broadcaster.send(broadcast::public("alarms").name("fire")).now().result().await?;
    /// assert_eq!(outcome, Outcome::Sent);
    /// # Ok(())
    /// # }
    /// ```
    pub fn now(mut self) -> Self {
        self.timing = Some(Timing::Now);
        self
    }

    /// Puts it into the queue, whatever the event says.
    ///
    /// ```
    /// use resound::{Broadcast, Broadcaster, Outcome};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #[derive(serde::Serialize, Broadcast)]
    /// #[broadcast(channel = "alarms", now)]
    /// struct Alarm;
    ///
    /// # let broadcaster = Broadcaster::null();
    /// assert_eq!(broadcaster.send(Alarm).later().result().await?, Outcome::Queued);
    /// # Ok(())
    /// # }
    /// ```
    pub fn later(mut self) -> Self {
        self.timing = Some(Timing::Later);
        self
    }

    /// Sends it by the connection of this name; may be repeated.
    ///
    /// ```
    /// use resound::{Broadcaster, broadcast, drivers::{Log, Null}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let broadcaster = Broadcaster::builder().connection("none", Null).connection("log", Log).build();
    /// broadcaster.send(broadcast::public("news").name("posted")).via("log").now().await;
    /// assert_eq!(broadcaster.stats("log").map(|stats| stats.sent), Some(1));
    /// # }
    /// ```
    pub fn via(mut self, connection: impl Into<Cow<'static, str>>) -> Self {
        self.connections.push(connection.into());
        self
    }

    /// Puts it into the queue of this name, whatever [the event says](Broadcast::queue). The queue in memory knows no names.
    ///
    /// ```
    /// use resound::{Fake, broadcast};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let fake = Fake::new();
    /// fake.broadcaster().send(broadcast::public("news").name("posted")).on_queue("low").await;
    /// assert_eq!(fake.events()[0].envelope.queue.as_deref(), Some("low"));
    /// # }
    /// ```
    pub fn on_queue(mut self, queue: impl Into<Cow<'static, str>>) -> Self {
        self.queue = Some(queue.into());
        self
    }

    /// Sends it whatever becomes of the transaction that it is sent in.
    ///
    /// Within a transaction ([`Scope`](crate::after_commit::Scope), `resound::sql`) events wait for its commit otherwise. There it
    /// goes through the queue in memory, also if there is a durable one: that one could wait for the very transaction.
    ///
    /// ```
    /// use resound::{Fake, after_commit::Scope, broadcast};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let fake = Fake::new();
    /// # let broadcaster = fake.broadcaster();
    /// let scope = Scope::new();
    /// scope
    ///     .within(async {
    ///         broadcaster.send(broadcast::private("imports.7").name("begun")).before_commit().await;
    ///         // … many rows …
    ///     })
    ///     .await;
    /// scope.rollback();
    /// assert_eq!(fake.events().len(), 1);
    /// # }
    /// ```
    pub fn before_commit(mut self) -> Self {
        if self.waits.is_within() {
            self.shelf = Shelf::Memory;
        }
        self.waits = Waits::ForNothing;
        self
    }

    /// Gives errors to the caller rather than to the log.
    ///
    /// Of a queued event these are only the errors of queueing it.
    ///
    /// ```
    /// use resound::{Broadcaster, SendError, broadcast};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// async fn save(broadcaster: &Broadcaster) -> Result<(), SendError> {
    ///     broadcaster.send(broadcast::public("news").name("posted")).now().result().await?;
    ///     Ok(())
    /// }
    /// assert!(save(&Broadcaster::null()).await.is_ok());
    /// # }
    /// ```
    pub fn result(self) -> CheckedBroadcast<E> {
        CheckedBroadcast(self)
    }

    /// Puts it into the queue, for code that is not async. Errors go to the log.
    ///
    /// ```
    /// # use resound::{Broadcaster, broadcast};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let broadcaster = Broadcaster::null();
    /// fn save(broadcaster: &Broadcaster) {
    ///     broadcaster.send(broadcast::public("news").name("saved")).dispatch();
    /// }
    /// save(&broadcaster);
    /// # }
    /// ```
    pub fn dispatch(self) {
        let event = type_name::<E>();
        let detached = match self.later().prepare() {
            Ok(Step::Done(_)) => Ok(()),
            Ok(Step::Deliver(Held { broadcaster, parcel })) => broadcaster.deliver_detached(parcel),
            Err(error) => Err(error),
        };
        if let Err(error) = detached {
            log_lost(event, &error);
        }
    }

    async fn run(self) -> Result<Outcome, SendError> {
        // The event itself does not live over the await: the server may take long.
        match self.prepare()? {
            Step::Done(outcome) => Ok(outcome),
            Step::Deliver(Held { broadcaster, parcel }) => {
                let outcome = parcel.outcome();
                broadcaster.deliver(parcel).await.map(|()| outcome)
            }
        }
    }

    /// Writes the event down, and keeps it if it waits for a transaction.
    fn prepare(self) -> Result<Step, SendError> {
        let Self { broadcaster, event, socket, timing, connections, queue, waits, shelf } = self;
        let wishes = Wishes { socket, timing, connections, queue, shelf };
        let Some(parcel) = Parcel::pack(&broadcaster, event, wishes)? else {
            return Ok(Step::Done(Outcome::Skipped));
        };
        let held = waits.hold(Held { broadcaster, parcel })?;
        Ok(held.map_or(Step::Done(Outcome::AfterCommit), Step::Deliver))
    }
}

/// What is left to do for an event.
enum Step {
    Done(Outcome),
    Deliver(Held),
}

impl<E: Broadcast + Send + Sync + 'static> IntoFuture for PendingBroadcast<E> {
    type Output = ();
    type IntoFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            if let Err(error) = self.run().await {
                log_lost(type_name::<E>(), &error);
            }
        })
    }
}

impl<E: fmt::Debug> fmt::Debug for PendingBroadcast<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingBroadcast")
            .field("event", &self.event)
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}

/// A [`PendingBroadcast`] whose errors are the caller's.
///
/// ```
/// use resound::{Broadcaster, broadcast};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # let broadcaster = Broadcaster::null();
/// let checked = broadcaster.send(broadcast::public("news").name("posted")).via("reverb").result();
/// let error = checked.await.unwrap_err();
/// assert_eq!(error.to_string(), r#"there is no broadcast connection "reverb"; there is null"#);
/// # }
/// ```
#[derive(Debug)]
#[must_use = "an event is sent when this is awaited"]
pub struct CheckedBroadcast<E>(PendingBroadcast<E>);

impl<E: Broadcast + Send + Sync + 'static> IntoFuture for CheckedBroadcast<E> {
    type Output = Result<Outcome, SendError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.0.run())
    }
}
