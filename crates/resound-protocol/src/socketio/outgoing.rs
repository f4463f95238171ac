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
        push(out, ",[");
        for (at, member) in newest_first.enumerate() {
            if at > 0 {
                push(out, ",");
            }
            push_member(out, member);
        }
        push(out, "]]");
    })
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
