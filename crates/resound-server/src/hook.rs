//! What happens in channels, for whoever wants to know: receivers of webhooks, and an application that embeds
//! the server.

use std::sync::Arc;

pub use resound_protocol::webhook::{Event, Kind, What};

/// Something that has happened in a channel of an application.
///
/// The end of something ([`What::ChannelVacated`], [`What::MemberRemoved`]) comes some seconds late, and not at all
/// if it has begun again meanwhile: who goes to the next page was never away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// The application's id.
    pub app_id: Arc<str>,
    /// When it was found to have happened: milliseconds since 1970.
    pub time_ms: u64,
    /// The channel, and what has happened in it.
    pub event: Event,
}

/// Is told of everything, one thing after the other, those of a channel in their order. It must not block: webhooks
/// wait for it.
pub type Listener = Arc<dyn Fn(&Happening) + Send + Sync>;
