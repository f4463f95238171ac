//! The features. **Each is a folder that has everything of it**, and one line in [`PAGES`].
//!
//! | file | what it is |
//! |---|---|
//! | `mod.rs` | `PAGE`, routes and handlers, who may join which channel |
//! | `events.rs` | what is broadcast |
//! | `store.rs` | the queries |
//! | `migration.sql` | tables and seed data; run at every start, so that it creates only what is missing |
//! | `page.html` | the template, in the frame of `layout/frame.html` |
//! | `page.js`, `page.css` | loaded with the page if they exist |
//! | `tests.rs` | the handlers with the library's `Fake`; browser tests are in `e2e/showcase/{slug}.test.mjs` |

pub mod activity;
mod chat;
mod document;
pub mod hood;
pub mod notifications;
mod orders;
mod poll;
mod readers;
mod scores;
mod ticker;

use axum::Router;
use resound::{Channels, hooks::Hooks};

use crate::{app::App, visitor::Visitor};

/// All features, in the order of the navigation.
pub const PAGES: &[Page] = &[
    notifications::PAGE,
    chat::PAGE,
    readers::PAGE,
    document::PAGE,
    poll::PAGE,
    orders::PAGE,
    ticker::PAGE,
    activity::PAGE,
    scores::PAGE,
    hood::PAGE,
];

/// What the application knows of a feature.
pub struct Page {
    /// The folder, and the path: `/{slug}` and what is below it.
    pub slug: &'static str,
    pub title: &'static str,
    /// One sentence, for the front page.
    pub summary: &'static str,
    pub routes: fn() -> Router<App>,
    pub channels: fn() -> Channels<App, Visitor>,
    /// Adds what the server is to say of channels: who joined, who left.
    pub hooks: fn(Hooks<App>) -> Hooks<App>,
    /// Which files the bare names in `import … from 'name'` stand for, as an import map: for packages from npm.
    pub imports: &'static str,
    pub migration: &'static str,
    /// Begins what the feature does by itself, without a request.
    pub start: fn(&App),
}

impl Page {
    /// A feature that has nothing yet.
    pub const fn new(slug: &'static str, title: &'static str, summary: &'static str) -> Self {
        Self {
            slug,
            title,
            summary,
            routes: Router::new,
            channels,
            hooks: |hooks| hooks,
            imports: "",
            migration: "",
            start: |_| {},
        }
    }
}

/// The page to which a path belongs.
pub fn at(path: &str) -> Option<&'static Page> {
    let slug = path.split('/').nth(1)?;
    PAGES.iter().find(|page| page.slug == slug)
}

/// No channels that need a permission.
pub fn channels() -> Channels<App, Visitor> {
    Channels::<App>::new().user::<Visitor>()
}
