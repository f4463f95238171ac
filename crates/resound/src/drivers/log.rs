use crate::{
    driver::{Driver, Sending},
    envelope::Envelope,
};

/// Writes events to the log, in Laravel's words, at level `info`.
///
/// ```
/// use resound::{Broadcaster, drivers::Log};
///
/// let broadcaster = Broadcaster::builder().connection("log", Log).build();
/// # let _ = broadcaster;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Log;

impl Driver for Log {
    fn send<'a>(&'a self, envelope: &'a Envelope) -> Sending<'a> {
        Box::pin(async move {
            tracing::info!("{}", text(envelope));
            Ok(())
        })
    }
}

fn text(envelope: &Envelope) -> String {
    let channels: Vec<_> = envelope.channels.iter().map(|channel| channel.as_str()).collect();
    let channels = channels.join(", ");
    let Envelope { name, payload, .. } = envelope;
    format!("Broadcasting [{name}] on channels [{channels}] with payload:\n{}", pretty(payload))
}

/// Indented by four, as PHP does.
fn pretty(json: &str) -> String {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(json) else {
        return json.to_owned();
    };
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    match serde::Serialize::serialize(&value, &mut serializer) {
        Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => json.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Channel, broadcast};

    #[test]
    fn an_event_is_logged_in_laravels_words() {
        let event = broadcast::on([Channel::public("a"), Channel::private("b")])
            .name("order.shipped")
            .with(serde_json::json!({ "id": 7 }));
        assert_eq!(
            text(&Envelope::of(&event, "").expect("json")),
            "Broadcasting [order.shipped] on channels [a, private-b] with payload:\n{\n    \"id\": 7\n}"
        );
    }
}
