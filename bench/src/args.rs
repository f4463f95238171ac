//! The command line of `resound bench`.

use std::net::SocketAddr;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::dialect::DialectArgs;
use crate::message::PAYLOAD_BYTES_MIN;

/// Longest run that can be asked for.
const SECONDS_MAX: f64 = 3600.0;
/// Largest event data that can be asked for.
const PAYLOAD_BYTES_MAX: u64 = 1_000_000;

/// Measures a server of the Pusher protocol or of Socket.IO: throughput, latency, losses, CPU time, memory.
///
/// Latency counts from the instant at which an event was due to be published, so that a server that stalls
/// cannot hide it (no coordinated omission). Without a scenario it runs `fanout`.
#[derive(Debug, Clone, Args)]
#[command(subcommand_value_name = "SCENARIO", subcommand_help_heading = "Scenarios")]
pub struct BenchArgs {
    /// Where the server listens
    #[arg(long, global = true, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) addr: String,

    /// Id of the app that is used
    #[arg(long, global = true, value_name = "ID", default_value = "resound")]
    pub(crate) app_id: String,

    /// Key of the app
    #[arg(long, global = true, value_name = "KEY", default_value = "resound-key")]
    pub(crate) key: String,

    /// Secret of the app
    #[arg(long, global = true, value_name = "SECRET", default_value = "resound-secret")]
    pub(crate) secret: String,

    /// Path in front of all routes of the server
    #[arg(long, global = true, value_name = "PREFIX", default_value = "")]
    pub(crate) path: String,

    #[command(flatten)]
    pub(crate) dialect: DialectArgs,

    /// Process id of the server: its CPU time and memory are measured too
    #[arg(long, global = true, value_name = "PID")]
    pub(crate) server_pid: Option<u32>,

    /// Seconds that are measured [default: 3 to 15, as the scenario needs]
    #[arg(long, global = true, value_name = "N", value_parser = seconds)]
    pub(crate) seconds: Option<f64>,

    /// Seconds of the same before that
    #[arg(long, global = true, value_name = "N", value_parser = seconds_or_none, default_value_t = 1.0)]
    pub(crate) warmup: f64,

    /// Bytes of an event's data [default: 100, slow: 4000]
    #[arg(long, global = true, value_name = "BYTES",
          value_parser = clap::value_parser!(u64).range(PAYLOAD_BYTES_MIN as u64..=PAYLOAD_BYTES_MAX))]
    pub(crate) payload: Option<u64>,

    /// Repeats the run so often and shows medians
    #[arg(long, global = true, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u64).range(1..=100))]
    pub(crate) rounds: u64,

    /// Prints JSON instead of a table
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) baseline: BaselineArgs,

    /// Core that the generator (and without --server-pid the floor server) is pinned to
    #[arg(long, global = true, value_name = "CORE")]
    pub(crate) pin: Option<usize>,

    #[command(subcommand)]
    pub(crate) scenario: Option<Scenario>,
}

/// What the server is compared with, run for run.
#[derive(Debug, Clone, Args)]
pub(crate) struct BaselineArgs {
    /// Runs the same against a server that only writes a prebuilt frame to each socket, and compares
    #[arg(long, global = true)]
    pub(crate) floor: bool,

    /// Publishes that the floor server joins in one write (or those of 1 ms)
    #[arg(long, global = true, value_name = "K", default_value_t = 1,
          value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(crate) floor_batch: u64,

    /// Runs the same with clients of the Pusher protocol over WebSockets, and compares
    #[arg(long, global = true, conflicts_with = "floor")]
    pub(crate) versus_pusher: bool,

    /// Runs the same against another server, and compares
    #[arg(long, global = true, value_name = "HOST:PORT", conflicts_with_all = ["floor", "versus_pusher"])]
    pub(crate) rival: Option<String>,

    /// Process id of the other server
    #[arg(long, global = true, value_name = "PID", requires = "rival")]
    pub(crate) rival_pid: Option<u32>,
}

/// What is measured.
#[derive(Debug, Clone, Subcommand, Serialize)]
#[serde(untagged)]
pub(crate) enum Scenario {
    /// Opens connections, subscribes and closes them: CPU and memory of each step
    Connect(ConnectArgs),
    /// One channel with many subscribers: what a delivery costs
    Fanout(FanoutArgs),
    /// Many channels with a few subscribers each
    Rooms(RoomsArgs),
    /// Publishing over HTTP to few subscribers, single events and batches
    Publish(PublishArgs),
    /// Members of private channels send events to each other
    ClientEvents(ClientEventsArgs),
    /// Users enter one presence channel and half of them leave it: everybody must learn of everybody
    Presence(PresenceArgs),
    /// Many connections at rest, then events at a low rate: memory over time, and what a poll costs
    Hold(HoldArgs),
    /// Some subscribers stop reading: the server's memory, and the latency of the others
    Slow(SlowArgs),
    /// The server that `--floor` compares with
    #[command(hide = true)]
    FloorServer(FloorServerArgs),
}

/// `resound bench connect`
#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct ConnectArgs {
    /// Connections that are opened
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = count)]
    pub(crate) connections: usize,
    /// Connections that are under way at once
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = count)]
    pub(crate) at_once: usize,
    /// Seconds of rest before memory is read
    #[arg(long, value_name = "N", value_parser = seconds_or_none, default_value_t = 2.0)]
    pub(crate) settle: f64,
}

/// `resound bench fanout`
#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct FanoutArgs {
    /// Subscribers of the channel
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = count)]
    pub(crate) subscribers: usize,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) publishing: PublishingArgs,
    /// Events per second; 0: as fast as they are acknowledged
    #[arg(long, value_name = "N", value_parser = rate, default_value_t = 0.0)]
    pub(crate) rate: f64,
}

/// `resound bench rooms`
#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct RoomsArgs {
    /// Channels
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = count)]
    pub(crate) channels: usize,
    /// Subscribers of each channel
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = count)]
    pub(crate) subscribers: usize,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) publishing: PublishingArgs,
    /// Events per second on all channels together; 0: as fast as they are acknowledged
    #[arg(long, value_name = "N", value_parser = rate, default_value_t = 500.0)]
    pub(crate) rate: f64,
}

/// How events are published.
#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct PublishingArgs {
    /// HTTP connections that publish
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = count)]
    pub(crate) publishers: usize,
    /// At --rate 0: events that may be published and not yet delivered to everybody; 0: any number
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub(crate) window: u64,
}

/// `resound bench publish`
#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct PublishArgs {
    /// Events in one request, a run for each
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1,10,20", value_parser = count)]
    pub(crate) batches: Vec<usize>,
    /// Channels
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = count)]
    pub(crate) channels: usize,
    /// Subscribers of each channel
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = count)]
    pub(crate) subscribers: usize,
    /// HTTP connections that publish
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = count)]
    pub(crate) publishers: usize,
    /// Events per second; 0: as fast as they are acknowledged
    #[arg(long, value_name = "N", value_parser = rate, default_value_t = 0.0)]
    pub(crate) rate: f64,
    /// At --rate 0: events that may be published and not yet delivered to everybody; 0: any number
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) window: u64,
}

/// `resound bench client-events`
#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct ClientEventsArgs {
    /// Private channels
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = count)]
    pub(crate) channels: usize,
    /// Members of each channel, each of which sends to the others
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = members)]
    pub(crate) members: usize,
    /// Events per second of all members together
    #[arg(long, value_name = "N", value_parser = positive_rate, default_value_t = 1000.0)]
    pub(crate) rate: f64,
}

/// `resound bench presence`
#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct PresenceArgs {
    /// Users of the channel
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = members)]
    pub(crate) users: usize,
    /// Users that enter or leave per second; 0: all at once
    #[arg(long, value_name = "N", value_parser = rate, default_value_t = 0.0)]
    pub(crate) rate: f64,
}

/// `resound bench hold`
#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct HoldArgs {
    /// Channels
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = count)]
    pub(crate) channels: usize,
    /// Subscribers of each channel
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = count)]
    pub(crate) subscribers: usize,
    /// Seconds of rest before events flow
    #[arg(long, value_name = "N", value_parser = seconds, default_value_t = 10.0)]
    pub(crate) rest: f64,
    /// Events per second on all channels together
    #[arg(long, value_name = "N", value_parser = positive_rate, default_value_t = 10.0)]
    pub(crate) rate: f64,
}

/// `resound bench slow`
#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct SlowArgs {
    /// Subscribers of the channel
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = count)]
    pub(crate) subscribers: usize,
    /// Those of them that stop reading in the second third of the time
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) slow: usize,
    /// Bytes of their receive buffers
    #[arg(long, value_name = "BYTES", default_value_t = 4096, value_parser = count)]
    pub(crate) receive_buffer: usize,
    /// Events per second
    #[arg(long, value_name = "N", value_parser = positive_rate, default_value_t = 500.0)]
    pub(crate) rate: f64,
}

/// `resound bench floor-server`
#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct FloorServerArgs {
    /// Port to listen on; 0: any that is free
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// Publishes that are joined in one write per subscriber (or those of 1 ms)
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = count)]
    pub(crate) batch: usize,
    /// Ends when its standard input does
    #[arg(long)]
    pub(crate) attached: bool,
}

impl FloorServerArgs {
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }
}

impl Scenario {
    /// What runs when none is named.
    pub(crate) fn usual() -> Self {
        let publishing = PublishingArgs { publishers: 1, window: 16 };
        Self::Fanout(FanoutArgs { subscribers: 1000, publishing, rate: 0.0 })
    }
}

fn number(text: &str, range: std::ops::RangeInclusive<f64>) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if range.contains(&value) {
        return Ok(value);
    }
    Err(format!("must be {} to {}", range.start(), range.end()))
}

fn seconds(text: &str) -> Result<f64, String> {
    number(text, 0.1..=SECONDS_MAX)
}

fn seconds_or_none(text: &str) -> Result<f64, String> {
    number(text, 0.0..=SECONDS_MAX)
}

fn rate(text: &str) -> Result<f64, String> {
    number(text, 0.0..=10_000_000.0)
}

fn positive_rate(text: &str) -> Result<f64, String> {
    number(text, 0.01..=10_000_000.0)
}

fn whole(text: &str, least: usize) -> Result<usize, String> {
    let value: usize = text.parse().map_err(|_| "not a whole number".to_owned())?;
    if (least..=10_000_000).contains(&value) {
        return Ok(value);
    }
    Err(format!("must be {least} to 10000000"))
}

fn count(text: &str) -> Result<usize, String> {
    whole(text, 1)
}

fn members(text: &str) -> Result<usize, String> {
    whole(text, 2)
}
