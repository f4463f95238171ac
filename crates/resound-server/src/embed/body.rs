//! Bodies of answers.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::task::JoinHandle;

/// The body of an answer. Dropping it tells the server that the client has gone away.
pub struct Body {
    content: Either<Full<Bytes>, Incoming>,
    /// Brings the content.
    _connection: Option<Task>,
}

impl Body {
    /// One that comes over a connection of its own.
    pub(super) fn streaming(content: Incoming, connection: Task) -> Self {
        Self { content: Either::Right(content), _connection: Some(connection) }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self { content: Either::Left(Full::default()), _connection: None }
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Self { content: Either::Left(Full::from(text)), _connection: None }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.content).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.content.size_hint()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("size", &self.size_hint()).finish_non_exhaustive()
    }
}

/// A task that ends when nobody wants it any more.
pub(super) struct Task(JoinHandle<()>);

impl Task {
    pub(super) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(task))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
