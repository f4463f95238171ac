//! What the outside is told of a channel, by the shard that owns it.
//!
//! An order holds for each channel: occupied, member added, cache miss and count when somebody comes; member
//! removed, count and vacated when somebody leaves. A session that is kept for its client's return is in
//! its channels, so that nothing happens when its transport is gone.

use std::fmt;

use resound_protocol::{
    channel::Access,
    webhook::{Kind, Kinds, What},
};

use crate::{
    app::{AppNumber, Apps},
    event::Content,
    hub::Hub,
    peer::{ChannelKey, Publication},
    sink::Sink,
};

/// By the application's number, of what the outside wants to know.
///
/// What an application wanted that a reload has taken away it goes on wanting: its last channels are still
/// being vacated then.
pub(crate) struct Wanted(Vec<Kinds>);

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Options, and those of applications that were: nothing that a hub holds.
        f.debug_struct("Wanted").finish_non_exhaustive()
    }
}

impl Wanted {
    pub(crate) fn of(apps: &Apps) -> Self {
        let mut wanted = Self(Vec::new());
        wanted.reload(apps);
        wanted
    }

    pub(crate) fn reload(&mut self, apps: &Apps) {
        for app in apps.iter() {
            let at = app.number().index();
            self.0.resize(self.0.len().max(at + 1), Kinds::NONE);
            self.0[at] = app.options.happenings;
        }
    }
}

impl Hub {
    /// Whether anybody wants to know that such things happen.
    pub(crate) fn wants(&self, app: AppNumber, kind: Kind) -> bool {
        self.wanted.0.get(app.index()).is_some_and(|kinds| kinds.contains(kind))
    }

    /// Tells that something has happened, if anybody wants to know.
    pub(crate) fn report(
        &self,
        channel: &ChannelKey,
        kind: Kind,
        what: impl FnOnce() -> What,
        sink: &mut dyn Sink,
    ) {
        if self.wants(channel.app, kind) {
            sink.happened(channel, what());
        }
    }

    /// Tells of a client's event. Only members can be asked about who they are: what somebody says in a
    /// public channel, if the application allows it, is nobody's.
    pub(crate) fn report_client_event(&self, publication: &Publication, sink: &mut dyn Sink) {
        let Publication { channel, content, except, .. } = publication;
        let (Content::FromClient(published, user_id), Some(sender)) = (content, except) else {
            return;
        };
        let is_guarded = matches!(channel.name.access(), Access::Private | Access::Presence);
        if is_guarded && self.wants(channel.app, Kind::ClientEvent) {
            let user_id = user_id.as_deref().map(str::to_owned);
            let what = What::client_event(published, sender.to_string(), user_id);
            sink.happened(channel, what);
        }
    }
}
