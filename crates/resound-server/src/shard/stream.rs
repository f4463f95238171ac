//! A connection that changes hands: from the acceptor to its shard, between shards, to the HTTP library.

use std::net::TcpStream;

use crate::tls::Session;

/// A socket in nobody's epoll set, with what belongs to it.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) tcp: TcpStream,
    /// What has come of TLS so far; `None` on a listener without it.
    pub(crate) tls: Option<Box<Session>>,
}
