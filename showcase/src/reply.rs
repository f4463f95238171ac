//! Answers to forms. A handler says [`Done`] or [`Problem`] and need not know who asked: a script gets JSON, a form
//! without JavaScript is led back to its page, where a problem is shown.

use std::borrow::Cow;

use axum::{
    Json,
    extract::{FromRequest, Request, State, rejection::FormRejection},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use resound::notification::{NotifyError, StoreError};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    app::App,
    layout::{self, Frame},
    session::{Session, cookie, hex, set_cookie},
};

/// The cookie of a message that the next page shows.
const NOTICE: &str = "notice";

/// What a form asked for has happened.
#[derive(Clone, Debug, Default)]
pub struct Done {
    to: Option<String>,
    body: Option<Value>,
}

impl Done {
    /// The page goes on where it is.
    pub fn back() -> Self {
        Self::default()
    }

    /// The page goes on at another address of this application.
    pub fn at(path: impl Into<String>) -> Self {
        let to = path.into();
        Self { body: Some(json!({ "to": to })), to: Some(to) }
    }

    /// The page goes on where it is; its script gets this.
    pub fn with(body: impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_value(body).map_err(Problem::failed)?;
        Ok(Self { to: None, body: Some(body) })
    }
}

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        let mut response = match &self.body {
            Some(body) => Json(body).into_response(),
            None => StatusCode::NO_CONTENT.into_response(),
        };
        response.extensions_mut().insert(self);
        response
    }
}

/// Why what was asked for did not happen, for the person who asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub status: StatusCode,
    pub message: Cow<'static, str>,
}

impl Problem {
    fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, message: message.into() }
    }

    /// What was entered can't be taken.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// It contradicts what is there.
    pub fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// The same form was sent before, with something else in it: that was done.
    pub fn sent_before() -> Self {
        Self::conflict("This was sent before you changed it. Send it again if you want both.")
    }

    /// There is no such thing, or nothing that this person may see.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "There is nothing here.")
    }

    /// Guests can't do this.
    pub fn sign_in_first() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Choose who you are first, at the top of the page.")
    }

    /// It is for others to do.
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// The form did not come from a page of this browser, or from an old one.
    pub fn forged() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "This page was out of date. Please reload it and try again.",
        )
    }

    /// More than any form here sends.
    pub fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "That is too much at once.")
    }

    /// It is our fault; the reason is for the log only.
    pub fn failed(reason: impl std::fmt::Display) -> Self {
        tracing::error!(%reason, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong here. Please try again.")
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        Self::failed(error)
    }
}

impl From<NotifyError> for Problem {
    fn from(error: NotifyError) -> Self {
        Self::failed(error)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            // Somebody else's, or one that was forgotten meanwhile.
            StoreError::Unknown { .. } => Self::not_found(),
            error => Self::failed(error),
        }
    }
}

impl From<askama::Error> for Problem {
    fn from(error: askama::Error) -> Self {
        Self::failed(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Json(json!({ "message": self.message }));
        let mut response = (self.status, body).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// A form's fields; what can't be read is a [`Problem`].
#[derive(FromRequest)]
#[from_request(via(axum::Form), rejection(Problem))]
pub struct Form<T>(pub T);

impl From<FormRejection> for Problem {
    fn from(_: FormRejection) -> Self {
        Self::invalid("Something is missing in this form.")
    }
}

/// The answer to an address that does not exist.
pub async fn not_found() -> Problem {
    Problem::not_found()
}

/// Gives [`Done`] and [`Problem`] the form in which the client wants them.
pub async fn layer(
    State(app): State<App>,
    session: Session,
    request: Request,
    next: Next,
) -> Response {
    let is_form = !matches!(*request.method(), Method::GET | Method::HEAD);
    let (headers, uri) = (request.headers().clone(), request.uri().clone());
    let mut response = next.run(request).await;
    if !accepts(&headers, "text/html") {
        return response;
    }
    if let Some(done) = response.extensions_mut().remove::<Done>() {
        let to = done.to.unwrap_or_else(|| origin(&headers));
        return keep_cookies(&response, Redirect::to(&to).into_response());
    }
    // Of axum's own answers the one that matters is that an address can't be read.
    let is_foreign = response.status().is_client_error() && !is_page(&response);
    let foreign = is_foreign.then(Problem::not_found);
    if let Some(problem) = response.extensions_mut().remove::<Problem>().or(foreign) {
        if !is_form {
            let frame = Frame::new(&app, session, uri.path(), None).await;
            return layout::problem(frame, &problem);
        }
        let mut redirect = Redirect::to(&origin(&headers)).into_response();
        let message = hex(problem.message.as_bytes());
        set_cookie(
            &mut redirect,
            &format!("{NOTICE}={message}; Path=/; HttpOnly; SameSite=Lax; Max-Age=60"),
        );
        return redirect;
    }
    if !is_form && cookie(&headers, NOTICE).is_some() {
        set_cookie(&mut response, &format!("{NOTICE}=; Path=/; HttpOnly; Max-Age=0"));
    }
    response
}

/// The message for this page, if the form before it had a problem.
pub fn notice(headers: &HeaderMap) -> Option<String> {
    let digits = cookie(headers, NOTICE)?.as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    String::from_utf8(digits.chunks(2).map(byte).collect::<Option<_>>()?).ok()
}

fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|v| v.contains(kind))
}

fn is_page(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

/// The page that the form is on; never one of another site.
fn origin(headers: &HeaderMap) -> String {
    let referer = headers.get(header::REFERER).and_then(|value| value.to_str().ok());
    let path = referer.and_then(|url| url.parse::<Uri>().ok()?.into_parts().path_and_query);
    path.map(|path| path.to_string())
        .filter(|path| !path.starts_with("//"))
        .unwrap_or_else(|| "/".to_owned())
}

fn keep_cookies(from: &Response, mut to: Response) -> Response {
    for value in from.headers().get_all(header::SET_COOKIE) {
        to.headers_mut().append(header::SET_COOKIE, value.clone());
    }
    to
}
