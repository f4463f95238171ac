//! The code of each page, as it is in the repository.

use askama::Template;
use axum::extract::Path;

use super::{Frame, View, view};
use crate::{
    assets,
    pages::{PAGES, Page},
    reply::Problem,
};

/// A file of a page.
pub struct Source {
    pub part: Part,
    /// Of its folder; of the browser test, of the repository.
    pub name: String,
    pub text: String,
}

/// Where it runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Server,
    Browser,
    Tests,
}

impl Source {
    fn new((name, text): (String, String)) -> Self {
        let part = match name.rsplit_once('.') {
            _ if name == "tests.rs" || name.ends_with(".test.mjs") => Part::Tests,
            Some((_, "rs" | "sql")) => Part::Server,
            _ => Part::Browser,
        };
        Self { part, name, text }
    }

    pub fn lines(&self) -> usize {
        self.text.lines().count()
    }

    /// What it is, in a few words: those of the table in pages/mod.rs, or its own first line.
    pub fn about(&self) -> &str {
        match &*self.name {
            "mod.rs" => "routes and handlers, who may join which channel",
            "events.rs" => "what is broadcast",
            "store.rs" => "the queries",
            "migration.sql" => "tables and seed data",
            "page.html" => "the template, in the frame of all pages",
            "page.js" => "what runs in the browser",
            "page.css" => "how it looks",
            "tests.rs" => "the handlers, with the library’s Fake",
            name if name.ends_with(".test.mjs") => "the page, in real browsers",
            _ => {
                let line = self.text.lines().next().unwrap_or_default();
                line.strip_prefix("//! ").map_or("", |line| line.trim_end_matches('.'))
            }
        }
    }
}

impl Part {
    const ALL: [Self; 3] = [Self::Server, Self::Browser, Self::Tests];

    fn title(self) -> &'static str {
        match self {
            Self::Server => "In the server",
            Self::Browser => "In the browser",
            Self::Tests => "Tests",
        }
    }
}

/// The files of a page, in an order to read them.
pub fn sources(slug: &str) -> Vec<Source> {
    let files =
        assets::folder(&format!("pages/{slug}")).into_iter().chain(assets::browser_test(slug));
    let mut files: Vec<_> = files.map(Source::new).collect();
    // The module is the table of contents.
    files.sort_by_key(|file| {
        let place =
            ["mod.rs", "events.rs", "page.html", "page.js"].iter().position(|it| *it == file.name);
        (file.part, place.unwrap_or(usize::MAX), file.name.clone())
    });
    files
}

#[derive(Template)]
#[template(path = "layout/code.html")]
struct Code {
    frame: Frame,
    page: &'static Page,
    parts: Vec<(&'static str, Vec<Source>)>,
}

pub async fn code(frame: Frame, Path(slug): Path<String>) -> View {
    let page = PAGES.iter().find(|page| page.slug == slug).ok_or_else(Problem::not_found)?;
    let mut files = sources(page.slug);
    let parts = Part::ALL.map(|part| {
        (part.title(), files.extract_if(.., |file| file.part == part).collect::<Vec<_>>())
    });
    let parts = parts.into_iter().filter(|(_, files)| !files.is_empty()).collect();
    view(&Code { frame, page, parts })
}
