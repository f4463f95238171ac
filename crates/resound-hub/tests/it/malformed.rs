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
    check(&steps, expect![[]]);
}
