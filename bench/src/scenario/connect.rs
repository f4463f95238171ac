//! Connections that come, subscribe, and go: what each costs, and whether it is given back.

use std::rc::Rc;

use anyhow::{Result, bail};

use crate::args::ConnectArgs;
use crate::clock::{nanoseconds, seconds};
use crate::engine::Engine;
use crate::fleet::{self, Berth, Fleet};
use crate::news::Id;
use crate::process::{Process, Reading, Usage, microseconds_each};
use crate::report::Report;
use crate::scenario::Context;

pub(crate) fn run(args: &ConnectArgs, context: &Context) -> Result<Report> {
    let mut steps = Steps {
        engine: context.quiet_engine()?,
        process: context.target.process,
        settle: nanoseconds(args.settle),
        at_once: args.at_once,
        report: Report::default(),
        usage: Usage::default(),
    };
    let before = steps.memory();
    let ids = steps.open(args.connections)?;
    let opened = steps.memory();
    steps.subscribe(&ids, "subscription", |_| Rc::from("bench-shared"))?;
    let subscribed = steps.memory();
    steps.subscribe(&ids, "own_channel", |id| Rc::from(format!("bench-own-{id}")))?;
    let in_own = steps.memory();
    steps.close(&ids)?;
    let after = steps.memory();
    let count = ids.len();
    let mut report = steps.report;
    if let Some(process) = context.target.process {
        memory(&mut report, [before, opened, subscribed, in_own, after], count);
        descriptors(&mut report, process, before.descriptors);
    }
    report
        .section("connections")
        .count("connected", count as u64)
        .count("not_connected", (args.connections - count) as u64)
        .count("disconnected", steps.engine.troubles.ended.count);
    report.generator(&steps.usage);
    report.troubles(&steps.engine);
    Ok(report)
}

/// What the server holds at one instant.
#[derive(Clone, Copy, Default)]
struct Held {
    bytes: u64,
    descriptors: Option<u64>,
}

struct Steps {
    engine: Engine,
    process: Option<Process>,
    settle: u64,
    at_once: usize,
    report: Report,
    /// Of the first step.
    usage: Usage,
}

impl Steps {
    fn memory(&self) -> Held {
        let Some(process) = self.process else { return Held::default() };
        Held { bytes: process.resident_bytes(), descriptors: process.descriptors() }
    }

    fn open(&mut self, connections: usize) -> Result<Vec<Id>> {
        let before = Reading::take(self.engine.clock, self.process);
        let berths = vec![Berth::default(); connections];
        let fleet = fleet::open(&mut self.engine, berths, self.at_once)?;
        if fleet.ready.is_empty() {
            bail!("no connection is established{}", fleet::reasons(&self.engine));
        }
        self.usage = Reading::take(self.engine.clock, self.process).since(&before);
        let usage = self.usage;
        self.figures("connection", &fleet, &usage);
        fleet::rest(&mut self.engine, self.settle)?;
        Ok(fleet.ready)
    }

    fn subscribe(
        &mut self,
        ids: &[Id],
        name: &'static str,
        channel: impl Fn(Id) -> Rc<str>,
    ) -> Result<()> {
        let shared = channel(0);
        let channel = |id: Id| match channel(id) {
            own if own == shared => shared.clone(),
            own => own,
        };
        let subscriptions = ids.iter().map(|id| (*id, channel(*id))).collect();
        let before = Reading::take(self.engine.clock, self.process);
        let fleet = fleet::subscribe(&mut self.engine, subscriptions, self.at_once)?;
        let usage = Reading::take(self.engine.clock, self.process).since(&before);
        self.figures(name, &fleet, &usage);
        if fleet.ready.len() < ids.len() {
            let missing = ids.len() - fleet.ready.len();
            self.report.note(format!("{missing} connections got no answer to a subscription"));
        }
        fleet::rest(&mut self.engine, self.settle)
    }

    fn close(&mut self, ids: &[Id]) -> Result<()> {
        let before = Reading::take(self.engine.clock, self.process);
        for id in ids {
            self.engine.close(*id);
        }
        self.engine.dismiss_couriers();
        fleet::rest(&mut self.engine, self.settle)?;
        let usage = Reading::take(self.engine.clock, self.process).since(&before);
        if let Some(spent) = usage.server {
            let each = microseconds_each(spent, ids.len() as u64);
            self.report.section("server").add("server_cpu_per_close", each, "us");
        }
        Ok(())
    }

    fn figures(&mut self, name: &'static str, fleet: &Fleet, usage: &Usage) {
        let count = fleet.ready.len() as u64;
        let per_second = count as f64 / seconds(fleet.elapsed.max(1));
        self.report.section("throughput").add(format!("{name}s_per_s"), per_second, "1/s");
        self.report.latency(name, &fleet.latency);
        if let Some(spent) = usage.server {
            let each = microseconds_each(spent, count);
            self.report.section("server").add(format!("server_cpu_per_{name}"), each, "us");
        }
    }
}

fn memory(report: &mut Report, held: [Held; 5], count: usize) {
    let [before, opened, subscribed, in_own, after] = held.map(|held| held.bytes as f64);
    let cpu = ["server_cpu_per_connection", "server_cpu_per_subscription"]
        .iter()
        .filter_map(|name| report.value(name))
        .sum();
    let each = |grown: f64| grown / count.max(1) as f64;
    report
        .section("server")
        .add("server_cpu_per_connect_and_subscribe", cpu, "us")
        .add("rss_per_connection", each(opened - before), "B")
        .add("rss_per_subscribed_connection", each(subscribed - before), "B")
        .add("rss_per_own_channel", each(in_own - subscribed), "B")
        .add("rss_before", before / 1e6, "MB")
        .add("rss_with_all", in_own / 1e6, "MB")
        .add("rss_after", after / 1e6, "MB")
        .add("rss_kept_per_connection", each(after - before), "B");
}

/// Sockets that the server still holds although nobody is connected.
fn descriptors(report: &mut Report, process: Process, before: Option<u64>) {
    match (before, process.descriptors()) {
        (Some(before), Some(after)) => {
            let left = after.saturating_sub(before);
            report.section("connections").count("sockets_left_over", left);
        }
        _ => report.note("the server's open files may not be read: sockets_left_over is not known"),
    }
}
