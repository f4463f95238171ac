//! A signed cookie says who a browser is, and forms carry a token that only this browser's pages have.

use axum::{
    body::{Body, to_bytes},
    extract::{FromRequest as _, FromRequestParts, Request, State},
    http::{HeaderMap, HeaderValue, Method, header, request::Parts},
    middleware::Next,
    response::Response,
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use sha2::Sha256;
use sqlx::SqlitePool;

use crate::{
    app::App,
    reply::{Form, Problem},
};

const COOKIE: &str = "showcase";
const COOKIE_SECONDS: u32 = 30 * 24 * 60 * 60;
const KEY_BYTES: usize = 32;
const FORM_BYTES_MAX: usize = 64 * 1024;

/// Who a browser is: a random id, and the user that it has chosen to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: String,
    pub user: Option<i64>,
}

impl Session {
    /// A new session; it never takes over the id of an old one.
    pub fn new(user: Option<i64>) -> Self {
        Self { id: hex(&random::<8>()), user }
    }

    /// The `Set-Cookie` header that makes it the browser's.
    pub fn cookie(&self, key: &Key) -> String {
        let (text, mac) = (self.text(), key.sign("cookie", &self.text()));
        format!("{COOKIE}={text}.{mac}; Path=/; HttpOnly; SameSite=Lax; Max-Age={COOKIE_SECONDS}")
    }

    /// The token of this browser's forms.
    pub fn token(&self, key: &Key) -> String {
        key.sign("form", &self.text())
    }

    fn text(&self) -> String {
        format!("{}.{}", self.id, self.user.unwrap_or_default())
    }

    fn read(key: &Key, headers: &HeaderMap) -> Option<Self> {
        let (text, mac) = cookie(headers, COOKIE)?.rsplit_once('.')?;
        let (id, user) = text.split_once('.')?;
        let session = Self { id: id.to_owned(), user: user.parse().ok().filter(|id| *id > 0) };
        is_same(&key.sign("cookie", text), mac).then_some(session)
    }
}

/// Every request has one; see [`layer`].
impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get()
            .cloned()
            .ok_or_else(|| Problem::failed("this route has no session layer"))
    }
}

/// Reads the cookie, or begins the session of a guest.
pub async fn layer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let known = Session::read(&app.key, request.headers());
    let is_new = known.is_none();
    let session = known.unwrap_or_else(|| Session::new(None));
    request.extensions_mut().insert(session.clone());
    let mut response = next.run(request).await;
    if is_new && !response.headers().contains_key(header::SET_COOKIE) {
        set_cookie(&mut response, &session.cookie(&app.key));
    }
    response
}

/// Lets requests that change something through only if they carry the token: in the field `_token` or in the header
/// `X-CSRF-Token`.
pub async fn refuse_forged_forms(
    State(app): State<App>,
    session: Session,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    #[derive(Deserialize)]
    struct Fields {
        _token: String,
    }

    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(next.run(request).await);
    }
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, FORM_BYTES_MAX).await.map_err(|_| Problem::too_large())?;
    let token = match parts.headers.get("x-csrf-token") {
        Some(token) => token.to_str().ok().map(str::to_owned),
        None => {
            let copy = Request::from_parts(parts.clone(), Body::from(body.clone()));
            Form::<Fields>::from_request(copy, &()).await.ok().map(|Form(fields)| fields._token)
        }
    };
    if !token.is_some_and(|token| is_same(&session.token(&app.key), &token)) {
        return Err(Problem::forged());
    }
    Ok(next.run(Request::from_parts(parts, Body::from(body))).await)
}

/// The value of a cookie.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split("; ")).filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Adds a `Set-Cookie` header.
pub fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// The key of all signatures.
pub struct Key([u8; KEY_BYTES]);

impl Key {
    /// The key in the database; made at the first start, so that sessions outlive the process.
    pub async fn load(db: &SqlitePool) -> anyhow::Result<Self> {
        let new = random::<KEY_BYTES>();
        sqlx::query("INSERT INTO settings VALUES ('key', ?) ON CONFLICT DO NOTHING")
            .bind(&new[..])
            .execute(db)
            .await?;
        let key: Vec<u8> = sqlx::query_scalar("SELECT value FROM settings WHERE name = 'key'")
            .fetch_one(db)
            .await?;
        let key =
            key.try_into().map_err(|_| anyhow::anyhow!("the key in the database is damaged"))?;
        Ok(Self(key))
    }

    /// A signature, for this purpose only.
    pub fn sign(&self, purpose: &str, text: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any length is a key");
        mac.update(format!("{purpose}:{text}").as_bytes());
        hex(&mac.finalize().into_bytes())
    }
}

/// Compares without telling by its duration where the difference is.
fn is_same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

/// Random bytes.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    bytes
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_that_was_changed_is_none() {
        let key = Key([7; KEY_BYTES]);
        let session = Session::new(Some(3));
        let cookie = session.cookie(&key);
        let read = |key: &Key, cookie: &str| {
            let mut headers = HeaderMap::new();
            let pair = cookie.split(';').next().unwrap_or_default();
            headers.insert(header::COOKIE, format!("a=b; {pair}").parse().unwrap());
            Session::read(key, &headers)
        };
        assert_eq!(read(&key, &cookie), Some(session.clone()));
        assert_eq!(read(&key, &cookie.replace(".3.", ".2.")), None);
        assert_eq!(read(&Key([8; KEY_BYTES]), &cookie), None);
        assert_eq!(read(&key, "showcase=nonsense"), None);
        assert_ne!(session.token(&key), session.cookie(&key));
    }
}
