//! A WebSocket whose socket can't be taken: the application speaks TLS itself, or accepts in another way. Bytes are carried
//! between its stream and a shard.

use std::time::Duration;

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

/// Bytes that are under way in one direction.
const BUFFER_BYTES: usize = 4 * 1024;
/// How long a client may take to take some bytes. A shard would bear it for longer, but it does not see it.
const STALLED: Duration = Duration::from_secs(60);
/// How long a client may take to close when the shard has.
const CLOSING: Duration = Duration::from_secs(5);

/// Carries bytes until either side ends.
pub(super) async fn run(client: impl AsyncRead + AsyncWrite, shard: impl AsyncRead + AsyncWrite) {
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_shard, mut to_shard) = tokio::io::split(shard);
    let inwards = async {
        carry(&mut from_client, &mut to_shard).await;
        // The shard hears of it, says what it has to say, and closes, too.
        let _ = to_shard.shutdown().await;
    };
    let outwards = async {
        carry(&mut from_shard, &mut to_client).await;
        let _ = timeout(CLOSING, to_client.shutdown()).await;
    };
    tokio::pin!(inwards, outwards);
    tokio::select! {
        () = &mut outwards => {
            let _ = timeout(CLOSING, inwards).await; // the client is to close, too
        }
        () = &mut inwards => outwards.await,
    }
}

/// Carries bytes until there are none any more, or nobody takes them.
async fn carry(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) {
    let mut buffer = vec![0; BUFFER_BYTES];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let write = async {
            to.write_all(&buffer[..count]).await?;
            to.flush().await
        };
        if !matches!(timeout(STALLED, write).await, Ok(Ok(()))) {
            return;
        }
    }
}
