use std::{collections::HashSet, path::PathBuf, time::Duration};

use axum::http::StatusCode;
use resound::Fake;

use super::{
    clock::Clock,
    events::PricesChanged,
    source::{Security, Simulated, Source},
    store::{Prices, TICKS_MAX, Tick},
};
use crate::{
    app::App,
    database,
    session::{Key, hex, random},
    testing::Showcase,
};

const PACE: Duration = Duration::from_millis(1500);
/// When a lease is over that was taken at 0.
const OVER: i64 = 4500;

fn clock(app: &App) -> Clock<Simulated> {
    Clock::new(app.clone(), Simulated { seed: 1 }, PACE)
}

fn number(tick: anyhow::Result<Option<Tick>>) -> Option<i64> {
    tick.unwrap().map(|tick| tick.tick)
}

/// The tables of one file, which several processes may open.
struct File(PathBuf);

impl File {
    fn new() -> Self {
        let name = format!("showcase-ticker-{}.sqlite", hex(&random::<8>()));
        Self(std::env::temp_dir().join(name))
    }

    /// The application in a process of its own.
    async fn process(&self) -> (App, Fake) {
        let db = database::open(&format!("sqlite:{}", self.0.display())).await.unwrap();
        database::create(&db).await.unwrap();
        let (key, fake) = (Key::load(&db).await.unwrap(), Fake::new());
        (App::new(db, fake.broadcaster(), key), fake)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        for ending in ["", "-wal", "-shm"] {
            let _may_be_missing = std::fs::remove_file(format!("{}{ending}", self.0.display()));
        }
    }
}

#[tokio::test]
async fn a_tick_is_told_at_once_on_the_cache_channel_and_kept_for_the_charts() {
    let Showcase { app, fake, .. } = &Showcase::new().await;
    let first = clock(app).tick(0).await.unwrap().unwrap();
    assert_eq!((first.tick, first.prices.len()), (1, 6));
    let told = fake.assert_broadcast::<PricesChanged>(|event| event.tick == first);
    told.on("cache-ticker").to_everyone().now();
    assert_eq!(Tick::since(&app.db, 0).await.unwrap(), [first]);
}

#[tokio::test]
async fn of_two_processes_one_ticks_and_the_other_goes_on_when_that_one_is_gone() {
    let file = File::new();
    let ((one, told_by_one), (two, told_by_two)) = (file.process().await, file.process().await);
    let (first, second) = (clock(&one), clock(&two));
    assert_eq!(number(first.tick(0).await), Some(1));
    assert_eq!(number(second.tick(10).await), None);
    assert_eq!(number(first.tick(1500).await), Some(2));
    // It would be over if it had not been prolonged.
    assert_eq!(number(second.tick(OVER).await), None);
    told_by_one.assert_count::<PricesChanged>(2);
    told_by_two.assert_nothing();

    let last = Tick::last(&one.db).await.unwrap().unwrap();
    let next = second.tick(1500 + OVER).await.unwrap().unwrap();
    assert_eq!(next.tick, 3);
    assert_eq!(next.prices, Simulated { seed: 1 }.next(2, &last.prices).await.unwrap());
    assert_eq!(number(first.tick(1501 + OVER).await), None);
    told_by_one.assert_count::<PricesChanged>(2);
    told_by_two.assert_count::<PricesChanged>(1);
}

#[tokio::test]
async fn a_clock_that_is_put_back_does_not_stop_the_ticker() {
    let file = File::new();
    let ((one, _), (two, _)) = (file.process().await, file.process().await);
    assert_eq!(number(clock(&one).tick(1_000_000).await), Some(1));
    // As much as the clocks of two processes may differ at all.
    assert_eq!(number(clock(&two).tick(1_000_000 - OVER).await), None);
    assert_eq!(number(clock(&two).tick(10).await), Some(2));
}

#[tokio::test]
async fn whoever_is_at_it_at_once_no_tick_has_a_number_twice() {
    let file = File::new();
    let ((one, _), (two, _)) = (file.process().await, file.process().await);
    let (first, second) = (clock(&one), clock(&two));
    let mut numbers = Vec::new();
    // Each time the lease of the other one is over.
    for now in (0..10).map(|n| n * 2 * OVER) {
        let (a, b) = tokio::join!(first.tick(now), second.tick(now + OVER));
        numbers.extend([a, b].into_iter().filter_map(number));
    }
    let distinct: HashSet<_> = numbers.iter().collect();
    assert_eq!(distinct.len(), numbers.len(), "{numbers:?}");
    let stored = Tick::since(&one.db, 0).await.unwrap();
    assert_eq!(stored.len(), numbers.len());
}

/// A source that takes so long that another process has taken over when it answers.
struct Slow {
    other: Clock<Simulated>,
}

impl Source for Slow {
    fn securities(&self) -> &'static [Security] {
        &[]
    }

    async fn next(&self, _: i64, _: &Prices) -> anyhow::Result<Prices> {
        self.other.tick(OVER).await?;
        Ok(Prices::default())
    }
}

#[tokio::test]
async fn a_process_that_stood_still_for_longer_than_its_lease_tells_nothing() {
    let file = File::new();
    let ((one, told_by_one), (two, told_by_two)) = (file.process().await, file.process().await);
    let slow = Clock::new(one.clone(), Slow { other: clock(&two) }, PACE);
    assert_eq!(number(slow.tick(0).await), None);
    told_by_one.assert_nothing();
    told_by_two.assert_count::<PricesChanged>(1);
    assert_eq!(Tick::since(&one.db, 0).await.unwrap().len(), 1);
}

/// A source that is down.
struct Down;

impl Source for Down {
    fn securities(&self) -> &'static [Security] {
        &[]
    }

    async fn next(&self, _: i64, _: &Prices) -> anyhow::Result<Prices> {
        anyhow::bail!("the exchange is closed")
    }
}

#[tokio::test]
async fn a_source_that_fails_leaves_no_gap() {
    let Showcase { app, fake, .. } = &Showcase::new().await;
    let Clock { lease, .. } = clock(app);
    let down = Clock { app: app.clone(), source: Down, lease };
    assert!(down.tick(0).await.is_err());
    fake.assert_nothing();
    let up = Clock { app: app.clone(), source: Simulated { seed: 1 }, lease: down.lease };
    assert_eq!(number(up.tick(1).await), Some(1));
}

#[tokio::test]
async fn a_page_gets_what_it_has_missed_and_no_more_than_the_charts_show() {
    let showcase = Showcase::new().await;
    let clock = clock(&showcase.app);
    for now in 0..70 {
        clock.tick(now).await.unwrap();
    }
    let guest = showcase.guest();
    let numbers = async |after: i64| {
        let ticks = guest.get(&format!("/ticker/since?tick={after}")).await.json();
        let ticks = ticks.as_array().unwrap();
        ticks.iter().map(|tick| tick["tick"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(numbers(67).await, [68, 69, 70]);
    assert!(numbers(70).await.is_empty());
    assert_eq!(numbers(0).await, (70 - TICKS_MAX + 1..=70).collect::<Vec<_>>());
    let nonsense = guest.get("/ticker/since?tick=%3Cb%3E").await;
    assert_eq!(nonsense.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_market_moves_stays_within_its_bounds_and_is_the_same_for_the_same_seed() {
    let walk = async |seed| {
        let market = Simulated { seed };
        let (mut prices, mut path) = (Prices::default(), Vec::new());
        for tick in 0..5000 {
            let next = market.next(tick, &prices).await.unwrap();
            for security in market.securities() {
                let (cents, before) = (next[security.symbol], prices.get(security.symbol));
                assert!((security.cents / 3..security.cents * 3).contains(&cents), "{cents}");
                assert!(before.is_none_or(|before| (cents - before).abs() <= before / 50 + 1));
            }
            prices = next;
            path.push(prices["ECHO"]);
        }
        path
    };
    let path = walk(1).await;
    assert_eq!(path, walk(1).await);
    assert_ne!(path, walk(2).await);
    let ups = path.windows(2).filter(|pair| pair[1] > pair[0]).count();
    let downs = path.windows(2).filter(|pair| pair[1] < pair[0]).count();
    assert!(ups > 2000 && downs > 2000, "{ups} times up, {downs} times down");
}

#[tokio::test]
async fn the_page_has_prices_with_signs_before_the_first_tick_and_after() {
    let showcase = Showcase::new().await;
    let page = showcase.guest().get("/ticker").await.text;
    assert!(page.contains("€124.50") && page.contains("±€0.00"));
    let insert = r#"INSERT INTO ticker_ticks (tick, prices) VALUES (1, '{"ANVL":10000,"MOTH":10000}'), (2, '{"ANVL":10105,"MOTH":9999}')"#;
    sqlx::raw_sql(insert).execute(&showcase.app.db).await.unwrap();
    let page = showcase.guest().get("/ticker").await.text;
    for text in ["€101.05", "+€1.05", "▲", "€99.99", "-€0.01", "▼"] {
        assert!(page.contains(text), "{text}");
    }
}
