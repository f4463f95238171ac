//! Webhooks: who is told what happens in an application's channels, and how patiently.
//!
//! The list of an application is that of soketi (`webhooks` of an app, webhooks.md 3.5), in `resound.toml` as
//! tables and in the environment as JSON.

use std::time::Duration;

use hyper::{
    Uri,
    header::{HeaderName, HeaderValue},
};
use resound_hub::webhook::{ChannelFilter, Webhook};
use resound_protocol::webhook::{Kind, Kinds};

use super::{
    auth::Scheme,
    server_settings::ServerDraft,
    settings::{Setting, Shown},
    value::{Expected, Raw, Value},
};

/// Receivers of one application.
const WEBHOOKS_MAX: usize = 16;
/// Headers of one receiver.
const HEADERS_MAX: usize = 32;

/// How webhooks are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookConfig {
    /// How long the end of something waits for its beginning: who is back within this time was never away.
    /// Default 3 s, as with Pusher.
    pub delay: Duration,
    /// Events of one request. Default 50.
    pub batch_max: usize,
}

impl Default for WebhookConfig {
    fn default() -> Self {
        Self { delay: Duration::from_secs(3), batch_max: 50 }
    }
}

type Row = Setting<ServerDraft>;
const OPEN: Shown = Shown::Open;

/// The table.
#[rustfmt::skip]
pub(crate) const WEBHOOKS: &[Row] = &[
    Row { key: "webhooks.delay_seconds", env: &["RESOUND_WEBHOOK_DELAY_SECONDS"], default: "3", shown: OPEN,
        help: "seconds within which who is back was never away; 0: none",
        apply: |to, value| { to.server.webhooks.delay = Duration::from_secs(value.integer(0..=60)?); Ok(()) } },
    Row { key: "webhooks.max_batch_size", env: &["RESOUND_WEBHOOK_MAX_BATCH_SIZE"], default: "50", shown: OPEN,
        help: "events of one webhook, if several wait; 1: always one",
        apply: |to, value| { to.server.webhooks.batch_max = value.size(1..=1000)?; Ok(()) } },
];

/// Headers that are ours or the connection's.
const RESERVED: [&str; 8] = [
    "x-pusher-key",
    "x-pusher-signature",
    "content-type",
    "content-length",
    "host",
    "connection",
    "transfer-encoding",
    "upgrade",
];

/// Reads a list of receivers.
pub(crate) fn webhooks(value: &Value) -> Result<Vec<Webhook>, Expected> {
    let no_json = |error: serde_json::Error| {
        format!("JSON such as [{{\"url\": \"https://app.example/hook\"}}]; it is none: {error}")
    };
    let raw = match &value.raw {
        Raw::Text(json) => of_json(serde_json::from_str(json).map_err(no_json)?),
        Raw::Integer(_) | Raw::Boolean(_) | Raw::List(_) | Raw::Table(_) | Raw::Other(_) => {
            value.raw.clone()
        }
    };
    let list = match raw {
        Raw::List(list) => list,
        Raw::Table(_) => vec![raw],
        Raw::Text(_) | Raw::Integer(_) | Raw::Boolean(_) | Raw::Other(_) => {
            return Err("a list of webhooks, each with its url".to_owned());
        }
    };
    if list.len() > WEBHOOKS_MAX {
        return Err(format!("at most {WEBHOOKS_MAX} webhooks"));
    }
    let place = |at: usize, expected: Expected| format!("{expected} (webhook {})", at + 1);
    list.iter().enumerate().map(|(at, raw)| webhook(raw).map_err(|e| place(at, e))).collect()
}

/// Reads the address of a receiver that wants to know of everything.
pub(crate) fn webhook_url(value: &Value) -> Result<Webhook, Expected> {
    let url = url(&value.text()?)?;
    let filter = ChannelFilter::default();
    Ok(Webhook { url, kinds: Kinds::ALL, filter, headers: Vec::new() })
}

fn of_json(json: serde_json::Value) -> Raw {
    use serde_json::Value as Json;
    match json {
        Json::Null => Raw::Other("null"),
        Json::Bool(boolean) => Raw::Boolean(boolean),
        Json::Number(number) => number.as_i64().map_or(Raw::Other("a number"), Raw::Integer),
        Json::String(text) => Raw::Text(text),
        Json::Array(list) => Raw::List(list.into_iter().map(of_json).collect()),
        Json::Object(object) => {
            Raw::Table(object.into_iter().map(|(key, value)| (key, of_json(value))).collect())
        }
    }
}

fn webhook(raw: &Raw) -> Result<Webhook, Expected> {
    let mut webhook = Webhook {
        url: "".into(),
        kinds: Kinds::ALL,
        filter: ChannelFilter::default(),
        headers: Vec::new(),
    };
    for (key, value) in table(raw, "a table with a url")? {
        match key.as_str() {
            "url" => webhook.url = url(text(value, "url")?)?,
            "event_types" => webhook.kinds = kinds(value)?,
            "headers" => webhook.headers = headers(value)?,
            "filter" => webhook.filter = filter(value)?,
            "lambda" | "lambda_function" => {
                return Err("a url; Lambda functions are not called".to_owned());
            }
            _ => return Err(format!("url, event_types, headers and filter, not {key}")),
        }
    }
    if webhook.url.is_empty() { Err("a url".to_owned()) } else { Ok(webhook) }
}

fn table<'a>(raw: &'a Raw, expected: &str) -> Result<&'a [(String, Raw)], Expected> {
    match raw {
        Raw::Table(table) => Ok(table),
        Raw::Text(_) | Raw::Integer(_) | Raw::Boolean(_) | Raw::List(_) | Raw::Other(_) => {
            Err(expected.to_owned())
        }
    }
}

fn text<'a>(raw: &'a Raw, key: &str) -> Result<&'a str, Expected> {
    match raw {
        Raw::Text(text) => Ok(text),
        Raw::Integer(_) | Raw::Boolean(_) | Raw::List(_) | Raw::Table(_) | Raw::Other(_) => {
            Err(format!("a text as {key}"))
        }
    }
}

/// A URL with nothing in it that would go to the log, or nowhere: who has to show a password has headers for it.
fn url(text: &str) -> Result<Box<str>, Expected> {
    let expected =
        || "an address such as https://app.example/broadcasting/webhook as url".to_owned();
    let text = text.trim();
    let uri: Uri = text.parse().map_err(|_| expected())?;
    let scheme = uri.scheme_str().and_then(Scheme::parse);
    let authority = uri.authority().ok_or_else(expected)?;
    if authority.as_str().contains('@') {
        return Err("a url without user and password; a header can carry them".to_owned());
    }
    let has_port = authority.as_str().len() > authority.host().len();
    let is_port = !has_port || authority.port_u16().is_some_and(|port| port > 0);
    if scheme.is_none() || authority.host().is_empty() || !is_port || text.contains('#') {
        return Err(expected());
    }
    Ok(text.into())
}

fn kinds(raw: &Raw) -> Result<Kinds, Expected> {
    let known = || Kind::ALL.map(Kind::name).join(", ");
    let Raw::List(list) = raw else {
        return Err(format!("a list as event_types, of {}", known()));
    };
    let kinds = list.iter().map(|entry| {
        let name = text(entry, "each of event_types")?;
        Kind::parse(name).ok_or_else(|| format!("event_types of {}, not {name:?}", known()))
    });
    let kinds: Kinds = kinds.collect::<Result<_, _>>()?;
    if kinds == Kinds::NONE {
        return Err(format!("at least one of event_types, of {}", known()));
    }
    Ok(kinds)
}

/// A name and a value.
type Header = (Box<str>, Box<str>);

fn headers(raw: &Raw) -> Result<Vec<Header>, Expected> {
    let table = table(raw, "a table as headers")?;
    if table.len() > HEADERS_MAX {
        return Err(format!("at most {HEADERS_MAX} headers"));
    }
    let headers = table.iter().map(|(name, value)| {
        let value = text(value, &format!("the header {name}"))?;
        if HeaderName::from_bytes(name.as_bytes()).is_err() || HeaderValue::from_str(value).is_err()
        {
            return Err(format!("{name:?} to be a header"));
        }
        if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(format!("headers without {name}, which is set by the server"));
        }
        Ok((name.as_str().into(), value.into()))
    });
    headers.collect()
}

fn filter(raw: &Raw) -> Result<ChannelFilter, Expected> {
    let mut filter = ChannelFilter::default();
    let keys = "channel_name_starts_with and channel_name_ends_with";
    for (key, value) in table(raw, &format!("a table as filter, with {keys}"))? {
        match key.as_str() {
            "channel_name_starts_with" => filter.starts_with = text(value, key)?.into(),
            "channel_name_ends_with" => filter.ends_with = text(value, key)?.into(),
            _ => return Err(format!("{keys} in filter, not {key}")),
        }
    }
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::value::Origin;

    fn read(text: &str) -> Result<Vec<Webhook>, Expected> {
        let origin = Origin::Environment { name: "RESOUND_WEBHOOKS".to_owned() };
        webhooks(&Value { raw: Raw::Text(text.to_owned()), origin })
    }

    #[test]
    fn soketis_list_is_understood() {
        let list = read(
            r#"[{"url": "https://app.example/hook?token=1", "headers": {"X-Token": "secret"},
                 "event_types": ["member_added", "member_removed"],
                 "filter": {"channel_name_starts_with": "presence-", "channel_name_ends_with": "-eu"}},
                {"url": "http://[::1]:8000"}]"#,
        );
        let list = list.expect("two webhooks");
        assert_eq!(
            list[0].kinds.iter().map(Kind::name).collect::<Vec<_>>().join(" "),
            "member_added member_removed"
        );
        assert_eq!(list[0].headers, [("X-Token".into(), "secret".into())]);
        assert!(list[0].wants(Kind::MemberAdded, "presence-a-eu"));
        assert!(
            !list[0].wants(Kind::MemberAdded, "presence-a")
                && !list[0].wants(Kind::CacheMiss, "presence-a-eu")
        );
        assert_eq!((&*list[1].url, list[1].kinds), ("http://[::1]:8000", Kinds::ALL));
        assert_eq!(read("[]"), Ok(Vec::new()));
        assert_eq!(read(r#"{"url": "http://a"}"#).map(|list| list.len()), Ok(1));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, expected) in [
            ("x", "JSON such as"),
            ("7", "a list of webhooks"),
            ("[7]", "a table with a url (webhook 1)"),
            ("[{}]", "a url (webhook 1)"),
            (
                r#"[{"url": "http://a"}, {"url": "ftp://a"}]"#,
                "an address such as https://app.example/broadcasting/webhook as url (webhook 2)",
            ),
            (r#"[{"url": "/hook"}]"#, "an address such as"),
            (r#"[{"url": "http://u:p@a/"}]"#, "a url without user and password"),
            (r#"[{"url": 7}]"#, "a text as url"),
            (r#"[{"lambda_function": "f"}]"#, "a url; Lambda functions are not called"),
            (
                r#"[{"url": "http://a", "event_types": ["member_add"]}]"#,
                "event_types of channel_occupied, channel_vacated, member_added, member_removed, client_event, cache_miss, subscription_count, not \"member_add\"",
            ),
            (r#"[{"url": "http://a", "event_types": []}]"#, "at least one of event_types"),
            (
                r#"[{"url": "http://a", "headers": {"Host": "b"}}]"#,
                "headers without Host, which is set by the server",
            ),
            (r#"[{"url": "http://a", "headers": {"a b": "c"}}]"#, "\"a b\" to be a header"),
            (
                r#"[{"url": "http://a", "filter": {"starts": "b"}}]"#,
                "channel_name_starts_with and channel_name_ends_with in filter, not starts",
            ),
            (
                r#"[{"url": "http://a", "events": []}]"#,
                "url, event_types, headers and filter, not events",
            ),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }

    #[test]
    fn an_application_has_a_bounded_number_of_receivers() {
        let many = vec![r#"{"url": "http://a"}"#; WEBHOOKS_MAX + 1].join(",");
        assert_eq!(read(&format!("[{many}]")), Err("at most 16 webhooks".to_owned()));
    }
}
