//! What is published: `{"event":"…","data":{…,"socket":null},"socket":null}`.

use redis::Pipeline;
use resound_protocol::laravel::without_socket;

use crate::{
    drivers::redis::{SCRIPT, Way},
    envelope::Envelope,
    json,
};

/// A message, and where it goes.
pub(super) struct Message {
    payload: String,
    channels: Vec<String>,
}

impl Message {
    pub(super) fn of(envelope: &Envelope, prefix: &str) -> Self {
        let Envelope { name, payload, channels, socket, .. } = envelope;
        let socket = socket.as_deref().map_or_else(|| "null".to_owned(), json::string);
        let (name, data) = (json::string(name), with_socket(payload, &socket));
        Self {
            payload: format!(r#"{{"event":{name},"data":{data},"socket":{socket}}}"#),
            channels: channels.iter().map(|channel| format!("{prefix}{channel}")).collect(),
        }
    }

    pub(super) fn publish(&self, way: Way, pipeline: &mut Pipeline) {
        match way {
            Way::Script => {
                pipeline.cmd("EVAL").arg(SCRIPT).arg(0).arg(&self.payload).arg(&self.channels);
            }
            Way::Commands => {
                for channel in &self.channels {
                    pipeline.cmd("PUBLISH").arg(channel).arg(&self.payload);
                }
            }
        }
    }

    /// How many answers there are to [`Message::publish`].
    pub(super) fn commands(&self, way: Way) -> usize {
        match way {
            Way::Script => 1,
            Way::Commands => self.channels.len(),
        }
    }
}

/// Laravel merges `socket` into the payload. A list that is not empty stays one here, where Laravel makes an object of
/// it, so that subscribers get the same by every driver.
fn with_socket(payload: &str, socket: &str) -> String {
    if payload == "[]" {
        return format!(r#"{{"socket":{socket}}}"#);
    }
    if !payload.starts_with('{') {
        return payload.to_owned();
    }
    let payload = without_socket(payload);
    match payload.strip_suffix('}') {
        Some("{") | None => format!(r#"{{"socket":{socket}}}"#),
        Some(members) => format!(r#"{members},"socket":{socket}}}"#),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Channel, SocketId, broadcast};

    #[track_caller]
    fn check(event: &broadcast::AnonymousEvent, socket: &str, expected: &str) {
        let mut envelope = Envelope::of(event, "").expect("JSON");
        envelope.socket = SocketId::from(socket);
        assert_eq!(Message::of(&envelope, "").payload, expected);
    }

    // What a Laravel application was seen to publish, in the order of our notes.

    #[test]
    fn a_message_is_what_laravel_publishes() {
        check(
            &broadcast::private("orders.1")
                .name("OrderShipped")
                .with(json!({ "b": "B", "total": 9, "user": { "id": 1 } })),
            "",
            r#"{"event":"OrderShipped","data":{"b":"B","total":9,"user":{"id":1},"socket":null},"socket":null}"#,
        );
        check(
            &broadcast::public("news").name("order.named").with(json!({ "x": 1 })),
            "abc",
            r#"{"event":"order.named","data":{"x":1,"socket":"abc"},"socket":"abc"}"#,
        );
        let name = r"Illuminate\Notifications\Events\BroadcastNotificationCreated";
        check(
            &broadcast::private("User.1").name(name).with(json!({ "amount": 6 })),
            "",
            r#"{"event":"Illuminate\\Notifications\\Events\\BroadcastNotificationCreated","data":{"amount":6,"socket":null},"socket":null}"#,
        );
    }

    #[test]
    fn an_event_without_fields_has_its_socket_only() {
        let expected = r#"{"event":"AnonymousEvent","data":{"socket":null},"socket":null}"#;
        check(&broadcast::public("c"), "", expected);
        check(&broadcast::public("c").with(json!({})), "", expected);
    }

    #[test]
    fn what_is_no_object_stays_what_it_is() {
        for payload in [json!([1, 2]), json!("text"), json!(7), json!(true)] {
            let expected =
                format!(r#"{{"event":"AnonymousEvent","data":{payload},"socket":"1.2"}}"#);
            check(&broadcast::public("c").with(&payload), "1.2", &expected);
        }
    }

    #[test]
    fn the_connection_takes_the_place_of_a_field_of_its_name() {
        check(
            &broadcast::public("c").with(json!({ "a": 1, "socket": "mine" })),
            "1.2",
            r#"{"event":"AnonymousEvent","data":{"a":1,"socket":"1.2"},"socket":"1.2"}"#,
        );
        check(
            &broadcast::public("c").with(json!({ "socket": "mine" })),
            "",
            r#"{"event":"AnonymousEvent","data":{"socket":null},"socket":null}"#,
        );
    }

    #[test]
    fn texts_are_escaped_as_php_escapes_them() {
        check(
            &broadcast::public("c").name("ü/é").with(json!({ "s": "a/b é" })),
            "",
            r#"{"event":"\u00fc\/\u00e9","data":{"s":"a\/b \u00e9","socket":null},"socket":null}"#,
        );
    }

    #[test]
    fn each_channel_gets_the_prefix() {
        let event = broadcast::on([Channel::private("a"), Channel::public("b")]);
        let message = Message::of(&Envelope::of(&event, "").expect("JSON"), "shop-database-");
        assert_eq!(message.channels, ["shop-database-private-a", "shop-database-b"]);
        assert_eq!((message.commands(Way::Script), message.commands(Way::Commands)), (1, 2));
    }
}
