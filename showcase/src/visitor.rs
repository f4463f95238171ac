//! Who visits: one of the seeded users, or a guest. Anybody may choose to be anybody, this is a showcase.

use askama::{Template, filters::HtmlSafe};
use axum::{
    Router,
    extract::{FromRequestParts, State},
    http::request::Parts,
    response::{IntoResponse as _, Response},
    routing::post,
};
use resound::{Member, Model, notification::Notifiable};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::{FromRow, SqlitePool};

use crate::{
    app::App,
    reply::{Done, Form, Problem},
    session::{Session, set_cookie},
};

/// How many colours people have; `[data-tint]` in style.css.
const TINTS: u64 = 8;

/// Somebody with a name.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize)]
pub struct User {
    pub id: i64,
    pub name: String,
    pub role: String,
    pub about: String,
}

impl User {
    /// Everybody there is.
    pub async fn all(db: &SqlitePool) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as("SELECT * FROM users ORDER BY id").fetch_all(db).await
    }

    /// The user with this id.
    pub async fn find(db: &SqlitePool, id: i64) -> sqlx::Result<Option<Self>> {
        sqlx::query_as("SELECT * FROM users WHERE id = ?").bind(id).fetch_optional(db).await
    }

    pub fn is_staff(&self) -> bool {
        self.role == "staff"
    }
}

/// `App.Models.User.{id}` is the channel of a user.
impl Model for User {
    fn key(&self) -> String {
        self.id.to_string()
    }
}

impl Notifiable for User {}

/// Who sends a request; an extractor that never refuses.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Names the person in the database and on channels: the id of a user, `guest-…` for a guest.
    pub key: String,
    pub name: String,
    pub user: Option<User>,
}

impl Visitor {
    pub async fn of(session: &Session, db: &SqlitePool) -> sqlx::Result<Self> {
        let user = match session.user {
            Some(id) => User::find(db, id).await?,
            None => None,
        };
        Ok(match user {
            Some(user) => {
                Self { key: user.id.to_string(), name: user.name.clone(), user: Some(user) }
            }
            None => Self::guest(&session.id),
        })
    }

    fn guest(id: &str) -> Self {
        let number = id.get(..4).unwrap_or(id).to_uppercase();
        Self { key: format!("guest-{id}"), name: format!("Guest {number}"), user: None }
    }

    /// The member of a presence channel that this is, with what others learn of it.
    pub fn member(&self) -> Member {
        Member::new(self.key.clone()).info(json!({ "key": self.key, "name": self.name }))
    }

    pub fn is_staff(&self) -> bool {
        self.user.as_ref().is_some_and(User::is_staff)
    }

    /// The user, or a message that a guest must choose one first.
    pub fn signed_in(self) -> Result<User, Problem> {
        self.user.ok_or_else(Problem::sign_in_first)
    }
}

/// A coloured circle with somebody's initials; app.js has the same (`paint`).
#[derive(Template)]
#[template(
    source = r#"<span class="avatar" data-tint="{{ tint }}" data-initials="{{ initials }}" aria-hidden="true"></span>"#,
    ext = "html"
)]
pub struct Avatar {
    tint: u64,
    initials: String,
}

impl Avatar {
    pub fn new(key: &str, name: &str) -> Self {
        let tint = key.bytes().map(u64::from).sum::<u64>() % TINTS;
        let first = |word: &str| word.chars().next();
        let words = name.split_whitespace();
        Self {
            tint,
            initials: words.clone().take(1).chain(words.skip(1).last()).filter_map(first).collect(),
        }
    }
}

impl HtmlSafe for Avatar {}

impl FromRequestParts<App> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let session = Session::from_request_parts(parts, app).await?;
        Ok(Self::of(&session, &app.db).await?)
    }
}

/// The same for handlers that guests may not use.
impl FromRequestParts<App> for User {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Visitor::from_request_parts(parts, app).await?.signed_in()
    }
}

/// `POST /session`: to be somebody else.
pub fn routes() -> Router<App> {
    Router::new().route("/session", post(choose))
}

#[derive(Deserialize)]
struct Choice {
    /// A user, or 0 for a guest.
    user: i64,
}

async fn choose(State(app): State<App>, Form(choice): Form<Choice>) -> Result<Response, Problem> {
    let user = User::find(&app.db, choice.user).await?;
    if user.is_none() && choice.user != 0 {
        return Err(Problem::not_found());
    }
    let mut response = Done::back().into_response();
    set_cookie(&mut response, &Session::new(user.map(|user| user.id)).cookie(&app.key));
    Ok(response)
}
