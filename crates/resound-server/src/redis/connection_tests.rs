//! Answers in pieces, and answers that are none.

use tokio::io::{AsyncWriteExt as _, DuplexStream};

use super::*;

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(test)
}

fn pair() -> (Connection, DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    (Connection::over(Box::new(ours)), theirs)
}

/// Reads until there is a value or a fault.
async fn value(connection: &mut Connection) -> Result<Value, Fault> {
    loop {
        if let Some(value) = connection.next()? {
            return Ok(value);
        }
        connection.read().await?;
    }
}

const MESSAGE: &[u8] = b"*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$1\r\nc\r\n$4\r\n\r\n\xff\0\r\n";

fn message() -> Value {
    let text = |bytes: &[u8]| Value::BulkString(bytes.to_vec());
    Value::Array(vec![text(b"pmessage"), text(b"*"), text(b"c"), text(b"\r\n\xff\0")])
}

#[test]
fn a_message_may_come_byte_by_byte() {
    run(async {
        let (mut connection, mut redis) = pair();
        for byte in MESSAGE {
            assert_eq!(connection.next().expect("no fault"), None);
            redis.write_all(&[*byte]).await.expect("it is read");
            connection.read().await.expect("a byte");
        }
        assert_eq!(connection.next().expect("no fault"), Some(message()));
        assert_eq!(connection.next().expect("no fault"), None);
    });
}

#[test]
fn many_messages_may_come_at_once() {
    run(async {
        let (mut connection, mut redis) = pair();
        redis.write_all(&MESSAGE.repeat(5000)).await.expect("it is read");
        for _ in 0..5000 {
            assert_eq!(value(&mut connection).await.expect("a value"), message());
        }
    });
}

#[test]
fn a_burst_is_read_ahead_up_to_a_bound() {
    run(async {
        let (ours, mut redis) = tokio::io::duplex(64 << 20);
        let mut connection = Connection::over(Box::new(ours));
        let large = [&b"$100000\r\n"[..], &[b'x'; 100_000], b"\r\n"].concat();
        redis.write_all(&large.repeat(400)).await.expect("it is read");
        // The runtime lets a task read so much before others have their turn.
        let mut ahead = usize::MAX;
        while std::mem::replace(&mut ahead, connection.unparsed_bytes) != connection.unparsed_bytes
        {
            tokio::task::yield_now().await;
            connection.read_ahead().await;
        }
        assert!((AHEAD_BYTES_MAX..AHEAD_BYTES_MAX + READ_BYTES).contains(&ahead), "{ahead}");
        for _ in 0..400 {
            let value = value(&mut connection).await.expect("a value");
            assert_eq!(value, Value::BulkString(vec![b'x'; 100_000]));
        }
        assert_eq!((connection.unparsed_bytes, connection.unparsed.len()), (0, 0));
    });
}

#[test]
fn what_is_not_redis_is_told_from_one_that_goes_away() {
    run(async {
        for (answer, fault) in [
            (
                &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
                "what answers does not speak the protocol of Redis",
            ),
            (b"", "Redis closed the connection"),
            (b"*4\r\n$8\r\npmess", "Redis closed the connection"),
        ] {
            let (mut connection, mut redis) = pair();
            redis.write_all(answer).await.expect("it is read");
            drop(redis);
            let error = value(&mut connection).await.expect_err("a fault");
            assert_eq!(error.to_string(), fault);
        }
    });
}

#[test]
fn a_message_without_end_is_not_kept() {
    run(async {
        let (mut connection, mut redis) = pair();
        let endless = async {
            redis
                .write_all(b"*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$1\r\nc\r\n$500000000\r\n")
                .await?;
            loop {
                redis.write_all(&[0; READ_BYTES]).await?;
            }
        };
        let reading = async {
            let error = value(&mut connection).await.expect_err("a fault");
            assert_eq!(error.to_string(), "Redis sends a message of more than 16777216 bytes");
        };
        tokio::select! {
            ended = endless => { let _: io::Result<()> = ended; panic!("it never ends") }
            () = reading => {}
        }
    });
}

#[test]
fn an_error_that_repeats_the_password_is_shown_without_it() {
    let error = refused("ERR unknown command `AUTH`, with args: `s3cret`", Some("s3cret"));
    assert_eq!(
        error.to_string(),
        "Redis answers ERR unknown command `AUTH`, with args: `(hidden)`"
    );
}
