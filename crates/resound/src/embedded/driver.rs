//! Events on their way to an embedded server.

use resound_server::embed::PublishFault;

use super::Embedded;
use crate::{
    driver::{Answers, Driver, Sending},
    envelope::Envelope,
    error::DriverError,
    figures::{Asking, ChannelFigures, Figures},
    front_end::EchoOptions,
    json,
};

/// Channels of one event; the server's own limit by default (`max_event_channels`).
const CHANNELS_MAX: usize = 100;

/// The driver `embedded`: events go to the server in this process, without HTTP, a signature, or a socket.
///
/// When it says that an event is sent, the event has its place in the order of its channel.
///
/// ```
/// use resound::{Broadcaster, broadcast, drivers::Log, embedded::{Embedded, Options}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let embedded = Embedded::start(Options::new().threads(1))?;
/// let broadcaster = Broadcaster::builder()
///     .connection("log", Log)
///     .connection("own", embedded.driver())
///     .build();
/// broadcaster.send(broadcast::public("news").name("posted")).via("own").now().result().await?;
/// assert_eq!(embedded.stats().await.published, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct EmbeddedDriver(Embedded);

impl EmbeddedDriver {
    pub(super) fn new(embedded: Embedded) -> Self {
        Self(embedded)
    }

    async fn publish(&self, envelope: &Envelope) -> Result<(), DriverError> {
        let event = match envelope.channels.iter().find(|channel| channel.is_encrypted()) {
            None => event(envelope, &envelope.payload),
            Some(channel) if envelope.channels.len() == 1 => {
                let sealed = self.0.credentials.seal(channel.as_str(), &envelope.payload);
                event(envelope, &sealed.map_err(DriverError::Refused)?)
            }
            Some(channel) => {
                let message = format!("{channel} is encrypted and must come alone");
                return Err(DriverError::Refused(message));
            }
        };
        let published = self.0.server.publish(event.into_bytes()).await;
        published.map_err(|fault| match fault {
            // It does not come back: another try would only hold up the process's end.
            PublishFault::Stopped => DriverError::Ended(fault.to_string()),
            fault @ (PublishFault::Refused(_) | _) => DriverError::Refused(fault.to_string()),
        })
    }
}

impl Driver for EmbeddedDriver {
    fn send<'a>(&'a self, envelope: &'a Envelope) -> Sending<'a> {
        Box::pin(self.publish(envelope))
    }

    fn channels_max(&self) -> usize {
        CHANNELS_MAX
    }

    fn figures<'a>(&'a self, prefix: &'a str) -> Asking<'a> {
        Box::pin(async move {
            let channels = self.0.channels(prefix).await.into_iter();
            let channels = channels.map(|channel| ChannelFigures {
                name: channel.name,
                subscriptions: Some(channel.subscriptions),
                members: channel.members.map(|members| members as u64),
            });
            let connections = Some(self.0.connections() as u64);
            Ok(Figures { connections, channels: channels.collect() })
        })
    }

    fn answers(&self) -> Answers {
        Answers::Pusher(self.0.credentials.clone())
    }

    fn front_end(&self) -> EchoOptions {
        EchoOptions { path: self.0.path().to_owned(), ..EchoOptions::of(&self.answers()) }
    }
}

/// The event in the words of Pusher's HTTP API.
fn event(envelope: &Envelope, payload: &str) -> String {
    let channels: Vec<_> = envelope.channels.iter().map(|c| json::string(c.as_str())).collect();
    let (name, payload) = (json::string(&envelope.name), json::string(payload));
    let mut event =
        format!(r#"{{"name":{name},"data":{payload},"channels":[{}]"#, channels.join(","));
    if let Some(socket) = envelope.socket.pusher() {
        event.extend([r#","socket_id":"#, &json::string(socket)]);
    }
    event.push('}');
    event
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SocketId, broadcast};

    #[test]
    fn an_event_is_written_in_pushers_words() {
        let broadcast = broadcast::on(["news", "presence-room.1"])
            .name("order.named")
            .with(serde_json::json!({ "x": "a/b" }));
        let mut envelope = Envelope::of(&broadcast, "").expect("JSON");
        envelope.socket = SocketId::from("1.2");
        assert_eq!(
            event(&envelope, &envelope.payload),
            r#"{"name":"order.named","data":"{\"x\":\"a\\\/b\"}","channels":["news","presence-room.1"],"socket_id":"1.2"}"#
        );
    }
}
