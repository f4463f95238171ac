//! Messages that are none.

use expect_test::expect;

use crate::scene::{Step, check, connect, say};

#[test]
fn malformed_messages_are_refused_and_the_connection_stays() {
    let mut steps: Vec<Step> = vec![connect("ann")];
    steps.extend(
        [
            "",
            "not json",
            "[]",
            "{}",
            r#"{"event":7}"#,
            r#"{"event":"pusher:unknown"}"#,
            r#"{"event":"pusher_internal:member_added","channel":"presence-a","data":"{}"}"#,
            r#"{"event":"pusher:subscribe"}"#,
            r#"{"event":"pusher:subscribe","data":{"channel":7}}"#,
            r#"{"event":"pusher:unsubscribe","data":{}}"#,
            r#"{"event":"pusher:signin","data":{"auth":"key:0"}}"#,
            r#"{"event":"client-a","data":{}}"#,
            r#"{"event":"pusher:ping"}"#,
        ]
        .map(|text| say("ann", text)),
    );
    check(
        &steps,
        expect![[r#"
        ann note: refused with invalid_message: the message or its data is not a JSON object
        ann < {"event":"pusher:error","data":"{\"code\":4200,\"message\":\"Invalid message format\"}"}
        ann note: refused with invalid_message: the message or its data is not a JSON object
        ann < {"event":"pusher:error","data":"{\"code\":4200,\"message\":\"Invalid message format\"}"}
        ann note: refused with invalid_message: the message or its data is not a JSON object
        ann < {"event":"pusher:error","data":"{\"code\":4200,\"message\":\"Invalid message format\"}"}
        ann note: refused with invalid_message: the message is no JSON with an event: missing field `event` at line 1 column 2
        ann < {"event":"pusher:error","data":"{\"code\":4200,\"message\":\"Invalid message format\"}"}
        ann note: refused with invalid_message: the message is no JSON with an event: invalid type: integer `7`, expected a string at line 1 column 10
        ann < {"event":"pusher:error","data":"{\"code\":4200,\"message\":\"Invalid message format\"}"}
        ann note: refused with invalid_message: no client sends "pusher:unknown"
        ann < {"event":"pusher:error","data":"{\"code\":4200,\"message\":\"Invalid message format\"}"}
        ann note: refused with invalid_message: no client sends "pusher_internal:member_added"
        ann < {"event":"pusher:error","data":"{\"code\":4200,\"message\":\"Invalid message format\"}"}
        ann note: refused with invalid_message: pusher:subscribe needs data with a channel
        ann < {"event":"pusher:error","data":"{\"code\":4200,\"message\":\"Invalid message format\"}"}
        ann note: refused with invalid_message: the message is no JSON with an event: invalid type: integer `7`, expected a string at line 1 column 12
        ann < {"event":"pusher:error","data":"{\"code\":4200,\"message\":\"Invalid message format\"}"}
        ann note: refused with invalid_message: pusher:unsubscribe needs data with a channel
        ann < {"event":"pusher:error","data":"{\"code\":4200,\"message\":\"Invalid message format\"}"}
        ann note: refused with invalid_message: pusher:signin needs data with auth and user_data
        ann < {"event":"pusher:error","data":"{\"code\":4200,\"message\":\"Invalid message format\"}"}
        ann note: refused with invalid_message: the event has no channel
        ann < {"event":"pusher:error","data":"{\"code\":4200,\"message\":\"Invalid message format\"}"}
        ann < {"event":"pusher:pong","data":"{}"}
    "#]],
    );
}
