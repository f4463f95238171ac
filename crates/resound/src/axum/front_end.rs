//! Echo's options for pages, as a script and as JSON.

use axum::{
    Router,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};

use crate::{
    broadcaster::Broadcaster,
    front_end::{EchoOptions, PublicScheme},
};

/// What proxies say about the browser's side.
const FORWARDED_SCHEME: &str = "x-forwarded-proto";

/// Two routes that tell pages how to reach the server: `/broadcasting/echo.js`, a script that sets `window.resound`, and
/// `/broadcasting/echo.json`.
///
/// The script is for `<script src="/broadcasting/echo.js">`, which every Content-Security-Policy with `'self'` allows. The
/// JSON is for pages that fetch it: where the server is where the page comes from, it is made of the request's `Host` and
/// `X-Forwarded-Proto`. Neither holds a secret.
///
/// ```
/// use axum::Router;
/// use resound::Broadcaster;
///
/// let broadcaster = Broadcaster::null();
/// let router: Router = Router::new().merge(resound::axum::front_end(&broadcaster));
/// # let _ = router;
/// ```
pub fn front_end<S: Clone + Send + Sync + 'static>(broadcaster: &Broadcaster) -> Router<S> {
    let options = broadcaster.front_end();
    let script = options.javascript();
    let script = async move || answer("text/javascript", script);
    let json = async move |uri: Uri, headers: HeaderMap| json(options, &uri, &headers);
    Router::new()
        .route("/broadcasting/echo.js", get(script))
        .route("/broadcasting/echo.json", get(json))
}

fn json(options: EchoOptions, uri: &Uri, headers: &HeaderMap) -> Response {
    let scheme = match headers.get(FORWARDED_SCHEME).and_then(|value| value.to_str().ok()) {
        Some(schemes) if schemes.trim_start().starts_with("https") => PublicScheme::Https,
        _ => PublicScheme::Http,
    };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| uri.authority().map(|authority| authority.as_str()));
    let options = match host.filter(|host| is_host(host)) {
        Some(host) => options.on(scheme, host),
        None => options,
    };
    match options.json() {
        Ok(json) => answer("application/json", json),
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}

fn is_host(text: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
    !text.is_empty() && text.bytes().all(is_part)
}

/// Not stored: it is configuration, and another page may have another host.
fn answer(content_type: &'static str, body: String) -> Response {
    let headers = [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-store")];
    (headers, body).into_response()
}
