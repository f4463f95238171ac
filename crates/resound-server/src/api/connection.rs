//! A client's connection as its requests see it.

use std::{
    cell::RefCell,
    future::{pending, poll_fn},
    io::{self, ErrorKind, IoSlice, Read, Write},
    net::{IpAddr, Ipv4Addr, Shutdown},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::{shard::Stream, tls::Session};

/// A socket that is read and written by the HTTP library, and watched by requests that take long.
#[derive(Clone)]
pub(super) struct Client(Rc<Socket>);

struct Socket {
    tcp: TcpStream,
    tls: Option<RefCell<Box<Session>>>,
}

impl Client {
    pub(super) fn new(stream: Stream) -> io::Result<Self> {
        let tcp = TcpStream::from_std(stream.tcp)?;
        Ok(Self(Rc::new(Socket { tcp, tls: stream.tls.map(RefCell::new) })))
    }

    /// Where the client is; the unspecified address if it has gone away.
    pub(super) fn peer(&self) -> IpAddr {
        self.0.tcp.peer_addr().map_or(Ipv4Addr::UNSPECIFIED.into(), |address| address.ip())
    }

    /// Waits until the client has closed its side. What it sends meanwhile is its next request, behind
    /// which its end is not seen until that is read.
    pub(super) async fn closed(&self) {
        let Socket { tcp, tls } = &*self.0;
        let says_more = match tls {
            // Looked at, because the HTTP library leaves the socket marked as readable when it has read all.
            None => tcp.peek(&mut [0]).await.is_ok_and(|count| count > 0),
            Some(tls) => poll_fn(|cx| says_more(tcp, &mut tls.borrow_mut(), cx)).await,
        };
        if says_more {
            pending::<()>().await;
        }
    }
}

/// Whether the client says something before it closes its side. What it says is kept.
fn says_more(tcp: &TcpStream, tls: &mut Session, cx: &mut Context<'_>) -> Poll<bool> {
    loop {
        let read = tls.read(&mut Tokio(tcp), &mut []).map_err(io::Error::from);
        match read {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if ready!(tcp.poll_read_ready(cx)).is_err() {
                    return Poll::Ready(false);
                }
            }
            Ok(_) | Err(_) => return Poll::Ready(tls.has_decrypted()),
        }
    }
}

impl Socket {
    fn try_read(&self, to: &mut [u8]) -> io::Result<usize> {
        match &self.tls {
            None => self.tcp.try_read(to),
            Some(tls) => Ok(tls.borrow_mut().read(&mut Tokio(&self.tcp), to)?.count),
        }
    }

    fn try_write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match &self.tls {
            None => self.tcp.try_write_vectored(parts),
            Some(tls) => tls.borrow_mut().write(&mut Tokio(&self.tcp), parts),
        }
    }

    /// Whether all that was taken has been written.
    fn try_flush(&self) -> io::Result<bool> {
        match &self.tls {
            None => Ok(true),
            Some(tls) => tls.borrow_mut().flush(&mut Tokio(&self.tcp)),
        }
    }
}

/// The runtime's socket in the words of the standard library.
struct Tokio<'a>(&'a TcpStream);

impl Read for Tokio<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(to)
    }
}

impl Write for Tokio<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Client {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            match self.0.try_read(to.initialize_unfilled()) {
                Ok(count) => {
                    to.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    ready!(self.0.tcp.poll_read_ready(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Client {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.0.try_write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    ready!(self.0.tcp.poll_write_ready(cx))?;
                }
                result => return Poll::Ready(result),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.0.try_flush()? {
            ready!(self.0.tcp.poll_write_ready(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        let Socket { tcp, tls } = &*self.0;
        if let Some(tls) = tls {
            tls.borrow_mut().close(&mut Tokio(tcp));
        }
        Poll::Ready(socket2::SockRef::from(tcp).shutdown(Shutdown::Write))
    }
}
