//! Bodies of `POST /apps/{id}/events`, byte for byte as Laravel's pusher driver sends them, and of
//! `POST /apps/{id}/batch_events`, which Laravel never sends.

use crate::{channel::Channel, envelope::Envelope, json};

/// The body for one event. PHP's library writes one channel as `channel`, several as `channels`.
pub(super) fn event(envelope: &Envelope) -> String {
    let Envelope { name, payload, channels, socket, .. } = envelope;
    let mut body = String::with_capacity(payload.len() + payload.len() / 4 + 128);
    let mut member = |key: &str, value: &str| {
        body.push(if body.is_empty() { '{' } else { ',' });
        body.extend(["\"", key, "\":", value]);
    };
    member("name", &json::string(name));
    member("data", &json::string(payload));
    match &**channels {
        [channel] => member("channel", &json::string(channel.as_str())),
        channels => {
            let names: Vec<_> = channels.iter().map(|c| json::string(c.as_str())).collect();
            member("channels", &format!("[{}]", names.join(",")));
        }
    }
    if let Some(socket) = socket.pusher() {
        member("socket_id", &json::string(socket));
    }
    body.push('}');
    body
}

/// The items of a batch for one event: one for each of its channels, because an item has one channel.
pub(super) fn items(envelope: &Envelope) -> Vec<String> {
    let item = |channel: &Channel| {
        event(&Envelope { channels: vec![channel.clone()], ..envelope.clone() })
    };
    match &*envelope.channels {
        [_] => vec![event(envelope)],
        channels => channels.iter().map(item).collect(),
    }
}

/// The body for several events.
pub(super) fn batch(items: &[String]) -> String {
    format!(r#"{{"batch":[{}]}}"#, items.join(","))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use serde::Serialize;
    use serde_json::json;

    use super::*;
    use crate::{Broadcast, EventName, SocketId, broadcast};

    #[track_caller]
    fn check(event: &impl Broadcast, socket: &str, expected: &str) {
        let mut envelope = Envelope::of(event, "").expect("JSON");
        envelope.socket = SocketId::from(socket);
        assert_eq!(super::event(&envelope), expected);
    }

    #[derive(Serialize)]
    struct OrderShipped {
        b: &'static str,
        user: User,
        total: u32,
    }
    #[derive(Serialize)]
    struct User {
        id: u64,
        name: &'static str,
    }
    impl Broadcast for OrderShipped {
        fn channels(&self) -> Vec<Channel> {
            vec![Channel::private("orders.1")]
        }
    }

    // The requests that a Laravel application was seen to send, in the order of our notes.

    #[test]
    fn an_event_is_its_name_its_fields_and_its_channel() {
        let event = OrderShipped { b: "B", user: User { id: 1, name: "Ann" }, total: 7 };
        check(
            &event,
            "",
            r#"{"name":"OrderShipped","data":"{\"b\":\"B\",\"user\":{\"id\":1,\"name\":\"Ann\"},\"total\":7}","channel":"private-orders.1"}"#,
        );
        check(
            &event,
            "111.222",
            r#"{"name":"OrderShipped","data":"{\"b\":\"B\",\"user\":{\"id\":1,\"name\":\"Ann\"},\"total\":7}","channel":"private-orders.1","socket_id":"111.222"}"#,
        );
    }

    #[test]
    fn several_channels_are_a_list() {
        let event = broadcast::on(["news", "presence-room.1", "plain"])
            .name("order.named")
            .with(json!({ "x": 1 }));
        check(
            &event,
            "111.222",
            r#"{"name":"order.named","data":"{\"x\":1}","channels":["news","presence-room.1","plain"],"socket_id":"111.222"}"#,
        );
    }

    #[test]
    fn no_fields_are_an_empty_list() {
        #[derive(Serialize)]
        struct NoPub;
        impl Broadcast for NoPub {
            fn channels(&self) -> Vec<Channel> {
                vec![Channel::public("c")]
            }
        }
        check(&NoPub, "", r#"{"name":"NoPub","data":"[]","channel":"c"}"#);
        check(
            &broadcast::public("orders.1"),
            "",
            r#"{"name":"AnonymousEvent","data":"[]","channel":"orders.1"}"#,
        );
    }

    #[test]
    fn texts_are_escaped_as_php_escapes_them() {
        #[derive(Serialize)]
        struct Escaped {
            s: &'static str,
        }
        impl Broadcast for Escaped {
            fn channels(&self) -> Vec<Channel> {
                vec![Channel::public("u")]
            }
            fn name(&self) -> EventName {
                EventName::Exact(Cow::Borrowed("ü/é"))
            }
        }
        check(
            &Escaped { s: "a/b é \"q\"" },
            "",
            r#"{"name":"\u00fc\/\u00e9","data":"{\"s\":\"a\\\/b \\u00e9 \\\"q\\\"\"}","channel":"u"}"#,
        );
    }

    #[test]
    fn a_socket_id_that_pusher_would_refuse_is_left_out() {
        check(
            &broadcast::public("c"),
            "PjaYFS19stiacBe4AAAA",
            r#"{"name":"AnonymousEvent","data":"[]","channel":"c"}"#,
        );
    }

    #[test]
    fn names_of_classes_have_their_backslashes_doubled() {
        let event = OrderShipped { b: "", user: User { id: 1, name: "" }, total: 0 };
        let body = super::event(&Envelope::of(&event, crate::name::NAMESPACE).expect("JSON"));
        assert!(body.starts_with(r#"{"name":"App\\Events\\OrderShipped","data":"#), "{body}");
    }

    #[test]
    fn an_item_of_a_batch_has_one_channel() {
        let mut envelope = Envelope::of(&broadcast::on(["a", "b"]).name("e"), "").expect("JSON");
        envelope.socket = SocketId::from("1.2");
        assert_eq!(
            batch(&items(&envelope)),
            r#"{"batch":[{"name":"e","data":"[]","channel":"a","socket_id":"1.2"},{"name":"e","data":"[]","channel":"b","socket_id":"1.2"}]}"#
        );
    }
}
