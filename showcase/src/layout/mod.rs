//! The frame of all pages, the front page, and the code of each page.

mod code;

use askama::Template;
use axum::{
    Router,
    extract::FromRequestParts,
    http::request::Parts,
    response::{Html, IntoResponse as _, Response},
    routing::get,
};

pub use self::code::{Source, sources};
use crate::{
    app::App,
    assets,
    pages::{self, PAGES, Page, notifications::Bell},
    reply::{self, Problem},
    session::Session,
    visitor::{Avatar, User, Visitor},
};

/// A page as a handler returns it.
pub type View = Result<Html<String>, Problem>;

/// Renders a template.
pub fn view(template: &impl Template) -> View {
    Ok(Html(template.render()?))
}

/// What `frame.html` needs; an extractor, and a field of every template.
pub struct Frame {
    pub visitor: Visitor,
    /// None for guests.
    pub bell: Option<Bell>,
    /// Of the hidden field `_token` of every form.
    pub token: String,
    /// The problem of the form before, for browsers without JavaScript.
    pub notice: Option<String>,
    pub users: Vec<User>,
    pub pages: &'static [Page],
    /// The page that is shown, if it is one of them.
    pub slug: &'static str,
    /// Its import map, if it has one.
    pub imports: &'static str,
}

impl Frame {
    /// The frame of what is at `path`.
    pub async fn new(
        app: &App,
        session: Session,
        path: &str,
        notice: Option<String>,
    ) -> Result<Self, Problem> {
        let page = pages::at(path);
        let (slug, imports) = page.map(|page| (page.slug, page.imports)).unwrap_or_default();
        let (token, users) = (session.token(&app.key), User::all(&app.db).await?);
        let visitor = Visitor::of(&session, &app.db).await?;
        let bell = match &visitor.user {
            Some(user) => Some(Bell::of(app, user).await?),
            None => None,
        };
        Ok(Self { visitor, bell, token, notice, users, pages: PAGES, slug, imports })
    }

    /// The page that is shown, if it is one of them.
    pub fn page(&self) -> Option<&'static Page> {
        self.pages.iter().find(|page| page.slug == self.slug)
    }

    /// The files of this kind that belong to the page.
    pub fn own(&self, name: &str) -> Option<String> {
        let path = format!("pages/{}/{name}", self.slug);
        assets::exists(&path).then_some(path)
    }

    /// A circle that stands for a person: `{{ frame.avatar(user.id, user.name) }}`.
    pub fn avatar(&self, key: &(impl ToString + ?Sized), name: &str) -> Avatar {
        Avatar::new(&key.to_string(), name)
    }
}

impl FromRequestParts<App> for Frame {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let session = Session::from_request_parts(parts, app).await?;
        Self::new(app, session, parts.uri.path(), reply::notice(&parts.headers)).await
    }
}

/// `/` and `/code/{page}`.
pub fn routes() -> Router<App> {
    Router::new().route("/", get(index)).route("/code/{slug}", get(code::code))
}

#[derive(Template)]
#[template(path = "layout/index.html")]
struct Index {
    frame: Frame,
}

async fn index(frame: Frame) -> View {
    view(&Index { frame })
}

#[derive(Template)]
#[template(path = "layout/problem.html")]
struct ProblemPage<'a> {
    frame: Frame,
    problem: &'a Problem,
}

/// A page that says what is wrong.
pub fn problem(frame: Result<Frame, Problem>, problem: &Problem) -> Response {
    match frame.and_then(|frame| view(&ProblemPage { frame, problem })) {
        Ok(page) => (problem.status, page).into_response(),
        Err(worse) => (worse.status, worse.message).into_response(),
    }
}
