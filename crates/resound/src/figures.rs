//! What a server tells of the application: how many clients it has, and who is where.
//!
//! ```
//! # use resound::{Broadcaster, SendError};
//! async fn viewers(broadcaster: &Broadcaster) -> Result<u64, SendError> {
//!     let figures = broadcaster.figures("prices.").await?; // channels whose names begin so
//!     Ok(figures.channels.iter().filter_map(|channel| channel.subscriptions).sum())
//! }
//! ```
//!
//! The server in this process answers from memory, those of the drivers `reverb` and `pusher` are asked over HTTP. The drivers
//! `redis`, `log` and `null` have no figures.

use std::{future::Future, pin::Pin};

use serde::Serialize;

use crate::error::DriverError;

/// A driver's figures, later; see [`Driver::figures`](crate::driver::Driver::figures).
pub type Asking<'a> = Pin<Box<dyn Future<Output = Result<Figures, DriverError>> + Send + 'a>>;

/// What goes on at a server, in one application: what [`Broadcaster::figures`](crate::Broadcaster::figures) gives.
///
/// ```
/// # #[cfg(feature = "embedded")]
/// # {
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// # use resound::{Broadcaster, embedded::{Embedded, Options}};
/// let embedded = Embedded::start(Options::new())?;
/// let broadcaster = Broadcaster::builder().connection("embedded", embedded.driver()).build();
/// let figures = broadcaster.figures("").await?;
/// assert_eq!(figures.connections, Some(0));
/// assert!(figures.channels.is_empty());
/// # embedded.shutdown().await;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Figures {
    /// Clients that are connected. Resound and Reverb say so; soketi and Pusher don't.
    pub connections: Option<u64>,
    /// The channels that somebody is in, in the order of their names. The server in this process gives the first 1000.
    pub channels: Vec<ChannelFigures>,
}

/// A channel that somebody is in.
///
/// ```
/// use resound::figures::ChannelFigures;
///
/// fn line(channel: &ChannelFigures) -> String {
///     match (channel.members, channel.subscriptions) {
///         (Some(users), _) => format!("{}: {users} users", channel.name),
///         (None, Some(clients)) => format!("{}: {clients} clients", channel.name),
///         (None, None) => channel.name.clone(),
///     }
/// }
/// let mut lobby = ChannelFigures::default();
/// lobby.name = "presence-lobby".to_owned();
/// lobby.members = Some(3);
/// assert_eq!(line(&lobby), "presence-lobby: 3 users");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ChannelFigures {
    /// Its full name.
    pub name: String,
    /// Connections that are in it. Over HTTP servers say so of channels other than presence channels.
    pub subscriptions: Option<u64>,
    /// Users that are in it, on presence channels: who is there with two pages counts once.
    pub members: Option<u64>,
}
