//! The welcome page at `/`: a person sees the connection, subscribes, sends an event, sees it arrive.
//!
//! Everything comes out of the binary, also pusher-js, which is the unmodified published file.

use std::borrow::Cow;

use resound_hub::app::App;
use serde_json::json;

use crate::config::{ServerConfig, is_development};

const PAGE: &str = include_str!("../assets/welcome.html");
const STYLE: &str = include_str!("../assets/welcome.css");
const SCRIPT: &str = include_str!("../assets/welcome.js");
const PUSHER: &str = include_str!("../assets/pusher.min.js");

/// The header that the page's own requests carry. A page of another origin cannot set it without
/// asking first, which this path does not answer; and its origin is compared, too.
pub const REQUESTED_WITH: &str = "resound-welcome";

/// Where the page publishes, behind the prefix.
pub const EVENTS_PATH: &str = "/welcome/events";

/// What the page may do: run our files and talk to this server, nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// An answer to a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// 200, or 204 for the icon that there is not.
    pub status: u16,
    /// The value of `Content-Type`; empty without a body.
    pub content_type: &'static str,
    /// The value of `Cache-Control`.
    pub cache: &'static str,
    /// The value of `Content-Security-Policy`.
    pub policy: &'static str,
    /// The body.
    pub body: Cow<'static, str>,
}

impl Asset {
    fn new(content_type: &'static str, body: impl Into<Cow<'static, str>>) -> Self {
        Self { status: 200, content_type, cache: "no-cache", policy: POLICY, body: body.into() }
    }

    /// All headers but the length.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let headers = [
            ("content-type", self.content_type),
            ("cache-control", self.cache),
            ("content-security-policy", self.policy),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
        ];
        headers.into_iter().filter(|(_, value)| !value.is_empty())
    }
}

/// Answers a `GET` of a path without the server's prefix, or `None` if the page has no such file.
///
/// `app` is the application that the page connects to; without one it asks for a key. For the
/// development application the page offers to send events, for others it tells how.
pub fn respond(path: &str, app: Option<&App>, config: &ServerConfig) -> Option<Asset> {
    const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
    match path {
        "" | "/" => Some(Asset::new("text/html; charset=utf-8", page(app, config))),
        "/welcome.js" => Some(Asset::new(JAVASCRIPT, SCRIPT)),
        "/welcome.css" => Some(Asset::new("text/css; charset=utf-8", STYLE)),
        "/pusher.js" => {
            Some(Asset { cache: "public, max-age=3600", ..Asset::new(JAVASCRIPT, PUSHER) })
        }
        "/favicon.ico" => {
            Some(Asset { status: 204, cache: "public, max-age=86400", ..Asset::new("", "") })
        }
        _ => None,
    }
}

fn page(app: Option<&App>, config: &ServerConfig) -> String {
    let development = app.filter(|app| is_development(app));
    let data = json!({
        "path": config.path,
        "key": app.map(|app| &*app.key),
        "development": development.map(|app| json!({ "id": &*app.id, "secret": &*app.secret })),
    });
    // Within a script element only `<` could end the element.
    let data = data.to_string().replace('<', "\\u003c");
    PAGE.replace("{{path}}", &config.path)
        .replace("{{version}}", env!("CARGO_PKG_VERSION"))
        .replace("{{config}}", &data)
}

#[cfg(test)]
mod tests {
    use resound_hub::app::AppOptions;

    use super::*;
    use crate::config::{DEVELOPMENT_ID, DEVELOPMENT_KEY, DEVELOPMENT_SECRET};

    fn app(id: &str, key: &str, secret: &str) -> App {
        let options = AppOptions::default();
        App { id: id.into(), key: key.into(), secret: secret.into(), options }
    }

    #[track_caller]
    fn body(path: &str, app: Option<&App>, prefix: &str) -> String {
        let config = ServerConfig { path: prefix.to_owned(), ..ServerConfig::default() };
        respond(path, app, &config).expect("a file").body.into_owned()
    }

    /// The data that the page's script reads.
    fn data(app: Option<&App>, prefix: &str) -> serde_json::Value {
        let page = body("/", app, prefix);
        let (_, rest) = page.split_once(r#"id="config">"#).expect("the data");
        let (data, _) = rest.split_once("</script>").expect("its end");
        serde_json::from_str(data).expect("JSON")
    }

    #[test]
    fn the_page_of_the_development_app_may_send() {
        let app = app(DEVELOPMENT_ID, DEVELOPMENT_KEY, DEVELOPMENT_SECRET);
        let data = data(Some(&app), "/ws");
        assert_eq!(data["key"], DEVELOPMENT_KEY);
        assert_eq!(data["development"]["secret"], DEVELOPMENT_SECRET);
        assert_eq!(data["path"], "/ws");
    }

    #[test]
    fn the_page_of_a_real_app_has_no_secret() {
        let app = app("1001", "a-key", "kx67b9uDp95kpffwpcg");
        assert!(!body("/", Some(&app), "").contains("kx67b9uDp95kpffwpcg"));
        assert!(data(Some(&app), "")["development"].is_null());
    }

    #[test]
    fn without_an_app_the_page_asks_for_a_key() {
        assert!(data(None, "")["key"].is_null());
    }

    #[test]
    fn a_key_cannot_leave_the_data() {
        let app = app("1", "</script><b>", "s");
        assert_eq!(data(Some(&app), "")["key"], "</script><b>");
        assert!(!body("/", Some(&app), "").contains("<b>"));
    }

    #[test]
    fn every_file_that_the_page_names_is_there() {
        let page = body("/", None, "/ws");
        let names: Vec<_> = page.split('"').filter_map(|text| text.strip_prefix("/ws")).collect();
        let files: Vec<_> = names.into_iter().filter(|name| !name.is_empty()).collect();
        assert_eq!(files, ["/welcome.css", "/pusher.js", "/welcome.js"]);
        for file in files {
            assert!(body(file, None, "").len() > 100, "{file}");
        }
        assert!(!page.contains("{{"), "{page}");
    }

    #[test]
    fn nothing_comes_from_elsewhere_and_nothing_is_inline() {
        for file in ["/", "/welcome.css", "/welcome.js"] {
            let body = body(file, None, "");
            for word in ["http://", "https://", " style=", " onclick=", "@import", "url("] {
                assert!(!body.contains(word), "{file} has {word:?}");
            }
        }
    }

    #[test]
    fn pusher_js_is_the_published_file() {
        assert!(
            PUSHER.starts_with("/*! For license information please see pusher.min.js.LICENSE.txt")
        );
        assert_eq!(PUSHER.len(), 60_621);
        assert!(PUSHER.contains("8.6.0"));
    }

    #[test]
    fn the_icon_is_empty_and_other_paths_are_not_ours() {
        let config = ServerConfig::default();
        let icon = respond("/favicon.ico", None, &config).expect("an answer");
        assert_eq!((icon.status, icon.body.len()), (204, 0));
        assert!(icon.headers().all(|(name, _)| name != "content-type"));
        for path in ["/up", "/apps", "/welcome", "/welcome.js/", "//"] {
            assert_eq!(respond(path, None, &config), None, "{path}");
        }
    }

    #[test]
    fn the_script_posts_what_the_server_expects() {
        assert!(SCRIPT.contains(EVENTS_PATH) && SCRIPT.contains(REQUESTED_WITH));
    }
}
