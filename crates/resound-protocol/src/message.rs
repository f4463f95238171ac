//! Messages to clients, as frames.
//!
//! `data` is a string that contains JSON, also in `pusher:error` (Reverb; Pusher's documentation
//! and soketi have an object there; every client reads both).

use std::ops::Range;

use crate::{
    channel::ChannelName,
    client::ClientEvent,
    error::ClientError,
    json::{push, push_encoded, push_string},
    member::Member,
    socket_id::SocketId,
    websocket::Frame,
};

/// Writes `{"event":"…","data":"…","channel":"…"}`.
fn internal(event: &str, channel: Option<&ChannelName>, data: impl FnOnce(&mut Vec<u8>)) -> Frame {
    Frame::build(192, |out| {
        push(out, "{\"event\":\"");
        push(out, event);
        push(out, "\",\"data\":");
        push_encoded(out, data);
        if let Some(channel) = channel {
            push(out, ",\"channel\":");
            push_string(out, channel.as_str());
        }
        push(out, "}");
    })
}

/// The first message of every connection (1.3).
pub fn connection_established(socket_id: SocketId, activity_timeout_seconds: u32) -> Frame {
    internal("pusher:connection_established", None, |data| {
        push(
            data,
            &format!(
                r#"{{"socket_id":"{socket_id}","activity_timeout":{activity_timeout_seconds}}}"#
            ),
        );
    })
}

/// The answer to `pusher:ping`.
pub fn pong() -> Frame {
    Frame::text(r#"{"event":"pusher:pong","data":"{}"}"#)
}

/// The server's question whether the client is alive.
pub fn ping() -> Frame {
    Frame::text(r#"{"event":"pusher:ping","data":"{}"}"#)
}

/// `pusher:error`: reaches `connection.bind('error')` of pusher-js.
pub fn error(error: &ClientError) -> Frame {
    internal("pusher:error", None, |data| {
        push(data, &format!(r#"{{"code":{},"message":"#, error.code()));
        push_string(data, &error.to_string());
        push(data, "}");
    })
}

/// Why a subscription was refused, in soketi's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// The signature, or the lack of one.
    AuthError,
    /// A limit of the application.
    LimitReached,
    /// A name that no channel has.
    InvalidChannel,
}

/// `pusher:subscription_error`: reaches the channel's own handlers, so Echo's `.error()`.
pub fn subscription_error(channel: &str, kind: RefusalKind, reason: &str) -> Frame {
    let (name, status) = match kind {
        RefusalKind::AuthError => ("AuthError", 401),
        RefusalKind::LimitReached => ("LimitReached", 4100),
        RefusalKind::InvalidChannel => ("InvalidChannel", 4009),
    };
    Frame::build(192, |out| {
        push(out, r#"{"event":"pusher:subscription_error","channel":"#);
        push_string(out, channel);
        push(out, ",\"data\":");
        push_encoded(out, |data| {
            push(data, &format!(r#"{{"type":"{name}","error":"#));
            push_string(data, reason);
            push(data, &format!(r#","status":{status}}}"#));
        });
        push(out, "}");
    })
}

/// The confirmation of a subscription without a list of members.
pub fn subscription_succeeded(channel: &ChannelName) -> Frame {
    internal("pusher_internal:subscription_succeeded", Some(channel), |data| push(data, "{}"))
}

/// The confirmation of a subscription to a presence channel: its users, the joiner among them.
pub fn presence_succeeded<'a>(
    channel: &ChannelName,
    members: impl Iterator<Item = &'a Member> + Clone,
) -> Frame {
    internal("pusher_internal:subscription_succeeded", Some(channel), |data| {
        let mut count = 0;
        push(data, "{\"presence\":{\"ids\":[");
        for member in members.clone() {
            if count > 0 {
                push(data, ",");
            }
            push(data, &member.user_id_json);
            count += 1;
        }
        push(data, "],\"hash\":{");
        for (at, member) in members.enumerate() {
            if at > 0 {
                push(data, ",");
            }
            push_string(data, &member.user_id);
            push(data, ":");
            push(data, member.user_info_json.as_deref().unwrap_or("null"));
        }
        push(data, &format!("}},\"count\":{count}}}}}"));
    })
}

/// A user came to a presence channel: once per user, not per connection.
pub fn member_added(channel: &ChannelName, member: &Member) -> Frame {
    internal("pusher_internal:member_added", Some(channel), |data| {
        push(data, "{\"user_id\":");
        push(data, &member.user_id_json);
        if let Some(info) = &member.user_info_json {
            push(data, ",\"user_info\":");
            push(data, info);
        }
        push(data, "}");
    })
}

/// A user's last connection left a presence channel.
pub fn member_removed(channel: &ChannelName, member: &Member) -> Frame {
    internal("pusher_internal:member_removed", Some(channel), |data| {
        push(data, "{\"user_id\":");
        push(data, &member.user_id_json);
        push(data, "}");
    })
}

/// How many connections are subscribed to a channel (1.10).
pub fn subscription_count(channel: &ChannelName, count: u64) -> Frame {
    internal("pusher_internal:subscription_count", Some(channel), |data| {
        push(data, &format!(r#"{{"subscription_count":{count}}}"#));
    })
}

/// A cache channel remembers nothing (1.7).
pub fn cache_miss(channel: &ChannelName) -> Frame {
    Frame::build(64, |out| {
        push(out, r#"{"event":"pusher:cache_miss","channel":"#);
        push_string(out, channel.as_str());
        push(out, "}");
    })
}

/// The answer to a sign-in: the user's data exactly as they came.
pub fn signin_success(user_data: &str) -> Frame {
    Frame::build(64 + user_data.len(), |out| {
        push(out, r#"{"event":"pusher:signin_success","data":{"user_data":"#);
        push_string(out, user_data);
        push(out, "}}");
    })
}

/// Which watched users are there and which are not (1.9).
pub fn watchlist_events(online: &[&str], offline: &[&str]) -> Frame {
    internal("pusher_internal:watchlist_events", None, |data| {
        push(data, "{\"events\":[");
        let lists = [("online", online), ("offline", offline)];
        for (at, (name, ids)) in lists.into_iter().filter(|(_, ids)| !ids.is_empty()).enumerate() {
            if at > 0 {
                push(data, ",");
            }
            push(data, &format!(r#"{{"name":"{name}","user_ids":["#));
            for (at, id) in ids.iter().enumerate() {
                if at > 0 {
                    push(data, ",");
                }
                push_string(data, id);
            }
            push(data, "]}");
        }
        push(data, "]}");
    })
}

/// An event of an application or a client: its Pusher frame, and where name and data stand in it, so
/// that other wire formats can be made of it without another copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    frame: Frame,
    name: Range<u32>,
    data: Option<Range<u32>>,
}

impl Published {
    /// The event as clients of the Pusher protocol get it.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The name's JSON string, quotes included.
    pub fn name_json(&self) -> &str {
        self.part(&self.name)
    }

    /// The data's JSON, if there are data.
    pub fn data_json(&self) -> Option<&str> {
        self.data.as_ref().map(|data| self.part(data))
    }

    fn part(&self, range: &Range<u32>) -> &str {
        &self.frame.payload()[range.start as usize..range.end as usize]
    }
}

/// Appends something and says where in the payload, which begins at `start`, it stands.
fn place(out: &mut Vec<u8>, start: usize, write: impl FnOnce(&mut Vec<u8>)) -> Range<u32> {
    let from = out.len() - start;
    write(out);
    from as u32..(out.len() - start) as u32
}

/// An event that an application published. `name_json` and `data_json` are the publisher's own
/// JSON strings: nothing is decoded and encoded again, so every byte of the payload arrives.
pub fn event(name_json: &str, channel: &ChannelName, data_json: &str) -> Published {
    let (mut name, mut data) = (0..0, 0..0);
    let capacity = 48 + name_json.len() + channel.as_str().len() + data_json.len();
    let frame = Frame::build(capacity, |out| {
        let start = out.len();
        push(out, "{\"event\":");
        name = place(out, start, |out| push(out, name_json));
        push(out, ",\"channel\":");
        push_string(out, channel.as_str());
        push(out, ",\"data\":");
        data = place(out, start, |out| push(out, data_json));
        push(out, "}");
    });
    Published { frame, name, data: Some(data) }
}

/// An event from another client. `user_id` is the sender's on presence channels, as the
/// application signed it; whatever the sender's message said of it is dropped.
pub fn client_event(event: &ClientEvent<'_>, user_id: Option<&str>) -> Published {
    let (mut name, mut data) = (0..0, None);
    let capacity =
        64 + event.name.len() + event.channel.len() + event.data.as_deref().map_or(0, str::len);
    let frame = Frame::build(capacity, |out| {
        let start = out.len();
        push(out, "{\"event\":");
        name = place(out, start, |out| push_string(out, &event.name));
        push(out, ",\"channel\":");
        push_string(out, &event.channel);
        if let Some(json) = event.data.as_deref() {
            push(out, ",\"data\":");
            data = Some(place(out, start, |out| push(out, json)));
        }
        if let Some(user_id) = user_id {
            push(out, ",\"user_id\":");
            push_string(out, user_id);
        }
        push(out, "}");
    });
    Published { frame, name, data }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(frame: &Frame, expected: &Expect) {
        let text = frame.payload();
        serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        expected.assert_eq(text);
    }

    fn channel(name: &str) -> ChannelName {
        ChannelName::parse(name, 200).expect("a valid name")
    }

    fn member(data: &str) -> Member {
        Member::parse(data).expect("a member")
    }

    #[test]
    fn the_handshake_has_the_form_that_pusher_js_wants() {
        check(
            &connection_established(SocketId::from_random(0), 30),
            &expect![[
                r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.1\",\"activity_timeout\":30}"}"#
            ]],
        );
        check(&ping(), &expect![[r#"{"event":"pusher:ping","data":"{}"}"#]]);
        check(&pong(), &expect![[r#"{"event":"pusher:pong","data":"{}"}"#]]);
    }

    #[test]
    fn refusals_carry_code_and_reason() {
        check(
            &error(&ClientError::Unauthorized),
            &expect![[
                r#"{"event":"pusher:error","data":"{\"code\":4009,\"message\":\"Connection is unauthorized\"}"}"#
            ]],
        );
        check(
            &subscription_error("a \"b", RefusalKind::LimitReached, "full"),
            &expect![[
                r#"{"event":"pusher:subscription_error","channel":"a \"b","data":"{\"type\":\"LimitReached\",\"error\":\"full\",\"status\":4100}"}"#
            ]],
        );
    }

    #[test]
    fn subscriptions_are_confirmed() {
        check(
            &subscription_succeeded(&channel("news")),
            &expect![[
                r#"{"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}"#
            ]],
        );
        let members =
            [member(r#"{"user_id":"7","user_info":{"name":"Zoë"}}"#), member(r#"{"user_id":8}"#)];
        check(
            &presence_succeeded(&channel("presence-a"), members.iter()),
            &expect![[
                r#"{"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"7\",8],\"hash\":{\"7\":{\"name\":\"Zoë\"},\"8\":null},\"count\":2}}","channel":"presence-a"}"#
            ]],
        );
        check(
            &presence_succeeded(&channel("presence-a"), [].iter()),
            &expect![[
                r#"{"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[],\"hash\":{},\"count\":0}}","channel":"presence-a"}"#
            ]],
        );
        check(
            &cache_miss(&channel("cache-a")),
            &expect![[r#"{"event":"pusher:cache_miss","channel":"cache-a"}"#]],
        );
    }

    #[test]
    fn members_come_and_go() {
        let member = member(r#"{"user_id":8,"user_info":{"name":"Bo"}}"#);
        check(
            &member_added(&channel("presence-a"), &member),
            &expect![[
                r#"{"event":"pusher_internal:member_added","data":"{\"user_id\":8,\"user_info\":{\"name\":\"Bo\"}}","channel":"presence-a"}"#
            ]],
        );
        check(
            &member_removed(&channel("presence-a"), &member),
            &expect![[
                r#"{"event":"pusher_internal:member_removed","data":"{\"user_id\":8}","channel":"presence-a"}"#
            ]],
        );
        check(
            &subscription_count(&channel("news"), 3),
            &expect![[
                r#"{"event":"pusher_internal:subscription_count","data":"{\"subscription_count\":3}","channel":"news"}"#
            ]],
        );
    }

    #[test]
    fn users_are_told_of_themselves_and_of_whom_they_watch() {
        check(
            &signin_success(r#"{"id":"7"}"#),
            &expect![[
                r#"{"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"7\"}"}}"#
            ]],
        );
        check(
            &watchlist_events(&["8"], &["9", "1\"0"]),
            &expect![[
                r#"{"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"online\",\"user_ids\":[\"8\"]},{\"name\":\"offline\",\"user_ids\":[\"9\",\"1\\\"0\"]}]}"}"#
            ]],
        );
    }

    #[test]
    fn events_keep_the_publishers_bytes() {
        check(
            event(
                r#""App\\Events\\OrderShipped""#,
                &channel("orders"),
                r#""{\"n\":1.0,\"s\":\"\u2028\/\"}""#,
            )
            .frame(),
            &expect![[
                r#"{"event":"App\\Events\\OrderShipped","channel":"orders","data":"{\"n\":1.0,\"s\":\"\u2028\/\"}"}"#
            ]],
        );
        let sent = ClientEvent {
            name: "client-a".into(),
            channel: "presence-a".into(),
            data: Some("{\"n\": 1}".into()),
        };
        check(
            client_event(&sent, Some("7")).frame(),
            &expect![[
                r#"{"event":"client-a","channel":"presence-a","data":{"n": 1},"user_id":"7"}"#
            ]],
        );
    }
}
