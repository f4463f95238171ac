//! Live readers: articles, how many people read each of them, guests included, and what they say of it.
//!
//! Whoever reads an article is a member of its presence channel, one person however many tabs. The list has no
//! presence channel: there the server's hooks say that somebody came or went, and the numbers go to one public channel;
//! see [`census`].

mod census;
mod events;
mod store;
#[cfg(test)]
mod tests;

use askama::Template;
use axum::{
    Json, Router,
    extract::{Path, Query, State},
    routing::{get, post},
};
use resound::{Channels, SocketId};
use serde::{Deserialize, Serialize};

use self::{
    census::Readers,
    events::{ArticleChanged, CommentAdded, Commented, Liked},
    store::{Article, Comment, Figures, Reaction},
};
use crate::{
    app::App,
    layout::{Frame, View, view},
    pages::{self, Page, activity},
    reply::{Done, Form, Problem},
    session::{hex, random},
    text,
    visitor::Visitor,
};

pub const PAGE: Page = Page {
    routes,
    channels,
    hooks: census::hooks,
    migration: include_str!("migration.sql"),
    start: census::start,
    ..Page::new(
        "readers",
        "Live readers",
        "Articles, and how many people read them, guests included.",
    )
};

const COMMENT_CHARACTERS_MAX: usize = 500;
const COMMENTS_SHOWN: u32 = 50;
const COMMENTS_MAX: u32 = 1000;

fn routes() -> Router<App> {
    Router::new()
        .route("/readers", get(list))
        .route("/readers/now", get(now))
        .route("/readers/{article}", get(show))
        .route("/readers/{article}/news", get(news))
        .route("/readers/{article}/comments", post(comment))
        .route("/readers/{article}/like", post(like))
}

/// Whoever reads an article is a member of its channel, also a guest.
fn channels() -> Channels<App, Visitor> {
    pages::channels().presence(
        "readers.{article}",
        |visitor: Visitor, resound::Path(article): resound::Path<i64>, State(app): State<App>| async move {
            let article = Article::find(&app.db, article).await?;
            Ok::<_, sqlx::Error>(article.map(|_| visitor.member()))
        },
    )
}

#[derive(Template)]
#[template(path = "pages/readers/list.html")]
struct ListPage {
    frame: Frame,
    articles: Vec<Article>,
    readers: Readers,
}

async fn list(frame: Frame, State(app): State<App>) -> View {
    let articles = Article::all(&app.db).await?;
    let readers = census::count(&app.broadcaster).await.unwrap_or_default();
    view(&ListPage { frame, articles, readers })
}

/// What a page that shows the list has not heard, because it was not connected.
#[derive(Serialize)]
struct Now {
    articles: Vec<Figures>,
    /// None if the server does not answer: what the page shows is not known to be wrong.
    readers: Option<Readers>,
}

async fn now(State(app): State<App>) -> Result<Json<Now>, Problem> {
    let articles = Article::all(&app.db).await?.into_iter().map(|article| article.figures);
    let readers = census::count(&app.broadcaster).await.ok();
    Ok(Json(Now { articles: articles.collect(), readers }))
}

#[derive(Template)]
#[template(path = "pages/readers/page.html")]
struct ArticlePage {
    frame: Frame,
    article: Article,
    readers: u64,
    is_liked: bool,
    comments: Vec<Comment>,
    /// How many comments to show for older ones, if there are some.
    more: Option<u32>,
    draft: String,
}

#[derive(Deserialize)]
struct Shown {
    last: Option<u32>,
}

async fn show(
    frame: Frame,
    State(app): State<App>,
    Path(article): Path<i64>,
    Query(Shown { last }): Query<Shown>,
) -> View {
    let article = found(&app, article).await?;
    let last = last.unwrap_or(COMMENTS_SHOWN).clamp(1, COMMENTS_MAX);
    let comments = Comment::last(&app.db, article.id, last).await?;
    let is_more = comments.len() == last as usize && last < COMMENTS_MAX;
    let readers = census::count(&app.broadcaster).await.unwrap_or_default();
    view(&ArticlePage {
        readers: readers.get(&article.id).copied().unwrap_or_default(),
        is_liked: article.is_liked_by(&app.db, &frame.visitor).await?,
        more: is_more.then_some(last + COMMENTS_SHOWN),
        draft: hex(&random::<8>()),
        frame,
        article,
        comments,
    })
}

async fn found(app: &App, article: i64) -> Result<Article, Problem> {
    Article::find(&app.db, article).await?.ok_or_else(Problem::not_found)
}

#[derive(Deserialize)]
struct After {
    after: i64,
}

/// What a page that shows the article has not heard, because it was not connected.
#[derive(Serialize)]
struct News {
    figures: Figures,
    comments: Vec<Comment>,
    /// By whoever asks, in another tab perhaps.
    is_liked: bool,
}

async fn news(
    State(app): State<App>,
    visitor: Visitor,
    Path(article): Path<i64>,
    Query(After { after }): Query<After>,
) -> Result<Json<News>, Problem> {
    let article = found(&app, article).await?;
    let comments = Comment::after(&app.db, article.id, after, COMMENTS_MAX).await?;
    let is_liked = article.is_liked_by(&app.db, &visitor).await?;
    Ok(Json(News { figures: article.figures, comments, is_liked }))
}

#[derive(Deserialize)]
struct Draft {
    text: String,
    draft: String,
}

/// Whoever writes gets the comment as the answer, all other readers by the channel, and the author is notified.
async fn comment(
    State(app): State<App>,
    visitor: Visitor,
    socket: SocketId,
    Path(article): Path<i64>,
    Form(form): Form<Draft>,
) -> Result<Done, Problem> {
    let article = found(&app, article).await?;
    let author = article.author_beside(&app.db, &visitor).await?;
    let text = text::checked("A comment", &form.text, COMMENT_CHARACTERS_MAX)?;
    let draft = text::draft(&form.draft)?;
    let mut tx = app.broadcaster.begin(&app.db).await?;
    let Some(comment) = Comment::add(&mut tx, article.id, &visitor, text, draft).await? else {
        tx.rollback().await?;
        let known = Comment::of_draft(&app.db, article.id, &visitor, text, draft).await?;
        return Done::with(known.ok_or_else(Problem::sent_before)?);
    };
    let figures = Figures::next(&mut tx, article.id).await?;
    if let Some(author) = author {
        let notice = Commented::new(&article, &comment);
        app.notifier.within(&mut tx).send(&author, notice).await?;
    }
    let link = format!("/readers/{}#comment-{}", article.id, comment.id);
    activity::record(&mut tx, &visitor, &format!("commented on “{}”", article.title), &link)
        .await?;
    let done = Done::with(&comment);
    tx.send(CommentAdded { article: article.id, comment }).to_others(socket).await;
    tx.send(ArticleChanged { figures }).await;
    tx.commit().await?;
    done
}

#[derive(Deserialize)]
struct Like {
    /// What is wanted, rather than "the other way round": pressed twice, it is still that.
    like: bool,
}

/// The author hears of the first like of each person, not of those who change their mind.
async fn like(
    State(app): State<App>,
    visitor: Visitor,
    Path(article): Path<i64>,
    Form(Like { like }): Form<Like>,
) -> Result<Done, Problem> {
    let article = found(&app, article).await?;
    let author = article.author_beside(&app.db, &visitor).await?;
    let mut tx = app.broadcaster.begin(&app.db).await?;
    let reaction = article.like(&mut tx, &visitor, like).await?;
    if reaction == Reaction::None {
        tx.rollback().await?;
        return Done::with(found(&app, article.id).await?.figures);
    }
    let figures = Figures::next(&mut tx, article.id).await?;
    if reaction == Reaction::First {
        if let Some(author) = author {
            let notice = Liked::new(&article, &visitor);
            app.notifier.within(&mut tx).send(&author, notice).await?;
        }
        let did = format!("liked “{}”", article.title);
        activity::record(&mut tx, &visitor, &did, &format!("/readers/{}", article.id)).await?;
    }
    tx.send(ArticleChanged { figures: figures.clone() }).await;
    tx.commit().await?;
    Done::with(figures)
}
