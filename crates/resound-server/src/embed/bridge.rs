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

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};

    use super::*;

    /// A client's end and a shard's end, with a bridge between them.
    fn bridged() -> (DuplexStream, DuplexStream, tokio::task::JoinHandle<()>) {
        let (client, outside) = duplex(1024);
        let (shard, inside) = duplex(1024);
        (client, shard, tokio::spawn(run(outside, inside)))
    }

    #[tokio::test(start_paused = true)]
    async fn what_either_side_says_arrives_and_its_end_too() {
        let (mut client, mut shard, bridge) = bridged();
        client.write_all(b"to the shard").await.expect("it is taken");
        client.shutdown().await.expect("it ends");
        let mut heard = String::new();
        shard.read_to_string(&mut heard).await.expect("it comes");
        assert_eq!(heard, "to the shard");
        shard.write_all(b"to the client").await.expect("it is taken");
        drop(shard);
        let mut heard = String::new();
        client.read_to_string(&mut heard).await.expect("it comes");
        assert_eq!(heard, "to the client");
        bridge.await.expect("it ends");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_close_is_not_waited_for_for_long() {
        let (_client, shard, bridge) = bridged();
        drop(shard);
        bridge.await.expect("it ends");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_not_waited_for_for_ever() {
        let (_client, mut shard, bridge) = bridged();
        // More than all buffers on the way, and nobody reads.
        let written = shard.write_all(&[0; 64 * 1024]).await;
        assert!(written.is_err(), "the bridge gave up, and so the shard hears of it");
        bridge.await.expect("it ends");
    }
}
