//! All routes, and what stands in front of them.

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use resound::{axum::Broadcasting, hooks::Hooks};
use sha2::{Digest as _, Sha256};

use crate::{
    app::App,
    assets, layout,
    pages::{self, PAGES},
    realtime, reply, session, visitor,
};

/// The whole application.
pub fn router(app: &App) -> Router {
    let pages = PAGES.iter().fold(Router::new(), |router, page| router.merge((page.routes)()));
    let pages = pages
        .merge(layout::routes())
        .merge(visitor::routes())
        .fallback(reply::not_found)
        .layer(from_fn_with_state(app.clone(), session::refuse_forged_forms))
        .layer(from_fn_with_state(app.clone(), reply::layer))
        .layer(from_fn_with_state(app.clone(), security_headers));

    let channels = Broadcasting::new(&app.broadcaster);
    let channels = PAGES.iter().fold(channels, |all, page| all.channels((page.channels)()));

    let hooks = PAGES.iter().fold(Hooks::new(), |all, page| (page.hooks)(all));

    let router = pages
        .merge(channels.routes())
        .layer(from_fn_with_state(app.clone(), session::layer))
        .merge(assets::routes())
        .merge(resound::axum::front_end(&app.broadcaster))
        .merge(resound::axum::server(&app.broadcaster))
        .merge(resound::axum::hooks(&app.broadcaster, hooks))
        .with_state(app.clone());
    // Clients of Socket.IO ask by way of the server whether they may join.
    resound::axum::join_in_process(&app.broadcaster, &router);
    router
}

/// An extension of the response of a page that loads the client of Socket.IO from its server, which is another origin.
#[derive(Clone)]
pub struct SocketIo {
    pub server: String,
}

/// Nothing but this application's own files runs in its pages, and nobody frames them. An import map is a script without a
/// file; the policy knows it by its hash.
async fn security_headers(State(app): State<App>, request: Request, next: Next) -> Response {
    let imports = pages::at(request.uri().path()).map_or("", |page| page.imports);
    let imports = match imports {
        "" => String::new(),
        map => format!("'sha256-{}'", STANDARD.encode(Sha256::digest(map))),
    };
    let mut response = next.run(request).await;
    let (script, server) = match response.extensions().get::<SocketIo>() {
        Some(SocketIo { server }) => {
            (format!("{server}/socket.io/socket.io.min.js"), server.as_str())
        }
        None => (String::new(), ""),
    };
    let policy = format!(
        "default-src 'none'; script-src 'self' {script} {imports}; style-src 'self'; img-src 'self'; \
         connect-src 'self' {} {server}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        realtime::origin(&app.broadcaster)
    );
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
