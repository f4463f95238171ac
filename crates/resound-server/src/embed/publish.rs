//! Events of the application itself: no HTTP, no signature, no socket.

use resound_protocol::api::{BodyFault, EventBody};

use super::Server;
use crate::api::body_limits;

/// Why an event is not published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishFault {
    /// The event breaks a rule, as it would over HTTP.
    #[error("{0}")]
    Refused(String),
    /// The server has stopped.
    #[error("the embedded server has stopped")]
    Stopped,
}

impl Server {
    /// Publishes an event, in the words of `POST /apps/{id}/events`: `{"name":…,"data":…,"channels":[…],"socket_id":…}`. Rules
    /// and limits are those of HTTP. When this returns, the event has its place in the order of each of its channels.
    ///
    /// # Errors
    /// If it breaks a rule, or the server has stopped.
    pub async fn publish(&self, event: Vec<u8>) -> Result<(), PublishFault> {
        let core = &self.0.core;
        let app = core.app().ok_or(PublishFault::Stopped)?;
        let max = app.options.request_bytes_max;
        if event.len() > max {
            let size = event.len();
            let message =
                format!("the event is {size} bytes, the limit is {max} (max_request_size)");
            return Err(PublishFault::Refused(message));
        }
        core.shards.until_they_keep_up().await;
        let publish = move |shard: &mut crate::shard::Shard| {
            let event = EventBody::parse(&event, &body_limits(&app.options))?;
            shard.metrics_mut().app(app.number()).published += 1;
            shard.publish(app.number(), std::slice::from_ref(&event));
            Ok::<_, BodyFault>(())
        };
        let published = core.act(core.next_shard(), publish).await;
        published
            .ok_or(PublishFault::Stopped)?
            .map_err(|fault| PublishFault::Refused(fault.to_string()))
    }
}
