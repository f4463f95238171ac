//! The keys that concern the HTTP API: who may use it, and its headers.

use hyper::header::{self, HeaderName, HeaderValue};
use resound_hub::app::BearerClient;

use super::mapping::{Mapping, is_empty};
use crate::config::{error::ConfigError, value::Value};

impl Mapping {
    /// The ids and keys of the API's clients.
    pub(super) fn clients(&mut self) -> Vec<(Value, Value)> {
        let mut clients = Vec::new();
        if let Some(value) = self.take("clients").filter(|value| !is_empty(&value.raw)) {
            self.wrong(&value, "a list of objects with appId and key".to_owned());
        }
        for at in 0.. {
            let entry = format!("clients[{at}]");
            let mut keys = self.values.iter().filter(|(key, _)| key.starts_with(&entry));
            let Some(origin) = keys.next().map(|(_, value)| value.origin.to_string()) else {
                break;
            };
            let [id, key] = ["appId", "key"].map(|key| self.take_text(&format!("{entry}.{key}")));
            match (id, key) {
                (Some(id), Some(key)) => clients.push((id, key)),
                (id, _) => {
                    let missing = if id.is_none() { "appId" } else { "key" }.to_owned();
                    self.error(ConfigError::PartialApp {
                        app: format!("{entry} ({origin})"),
                        missing,
                    });
                }
            }
        }
        clients
    }

    /// Of two clients with one id the first counts, as with laravel-echo-server.
    pub(super) fn bearer_clients(&mut self, clients: &[(Value, Value)]) -> Vec<BearerClient> {
        let mut bearers: Vec<BearerClient> = Vec::new();
        for (id_value, key) in clients {
            let [id, key] = [id_value, key].map(|value| value.text().unwrap_or_default().into());
            if bearers.iter().any(|client| client.id == id) {
                let sentence = "has no effect: an earlier client has the same id";
                self.warn(&id_value.origin, sentence);
                continue;
            }
            bearers.push(BearerClient { id, key });
        }
        bearers
    }

    /// The headers of every answer. A browser is let in only if `allowCors` is on.
    pub(super) fn api_headers(&mut self) -> Vec<(HeaderName, HeaderValue)> {
        let own = self.values.keys().filter(|key| key.starts_with("headers."));
        let own: Vec<_> = own.cloned().collect();
        let own = own.iter().map(|key| (key.as_str(), key.trim_start_matches("headers.")));
        let allow = [
            ("apiOriginAllow.allowOrigin", header::ACCESS_CONTROL_ALLOW_ORIGIN.as_str()),
            ("apiOriginAllow.allowMethods", header::ACCESS_CONTROL_ALLOW_METHODS.as_str()),
            ("apiOriginAllow.allowHeaders", header::ACCESS_CONTROL_ALLOW_HEADERS.as_str()),
        ];
        let allows = self.switch("apiOriginAllow.allowCors").unwrap_or(false);
        let mut headers = Vec::new();
        for (key, name) in own.chain(allow) {
            let Some(value) = self.take_text(key) else { continue };
            if !allows && key.starts_with("apiOriginAllow.") {
                continue;
            }
            match parse(name, &value) {
                Some(header) => headers.push(header),
                None => self.wrong(&value, "what may stand in a header".to_owned()),
            }
        }
        headers
    }
}

fn parse(name: &str, value: &Value) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::try_from(name).ok()?;
    Some((name, HeaderValue::try_from(value.text().ok()?).ok()?))
}
