//! Under the hood: what goes on in this application, from its server's own figures, and the code of each page.
//!
//! How many clients are connected and who is in which channel the server knows (`Broadcaster::figures`, in this process or over
//! HTTP). Which events it took the broadcaster tells (`Builder::on_sent`, see [`record`]). The page gets both once a second at
//! most, and only while somebody looks: see [`live`].
//!
//! Strangers see it, too, so it tells little: names of channels and events, numbers, and no payload. Names open nothing, since whoever
//! wants to join asks the application. An application with secrets in its names would show this to its staff only.

mod events;
mod figures;
mod live;
mod record;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use askama::Template;
use axum::{Extension, Json, Router, extract::State, routing::get};

pub use self::record::note;
use self::{figures::Now, live::Live};
use crate::{
    app::App,
    layout::{self, Frame, Source, View, view},
    pages::{PAGES, Page},
};

/// Figures need no permission: their channel is public.
pub const PAGE: Page = Page {
    routes,
    ..Page::new(
        "hood",
        "Under the hood",
        "Connections, channels and events of this application, live, and the code of each page.",
    )
};

/// What those who look at the page are in.
const CHANNEL: &str = "hood";

fn routes() -> Router<App> {
    Router::new()
        .route("/hood", get(show))
        .route("/hood/now", get(now))
        .layer(Extension(Arc::<Live>::default()))
}

#[derive(Template)]
#[template(path = "pages/hood/page.html")]
struct HoodPage {
    frame: Frame,
    now: Now,
    is_embedded: bool,
    pages: Vec<(&'static Page, Vec<Source>)>,
}

async fn show(frame: Frame, State(app): State<App>, Extension(live): Extension<Arc<Live>>) -> View {
    let now = live.now(&app).await;
    let is_embedded = app.broadcaster.embedded().is_some();
    let pages = PAGES.iter().map(|page| (page, layout::sources(page.slug))).collect();
    view(&HoodPage { frame, now, is_embedded, pages })
}

/// Whoever asks is in the channel already, and gets what changes from here on.
async fn now(State(app): State<App>, Extension(live): Extension<Arc<Live>>) -> Json<Now> {
    live.follow(&app);
    Json(live.now(&app).await)
}
