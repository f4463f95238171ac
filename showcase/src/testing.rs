//! A browser without a screen, for tests of handlers: it keeps cookies, and fills forms in with their token.

use axum::{
    Router,
    body::Body,
    http::{Request, Response, StatusCode, header},
};
use http_body_util::BodyExt as _;
use resound::Fake;
use serde_json::Value;
use sqlx::sqlite::SqlitePoolOptions;
use tower::ServiceExt as _;

use crate::{
    app::App,
    database,
    router::router,
    session::{Key, Session},
};

/// What a connection's id looks like.
pub const SOCKET: &str = "123.456";

/// The application with an empty database, and what it broadcasts.
pub struct Showcase {
    pub app: App,
    pub fake: Fake,
    router: Router,
}

impl Showcase {
    pub async fn new() -> Self {
        let fake = Fake::new();
        let db =
            SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
        database::create(&db).await.unwrap();
        let key = Key::load(&db).await.unwrap();
        let app = App::new(db, fake.broadcaster(), key);
        Self { router: router(&app), app, fake }
    }

    /// The browser of a user.
    pub fn user(&self, id: i64) -> Browser<'_> {
        Browser { showcase: self, session: Session::new(Some(id)) }
    }

    /// The browser of a guest.
    pub fn guest(&self) -> Browser<'_> {
        Browser { showcase: self, session: Session::new(None) }
    }
}

/// Somebody's browser.
pub struct Browser<'a> {
    showcase: &'a Showcase,
    session: Session,
}

impl Browser<'_> {
    /// The answer to a script.
    pub async fn get(&self, path: &str) -> Answer {
        self.request(Request::get(path), String::new()).await
    }

    /// The answer to a script that sends a form with its token.
    pub async fn post(&self, path: &str, form: &str) -> Answer {
        let token = self.session.token(&self.showcase.app.key);
        self.forge(path, &format!("{form}&_token={token}")).await
    }

    /// The answer to a form as it is.
    pub async fn forge(&self, path: &str, form: &str) -> Answer {
        let kind = "application/x-www-form-urlencoded";
        let request = Request::post(path).header(header::CONTENT_TYPE, kind);
        self.request(request, form.to_owned()).await
    }

    /// The answer to a script that sends bytes with the token.
    pub async fn send(&self, path: &str, bytes: &[u8]) -> Answer {
        let token = self.session.token(&self.showcase.app.key);
        self.request(Request::post(path).header("x-csrf-token", token), bytes.to_vec()).await
    }

    async fn request(
        &self,
        request: axum::http::request::Builder,
        body: impl Into<Body>,
    ) -> Answer {
        let cookie = self.session.cookie(&self.showcase.app.key);
        let cookie = cookie.split(';').next().unwrap_or_default();
        let request = request
            .header(header::COOKIE, cookie)
            .header(header::ACCEPT, "application/json")
            .header("x-socket-id", SOCKET);
        let request = request.body(body.into()).unwrap();
        Answer::read(self.showcase.router.clone().oneshot(request).await.unwrap()).await
    }
}

/// An answer with its text.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub text: String,
}

impl Answer {
    async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Self { status: parts.status, text }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|_| panic!("this is no JSON: {}", self.text))
    }

    /// What a person is told who may not do this.
    pub fn problem(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().to_owned()
    }
}
