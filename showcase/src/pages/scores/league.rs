//! A league that plays by itself, for whoever has nobody to press the buttons. The staff starts and stops it.
//!
//! Its moves are those of the buttons, and games have versions, so that both may play at once.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{self, MissedTickBehavior};

use super::{
    events::ScoreChanged,
    store::{Game, League, Move},
};
use crate::{
    app::App,
    session::{hex, random},
};

/// Between two moves.
const TICK: Duration = Duration::from_secs(2);
/// Of several processes one plays. If it dies another one goes on after this time.
const LEASE_SECONDS: i64 = 10;

/// Plays until the application ends.
pub fn start(app: &App) {
    let (app, process) = (app.clone(), hex(&random::<8>()));
    let mut tick = time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tokio::spawn(async move {
        while !app.db.is_closed() {
            tick.tick().await;
            let source = |games: &[Game]| at_random(games, random());
            if let Err(error) = play(&app, &process, unix_seconds(), source).await {
                tracing::warn!(%error, "the league could not play");
            }
        }
    });
}

/// Makes one move, if the league plays and this process is the one that plays it. `source` says which: another game, a
/// feed of real ones, or a test.
pub async fn play(
    app: &App,
    process: &str,
    now: i64,
    source: impl FnOnce(&[Game]) -> (i64, Move),
) -> sqlx::Result<Option<Game>> {
    if !League::find(&app.db).await?.plays {
        return Ok(None);
    }
    let games = Game::all(&app.db).await?;
    let (id, r#move) = source(&games);
    let Some(seen) = games.iter().find(|game| game.id == id) else { return Ok(None) };
    let mut tx = app.broadcaster.begin(&app.db).await?;
    if !League::lease(&mut tx, process, now, LEASE_SECONDS).await? {
        return Ok(None);
    }
    let moved = r#move.make(&mut tx, id, seen.version).await?;
    if let Some(game) = moved.clone() {
        tx.send(ScoreChanged { game }).await;
    }
    // Also if somebody pressed a button meanwhile: the lease goes on.
    tx.commit().await?;
    Ok(moved)
}

/// What two dice make of the games: football, more or less.
pub fn at_random(games: &[Game], [which, what]: [u8; 2]) -> (i64, Move) {
    let game = &games[usize::from(which) % games.len()];
    let r#move = match what {
        0..100 if game.phase.is_on() => Move::HomeGoal,
        100..180 if game.phase.is_on() => Move::AwayGoal,
        _ => Move::Next,
    };
    (game.id, r#move)
}

fn unix_seconds() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(now).unwrap_or_default()
}
