//! Polls: one vote per person, and results that move while others vote.
//!
//! Votes may come by the hundred, and each would be a message to every viewer. So results are sent as they are now, not
//! vote by vote, and at most five times a second: see [`coalesce`].

mod coalesce;
mod events;
mod store;
#[cfg(test)]
mod tests;

use std::time::Duration;

use askama::Template;
use axum::{
    Extension, Json, Router,
    extract::{Path, State},
    routing::get,
};
use serde::Deserialize;

use self::{
    coalesce::Coalesce,
    events::ResultsChanged,
    store::{POLLS_MAX, Poll, Results},
};
use crate::{
    app::App,
    layout::{Frame, View, view},
    pages::{Page, activity},
    reply::{Done, Form, Problem},
    text,
    visitor::{User, Visitor},
};

/// Results need no permission: their channel is public.
pub const PAGE: Page = Page {
    routes,
    migration: include_str!("migration.sql"),
    ..Page::new("poll", "Poll", "One vote per person, and results that move while others vote.")
};

const PAUSE: Duration = Duration::from_millis(200);
const QUESTION_CHARACTERS_MAX: usize = 140;
const LABEL_CHARACTERS_MAX: usize = 80;
const OPTIONS_MAX: usize = 8;

fn routes() -> Router<App> {
    Router::new()
        .route("/poll", get(list).post(ask))
        .route("/poll/{poll}", get(show).post(vote))
        .route("/poll/{poll}/results", get(results))
        .layer(Extension(Coalesce::every(PAUSE)))
}

#[derive(Template)]
#[template(path = "pages/poll/list.html")]
struct ListPage {
    frame: Frame,
    polls: Vec<Poll>,
}

async fn list(frame: Frame, State(app): State<App>) -> View {
    let polls = Poll::newest(&app.db).await?;
    view(&ListPage { frame, polls })
}

#[derive(Template)]
#[template(path = "pages/poll/page.html")]
struct PollPage {
    frame: Frame,
    poll: Poll,
    results: Results,
    /// The option that the visitor has voted for.
    choice: Option<i64>,
}

async fn show(frame: Frame, State(app): State<App>, Path(poll): Path<i64>) -> View {
    let poll = Poll::find(&app.db, poll).await?.ok_or_else(Problem::not_found)?;
    let results = Results::of(&app.db, poll.id).await?;
    let choice = poll.choice(&app.db, &frame.visitor).await?;
    view(&PollPage { frame, poll, results, choice })
}

#[derive(Deserialize)]
struct Vote {
    option: i64,
}

/// A guest is a person as far as this browser's cookie goes; an election would want users.
async fn vote(
    State(app): State<App>,
    Extension(coalesce): Extension<Coalesce>,
    visitor: Visitor,
    Path(poll): Path<i64>,
    Form(vote): Form<Vote>,
) -> Result<Done, Problem> {
    let poll = Poll::find(&app.db, poll).await?.ok_or_else(Problem::not_found)?;
    if !poll.has(&app.db, vote.option).await? {
        return Err(Problem::invalid("Choose one of the answers."));
    }
    let mut tx = app.broadcaster.begin(&app.db).await?;
    if !poll.vote(&mut tx, &visitor, vote.option).await? {
        return Err(Problem::conflict("You have voted already."));
    }
    // That somebody voted, not what for.
    let did = format!("voted on “{}”", poll.question);
    activity::record(&mut tx, &visitor, &did, &format!("/poll/{}", poll.id)).await?;
    tx.commit().await?;
    coalesce.run(poll.id, move || send_results(app.clone(), poll.id));
    Ok(Done::back())
}

async fn send_results(app: App, poll: i64) {
    match Results::of(&app.db, poll).await {
        Ok(results) => app.broadcaster.send(ResultsChanged { poll, results }).await,
        Err(error) => tracing::error!(%error, poll, "the results of a poll could not be sent"),
    }
}

async fn results(State(app): State<App>, Path(poll): Path<i64>) -> Result<Json<Results>, Problem> {
    Ok(Json(Results::of(&app.db, poll).await?))
}

#[derive(Deserialize)]
struct Question {
    question: String,
    /// One option on each line.
    options: String,
}

async fn ask(
    State(app): State<App>,
    _: User,
    visitor: Visitor,
    Form(form): Form<Question>,
) -> Result<Done, Problem> {
    let question = text::checked("A question", &form.question, QUESTION_CHARACTERS_MAX)?;
    let lines = form.options.lines().filter(|line| !line.trim().is_empty());
    let options = lines.map(|line| text::checked("An answer", line, LABEL_CHARACTERS_MAX));
    let options = options.collect::<Result<Vec<_>, _>>()?;
    if !(2..=OPTIONS_MAX).contains(&options.len()) {
        return Err(Problem::invalid(format!("A question needs 2 to {OPTIONS_MAX} answers.")));
    }
    let mut tx = app.broadcaster.begin(&app.db).await?;
    let poll = Poll::add(&mut tx, question, &options).await?;
    let poll =
        poll.ok_or_else(|| Problem::conflict(format!("There are {POLLS_MAX} questions already.")))?;
    let link = format!("/poll/{poll}");
    activity::record(&mut tx, &visitor, &format!("asked “{question}”"), &link).await?;
    tx.commit().await?;
    Ok(Done::at(link))
}
