//! Requests that the application hands in.

use std::{error::Error, net::IpAddr, sync::Arc};

use bytes::Bytes;
use hyper::{Request, Response, StatusCode, header, http::request::Parts};

use super::{Body, Core, Server, http, websocket};
use crate::{
    server::Shared,
    shard::polling::{PollAnswer, PollName},
    transport::{Target, Upgrade, upgrade_of},
};

/// Moves that a WebSocket follows; a session moves when its client returns to another one.
const MOVES_MAX: usize = 4;

impl Server {
    /// Answers a request whose path is one of the server's. `peer` is the client's address, if it is known.
    ///
    /// A WebSocket is answered with 101, and its socket is taken over as soon as the HTTP library gives it away. That
    /// works with hyper, and with what is built on it; the library must not forbid upgrades.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn answer<B>(&self, request: Request<B>, peer: Option<IpAddr>) -> Response<Body>
    where
        B: hyper::body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let core = &self.0.core;
        if core.is_over() {
            return unavailable("The server has stopped.");
        }
        let Some(place) = Place::take(&core.shared) else { return full(core) };
        let (parts, body) = request.into_parts();
        if let Some((shard, upgrade)) = opening(core, &parts).await {
            return websocket::answer(core, shard, upgrade, parts, peer, place);
        }
        let Some(beside) = place.beside() else { return full(core) };
        http::answer(core, Request::from_parts(parts, body), peer, (place, beside)).await
    }
}

/// What a pair of sockets takes besides the one that the shard counts: its other end, and the client's socket.
pub(super) type Beside = [Place; 2];

/// A socket that is counted, until it is dropped.
pub(super) struct Place(Arc<Shared>);

impl Place {
    fn take(shared: &Arc<Shared>) -> Option<Self> {
        shared.sockets.try_enter().then(|| Self(shared.clone()))
    }

    /// The same for a client whose socket stays where it is.
    pub(super) fn beside(&self) -> Option<Beside> {
        Some([Self::take(&self.0)?, Self::take(&self.0)?])
    }

    /// Leaves the count to whom the socket goes.
    pub(super) fn keep(self) {
        self.0.sockets.enter();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.sockets.leave();
    }
}

/// The WebSocket that a request opens, and the shard that it goes to.
async fn opening(core: &Core, parts: &Parts) -> Option<(usize, Upgrade)> {
    let upgrade = upgrade_of(parts, &core.shared.config)?;
    let mut shard = match &upgrade.target {
        Target::Engine(target) => target
            .session
            .map_or_else(|| core.next_shard(), |id| PollName::Engine(id).home(core.shards.count())),
        Target::Pusher { .. } => core.next_shard(),
    };
    let mut upgrade = upgrade;
    for _ in 0..MOVES_MAX {
        let ask = move |shard: &mut crate::shard::Shard| (shard.would_admit(&upgrade), upgrade);
        let (answer, asked) = core.act(shard, ask).await?;
        upgrade = asked;
        match answer {
            Ok(true) => return Some((shard, upgrade)),
            Err(PollAnswer::Moved(to)) => shard = to,
            Ok(false) | Err(_) => return None,
        }
    }
    None
}

fn full(core: &Core) -> Response<Body> {
    core.shared.metrics.refuse_full();
    unavailable("The server has as many connections as it may have.")
}

/// 503, and to come again.
pub(super) fn unavailable(message: &'static str) -> Response<Body> {
    let mut answer = Response::new(Body::from(message));
    *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    answer.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    answer
}
