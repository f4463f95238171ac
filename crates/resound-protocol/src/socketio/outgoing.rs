//! Packets to clients, as frames that hold a whole Engine.IO packet.

use crate::{
    channel::ChannelName,
    engineio::Version,
    json::{push, push_string},
    member::Member,
    socket_id::SocketId,
    websocket::Frame,
};

/// The first packet to a client of Engine.IO 3, which joins `/` without asking.
pub fn connect_v3() -> Frame {
    Frame::text("40")
}

/// The answer to CONNECT in Engine.IO 4. With a `pid`, the private id of its session, the client
/// asks for what it missed when it returns.
pub fn connect(sid: SocketId, pid: Option<&str>) -> Frame {
    Frame::build(96, |out| {
        push(out, &format!(r#"40{{"sid":"{sid}""#));
        if let Some(pid) = pid {
            push(out, r#","pid":"#);
            push_string(out, pid);
        }
        push(out, "}");
    })
}

/// The refusal of a namespace. The transport stays open.
pub fn connect_error(version: Version, namespace: &str, message: &str) -> Frame {
    Frame::build(32 + namespace.len() + message.len(), |out| {
        push(out, "44");
        if namespace != "/" {
            push(out, namespace);
            push(out, ",");
        }
        match version {
            Version::V3 => push_string(out, message),
            Version::V4 => {
                push(out, r#"{"message":"#);
                push_string(out, message);
                push(out, "}");
            }
        }
    })
}

/// The end of namespace `/`. The transport stays open.
pub fn disconnect() -> Frame {
    Frame::text("41")
}

/// An event of a channel: name, channel, data, and the event's offset if it can be recovered.
///
/// `name_json` is a JSON string, `data_json` any JSON; without data it is `null`. A client with a
/// `pid` takes a last argument that is a string for an offset, therefore a payload that is a string
/// is followed by an offset or by `null`.
pub fn event(
    name_json: &str,
    channel: &ChannelName,
    data_json: Option<&str>,
    offset: Option<&str>,
) -> Frame {
    let data_json = data_json.unwrap_or("null");
    Frame::build(48 + name_json.len() + channel.as_str().len() + data_json.len(), |out| {
        push(out, "42[");
        push(out, name_json);
        push(out, ",");
        push_string(out, channel.as_str());
        push(out, ",");
        push(out, data_json);
        if offset.is_none() && data_json.trim_ascii_start().starts_with('"') {
            push(out, ",null");
        }
        push_end(out, offset);
    })
}

/// The list of a presence channel's members, to who joined it. Echo shows their `user_info`s.
pub fn presence_subscribed<'a>(
    channel: &ChannelName,
    newest_first: impl Iterator<Item = &'a Member>,
) -> Frame {
    Frame::build(256, |out| {
        push(out, r#"42["presence:subscribed","#);
        push_string(out, channel.as_str());
        push(out, ",");
        push_members(out, newest_first);
        push(out, "]");
    })
}

/// The members alone, as laravel-echo-server publishes them to Redis (`publishPresence`).
pub fn members_json<'a>(newest_first: impl Iterator<Item = &'a Member>) -> String {
    let mut out = Vec::with_capacity(256);
    push_members(&mut out, newest_first);
    String::from_utf8(out).expect("it is made of texts")
}

/// A user came to a presence channel: once per user, not per connection.
pub fn presence_joining(channel: &ChannelName, member: &Member, offset: Option<&str>) -> Frame {
    presence("presence:joining", channel, member, offset)
}

/// A user's last connection left a presence channel.
pub fn presence_leaving(channel: &ChannelName, member: &Member, offset: Option<&str>) -> Frame {
    presence("presence:leaving", channel, member, offset)
}

/// The refusal of a subscription, with the status of the application's answer; 0 if it gave none.
pub fn subscription_error(channel: &str, status: u16) -> Frame {
    Frame::build(48 + channel.len(), |out| {
        push(out, r#"42["subscription_error","#);
        push_string(out, channel);
        push(out, &format!(",{status}]"));
    })
}

fn presence(name: &str, channel: &ChannelName, member: &Member, offset: Option<&str>) -> Frame {
    Frame::build(192, |out| {
        push(out, "42[\"");
        push(out, name);
        push(out, "\",");
        push_string(out, channel.as_str());
        push(out, ",");
        push_member(out, member);
        push_end(out, offset);
    })
}

fn push_members<'a>(out: &mut Vec<u8>, members: impl Iterator<Item = &'a Member>) {
    push(out, "[");
    for (at, member) in members.enumerate() {
        if at > 0 {
            push(out, ",");
        }
        push_member(out, member);
    }
    push(out, "]");
}

/// Writes a member. laravel-echo-server adds the `socketId`, which is left out: in Engine.IO 3 it
/// is the secret that opens the member's session.
fn push_member(out: &mut Vec<u8>, member: &Member) {
    push(out, r#"{"user_id":"#);
    push(out, &member.user_id_json);
    if let Some(info) = &member.user_info_json {
        push(out, r#","user_info":"#);
        push(out, info);
    }
    push(out, "}");
}

/// Ends the arguments of an event.
fn push_end(out: &mut Vec<u8>, offset: Option<&str>) {
    if let Some(offset) = offset {
        push(out, ",");
        push_string(out, offset);
    }
    push(out, "]");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(name: &str) -> ChannelName {
        ChannelName::parse(name, 200).expect("a valid name")
    }

    fn member(data: &str) -> Member {
        Member::parse(data).expect("a member")
    }

    #[track_caller]
    fn check(frame: &Frame, expected: &str) {
        assert_eq!(frame.payload(), expected);
    }

    #[test]
    fn connecting_is_answered_in_the_clients_version() {
        let sid = SocketId::parse("123.456").expect("an id");
        check(&connect_v3(), "40");
        check(&connect(sid, None), r#"40{"sid":"123.456"}"#);
        check(&connect(sid, Some("p\"")), r#"40{"sid":"123.456","pid":"p\""}"#);
        check(&disconnect(), "41");
    }

    #[test]
    fn an_unknown_namespace_is_refused_in_the_clients_version() {
        let message = "Invalid namespace";
        check(&connect_error(Version::V3, "/nope", message), r#"44/nope,"Invalid namespace""#);
        check(
            &connect_error(Version::V4, "/nope", message),
            r#"44/nope,{"message":"Invalid namespace"}"#,
        );
        check(&connect_error(Version::V4, "/", "no"), r#"44{"message":"no"}"#);
    }

    #[test]
    fn an_event_has_its_channel_its_data_and_its_offset() {
        let news = channel("news");
        let event = |data, offset| event(r#""App\\Events\\Posted""#, &news, data, offset);
        check(
            &event(Some(r#"{"id":1}"#), Some("1a")),
            r#"42["App\\Events\\Posted","news",{"id":1},"1a"]"#,
        );
        check(&event(Some("[]"), None), r#"42["App\\Events\\Posted","news",[]]"#);
        check(&event(None, Some("1a")), r#"42["App\\Events\\Posted","news",null,"1a"]"#);
        check(&event(None, None), r#"42["App\\Events\\Posted","news",null]"#);
    }

    #[test]
    fn data_that_are_a_string_are_never_taken_for_an_offset() {
        let a = channel("a");
        check(&event(r#""e""#, &a, Some(r#""x""#), None), r#"42["e","a","x",null]"#);
        check(&event(r#""e""#, &a, Some(r#" "x""#), None), r#"42["e","a", "x",null]"#);
        check(&event(r#""e""#, &a, Some(r#""x""#), Some("1a")), r#"42["e","a","x","1a"]"#);
    }

    #[test]
    fn members_keep_the_type_of_their_id() {
        let room = channel("presence-x");
        let members =
            [member(r#"{"user_id":2,"user_info":{"name":"Zoë"}}"#), member(r#"{"user_id":"1"}"#)];
        check(
            &presence_subscribed(&room, members.iter()),
            r#"42["presence:subscribed","presence-x",[{"user_id":2,"user_info":{"name":"Zoë"}},{"user_id":"1"}]]"#,
        );
        check(
            &presence_subscribed(&room, [].iter()),
            r#"42["presence:subscribed","presence-x",[]]"#,
        );
        check(
            &presence_joining(&room, &members[0], Some("1a")),
            r#"42["presence:joining","presence-x",{"user_id":2,"user_info":{"name":"Zoë"}},"1a"]"#,
        );
        check(
            &presence_leaving(&room, &members[1], None),
            r#"42["presence:leaving","presence-x",{"user_id":"1"}]"#,
        );
    }

    #[test]
    fn a_refused_subscription_names_channel_and_status() {
        check(
            &subscription_error("private-\"x", 403),
            r#"42["subscription_error","private-\"x",403]"#,
        );
    }
}
