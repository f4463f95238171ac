//! Who is told over HTTP what happens in an application's channels. What is sent, and when, is the
//! server's business; here it is only written down with the rest of an application's options.

use std::fmt;

use resound_protocol::webhook::{Kind, Kinds};

/// One receiver of an application's webhooks.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where it is told, an `http` or `https` URL; it may contain a secret.
    pub url: Box<str>,
    /// Of what.
    pub kinds: Kinds,
    /// In which channels.
    pub filter: ChannelFilter,
    /// Headers of its own that each request has; secrets, as a rule.
    pub headers: Vec<(Box<str>, Box<str>)>,
}

/// Which channels a receiver wants to hear of: those whose full names begin and end so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelFilter {
    /// `channel_name_starts_with`; empty for all.
    pub starts_with: Box<str>,
    /// `channel_name_ends_with`; empty for all.
    pub ends_with: Box<str>,
}

impl Webhook {
    /// Whether the receiver wants to know.
    pub fn wants(&self, kind: Kind, channel: &str) -> bool {
        self.kinds.contains(kind) && self.filter.fits(channel)
    }
}

impl ChannelFilter {
    /// Whether a channel's name fits.
    ///
    /// ```
    /// use resound_hub::webhook::ChannelFilter;
    ///
    /// let filter = ChannelFilter { starts_with: "presence-".into(), ends_with: ".eu".into() };
    /// assert!(filter.fits("presence-room.eu") && !filter.fits("presence-room.us"));
    /// ```
    pub fn fits(&self, channel: &str) -> bool {
        channel.starts_with(&*self.starts_with) && channel.ends_with(&*self.ends_with)
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kinds, filter, .. } = self;
        f.debug_struct("Webhook")
            .field("kinds", kinds)
            .field("filter", filter)
            .finish_non_exhaustive()
    }
}
