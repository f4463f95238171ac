//! Names that the command line takes, checked as the server checks them.

use resound_protocol::{channel::ChannelName, socket_id::SocketId};

/// Characters of a channel's name; the server has a limit of its own, which is this by default.
const CHANNEL_CHARACTERS_MAX: usize = 200;

/// A channel's whole name.
pub(super) fn channel(text: &str) -> Result<String, String> {
    let name = ChannelName::parse(text, CHANNEL_CHARACTERS_MAX);
    name.map(|name| name.to_string()).map_err(|fault| fault.to_string())
}

/// A socket id, such as `123.456`.
pub(super) fn socket_id(text: &str) -> Result<String, String> {
    if SocketId::is_well_formed(text) {
        return Ok(text.to_owned());
    }
    Err("a socket id is two numbers with a dot between them, such as 123.456".to_owned())
}

/// Data in JSON.
pub(super) fn json(text: &str) -> Result<String, String> {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Ok(text.trim().to_owned()),
        Err(error) => Err(format!(r#"it is no JSON ({error}); a text is written '"like this"'"#)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_would_refuse_is_refused() {
        assert!(channel("private-orders.1").is_ok() && channel("a b").is_err());
        assert!(channel(&"x".repeat(201)).is_err());
        assert!(socket_id("123.456").is_ok() && socket_id("123").is_err());
        assert!(json(r#" {"id":1} "#).is_ok_and(|text| text == r#"{"id":1}"#));
        assert!(json("hello").is_err_and(|error| error.contains("'\"like this\"'")));
    }
}
