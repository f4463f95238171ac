//! Requests that open no WebSocket: a shard answers them, over a pair of sockets.

use std::{error::Error, io, net::IpAddr, sync::Arc};

use bytes::Bytes;
use hyper::{
    HeaderMap, Request, Response, Uri, Version,
    body::Incoming,
    client::conn::http1,
    header::{self, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;

use super::{
    Body, Core,
    body::Task,
    entry::{Beside, Place, unavailable},
    near_end::NearEnd,
    socket_pair,
};
use crate::shard::{Stream, mailbox::ShardMessage};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Headers that belong to a connection, and not to what is said over it (RFC 9110, 7.6.1). Whether to wait for 100 is
/// between the client and the application.
const OF_CONNECTION: [HeaderName; 6] = [
    header::CONNECTION,
    header::EXPECT,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// Lets a shard answer.
pub(super) async fn answer<B>(
    core: &Arc<Core>,
    request: Request<B>,
    peer: Option<IpAddr>,
    places: (Place, Beside),
) -> Response<Body>
where
    B: hyper::body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let request = inner(request, peer);
    let answer = async {
        let (mut sender, connection) = connect(core, places).await?;
        let answer = sender.send_request(request).await.map_err(io::Error::other)?;
        Ok::<_, io::Error>(outer(answer, connection))
    };
    tokio::select! {
        answer = answer => answer.unwrap_or_else(|error| {
            tracing::debug!(%error, "a request to the embedded server was not answered");
            unavailable("The server did not answer.")
        }),
        () = core.until_over() => unavailable("The server has stopped."),
    }
}

/// Opens a connection to a shard; it ends when the task that drives it is dropped.
async fn connect<B>(
    core: &Core,
    (place, beside): (Place, Beside),
) -> io::Result<(http1::SendRequest<B>, Task)>
where
    B: hyper::body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (far, near) = socket_pair()?;
    place.keep();
    let stream = Stream { tcp: far, tls: None };
    let take = move |shard: &mut crate::shard::Shard| shard.take_http(stream);
    core.post(core.next_shard(), ShardMessage::Act(Box::new(take)));
    let (sender, connection) =
        http1::handshake(TokioIo::new(NearEnd::new(near))).await.map_err(io::Error::other)?;
    let connection = Task::spawn(async move {
        let _beside = beside;
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a request to the embedded server ended early");
        }
    });
    Ok((sender, connection))
}

/// The request as a shard gets it: HTTP/1.1, with the client's address where proxies write it.
fn inner<B>(mut request: Request<B>, peer: Option<IpAddr>) -> Request<B> {
    if !request.headers().contains_key(header::HOST) {
        let host =
            request.uri().authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok());
        request.headers_mut().extend(host.map(|host| (header::HOST, host)));
    }
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = path.map(Uri::from).unwrap_or_default();
    *request.version_mut() = Version::HTTP_11;
    // What the HTTP library keeps with it, the socket among it, stays here.
    request.extensions_mut().clear();
    strip(request.headers_mut());
    let peer = peer.and_then(|peer| HeaderValue::from_str(&peer.to_canonical().to_string()).ok());
    if let Some(peer) = peer {
        request.headers_mut().append(FORWARDED_FOR, peer);
    }
    request
}

/// A shard's answer for the client.
fn outer(answer: Response<Incoming>, connection: Task) -> Response<Body> {
    let (mut parts, body) = answer.into_parts();
    strip(&mut parts.headers);
    Response::from_parts(parts, Body::streaming(body, connection))
}

fn strip(headers: &mut HeaderMap) {
    for name in OF_CONNECTION {
        headers.remove(name);
    }
}
