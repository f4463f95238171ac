//! WebSockets: 101, and then the socket goes to a shard.

use std::{io, net::IpAddr, sync::Arc};

use hyper::{
    Request, Response, StatusCode,
    header::{HeaderName, HeaderValue},
    http::request::Parts,
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::{rt::TokioIo, server::conn::auto};
use tokio::net::TcpStream;

use super::{Body, Core, bridge, entry::Place, socket_pair};
use crate::{
    shard::{Stream, guest::Guest, mailbox::ShardMessage},
    transport::Upgrade,
};

/// Completes the handshake and takes the socket over when the HTTP library has sent the answer.
pub(super) fn answer(
    core: &Arc<Core>,
    shard: usize,
    mut upgrade: Upgrade,
    parts: Parts,
    peer: Option<IpAddr>,
    place: Place,
) -> Response<Body> {
    let mut answer = Response::new(Body::default());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    for (name, value) in upgrade.answer.take().iter().flat_map(|answer| answer.headers()) {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            answer.headers_mut().append(name, value);
        }
    }
    if let (Some(headers), Some(peer)) = (&mut upgrade.headers, peer) {
        headers.peer = peer;
    }
    let upgrading = hyper::upgrade::on(Request::from_parts(parts, ()));
    tokio::spawn(hand_in(core.clone(), shard, upgrade, upgrading, place));
    answer
}

async fn hand_in(
    core: Arc<Core>,
    shard: usize,
    request: Upgrade,
    upgrading: OnUpgrade,
    place: Place,
) {
    let taken = match upgrading.await {
        Ok(upgraded) => take(upgraded, &place).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match taken {
        Ok((tcp, read)) => {
            place.keep();
            let stream = Stream { tcp, tls: None };
            core.post(shard, ShardMessage::Guest(Box::new(Guest { stream, request, read })));
        }
        Err(reason) => tracing::debug!(reason, "a WebSocket did not come about"),
    }
}

/// Takes the socket out of the HTTP library, with what was read of it. One that is not plain TCP, or that is wrapped into
/// something, stays where it is and is bridged.
fn take(upgraded: Upgraded, place: &Place) -> io::Result<(std::net::TcpStream, Vec<u8>)> {
    match plain(upgraded) {
        Ok((tcp, read)) => {
            let tcp = tcp.into_std()?;
            tcp.set_nodelay(true)?;
            Ok((tcp, read))
        }
        Err(upgraded) => {
            let beside =
                place.beside().ok_or_else(|| io::Error::other("there is no place for it"))?;
            let (far, near) = socket_pair()?;
            tokio::spawn(async move {
                let _beside = beside;
                bridge::run(TokioIo::new(upgraded), near).await;
            });
            Ok((far, Vec::new()))
        }
    }
}

fn plain(upgraded: Upgraded) -> Result<(TcpStream, Vec<u8>), Upgraded> {
    // `axum::serve` has hyper-util look for HTTP/2, which leaves a wrapper around the socket; others have none.
    let upgraded = match auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
        Ok(parts) => return Ok((parts.io.into_inner(), parts.read_buf.to_vec())),
        Err(upgraded) => upgraded,
    };
    let parts = upgraded.downcast::<TokioIo<TcpStream>>()?;
    Ok((parts.io.into_inner(), parts.read_buf.to_vec()))
}
