//! One connection to Redis, in version 2 of its protocol.
//!
//! URLs, commands and answers are those of the crate `redis`; its connections are not used, see the
//! module above.

use std::{
    borrow::Borrow,
    collections::VecDeque,
    future::poll_fn,
    io::{self, Read},
    pin::pin,
    task::Poll,
    time::Duration,
};

use bytes::{Buf as _, Bytes};
use redis::{Cmd, Parser, ServerError, Value};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
    time::{Instant, timeout},
};

use super::{fault::Fault, tls};
use crate::config::{RedisAddress, RedisPlace};

/// How long a connection may take to come about, and an answer to arrive.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Bytes of one message. One that is larger ends the connection: it cannot be passed over without
/// reading it.
pub(crate) const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes that are read at once.
const READ_BYTES: usize = 64 * 1024;
/// Bytes that are read ahead of what is done with them. Redis ends a connection for which more than 32 MiB
/// wait (`client-output-buffer-limit pubsub`), so that a burst had better wait here.
const AHEAD_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Characters of an error of Redis that are shown.
const REFUSAL_CHARS_MAX: usize = 200;

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection that is open, and signed in if Redis wants that.
pub(crate) struct Connection {
    stream: Box<dyn Duplex>,
    parser: Parser,
    buffer: Box<[u8]>,
    /// What is read and not parsed, in pieces of at most a buffer.
    unparsed: VecDeque<Bytes>,
    unparsed_bytes: usize,
    /// Bytes of the message that is not complete, and perhaps of some before it.
    incomplete_bytes: usize,
    heard: Instant,
}

impl Connection {
    /// Connects and signs in.
    pub(crate) async fn open(address: &RedisAddress) -> Result<Self, Fault> {
        let open = async {
            let mut connection = Self::over(reach(&address.place).await?);
            connection.sign_in(address).await?;
            Ok(connection)
        };
        timeout(ANSWER_MAX, open).await.unwrap_or(Err(Fault::Silent(ANSWER_MAX)))
    }

    fn over(stream: Box<dyn Duplex>) -> Self {
        Self {
            stream,
            parser: Parser::new(),
            buffer: vec![0; READ_BYTES].into_boxed_slice(),
            unparsed: VecDeque::new(),
            unparsed_bytes: 0,
            incomplete_bytes: 0,
            heard: Instant::now(),
        }
    }

    async fn sign_in(&mut self, address: &RedisAddress) -> Result<(), Fault> {
        let Some(password) = &address.password else {
            return Ok(());
        };
        let mut command = redis::cmd("AUTH");
        let answer = self.ask(command.arg(&address.username).arg(password)).await?;
        let Value::ServerError(error) = answer else {
            return Ok(());
        };
        // Redis knows users since version 6.
        let is_old = address.username.is_some() && words(&error).contains("wrong number");
        if is_old {
            let answer = self.ask(redis::cmd("AUTH").arg(password)).await?;
            return refusal(&answer, Some(password)).map_or(Ok(()), Err);
        }
        Err(refused(&words(&error), Some(password)))
    }

    /// Sends a command and waits for its answer. Not for connections that are subscribed.
    pub(crate) async fn ask(&mut self, command: &Cmd) -> Result<Value, Fault> {
        self.send([command]).await?;
        let answer = async {
            loop {
                if let Some(value) = self.next()? {
                    return Ok(value);
                }
                self.read().await?;
            }
        };
        timeout(ANSWER_MAX, answer).await.unwrap_or(Err(Fault::Silent(ANSWER_MAX)))
    }

    /// Sends commands, all at once.
    pub(crate) async fn send(
        &mut self,
        commands: impl IntoIterator<Item = impl Borrow<Cmd>>,
    ) -> Result<(), Fault> {
        let mut bytes = Vec::new();
        for command in commands {
            command.borrow().write_packed_command(&mut bytes);
        }
        let write = async {
            self.stream.write_all(&bytes).await?;
            self.stream.flush().await
        };
        timeout(ANSWER_MAX, write).await.map_err(|_| Fault::Silent(ANSWER_MAX))??;
        Ok(())
    }

    /// Waits for what comes, which [`Self::next`] takes apart. Nothing is lost if it is given up.
    pub(crate) async fn read(&mut self) -> Result<(), Fault> {
        let count = self.stream.read(&mut self.buffer).await?;
        if count == 0 {
            return Err(Fault::Closed);
        }
        self.unparsed.push_back(Bytes::copy_from_slice(&self.buffer[..count]));
        self.unparsed_bytes += count;
        self.heard = Instant::now();
        Ok(())
    }

    /// Reads what is there already, up to a bound. An end is noticed by the next [`Self::read`].
    pub(crate) async fn read_ahead(&mut self) {
        let mut is_read = true;
        while is_read && self.unparsed_bytes < AHEAD_BYTES_MAX {
            let mut read = pin!(self.read());
            is_read = poll_fn(|context| {
                Poll::Ready(matches!(read.as_mut().poll(context), Poll::Ready(Ok(()))))
            })
            .await;
        }
    }

    /// The next value of what was read. When there is none, more has to be read.
    pub(crate) fn next(&mut self) -> Result<Option<Value>, Fault> {
        let before = self.unparsed_bytes;
        let unparsed = Unparsed { pieces: &mut self.unparsed, bytes: &mut self.unparsed_bytes };
        let parsed = self.parser.parse_value(unparsed);
        self.incomplete_bytes += before - self.unparsed_bytes;
        match parsed {
            Ok(value) => {
                self.incomplete_bytes = 0;
                Ok(Some(value))
            }
            Err(error) if !error.is_io_error() => Err(Fault::Protocol),
            Err(_) if self.incomplete_bytes > MESSAGE_BYTES_MAX => {
                Err(Fault::TooLarge(MESSAGE_BYTES_MAX))
            }
            Err(_) => Ok(None),
        }
    }

    /// For how long nothing has come.
    pub(crate) fn silence(&self) -> Duration {
        self.heard.elapsed()
    }

    /// Begins to wait for Redis, which could not be heard as long as nobody listened.
    pub(crate) fn listen_again(&mut self) {
        self.heard = Instant::now();
    }
}

async fn reach(place: &RedisPlace) -> Result<Box<dyn Duplex>, Fault> {
    Ok(match place {
        RedisPlace::Tcp { host, port } => Box::new(reach_tcp(host, *port).await?),
        RedisPlace::Tls { host, port, certificate } => {
            Box::new(tls::connect(host, reach_tcp(host, *port).await?, *certificate).await?)
        }
        RedisPlace::Unix(path) => Box::new(UnixStream::connect(path).await?),
    })
}

async fn reach_tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// What an answer complains of.
pub(crate) fn refusal(answer: &Value, secret: Option<&str>) -> Option<Fault> {
    let Value::ServerError(error) = answer else {
        return None;
    };
    Some(refused(&words(error), secret))
}

/// An error as Redis writes it.
fn words(error: &ServerError) -> String {
    format!("{} {}", error.code(), error.details().unwrap_or_default())
}

/// An error of Redis, without the password: one that does not know the command repeats all of it.
fn refused(error: &str, secret: Option<&str>) -> Fault {
    let text = match secret.filter(|secret| !secret.is_empty()) {
        Some(secret) => error.replace(secret, "(hidden)"),
        None => error.to_owned(),
    };
    Fault::Refused(text.chars().take(REFUSAL_CHARS_MAX).collect())
}

/// Bytes for the parser, which keeps what it has and goes on when there are more.
struct Unparsed<'a> {
    pieces: &'a mut VecDeque<Bytes>,
    bytes: &'a mut usize,
}

impl Read for Unparsed<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let Some(piece) = self.pieces.front_mut() else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        let count = piece.len().min(to.len());
        piece.copy_to_slice(&mut to[..count]);
        if piece.is_empty() {
            self.pieces.pop_front();
        }
        *self.bytes -= count;
        Ok(count)
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
