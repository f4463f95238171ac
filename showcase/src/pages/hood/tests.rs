use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::http::StatusCode;
use resound::{
    Broadcaster, Envelope, broadcast,
    driver::{Driver, Sending},
    figures::{Asking, ChannelFigures, Figures},
};
use serde_json::json;

use super::{
    CHANNEL,
    events::FiguresChanged,
    figures::{CHANNELS_MAX, Now},
    live::Live,
    record::{EVENTS_MAX, Record, Summary},
};
use crate::{app::App, layout, pages::PAGES, session::Key, testing::Showcase};

fn event(channels: &[&str], name: &str) -> Envelope {
    let channels = channels.iter().copied();
    Envelope::of(&broadcast::on(channels).name(name.to_owned()).with("a secret"), r"App\Events")
        .unwrap()
}

fn channel(name: impl Into<String>, subscriptions: u64) -> ChannelFigures {
    let mut channel = ChannelFigures::default();
    (channel.name, channel.subscriptions) = (name.into(), Some(subscriptions));
    channel
}

fn figures(channels: Vec<ChannelFigures>) -> Option<Figures> {
    let mut figures = Figures::default();
    (figures.connections, figures.channels) = (Some(3), channels);
    Some(figures)
}

fn silence() -> Summary {
    Record::new(0).summary(0)
}

#[test]
fn of_an_event_its_name_its_channel_and_its_size_are_told_but_not_what_it_says() {
    let mut record = Record::new(0x10);
    record.add(&event(&["private-chat.1", "private-chat.2"], r"App\Events\MessageSent"), 5_000);
    let Summary { count, latest, .. } = record.summary(6_000);
    assert_eq!(count, 1);
    assert_eq!(
        json!(latest[0]),
        json!({ "id": "10-1", "times": 1, "name": "MessageSent", "channel": "private-chat.1", "others": 1, "bytes": 10, "at_ms": 5000 })
    );
    assert_eq!(latest[0].clock(), "00:00:05");
}

#[test]
fn the_pages_own_updates_are_not_part_of_the_picture() {
    let mut record = Record::new(0);
    record.add(&event(&[CHANNEL], "FiguresChanged"), 0);
    assert_eq!((record.summary(0).count, record.summary(0).latest.len()), (0, 0));
}

#[test]
fn the_latest_events_are_kept_the_newest_first_and_all_are_counted() {
    let mut record = Record::new(0);
    for n in 1..=1000 {
        record.add(&event(&["news"], &n.to_string()), n);
    }
    let Summary { count, latest, .. } = record.summary(1000);
    assert_eq!((count, latest.len()), (1000, EVENTS_MAX));
    assert_eq!((&*latest[0].name, &*latest[1].name), ("1000", "999"));
}

#[test]
fn what_comes_again_and_again_is_one_line_that_moves_up() {
    let mut record = Record::new(0);
    for n in 0..100 {
        record.add(&event(&["cache-ticker"], "Ticked"), n);
    }
    record.add(&event(&["news"], "Ticked"), 100);
    record.add(&event(&["cache-ticker"], "Ticked"), 101);
    let lines: Vec<_> = record.summary(200).latest.into_iter().collect();
    let lines: Vec<_> = lines.iter().map(|it| (&*it.id, &*it.channel, it.times)).collect();
    assert_eq!(lines, [("0-1", "cache-ticker", 101), ("0-101", "news", 1)]);
}

#[test]
fn events_per_second_are_those_of_the_last_ten_seconds() {
    let mut record = Record::new(0);
    for n in 0..25 {
        record.add(&event(&["news"], "n"), n * 1000);
    }
    // The 25th second is not over.
    assert_eq!(record.summary(24_500).tenths_per_second, 10);
    assert_eq!(record.summary(30_000).tenths_per_second, 5);
    assert_eq!(record.summary(60_000).tenths_per_second, 0);
}

#[test]
fn of_many_channels_those_with_the_most_subscribers_are_listed() {
    let mut channels: Vec<_> = (0..1000).map(|n| channel(format!("a{n:03}"), 1)).collect();
    channels.push(channel("poll.1", 7));
    let now = Now::new(figures(channels), silence());
    assert_eq!((now.channel_count, now.channels.len()), (1001, CHANNELS_MAX));
    assert_eq!((&*now.channels[0].name, &*now.channels[1].name), ("poll.1", "a000"));
}

#[test]
fn an_update_fits_into_what_a_server_takes_whatever_strangers_call_their_channels() {
    let long = "\"\\😀".repeat(60);
    let mut record = Record::new(u64::MAX);
    for n in 0..EVENTS_MAX {
        let mut event = event(&["c"], &format!("{n:02}{long}"));
        event.channels = vec![resound::Channel::public(long.clone()); 3];
        record.add(&event, u64::MAX / 2);
    }
    let channels = (0..1000).map(|_| channel(&long, 1_000_000)).collect();
    let now = Now::new(figures(channels), record.summary(u64::MAX / 2));
    let payload = Envelope::of(&FiguresChanged { now }, "").unwrap().payload;
    // In the body of the request it is a text within JSON; Reverb takes 10,000 bytes.
    assert!(json!(payload).to_string().len() < 9_800, "{}", json!(payload).to_string().len());
}

#[tokio::test]
async fn without_figures_the_page_says_so_and_shows_the_code_all_the_same() {
    let showcase = Showcase::new().await;
    let guest = showcase.guest();
    let page = guest.get("/hood").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("class=\"problem\">The server does not tell"), "{}", page.text);
    for page in PAGES {
        assert!(guest.get("/hood").await.text.contains(&format!("/code/{}", page.slug)));
    }
    assert_eq!(guest.get("/hood/now").await.json()["is_known"], false);
}

#[tokio::test]
async fn the_code_of_a_page_is_that_of_server_and_browser_and_its_tests() {
    let names: Vec<_> = layout::sources("chat").into_iter().map(|file| file.name).collect();
    assert_eq!(
        names,
        [
            "mod.rs",
            "events.rs",
            "migration.sql",
            "store.rs",
            "page.html",
            "page.js",
            "page.css",
            "e2e/showcase/chat.test.mjs",
            "tests.rs",
        ]
    );
    for page in PAGES {
        assert!(layout::sources(page.slug).iter().any(|file| file.name == "mod.rs"));
    }
    let showcase = Showcase::new().await;
    let code = showcase.guest().get("/code/chat").await.text;
    assert!(
        code.contains("&#60;textarea id") && !code.contains("<textarea"),
        "it is shown as text"
    );
    assert_eq!(showcase.guest().get("/code/..").await.status, StatusCode::NOT_FOUND);
}

/// A server in which somebody looks at the page, or nobody.
#[derive(Clone, Debug, Default)]
struct Watched {
    is_watched: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    sent: Arc<AtomicUsize>,
}

impl Driver for Watched {
    fn send<'a>(&'a self, _: &'a Envelope) -> Sending<'a> {
        self.sent.fetch_add(1, Relaxed);
        Box::pin(async { Ok(()) })
    }

    fn figures<'a>(&'a self, _: &'a str) -> Asking<'a> {
        let asked = self.asked.fetch_add(1, Relaxed) as u64;
        let is_watched = self.is_watched.load(Relaxed);
        // Something changes for the first five seconds.
        let channels = is_watched.then(|| channel(CHANNEL, asked.min(5)));
        Box::pin(async { Ok(figures(Vec::from_iter(channels)).unwrap_or_default()) })
    }
}

#[tokio::test]
async fn whoever_comes_right_after_a_look_is_kept_up_to_date_all_the_same() {
    let server = Watched::default();
    let broadcaster = Broadcaster::builder().connection("watched", server.clone()).build();
    let db = Showcase::new().await.app.db;
    let app = App::new(db.clone(), broadcaster, Key::load(&db).await.unwrap());
    let live = Arc::<Live>::default();
    tokio::time::pause();
    // The page is rendered, its script subscribes and asks: all within a second.
    assert!(!live.now(&app).await.is_watched);
    server.is_watched.store(true, Relaxed);
    live.follow(&app);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(server.sent.load(Relaxed) >= 4, "{server:?}");
}

#[tokio::test]
async fn updates_are_sent_while_somebody_looks_and_something_changes() {
    let server = Watched::default();
    let broadcaster = Broadcaster::builder().connection("watched", server.clone()).build();
    let db = Showcase::new().await.app.db;
    let app = App::new(db.clone(), broadcaster, Key::load(&db).await.unwrap());
    let live = Arc::<Live>::default();
    tokio::time::pause();
    let wait = async |seconds| tokio::time::sleep(Duration::from_secs(seconds)).await;

    live.follow(&app);
    wait(5).await;
    assert_eq!((server.asked.load(Relaxed), server.sent.load(Relaxed)), (2, 0), "nobody looks");

    server.is_watched.store(true, Relaxed);
    for _ in 0..100 {
        live.follow(&app);
        live.now(&app).await;
    }
    wait(60).await;
    let asked = server.asked.load(Relaxed);
    assert!((58..=63).contains(&asked), "one question a second, not {asked} in 60 seconds");
    assert_eq!(server.sent.load(Relaxed), 4, "only what is different");

    server.is_watched.store(false, Relaxed);
    wait(60).await;
    assert!(server.asked.load(Relaxed) <= asked + 3, "it ends when nobody looks");
}
