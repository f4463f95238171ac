//! laravel-echo-server's events from clients, with their arguments (7.8).

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{client, socketio::SocketIoFault};

/// HTTP headers that one subscription may carry for its authorisation.
pub const HEADERS_MAX: usize = 100;

const SUBSCRIBE: &str = "subscribe";
const UNSUBSCRIBE: &str = "unsubscribe";
const CLIENT_EVENT: &str = "client event";

/// What an event of a client says.
#[derive(Debug, PartialEq, Eq)]
pub enum ClientEvent<'a> {
    /// `subscribe`.
    Subscribe {
        /// The channel's name as it came.
        channel: Cow<'a, str>,
        /// `auth.headers`: what the client wants its application to be told, as it came. Values
        /// are strings, or the JSON of numbers and of `true` and `false`; others are left out.
        headers: Vec<(String, String)>,
    },
    /// `unsubscribe`.
    Unsubscribe {
        /// The channel's name as it came.
        channel: Cow<'a, str>,
    },
    /// `client event`: an event to the others of a channel.
    ClientEvent(client::ClientEvent<'a>),
    /// Every other event: nobody listens to it.
    Unknown {
        /// Its name, of any length.
        name: Cow<'a, str>,
    },
}

impl<'a> ClientEvent<'a> {
    /// Reads an event's first argument according to its name.
    pub(crate) fn parse(name: Cow<'a, str>, argument: &'a str) -> Result<Self, SocketIoFault> {
        match &*name {
            SUBSCRIBE => subscribe(argument).map_err(|e| SocketIoFault::Argument(SUBSCRIBE, e)),
            UNSUBSCRIBE => {
                unsubscribe(argument).map_err(|e| SocketIoFault::Argument(UNSUBSCRIBE, e))
            }
            CLIENT_EVENT => client_event(argument)
                .map(Self::ClientEvent)
                .map_err(|e| SocketIoFault::Argument(CLIENT_EVENT, e)),
            _ => Ok(Self::Unknown { name }),
        }
    }
}

#[derive(Deserialize)]
struct Subscription<'a> {
    #[serde(borrow)]
    channel: Cow<'a, str>,
    #[serde(borrow)]
    auth: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Auth<'a> {
    #[serde(borrow)]
    headers: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Relayed<'a> {
    #[serde(borrow)]
    channel: Cow<'a, str>,
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "client::present")]
    data: Option<&'a RawValue>,
}

fn subscribe(argument: &str) -> Result<ClientEvent<'_>, serde_json::Error> {
    let Subscription { channel, auth } = object(argument)?;
    let headers = match auth.map(RawValue::get).filter(|auth| auth.starts_with('{')) {
        Some(auth) => object::<Auth<'_>>(auth)?.headers,
        None => None,
    };
    let headers = match headers.map(RawValue::get).filter(|headers| headers.starts_with('{')) {
        Some(headers) => serde_json::Deserializer::from_str(headers).deserialize_map(Headers)?,
        None => Vec::new(),
    };
    Ok(ClientEvent::Subscribe { channel, headers })
}

fn unsubscribe(argument: &str) -> Result<ClientEvent<'_>, serde_json::Error> {
    let Subscription { channel, .. } = object(argument)?;
    Ok(ClientEvent::Unsubscribe { channel })
}

/// Reads an object, or (laravel-echo-server takes it too) a string that contains one.
fn client_event(argument: &str) -> Result<client::ClientEvent<'_>, serde_json::Error> {
    if !argument.starts_with('"') {
        let Relayed { channel, event, data } = object(argument)?;
        let data = data.map(|data| data.get().into());
        return Ok(client::ClientEvent { name: event, channel, data });
    }
    let inner: String = serde_json::from_str(argument)?;
    let Relayed { channel, event, data } = object(inner.trim_ascii_start())?;
    Ok(client::ClientEvent {
        name: event.into_owned().into(),
        channel: channel.into_owned().into(),
        data: data.map(|data| data.get().to_owned().into()),
    })
}

/// Reads an object; serde would take an array of the fields' values for one too.
fn object<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, serde_json::Error> {
    if !json.starts_with('{') {
        return Err(Error::custom("it is not a JSON object"));
    }
    serde_json::from_str(json)
}

/// Reads headers in their order; of a name that comes twice the last value counts.
struct Headers;

impl<'de> Visitor<'de> for Headers {
    type Value = Vec<(String, String)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of headers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut headers: Self::Value = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
            let Some(value) = header_value(value.get()) else {
                continue;
            };
            if let Some(header) = headers.iter_mut().find(|header| header.0 == name) {
                header.1 = value;
                continue;
            }
            if headers.len() == HEADERS_MAX {
                return Err(Error::custom(format!("it has more than {HEADERS_MAX} headers")));
            }
            headers.push((name, value));
        }
        Ok(headers)
    }
}

fn header_value(json: &str) -> Option<String> {
    match json.as_bytes().first()? {
        b'"' => serde_json::from_str(json).ok(),
        b'{' | b'[' | b'n' => None,
        _ => Some(json.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse<'a>(name: &'a str, argument: &'a str) -> Result<ClientEvent<'a>, SocketIoFault> {
        ClientEvent::parse(name.into(), argument)
    }

    #[track_caller]
    fn check_headers(auth: &str, expected: &[(&str, &str)]) {
        let argument = format!(r#"{{"channel":"private-a"{auth}}}"#);
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let headers = expected.iter().map(own).collect();
        let expected = ClientEvent::Subscribe { channel: "private-a".into(), headers };
        assert_eq!(parse("subscribe", &argument).expect("an event"), expected);
    }

    #[test]
    fn subscriptions_carry_headers_that_have_a_text() {
        check_headers("", &[]);
        check_headers(r#","auth":null"#, &[]);
        check_headers(r#","auth":{}"#, &[]);
        check_headers(r#","auth":[]"#, &[]);
        check_headers(r#","auth":{"headers":[]}"#, &[]);
        check_headers(
            r#","auth":{"headers":{"X-CSRF-TOKEN":"tök\"en","X-N":-1.50,"X-B":true}}"#,
            &[("X-CSRF-TOKEN", "tök\"en"), ("X-N", "-1.50"), ("X-B", "true")],
        );
        check_headers(
            r#","auth":{"headers":{"a":null,"b":{},"c":["d"],"e":"\ud800","f":"g"}}"#,
            &[("f", "g")],
        );
        check_headers(
            r#","auth":{"headers":{"a":"1","b":"2","a":"3"}}"#,
            &[("a", "3"), ("b", "2")],
        );
    }

    #[test]
    fn headers_have_a_limit() {
        let argument = |count: usize| {
            let headers: Vec<_> = (0..count).map(|n| format!(r#""h{n}":"v""#)).collect();
            format!(r#"{{"channel":"a","auth":{{"headers":{{{}}}}}}}"#, headers.join(","))
        };
        assert!(parse("subscribe", &argument(HEADERS_MAX)).is_ok());
        let fault = parse("subscribe", &argument(HEADERS_MAX + 1)).expect_err("too many");
        let expected = r#"the argument of "subscribe" is wrong: it has more than 100 headers"#;
        assert!(fault.to_string().starts_with(expected), "{fault}");
    }

    #[test]
    fn unsubscribing_names_a_channel() {
        let expected = ClientEvent::Unsubscribe { channel: "a".into() };
        let argument = r#"{"channel":"a","auth":{"headers":{}}}"#;
        assert_eq!(parse("unsubscribe", argument).expect("an event"), expected);
    }

    #[test]
    fn client_events_come_as_an_object_or_as_its_text() {
        for data in [r#"{"u": "2"}"#, "null", r#""x""#, "7.0"] {
            let argument =
                format!(r#"{{"channel":"private-a","event":"client-typing","data":{data}}}"#);
            let expected = ClientEvent::ClientEvent(client::ClientEvent {
                name: "client-typing".into(),
                channel: "private-a".into(),
                data: Some(data.into()),
            });
            assert_eq!(parse("client event", &argument).expect("an event"), expected);
            let argument = serde_json::to_string(&argument).expect("JSON");
            assert_eq!(parse("client event", &argument).expect("an event"), expected);
        }
        let expected = ClientEvent::ClientEvent(client::ClientEvent {
            name: "client-a".into(),
            channel: "b".into(),
            data: None,
        });
        let argument = r#"{"channel":"b","event":"client-a"}"#;
        assert_eq!(parse("client event", argument).expect("an event"), expected);
    }

    #[test]
    fn a_wrong_argument_does_not_end_the_connection() {
        for (name, argument) in [
            ("subscribe", "null"),
            ("subscribe", r#""a""#),
            ("subscribe", r#"["a",{}]"#),
            ("subscribe", "{}"),
            ("subscribe", r#"{"channel":7}"#),
            ("subscribe", r#"{"channel":"\ud800"}"#),
            ("unsubscribe", r#"{"channel":null}"#),
            ("client event", r#"{"channel":"a"}"#),
            ("client event", r#"{"event":"a"}"#),
            ("client event", r#""x""#),
            ("client event", r#""\"{}\"""#),
        ] {
            let fault = parse(name, argument).expect_err(argument);
            assert!(!fault.is_fatal(), "{argument}: {fault}");
        }
    }
}
