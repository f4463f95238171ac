//! An application that says what the test wants, byte by byte.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

/// A certificate for `localhost`, signed by itself, with its key.
const LOCALHOST: &[u8] = include_bytes!("localhost.pem");

/// A server on a port of its own; it ends with its value.
pub(super) struct Application {
    pub(super) address: SocketAddr,
    asked: mpsc::UnboundedReceiver<Asked>,
    connections: Arc<AtomicUsize>,
    /// What is answered at once, whatever came.
    reflex: Arc<OnceLock<&'static [u8]>>,
    _tasks: JoinSet<()>,
}

/// A request that waits for its answer. Dropping it closes the connection.
pub(super) struct Asked {
    /// The request as it came.
    pub(super) text: String,
    answer: oneshot::Sender<Vec<u8>>,
}

impl Asked {
    pub(super) fn answer(self, response: &[u8]) {
        self.answer.send(response.to_vec()).expect("the connection waits for it");
    }

    /// Answers with a status, headers and a body.
    pub(super) fn respond(self, status: u16, headers: &str, body: &str) {
        self.answer(response(status, headers, body).as_bytes());
    }
}

pub(super) fn response(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} .\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

impl Application {
    pub(super) async fn start() -> Self {
        Self::serve(None).await
    }

    /// One that speaks TLS, with the certificate of [`certificate`].
    pub(super) async fn start_tls() -> Self {
        let key = PrivateKeyDer::from_pem_slice(LOCALHOST).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("both versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate()], key)
            .expect("they belong together");
        Self::serve(Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn serve(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let (tx, asked) = mpsc::unbounded_channel();
        let reflex: Arc<OnceLock<&'static [u8]>> = Arc::default();
        let (count, always) = (Arc::clone(&connections), Arc::clone(&reflex));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut served = JoinSet::new();
            loop {
                let (socket, _) = listener.accept().await.expect("a connection");
                count.fetch_add(1, Ordering::SeqCst);
                let (tx, tls) = (tx.clone(), tls.clone());
                if let Some(answer) = always.get().copied() {
                    served.spawn(async move { blurt(socket, answer).await.expect("it is read") });
                    continue;
                }
                served.spawn(async move {
                    // Clients may leave at any time.
                    let _ = match tls {
                        None => converse(socket, &tx).await,
                        Some(tls) => match tls.accept(socket).await {
                            Ok(socket) => converse(socket, &tx).await,
                            Err(error) => Err(error),
                        },
                    };
                });
            }
        });
        Self { address, asked, connections, reflex, _tasks: tasks }
    }

    /// From here on, answers whatever comes with these bytes.
    pub(super) fn answer_anything(&self, answer: &'static [u8]) {
        self.reflex.set(answer).expect("it is set once");
    }

    /// The next request, whenever it comes.
    pub(super) async fn asked(&mut self) -> Asked {
        self.asked.recv().await.expect("the server runs")
    }

    /// Whether a request is there already.
    pub(super) fn is_asked(&self) -> bool {
        !self.asked.is_empty()
    }

    /// How many connections there were so far.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

pub(super) fn certificate() -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(LOCALHOST).expect("a certificate")
}

async fn converse<S>(mut socket: S, asked: &mpsc::UnboundedSender<Asked>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let text = request(&mut socket).await?;
        let (answer, answered) = oneshot::channel();
        if asked.send(Asked { text, answer }).is_err() {
            return Ok(());
        }
        let Ok(response) = answered.await else { return Ok(()) };
        socket.write_all(&response).await?;
        socket.flush().await?;
        if response.windows(17).any(|bytes| bytes == b"Connection: close") {
            return socket.shutdown().await;
        }
    }
}

async fn blurt(mut socket: TcpStream, answer: &[u8]) -> io::Result<()> {
    socket.readable().await?;
    let _ = socket.try_read(&mut [0; 4096])?;
    socket.write_all(answer).await?;
    socket.shutdown().await
}

async fn request<S: AsyncRead + Unpin>(socket: &mut S) -> io::Result<String> {
    let mut text = String::new();
    while !is_complete(&text) {
        let mut bytes = [0; 16 * 1024];
        let count = socket.read(&mut bytes).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        text.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    Ok(text)
}

fn is_complete(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let head = head.to_ascii_lowercase();
    let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.lines().next());
    length.and_then(|length| length.parse().ok()) == Some(body.len())
}
