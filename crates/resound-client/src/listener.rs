//! Streams of what happens.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::Stream;

use crate::{
    error::ListenError,
    queue::{Found, Queue},
    registry::Lease,
};

type Waiting<I> = Arc<Queue<Result<I, ListenError>>>;
type Source<T> =
    Box<dyn FnMut(&mut Context<'_>) -> Poll<Option<Result<T, ListenError>>> + Send + Sync>;

/// A stream of events, members or states. It never fails for good: an error is an item, and more may
/// follow. It ends when its channel is left or the client has ended.
///
/// What arrives waits in a queue of [`queue_events_max`](crate::Builder::queue_events_max) items. A
/// listener that is slower than its channel loses the oldest of them, and is told how many by
/// [`ListenError::Missed`] before the next item; it slows down nobody else. As long as a listener
/// lives, its channel stays subscribed.
///
/// It is a [`Stream`], and has [`next`](Self::next) for those who need no more than that.
///
/// ```no_run
/// # async fn f(client: resound_client::Client) {
/// let mut prices = client.channel("prices").listen::<f64>(".price");
/// while let Some(price) = prices.next().await {
///     match price {
///         Ok(price) => println!("{price}"),
///         Err(error) => eprintln!("{error}"),
///     }
/// }
/// # }
/// ```
#[must_use = "a listener that is dropped hears nothing"]
pub struct Listener<T> {
    source: Source<T>,
    /// Keeps the channel subscribed.
    _lease: Option<Lease>,
}

impl<T> Listener<T> {
    pub(crate) fn new<I: Send + 'static>(
        queue: Waiting<I>,
        lease: Option<Lease>,
        read: impl Fn(I) -> Result<T, ListenError> + Send + Sync + 'static,
    ) -> Self {
        let source = move |context: &mut Context<'_>| {
            let found = ready!(queue.poll(context));
            Poll::Ready(found.map(|found| match found {
                Found::Item(item) => item.and_then(&read),
                Found::Missed(count) => Err(ListenError::Missed(count)),
            }))
        };
        Self { source: Box::new(source), _lease: lease }
    }

    /// The next item, or `None` at the end. May be cancelled without losing one.
    ///
    /// ```no_run
    /// # async fn f(client: resound_client::Client) {
    /// let mut orders = client.private("orders.1").listen::<serde_json::Value>("OrderUpdated");
    /// if let Some(Ok(order)) = orders.next().await {
    ///     println!("{order}");
    /// }
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<Result<T, ListenError>> {
        poll_fn(|context| (self.source)(context)).await
    }
}

impl<T> Stream for Listener<T> {
    type Item = Result<T, ListenError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        (self.source)(context)
    }
}

impl<T> fmt::Debug for Listener<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").finish_non_exhaustive()
    }
}
