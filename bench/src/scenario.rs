//! What can be measured.
//!
//! # Layout
//!
//! * [`connect`]: connections that come, subscribe and go
//! * [`traffic`]: events that flow: `fanout`, `rooms`, `client-events`
//! * [`publish`]: HTTP publishing, single events and batches
//! * [`presence`]: users of a presence channel
//! * [`hold`]: connections that are held for a while
//! * [`slow`]: subscribers that stop reading

mod connect;
mod hold;
mod presence;
mod publish;
mod slow;
#[cfg(test)]
mod tests;
mod traffic;

use std::rc::Rc;

use anyhow::{Result, bail};

use crate::args::Scenario;
use crate::dialect::{Dialect, Protocol, Transport};
use crate::engine::{Engine, Settings};
use crate::plan::Plan;
use crate::progress::Progress;
use crate::report::Report;
use crate::target::Target;

/// Connections that are opened at once, where that is not what is measured.
const AT_ONCE: usize = 100;

/// What every scenario needs to know.
pub(crate) struct Context {
    pub(crate) target: Rc<Target>,
    pub(crate) seconds: Option<f64>,
    pub(crate) warmup_seconds: f64,
    pub(crate) payload_bytes: Option<usize>,
    pub(crate) progress: Progress,
}

impl Context {
    fn engine(&self, plan: &Plan) -> Result<Engine> {
        Engine::new(Settings {
            target: self.target.clone(),
            channels: plan.channel_names(),
            payload_bytes: plan.payload_bytes,
            publishers: plan.publishers(),
            progress: self.progress.clone(),
        })
    }

    /// An engine for a scenario without events.
    fn quiet_engine(&self) -> Result<Engine> {
        Engine::new(Settings {
            target: self.target.clone(),
            channels: Rc::default(),
            payload_bytes: 0,
            publishers: 0,
            progress: self.progress.clone(),
        })
    }
}

impl Scenario {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Connect(_) => "connect",
            Self::Fanout(_) => "fanout",
            Self::Rooms(_) => "rooms",
            Self::Publish(_) => "publish",
            Self::ClientEvents(_) => "client-events",
            Self::Presence(_) => "presence",
            Self::Hold(_) => "hold",
            Self::Slow(_) => "slow",
            Self::FloorServer(_) => "floor-server",
        }
    }

    /// Connections that the generator holds at the same time.
    pub(crate) fn connections(&self) -> u64 {
        let connections = match self {
            Self::Connect(args) => args.connections,
            Self::Fanout(args) => args.subscribers + args.publishing.publishers,
            Self::Rooms(args) => args.channels * args.subscribers + args.publishing.publishers,
            Self::Publish(args) => args.channels * args.subscribers + args.publishers,
            Self::ClientEvents(args) => args.channels * args.members,
            Self::Presence(args) => args.users,
            Self::Hold(args) => args.channels * args.subscribers + 1,
            Self::Slow(args) => args.subscribers,
            Self::FloorServer(_) => 0,
        };
        connections as u64
    }

    /// Why the scenario says nothing about the floor server, if it does not.
    pub(crate) fn without_floor(&self) -> Option<&'static str> {
        match self {
            Self::Presence(_) => Some("the floor server keeps no members"),
            Self::Slow(_) => Some("the floor server does nothing about slow subscribers"),
            Self::Connect(_)
            | Self::Fanout(_)
            | Self::Rooms(_)
            | Self::Publish(_)
            | Self::ClientEvents(_)
            | Self::Hold(_)
            | Self::FloorServer(_) => None,
        }
    }

    /// Why the scenario cannot be run with clients of this kind, if it cannot.
    pub(crate) fn without(&self, dialect: Dialect) -> Option<&'static str> {
        let is_socket_io = matches!(dialect.protocol, Protocol::SocketIo(_));
        let is_polling = dialect.transport == Transport::Polling;
        match self {
            Self::ClientEvents(_) | Self::Presence(_) => is_socket_io.then_some(
                "over Socket.IO an application must authorise private and presence channels, and there is none",
            ),
            Self::Slow(_) => is_polling
                .then_some("a client that polls is never slow: it asks when it has read"),
            Self::Connect(_)
            | Self::Fanout(_)
            | Self::Rooms(_)
            | Self::Publish(_)
            | Self::Hold(_)
            | Self::FloorServer(_) => None,
        }
    }

    /// Measures the server of the context.
    pub(crate) fn run(&self, context: &Context) -> Result<Report> {
        if let Some(why) = self.without(context.target.dialect) {
            bail!("{} cannot be run with such clients: {why}", self.name());
        }
        match self {
            Self::Connect(args) => connect::run(args, context),
            Self::Fanout(args) => traffic::fanout(args, context),
            Self::Rooms(args) => traffic::rooms(args, context),
            Self::Publish(args) => publish::run(args, context),
            Self::ClientEvents(args) => traffic::client_events(args, context),
            Self::Presence(args) => presence::run(args, context),
            Self::Hold(args) => hold::run(args, context),
            Self::Slow(args) => slow::run(args, context),
            Self::FloorServer(_) => bail!("the floor server measures nothing"),
        }
    }
}
