//! The way to a server: TCP, TLS, WebSocket.

use std::{io, sync::Arc, time::Duration};

use futures_util::{SinkExt as _, Stream};
use hyper::{HeaderMap, Request};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest as _,
        error::ProtocolError,
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};

use crate::{
    address::Address,
    error::{ConnectionError, excerpt},
};

/// Bytes that are read at once. The 128 KiB of tungstenite's default are zeroed for every read.
const READ_BYTES: usize = 4096;
/// How long a message may take to be sent.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// What a connection that ends without a close frame is said to have ended with.
const ABNORMAL: u16 = 1006;

/// A connection's bytes.
pub(crate) trait Bytes: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Bytes for T {}

/// How connections are made.
pub(crate) struct Dialer {
    pub(crate) address: Address,
    pub(crate) headers: HeaderMap,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) message_bytes_max: usize,
    pub(crate) route: Route,
}

/// What connections go through.
pub(crate) enum Route {
    Network,
    /// For tests: the other ends are handed over here.
    #[cfg(test)]
    Memory(tokio::sync::mpsc::Sender<tokio::io::DuplexStream>),
}

impl Dialer {
    /// Opens a WebSocket.
    pub(crate) async fn dial(&self) -> Result<Wire, ConnectionError> {
        let bytes = match &self.route {
            Route::Network => self.network().await?,
            #[cfg(test)]
            Route::Memory(accepting) => {
                let (ours, theirs) = tokio::io::duplex(64 * 1024);
                accepting.send(theirs).await.map_err(|_| ConnectionError::Unreachable {
                    address: self.address.shown(),
                    error: Arc::new(io::ErrorKind::ConnectionRefused.into()),
                })?;
                Box::new(ours)
            }
        };
        let socket = client_async_with_config(self.request()?, bytes, Some(self.config())).await;
        let (socket, _) = socket.map_err(|error| self.no_websocket(error))?;
        Ok(Wire(socket))
    }

    async fn network(&self) -> Result<Box<dyn Bytes>, ConnectionError> {
        let Address { host, port, .. } = &self.address;
        let tcp = TcpStream::connect((&**host, *port)).await.and_then(|tcp| {
            tcp.set_nodelay(true)?;
            Ok(tcp)
        });
        let address = || self.address.shown();
        let tcp = tcp.map_err(|error| ConnectionError::Unreachable {
            address: address(),
            error: Arc::new(error),
        })?;
        let Some(config) = &self.tls else { return Ok(Box::new(tcp)) };
        let failed = |error| ConnectionError::Tls { address: address(), error: Arc::new(error) };
        let name = ServerName::try_from(host.clone()).map_err(|e| failed(io::Error::other(e)))?;
        let tls = TlsConnector::from(Arc::clone(config)).connect(name, tcp).await;
        Ok(Box::new(tls.map_err(failed)?))
    }

    fn request(&self) -> Result<Request<()>, ConnectionError> {
        let request = self.address.url().into_client_request();
        let mut request = request.map_err(|error| self.no_websocket(error))?;
        request.headers_mut().extend(self.headers.clone());
        Ok(request)
    }

    fn config(&self) -> WebSocketConfig {
        WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(self.message_bytes_max))
            .max_frame_size(Some(self.message_bytes_max))
    }

    fn no_websocket(&self, error: Error) -> ConnectionError {
        let address = self.address.shown();
        if let Error::Http(response) = error {
            let body = excerpt(response.body().as_deref().unwrap_or_default());
            return ConnectionError::NoWebSocket {
                address,
                status: response.status().as_u16(),
                body: if body.is_empty() { "(nothing else)".to_owned() } else { body },
            };
        }
        if let Error::Io(error) = error {
            let error = Arc::new(error);
            return ConnectionError::Unreachable { address, error };
        }
        ConnectionError::NotPusher { address, reason: error.to_string() }
    }
}

/// An open WebSocket.
pub(crate) struct Wire(WebSocketStream<Box<dyn Bytes>>);

impl Wire {
    /// The next message. May be cancelled without losing one.
    pub(crate) async fn next(&mut self) -> Result<String, ConnectionError> {
        loop {
            let next =
                std::future::poll_fn(|context| std::pin::Pin::new(&mut self.0).poll_next(context));
            match next.await {
                // soketi takes binary frames, too, and no server sends them; JSON is JSON.
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                    let text = message.into_text();
                    return Ok(text.map_err(|error| lost(&error))?.as_str().to_owned());
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(frame))) => return Err(closed(frame)),
                Some(Err(error)) => return Err(lost(&error)),
                None => return Err(closed(None)),
            }
        }
    }

    pub(crate) async fn send(&mut self, text: &str) -> Result<(), ConnectionError> {
        let sending = self.0.send(Message::text(text));
        match tokio::time::timeout(SEND_TIMEOUT, sending).await {
            Ok(sent) => sent.map_err(|error| lost(&error)),
            Err(_) => Err(ConnectionError::Lost {
                reason: format!(
                    "a message was not taken within {} seconds",
                    SEND_TIMEOUT.as_secs()
                ),
            }),
        }
    }

    /// Says goodbye, and waits for the answer so long at most.
    pub(crate) async fn close(mut self, patience: Duration) {
        let closing = async {
            let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
            if self.0.close(Some(frame)).await.is_ok() {
                while self.next().await.is_ok() {}
            }
        };
        // It ends in any case.
        let _ = tokio::time::timeout(patience, closing).await;
    }

    /// Answers the server's close frame, so that it need not wait.
    pub(crate) async fn answer_close(mut self, patience: Duration) {
        let _ = tokio::time::timeout(patience, self.0.flush()).await;
    }
}

fn closed(frame: Option<CloseFrame>) -> ConnectionError {
    match frame {
        Some(frame) => ConnectionError::Closed {
            code: frame.code.into(),
            reason: frame.reason.as_str().to_owned(),
        },
        None => ConnectionError::Closed {
            code: ABNORMAL,
            reason: "it ended without saying why".to_owned(),
        },
    }
}

fn lost(error: &Error) -> ConnectionError {
    let is_end = matches!(
        error,
        Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
    );
    if is_end {
        return closed(None);
    }
    ConnectionError::Lost { reason: error.to_string() }
}
