//! The files that browsers load, and the application's own code, which its pages show. A debug build reads them from the
//! disk for each request, so that a change is there after a reload; a release build contains them.

use axum::{
    Router,
    extract::Path,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::{app::App, session::hex};

#[derive(RustEmbed)]
#[folder = "src/"]
struct Source;

#[derive(RustEmbed)]
#[folder = "../e2e/showcase/"]
struct BrowserTests;

#[derive(RustEmbed)]
#[folder = "vendor/"]
struct Vendor;

/// The kinds of files that browsers may load.
const KINDS: [(&str, &str); 4] = [
    ("js", "text/javascript"),
    ("mjs", "text/javascript"),
    ("css", "text/css"),
    ("svg", "image/svg+xml"),
];

/// `/assets/vendor/…`, `/assets/layout/…`, `/assets/pages/…`
pub fn routes() -> Router<App> {
    Router::new().route("/assets/{*path}", get(asset))
}

async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    let kind =
        KINDS.iter().find(|(ending, _)| path.rsplit_once('.').is_some_and(|(_, it)| it == *ending));
    let (Some((_, kind)), Some(file)) = (kind, find(&path)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tag = format!("\"{}\"", hex(&file.metadata.sha256_hash()));
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| *known == *tag) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let headers = [
        (header::CONTENT_TYPE, format!("{kind}; charset=utf-8")),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::ETAG, tag),
    ];
    (headers, file.data).into_response()
}

fn find(path: &str) -> Option<EmbeddedFile> {
    match path.strip_prefix("vendor/") {
        Some(path) => Vendor::get(path),
        None => Source::get(path),
    }
}

/// Whether there is a file of the source under this path.
pub fn exists(path: &str) -> bool {
    Source::iter().any(|file| file == path)
}

/// The browser test of a page, with its path in the repository.
pub fn browser_test(slug: &str) -> Option<(String, String)> {
    let name = format!("{slug}.test.mjs");
    let text = String::from_utf8_lossy(&BrowserTests::get(&name)?.data).into_owned();
    Some((format!("e2e/showcase/{name}"), text))
}

/// The files of a folder of the source, by name, with their text.
pub fn folder(folder: &str) -> Vec<(String, String)> {
    let prefix = format!("{folder}/");
    let text = |path: &str| Some(String::from_utf8_lossy(&Source::get(path)?.data).into_owned());
    let files = Source::iter().filter_map(|path| {
        let name = path.strip_prefix(&prefix)?.to_owned();
        Some((name, text(&path)?))
    });
    let mut files: Vec<_> = files.collect();
    files.sort();
    files
}
