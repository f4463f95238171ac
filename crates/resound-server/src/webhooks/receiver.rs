//! One receiver of an application's webhooks, and what waits for it.
//!
//! Events wait in lanes by their channel: those of one channel arrive in their order, and a webhook that is tried
//! again and again holds up the channels of its lane only. What has come to a lane while a request was under way
//! goes together, in one body.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use resound_hub::{app::LiveApp, webhook::Webhook};
use resound_protocol::webhook::{Event, body};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
};

use super::{counts::Counts, courier::Courier, persistence::persist, report::Report};
use crate::{authorise::Client, clock::unix_millis};

/// Requests to one receiver at once.
pub(super) const LANES: usize = 8;
/// Events that may wait for one receiver.
pub(super) const WAITING_MAX: usize = 10_000;
/// Bytes of these events.
pub(super) const WAITING_BYTES_MAX: usize = 16 << 20;
/// Bytes of a body of several events.
const BODY_BYTES_MAX: usize = 64 << 10;

/// The way to a receiver's lanes. When it is dropped, they send what waits, and end.
#[derive(Debug)]
pub(super) struct Receiver {
    webhook: Webhook,
    key: Box<str>,
    secret: Box<str>,
    lanes: Vec<mpsc::Sender<Job>>,
    places: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    post: Arc<Post>,
}

/// An event that waits.
#[derive(Debug)]
struct Job {
    json: String,
    /// Its parts of [`WAITING_MAX`] and [`WAITING_BYTES_MAX`].
    _room: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

/// What the lanes share.
#[derive(Debug)]
struct Post {
    courier: Arc<Courier>,
    counts: Arc<Counts>,
    report: Report,
}

impl Receiver {
    /// Starts the lanes among `tasks`.
    pub(super) fn start(
        app: &LiveApp,
        webhook: &Webhook,
        client: Client,
        counts: &Arc<Counts>,
        batch_max: usize,
        tasks: &mut JoinSet<()>,
    ) -> Option<Self> {
        let courier = Arc::new(Courier::new(app, webhook, client)?);
        let report = Report::new(&app.id, &webhook.url);
        let post = Arc::new(Post { courier, counts: Arc::clone(counts), report });
        let lanes = (0..LANES).map(|_| {
            let (sender, jobs) = mpsc::channel(WAITING_MAX);
            tasks.spawn(lane(jobs, Arc::clone(&post), batch_max));
            sender
        });
        Some(Self {
            lanes: lanes.collect(),
            webhook: webhook.clone(),
            key: app.key.clone(),
            secret: app.secret.clone(),
            places: Arc::new(Semaphore::new(WAITING_MAX)),
            bytes: Arc::new(Semaphore::new(WAITING_BYTES_MAX)),
            post,
        })
    }

    /// Whether it is the receiver that is configured so.
    pub(super) fn is(&self, app: &LiveApp, webhook: &Webhook) -> bool {
        self.webhook == *webhook && self.key == app.key && self.secret == app.secret
    }

    /// Takes an event, if the receiver wants to know of it.
    pub(super) fn tell(&self, event: &Event) {
        if !self.webhook.wants(event.what.kind(), &event.channel) {
            return;
        }
        let Post { counts, report, .. } = &*self.post;
        if self.enter(event).is_none() {
            counts.count_refused(1);
            report.refused(counts.waiting());
        }
    }

    fn enter(&self, event: &Event) -> Option<()> {
        let json = event.to_json();
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let bytes = u32::try_from(json.len()).ok()?;
        let bytes = Arc::clone(&self.bytes).try_acquire_many_owned(bytes).ok()?;
        // Counted before it can be sent.
        self.post.counts.enter();
        let job = Job { json, _room: (place, bytes) };
        let sent = self.lanes[lane_of(&event.channel)].try_send(job);
        if sent.is_err() {
            self.post.counts.leave();
        }
        sent.ok()
    }
}

fn lane_of(channel: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    channel.hash(&mut hasher);
    (hasher.finish() % LANES as u64) as usize
}

/// Sends what comes, one body after the other.
async fn lane(mut jobs: mpsc::Receiver<Job>, post: Arc<Post>, batch_max: usize) {
    let mut batch = Vec::new();
    while jobs.recv_many(&mut batch, batch_max).await > 0 {
        let mut rest = &batch[..];
        while !rest.is_empty() {
            let (part, later) = rest.split_at(fitting(rest.iter().map(|job| job.json.len())));
            post.deliver(part).await;
            rest = later;
        }
        batch.clear();
    }
}

/// How many of these sizes fit into one body; at least one.
fn fitting(sizes: impl Iterator<Item = usize>) -> usize {
    let mut sum = 0;
    let fitting = sizes.take_while(|size| {
        sum += size;
        sum <= BODY_BYTES_MAX
    });
    fitting.count().max(1)
}

impl Post {
    async fn deliver(&self, jobs: &[Job]) {
        let Self { courier, counts, report } = self;
        let body = body(unix_millis(), jobs.iter().map(|job| &*job.json));
        let Some(request) = courier.request(body) else { return };
        let attempt = || {
            let (courier, request) = (Arc::clone(courier), request.clone());
            async move { courier.send(request).await }
        };
        let failed = |reason: &str, seconds: Option<u64>| {
            counts.count_failure();
            if let Some(seconds) = seconds {
                report.failed(reason, seconds);
            }
        };
        match persist(attempt, failed).await {
            Ok(()) => {
                counts.count_sent(jobs.len());
                report.taken();
            }
            Err(reason) => {
                counts.count_given_up(jobs.len());
                report.given_up(&reason, jobs.len());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use resound_hub::{
        app::{App, AppOptions, Apps},
        webhook::ChannelFilter,
    };
    use resound_protocol::webhook::{Kinds, What};

    use super::*;
    use crate::authorise::tls::Trust;

    /// A receiver whose lanes have no chance to send anything, and what it counts after so many events.
    async fn told(events: usize, data_bytes: usize) -> Arc<Counts> {
        let options = AppOptions::default();
        let app = App { id: "a".into(), key: "k".into(), secret: "s".into(), options };
        let apps = Apps::new([app]);
        let app = apps.by_id("a").expect("it was made");
        let filter = ChannelFilter::default();
        let url = "http://127.0.0.1:1/".into();
        let webhook = Webhook { url, kinds: Kinds::ALL, filter, headers: Vec::new() };
        let client = Client::new(Trust::Roots(rustls::RootCertStore::empty()), 1);
        let (counts, mut tasks) = (Arc::new(Counts::default()), JoinSet::new());
        let receiver = Receiver::start(app, &webhook, client, &counts, 10, &mut tasks);
        let receiver = receiver.expect("a URL");
        for at in 0..events {
            let user_id = "x".repeat(data_bytes);
            let what = What::MemberAdded { user_id };
            receiver.tell(&Event { channel: format!("presence-{at}"), what });
        }
        counts
    }

    #[tokio::test]
    async fn so_many_events_wait_and_the_rest_is_dropped_and_counted() {
        let counts = told(WAITING_MAX + 5, 1).await;
        assert_eq!((counts.waiting(), counts.dropped()), (WAITING_MAX as u64, 5));
    }

    #[tokio::test]
    async fn so_many_bytes_wait_and_the_rest_is_dropped_and_counted() {
        let counts = told(40, 1 << 20).await;
        assert_eq!((counts.waiting(), counts.dropped()), (15, 25));
    }

    #[test]
    fn a_body_of_several_events_is_bounded_and_one_event_always_fits() {
        assert_eq!(fitting([10; 5].into_iter()), 5);
        assert_eq!(fitting([BODY_BYTES_MAX - 1, 1, 1].into_iter()), 2);
        assert_eq!(fitting([BODY_BYTES_MAX * 2, 1].into_iter()), 1);
    }
}
