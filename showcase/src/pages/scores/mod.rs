//! Scores: one event on one public channel, and three kinds of clients that hear it.
//!
//! The page uses Echo, as all pages here do. `/scores/socket-io` hears the same event by socket.io-client, which the server
//! itself serves, and `/scores/plain` with nothing but the browser's WebSocket. All three show the same board.
//!
//! The staff keeps the scores, or the league plays by itself: see [`league`].

mod events;
mod league;
mod store;
#[cfg(test)]
mod tests;

use askama::Template;
use axum::{
    Extension, Json, Router,
    extract::{Path, State},
    response::IntoResponse,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};

use self::{
    events::{LeagueChanged, ScoreChanged},
    store::{Game, League, Move},
};
use crate::{
    app::App,
    assets,
    layout::{Frame, view},
    pages::{Page, activity},
    realtime,
    reply::{Done, Form, Problem},
    router::SocketIo,
    visitor::Visitor,
};

/// Scores need no permission: their channel is public.
pub const PAGE: Page = Page {
    routes,
    migration: include_str!("migration.sql"),
    start: league::start,
    ..Page::new(
        "scores",
        "Scores",
        "Live scores, by Echo, by Socket.IO, and by a page without any framework.",
    )
};

fn routes() -> Router<App> {
    Router::new()
        .route("/scores", get(async |frame, app| show(frame, app, &WAYS[0]).await))
        .route("/scores/socket-io", get(async |frame, app| show(frame, app, &WAYS[1]).await))
        .route("/scores/plain", get(async |frame, app| show(frame, app, &WAYS[2]).await))
        .route("/scores/games", get(now))
        .route("/scores/league", post(start_or_stop))
        .route("/scores/{game}", post(play))
}

/// A way to hear of goals.
struct Way {
    path: &'static str,
    title: &'static str,
    script: &'static str,
    about: &'static str,
}

const WAYS: [Way; 3] = [
    Way {
        path: "/scores",
        title: "Echo",
        script: "page.js",
        about: "laravel-echo and pusher-js, as on all other pages.",
    },
    Way {
        path: "/scores/socket-io",
        title: "Socket.IO",
        script: "socket-io.js",
        about: "socket.io-client, from the server itself: no Echo, no pusher-js.",
    },
    Way {
        path: "/scores/plain",
        title: "No framework",
        script: "plain.js",
        about: "The browser’s own WebSocket, and these lines: no library at all.",
    },
];

#[derive(Template)]
#[template(path = "pages/scores/page.html")]
struct ScoresPage {
    frame: Frame,
    games: Vec<Game>,
    league: League,
    is_staff: bool,
    way: &'static Way,
    ways: &'static [Way],
    /// The script that makes the difference.
    code: String,
    /// Where the Socket.IO client comes from; nothing if that is the application itself.
    server: String,
}

impl ScoresPage {
    fn is(&self, title: &str) -> bool {
        self.way.title == title
    }
}

async fn show(
    frame: Frame,
    State(app): State<App>,
    way: &'static Way,
) -> Result<impl IntoResponse, Problem> {
    let server = realtime::http_origin(&app.broadcaster);
    let files = assets::folder("pages/scores");
    let code = files.into_iter().find(|(name, _)| name == way.script).unwrap_or_default().1;
    let page = ScoresPage {
        games: Game::all(&app.db).await?,
        league: League::find(&app.db).await?,
        is_staff: frame.visitor.is_staff(),
        server: server.clone(),
        frame,
        way,
        ways: &WAYS,
        code,
    };
    // Only this page may load a script from the server, and ask it over HTTP.
    let foreign = (page.is("Socket.IO") && !server.is_empty()).then_some(SocketIo { server });
    Ok((foreign.map(Extension), view(&page)?))
}

/// Lets only those through who keep the scores.
fn staff(visitor: &Visitor) -> Result<(), Problem> {
    match &visitor.user {
        None => Err(Problem::sign_in_first()),
        Some(user) if user.is_staff() => Ok(()),
        Some(_) => {
            Err(Problem::forbidden("Only the staff keeps the scores: Grace Hopper, for example."))
        }
    }
}

/// How all games stand, for pages that have just come or come back.
#[derive(Serialize)]
struct Now {
    games: Vec<Game>,
    league: League,
}

async fn now(State(app): State<App>) -> Result<Json<Now>, Problem> {
    Ok(Json(Now { games: Game::all(&app.db).await?, league: League::find(&app.db).await? }))
}

#[derive(Deserialize)]
struct Play {
    #[serde(rename = "move")]
    r#move: Move,
    /// The version of the game that was seen: of two people who press at the same time for the same goal one is told.
    version: i64,
}

async fn play(
    State(app): State<App>,
    visitor: Visitor,
    Path(game): Path<i64>,
    Form(form): Form<Play>,
) -> Result<Done, Problem> {
    staff(&visitor)?;
    let mut tx = app.broadcaster.begin(&app.db).await?;
    let Some(game) = form.r#move.make(&mut tx, game, form.version).await? else {
        let game = Game::find(&mut tx, game).await?.ok_or_else(Problem::not_found)?;
        return Err(Problem::conflict(if game.version == form.version {
            "There is no goal while nobody plays."
        } else {
            "Somebody was faster. Look at the score, and press again if it is still not right."
        }));
    };
    activity::record(&mut tx, &visitor, &did(form.r#move, &game), "/scores").await?;
    tx.send(ScoreChanged { game: game.clone() }).await;
    tx.commit().await?;
    Done::with(game)
}

fn did(r#move: Move, game: &Game) -> String {
    let Game { home, away, home_goals, away_goals, phase, .. } = game;
    let score = format!("{home} – {away} {home_goals}:{away_goals}");
    match r#move {
        Move::HomeGoal => format!("noted a goal of {home}: {score}"),
        Move::AwayGoal => format!("noted a goal of {away}: {score}"),
        Move::Next => format!("noted “{}”: {score}", phase.name()),
    }
}

#[derive(Deserialize)]
struct Plays {
    plays: bool,
}

async fn start_or_stop(
    State(app): State<App>,
    visitor: Visitor,
    Form(Plays { plays }): Form<Plays>,
) -> Result<Done, Problem> {
    staff(&visitor)?;
    let mut tx = app.broadcaster.begin(&app.db).await?;
    let league = League::set(&mut tx, plays).await?;
    tx.send(LeagueChanged { league: league.clone() }).await;
    tx.commit().await?;
    Done::with(league)
}
