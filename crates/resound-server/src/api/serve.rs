//! Connections that speak HTTP.

use std::{convert::Infallible, io::Cursor, net::TcpListener, sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::{
    Request, Response,
    body::{Body, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncReadExt as _;

use super::{connection::Client, health, respond, response::Fault};
use crate::{
    server::Shared,
    shard::{HttpConnection, ShardHandle, mailbox::Shards},
};

/// How long a kept-alive connection may wait for its next request.
const IDLE: Duration = Duration::from_secs(75);
/// The same when sockets are scarce: idle connections must not lock others out.
const IDLE_WHEN_CROWDED: Duration = Duration::from_secs(2);
/// Bytes of a request's head and of what is read ahead of a body.
const BUFFER_BYTES: usize = 64 * 1024;
/// Connections of the metrics listener.
const METRICS_CONNECTIONS_MAX: usize = 64;
/// How long its clients wait when there was no descriptor for one of them.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Serves a connection that turned out to speak HTTP.
pub(crate) async fn serve(shard: ShardHandle, connection: HttpConnection) {
    let HttpConnection { stream, read, stay: _stay } = connection;
    let client = match Client::new(stream) {
        Ok(client) => client,
        Err(error) => return tracing::warn!(%error, "an HTTP connection could not be taken in"),
    };
    let io = tokio::io::join(Cursor::new(read).chain(client.clone()), client.clone());
    let shared = shard.shared.clone();
    let service = service_fn(move |request| {
        let (shard, client) = (shard.clone(), client.clone());
        async move { Ok::<_, Infallible>(respond(&shard, &client, request).await) }
    });
    let is_crowded = shared.sockets.count() > shared.sockets.max() / 5 * 4;
    let idle = if is_crowded { IDLE_WHEN_CROWDED } else { IDLE };
    serve_http(io, service, idle, shared.until_draining()).await;
}

/// Serves until the client or `end` ends it; then a request that has begun is still answered.
async fn serve_http<I, S, B>(io: I, service: S, idle: Duration, end: impl Future<Output = ()>)
where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    S: hyper::service::Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + 'static,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(idle)
        // Some clients close their side after the request and wait for the answer.
        .half_close(true)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(io), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        // A request that is there already is answered also after the end.
        biased;
        ended = connection.as_mut() => ended,
        () = end => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}

/// Serves health and metrics on a listener of their own; without one it never ends.
pub(crate) async fn serve_metrics(
    shared: Arc<Shared>,
    shards: Shards,
    listener: Option<TcpListener>,
) -> std::io::Result<()> {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection for metrics could not be accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        if connections.len() >= METRICS_CONNECTIONS_MAX {
            continue; // dropping it closes it
        }
        let (shared, shards) = (shared.clone(), shards.clone());
        connections.spawn(async move {
            let service = service_fn(|request: Request<Incoming>| {
                let (shared, shards) = (shared.clone(), shards.clone());
                async move {
                    let name = request.uri().path().trim_start_matches('/').to_owned();
                    let answer = health::respond(&name, &shared, &shards, true).await;
                    Ok::<_, Infallible>(answer.unwrap_or_else(Fault::into_response))
                }
            });
            // Also while the process ends somebody may ask whether it is ready.
            serve_http(stream, service, IDLE, std::future::pending()).await;
        });
    }
}
