//! Ticker: prices that move every second or two, for whoever watches.
//!
//! * [`source`]: where prices come from; here a simulated market
//! * [`clock`]: asks it for each tick, stores the prices and tells them to everybody
//! * [`lease`]: of several processes one ticks, and another one goes on when it dies. They share the database and a
//!   server of its own (`BROADCAST_CONNECTION=reverb`); an embedded server knows its own process's viewers only.
//!
//! The channel is a cache channel: the server itself has the last prices for newcomers, nobody asks the application.

mod clock;
mod events;
mod lease;
mod source;
mod store;
#[cfg(test)]
mod tests;

use std::{env, time::Duration};

use askama::Template;
use axum::{
    Json, Router,
    extract::{Query, State},
    routing::get,
};
use serde::Deserialize;

use self::{
    clock::Clock,
    source::{Security, Simulated, Source as _},
    store::Tick,
};
use crate::{
    app::App,
    layout::{Frame, View, view},
    pages::Page,
    reply::Problem,
    text::euros,
};

/// Prices need no permission: their channel is public.
pub const PAGE: Page = Page {
    routes,
    migration: include_str!("migration.sql"),
    start,
    ..Page::new("ticker", "Ticker", "Prices that move every other second, and small charts.")
};

/// What the prices are asked of: anything that is a [`source::Source`].
const SOURCE: Simulated = Simulated { seed: 1843 };

/// The time between two ticks, unless `TICKER_MILLISECONDS` says otherwise.
const PACE: Duration = Duration::from_millis(1500);
const PACE_MIN: Duration = Duration::from_millis(50);

fn routes() -> Router<App> {
    Router::new().route("/ticker", get(show)).route("/ticker/since", get(since))
}

/// It ticks whether or not somebody watches: a tick is one row, and one message to the server, which has it for whoever
/// comes. It ends when the application closes its database.
fn start(app: &App) {
    let clock = Clock::new(app.clone(), SOURCE, pace());
    let mut end = app.db.close_event();
    tokio::spawn(async move { end.do_until(clock.run(pace())).await });
}

fn pace() -> Duration {
    let milliseconds = env::var("TICKER_MILLISECONDS").ok().and_then(|text| text.parse().ok());
    milliseconds.map_or(PACE, Duration::from_millis).max(PACE_MIN)
}

#[derive(Template)]
#[template(path = "pages/ticker/page.html")]
struct TickerPage {
    frame: Frame,
    securities: &'static [Security],
    quotes: Vec<Quote>,
    /// For the script: the ticks of the charts, as JSON.
    ticks: String,
}

/// A price, and whether it went up or down.
struct Quote {
    cents: i64,
    change: i64,
}

async fn show(frame: Frame, State(app): State<App>) -> View {
    let ticks = Tick::since(&app.db, 0).await?;
    let mut newest = ticks.iter().rev();
    let (last, before) = (newest.next(), newest.next());
    let securities = SOURCE.securities();
    let quote = |security: &Security| {
        let price = |tick: Option<&Tick>| tick?.prices.get(security.symbol).copied();
        let cents = price(last).unwrap_or(security.cents);
        Quote { cents, change: cents - price(before).unwrap_or(cents) }
    };
    let quotes = securities.iter().map(quote).collect();
    let ticks = serde_json::to_string(&ticks).map_err(Problem::failed)?;
    view(&TickerPage { frame, securities, quotes, ticks })
}

#[derive(Deserialize)]
struct Since {
    tick: i64,
}

/// What a page has not seen, because it was not connected.
async fn since(
    State(app): State<App>,
    Query(since): Query<Since>,
) -> Result<Json<Vec<Tick>>, Problem> {
    Ok(Json(Tick::since(&app.db, since.tick).await?))
}

impl Quote {
    fn price(&self) -> String {
        euros(self.cents)
    }

    /// With its sign, so that colour is not all that tells.
    fn change(&self) -> String {
        match self.change {
            0 => "±€0.00".to_owned(),
            up if up > 0 => format!("+{}", euros(up)),
            down => format!("-{}", euros(-down)),
        }
    }

    fn direction(&self) -> &'static str {
        match self.change {
            0 => "same",
            up if up > 0 => "up",
            _ => "down",
        }
    }

    fn arrow(&self) -> &'static str {
        match self.change {
            0 => "●",
            up if up > 0 => "▲",
            _ => "▼",
        }
    }
}
