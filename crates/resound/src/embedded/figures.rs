//! What goes on in an embedded server.

use serde::Serialize;
use serde_json::Value;

use super::Embedded;

/// A channel that somebody is in.
///
/// ```
/// # use resound::embedded::{Embedded, Options};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let embedded = Embedded::start(Options::new().threads(1))?;
/// for channel in embedded.channels("presence-room.").await {
///     println!("{}: {} connections of {:?} users", channel.name, channel.subscriptions, channel.members);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ChannelInfo {
    /// Its full name.
    pub name: String,
    /// Connections that are in it.
    pub subscriptions: u64,
    /// Users that are in it, on presence channels: who is there with two pages counts once.
    pub members: Option<usize>,
}

/// A user that is in a presence channel.
///
/// ```
/// # use resound::embedded::{Embedded, Options};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let embedded = Embedded::start(Options::new().threads(1))?;
/// let members = embedded.members("presence-room.1").await;
/// let names: Vec<_> = members.iter().filter_map(|member| member.info["name"].as_str()).collect();
/// assert!(names.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PresentMember {
    /// The id, as a text.
    pub id: String,
    /// What others learn of the user; null if it is nothing.
    pub info: Value,
}

/// What was counted since the server started, and what there is now.
///
/// ```
/// # use resound::embedded::{Embedded, Options, Stats};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let embedded = Embedded::start(Options::new().threads(1))?;
/// let Stats { connected, deliveries, .. } = embedded.stats().await;
/// assert_eq!((connected, deliveries), (0, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Clients that are connected now.
    pub connections: usize,
    /// Channels that somebody is in now.
    pub channels: u64,
    /// Clients that have connected.
    pub connected: u64,
    /// Events that the application has published, here or over HTTP.
    pub published: u64,
    /// Messages that went to clients: one for each that an event went to, and answers to their own.
    pub deliveries: u64,
    /// Messages that came from clients.
    pub received: u64,
    /// Bytes that went to clients.
    pub bytes_out: u64,
    /// Bytes that came from clients.
    pub bytes_in: u64,
}

/// These wait for the server's threads, each for one turn of its work. A server that has stopped has nothing.
impl Embedded {
    /// How many clients are connected.
    ///
    /// ```
    /// # use resound::embedded::{Embedded, Options};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let embedded = Embedded::start(Options::new().threads(1))?;
    /// assert_eq!(embedded.connections(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn connections(&self) -> usize {
        self.server().connections()
    }

    /// The channels that somebody is in and whose names begin with `prefix`, in the order of their names: the first 1000.
    ///
    /// ```
    /// # use resound::embedded::{Embedded, Options};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let embedded = Embedded::start(Options::new().threads(1))?;
    /// let all = embedded.channels("").await;
    /// let rooms = embedded.channels("presence-room.").await;
    /// assert!(all.len() >= rooms.len());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn channels(&self, prefix: &str) -> Vec<ChannelInfo> {
        let channels = self.server().channels(prefix).await.into_iter();
        channels
            .map(|channel| ChannelInfo {
                name: channel.name,
                subscriptions: channel.subscriptions,
                members: channel.users,
            })
            .collect()
    }

    /// The users of a presence channel, in the order in which they came: the first 10,000.
    ///
    /// ```
    /// # use resound::embedded::{Embedded, Options};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let embedded = Embedded::start(Options::new().threads(1))?;
    /// let is_there = embedded.members("presence-room.1").await.iter().any(|member| member.id == "7");
    /// assert!(!is_there);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn members(&self, channel: &str) -> Vec<PresentMember> {
        let members = self.server().members(channel).await.into_iter();
        members
            .map(|member| PresentMember {
                id: member.user_id.into(),
                // It was read as JSON when it came.
                info: member
                    .user_info_json
                    .and_then(|info| serde_json::from_str(&info).ok())
                    .unwrap_or_default(),
            })
            .collect()
    }

    /// What was counted.
    ///
    /// ```
    /// # use resound::embedded::{Embedded, Options};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let embedded = Embedded::start(Options::new().threads(1))?;
    /// let stats = serde_json::to_string(&embedded.stats().await)?; // for a page of the staff
    /// assert!(stats.starts_with(r#"{"connections":0,"#));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn stats(&self) -> Stats {
        let figures = self.server().figures().await;
        Stats {
            connections: figures.connections,
            channels: figures.channels,
            connected: figures.connected,
            published: figures.published,
            deliveries: figures.messages_out,
            received: figures.messages_in,
            bytes_out: figures.bytes_out,
            bytes_in: figures.bytes_in,
        }
    }
}
