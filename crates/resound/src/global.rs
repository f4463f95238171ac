//! One broadcaster for the whole process, for those who want it.
//!
//! Nothing in this crate needs it. It spares passing a handle through code that has no state at hand.

use std::sync::{LazyLock, OnceLock};

use crate::{
    broadcaster::Broadcaster,
    driver::{Driver, Sending},
    envelope::Envelope,
    error::DriverError,
    event::Broadcast,
    pending::PendingBroadcast,
};

static INSTALLED: OnceLock<Broadcaster> = OnceLock::new();
static MISSING: LazyLock<Broadcaster> =
    LazyLock::new(|| Broadcaster::builder().connection("missing", Missing).build());

/// Makes a broadcaster the one for the whole process.
///
/// # Errors
/// The broadcaster itself, if there is one already.
///
/// ```
/// use resound::{Broadcaster, broadcast, global};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// global::install(Broadcaster::null()).expect("nobody else installs one");
/// broadcast(broadcast::private("user.1").name("greeting")).to_others("123.456").await;
/// # }
/// ```
pub fn install(broadcaster: Broadcaster) -> Result<(), Broadcaster> {
    INSTALLED.set(broadcaster)
}

/// The broadcaster for the whole process. As long as none is installed events are lost, and the log says so.
///
/// ```
/// let broadcaster = resound::global::broadcaster();
/// assert_eq!(broadcaster.connections().collect::<Vec<_>>(), ["missing"]);
/// ```
pub fn broadcaster() -> &'static Broadcaster {
    INSTALLED.get().unwrap_or_else(|| &MISSING)
}

/// Begins to send an event by the [broadcaster for the whole process](install). Laravel: `broadcast($event)`.
///
/// ```
/// use resound::broadcast;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # resound::global::install(resound::Broadcaster::null()).expect("the first");
/// broadcast(broadcast::private("user.1").name("greeting")).await;
/// # }
/// ```
pub fn broadcast<E: Broadcast + Send + Sync + 'static>(event: E) -> PendingBroadcast<E> {
    broadcaster().send(event)
}

struct Missing;

impl Driver for Missing {
    fn send<'a>(&'a self, _envelope: &'a Envelope) -> Sending<'a> {
        let message = "no broadcaster is installed; call resound::global::install at the start";
        Box::pin(async move { Err(DriverError::Refused(message.to_owned())) })
    }
}
