//! Whom each application wants told.

use std::sync::Arc;

use resound_hub::app::{Apps, LiveApp};
use tokio::task::JoinSet;

use super::{
    patience::Told,
    receiver::{LANES, Receiver},
};
use crate::{
    authorise::{Client, tls::Trust},
    clock::unix_millis,
    hook::Happening,
    server::Shared,
};

/// The receivers of all applications, as they are configured at the moment.
pub(super) struct Desk<'a> {
    shared: &'a Shared,
    apps: Arc<Apps>,
    /// By the application's number. One that a reload took away stays: its last channels are being vacated.
    desks: Vec<Option<AppDesk>>,
    clients: Clients,
    lanes: JoinSet<()>,
}

struct AppDesk {
    id: Arc<str>,
    receivers: Vec<Receiver>,
}

/// Connections to receivers. The system's certificates are read when somebody needs them.
#[derive(Default)]
struct Clients {
    plain: Option<Client>,
    tls: Option<Client>,
}

impl Clients {
    fn for_url(&mut self, url: &str) -> Client {
        let is_tls = url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
        let (client, trust) = if is_tls {
            (&mut self.tls, Trust::System)
        } else {
            (&mut self.plain, Trust::Roots(rustls::RootCertStore::empty()))
        };
        client.get_or_insert_with(|| Client::new(trust, LANES)).clone()
    }
}

impl<'a> Desk<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        let mut desk = Self {
            shared,
            apps: Arc::default(),
            desks: Vec::new(),
            clients: Clients::default(),
            lanes: JoinSet::new(),
        };
        desk.reload();
        desk
    }

    /// Tells who wants to know.
    pub(super) fn tell(&mut self, told: Told) {
        self.reload();
        let Some(Some(desk)) = self.desks.get(told.app.index()) else {
            return;
        };
        for receiver in &desk.receivers {
            receiver.tell(&told.event);
        }
        if let Some(listener) = self.shared.hooks.listener() {
            let (app_id, time_ms) = (Arc::clone(&desk.id), unix_millis());
            listener(&Happening { app_id, time_ms, event: told.event });
        }
    }

    /// Waits until all is sent, or given up.
    pub(super) async fn finish(mut self) {
        self.desks.clear();
        while self.lanes.join_next().await.is_some() {}
    }

    fn reload(&mut self) {
        let apps = self.shared.apps();
        if Arc::ptr_eq(&apps, &self.apps) {
            return;
        }
        while self.lanes.try_join_next().is_some() {}
        for app in apps.iter() {
            let at = app.number().index();
            self.desks.resize_with(self.desks.len().max(at + 1), || None);
            let former = self.desks[at].take();
            self.desks[at] = Some(self.desk_of(app, former));
        }
        self.apps = apps;
    }

    /// The desk of an application: receivers that stay keep what waits for them.
    fn desk_of(&mut self, app: &LiveApp, former: Option<AppDesk>) -> AppDesk {
        let mut former = former.map(|desk| desk.receivers).unwrap_or_default();
        let batch_max = self.shared.config.webhooks.batch_max;
        let receivers = app.options.webhooks.iter().filter_map(|webhook| {
            if let Some(at) = former.iter().position(|receiver| receiver.is(app, webhook)) {
                return Some(former.swap_remove(at));
            }
            let counts = self.shared.hooks.counts_of(&app.id);
            let client = self.clients.for_url(&webhook.url);
            Receiver::start(app, webhook, client, &counts, batch_max, &mut self.lanes)
        });
        AppDesk { id: (&*app.id).into(), receivers: receivers.collect() }
    }
}
