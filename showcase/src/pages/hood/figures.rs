//! What the page shows.

use resound::figures::{ChannelFigures, Figures};
use serde::Serialize;

use super::{
    CHANNEL,
    record::{Passed, Summary, shown, summary},
};
use crate::app::App;

/// How many channels are listed, those with the most subscribers first.
pub const CHANNELS_MAX: usize = 40;

/// What goes on now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Now {
    /// Whether the server told its figures.
    pub is_known: bool,
    pub connections: Option<u64>,
    pub channel_count: usize,
    pub channels: Vec<ChannelFigures>,
    /// Whether somebody looks at this page.
    #[serde(skip)]
    pub is_watched: bool,
    /// Since this process started.
    pub sent: u64,
    pub per_second: String,
    pub events: Vec<Passed>,
    /// Whose events these are, and when that was: of two answers of one process the page keeps the later.
    pub process: String,
    pub at_ms: u64,
}

impl Now {
    pub async fn of(app: &App) -> Self {
        let figures = app.broadcaster.figures("").await;
        let figures = figures.inspect_err(|error| tracing::info!(%error, "there are no figures"));
        Self::new(figures.ok(), summary())
    }

    pub fn new(figures: Option<Figures>, summary: Summary) -> Self {
        let is_known = figures.is_some();
        let Figures { connections, mut channels, .. } = figures.unwrap_or_default();
        let channel_count = channels.len();
        let is_watched = channels.iter().any(|channel| channel.name == CHANNEL);
        // They come in the order of their names, which stays where numbers are the same.
        channels
            .sort_by_key(|channel| std::cmp::Reverse(channel.subscriptions.or(channel.members)));
        channels.truncate(CHANNELS_MAX);
        for channel in &mut channels {
            channel.name = shown(&channel.name);
        }
        let Summary { process, count, tenths_per_second, latest, at_ms } = summary;
        let per_second = format!("{}.{}", tenths_per_second / 10, tenths_per_second % 10);
        Self {
            is_known,
            connections,
            channel_count,
            channels,
            is_watched,
            sent: count,
            per_second,
            events: latest,
            process,
            at_ms,
        }
    }

    /// Whether it says something else than before.
    pub fn differs(&self, before: &Self) -> bool {
        *self != Self { at_ms: self.at_ms, ..before.clone() }
    }
}
