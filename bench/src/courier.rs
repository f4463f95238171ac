//! What polling clients say: HTTP requests that a few connections carry for all clients, as behind a proxy
//! that keeps its connections alive. The connections of the clients themselves are busy with their polls.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use anyhow::Result;
use mio::{Events, Poll, Token};

use crate::exchange::{Exchange, Reply};
use crate::news::Id;

/// Connections that are made at most, and requests that are under way at once.
const COURIERS_MAX: usize = 8;

const READ_BYTES: usize = 4 * 1024;

/// One request on behalf of a client.
pub(crate) struct Errand {
    pub(crate) client: Id,
    pub(crate) kind: Kind,
    pub(crate) request: Vec<u8>,
}

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Its answer is the only sign that a client is subscribed.
    Subscription,
    Other,
}

/// An errand that is done.
pub(crate) struct Return {
    pub(crate) client: Id,
    pub(crate) kind: Kind,
    pub(crate) reply: Reply,
}

/// All couriers. Their queue holds no more than a few requests of each client: a client says nothing twice.
pub(crate) struct Couriers {
    poll: Poll,
    events: Events,
    exchanges: Vec<Exchange>,
    under_way: Vec<Option<(Id, Kind)>>,
    queue: VecDeque<Errand>,
    address: SocketAddr,
    chunk: Box<[u8]>,
}

impl Couriers {
    pub(crate) fn new(address: SocketAddr) -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(COURIERS_MAX),
            exchanges: Vec::new(),
            under_way: Vec::new(),
            queue: VecDeque::new(),
            address,
            chunk: vec![0; READ_BYTES].into_boxed_slice(),
        })
    }

    /// The descriptor that becomes readable when a courier has something to do.
    pub(crate) fn descriptor(&self) -> RawFd {
        self.poll.as_raw_fd()
    }

    /// Nobody ever said anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.exchanges.is_empty()
    }

    /// Sends a request, as soon as a courier is free.
    pub(crate) fn send(&mut self, errand: Errand) -> Result<()> {
        self.queue.push_back(errand);
        if let Some(index) = self.exchanges.iter().position(|exchange| !exchange.is_busy()) {
            return self.advance(index);
        }
        if self.exchanges.len() == COURIERS_MAX {
            return Ok(());
        }
        let index = self.exchanges.len();
        self.exchanges.push(Exchange::new(self.address, Token(index)));
        self.under_way.push(None);
        self.advance(index)
    }

    /// Ends all connections.
    pub(crate) fn dismiss(&mut self) {
        self.exchanges.clear();
        self.under_way.clear();
        self.queue.clear();
    }

    /// Goes on with whatever is possible without waiting, and notes which errands are done.
    pub(crate) fn work(&mut self, returns: &mut Vec<Return>) -> Result<()> {
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        let polled = self.poll.poll(&mut events, Some(Duration::ZERO));
        for event in events.iter() {
            let index = event.token().0;
            let exchange = &mut self.exchanges[index];
            let reply = exchange.on_ready(self.poll.registry(), event, &mut self.chunk)?;
            let Some(reply) = reply else { continue };
            if let Some((client, kind)) = self.under_way[index].take() {
                returns.push(Return { client, kind, reply });
            }
            self.advance(index)?;
        }
        self.events = events;
        match polled {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn advance(&mut self, index: usize) -> Result<()> {
        let Some(errand) = self.queue.pop_front() else { return Ok(()) };
        self.under_way[index] = Some((errand.client, errand.kind));
        self.exchanges[index].request = errand.request;
        self.exchanges[index].send(self.poll.registry())
    }
}
