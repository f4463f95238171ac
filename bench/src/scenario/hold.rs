//! Many connections that are held: memory while nothing happens and while events flow at a low rate. With
//! clients that poll each delivery is a cycle: an answered poll, and the next one that comes.

use anyhow::Result;

use crate::args::HoldArgs;
use crate::clock::{SECOND, nanoseconds};
use crate::engine::Engine;
use crate::fleet;
use crate::plan::Plan;
use crate::process::{Process, Reading, Usage};
use crate::report::Report;
use crate::scenario::Context;
use crate::scenario::traffic::{events, generator, open, plan, server, throughput};
use crate::schedule::Pace;
use crate::traffic;

/// What a server needs to come to rest after its clients have come.
const SETTLE_NANOSECONDS: u64 = 2 * SECOND;

pub(crate) fn run(args: &HoldArgs, context: &Context) -> Result<Report> {
    let plan = Plan {
        channels: args.channels,
        subscribers: args.subscribers,
        pace: Pace::PerSecond(args.rate),
        ..plan(context)
    };
    let mut watch = Watch { process: context.target.process, resident: Vec::new() };
    watch.look();
    let mut opened = open(context, &plan)?;
    let usage = rest(&mut opened.engine, &mut watch, nanoseconds(args.rest))?;
    let outcome = traffic::run(&mut opened.engine, &plan)?;
    watch.look();
    let mut measured = opened.with(outcome);
    measured.grown_bytes = watch.grown_bytes();
    let mut report = Report::default();
    throughput(&mut report, &measured.outcome);
    report.latency("latency", &measured.outcome.latency);
    server(&mut report, &measured, &plan);
    watch.report(&mut report, &usage, plan.connections());
    events(&mut report, &measured, &plan);
    generator(&mut report, &measured);
    Ok(report)
}

/// Rests twice, to settle and to be measured, and looks at memory before and after the second time.
fn rest(engine: &mut Engine, watch: &mut Watch, nanoseconds: u64) -> Result<Usage> {
    fleet::rest(engine, SETTLE_NANOSECONDS.min(nanoseconds))?;
    watch.look();
    let before = Reading::take(engine.clock, watch.process);
    fleet::rest(engine, nanoseconds)?;
    watch.look();
    Ok(Reading::take(engine.clock, watch.process).since(&before))
}

/// Resident memory of the server: before anybody came, when all have come, after the rest, after the events.
struct Watch {
    process: Option<Process>,
    resident: Vec<u64>,
}

impl Watch {
    fn look(&mut self) {
        self.resident.extend(self.process.map(Process::resident_bytes));
    }

    /// What the connections take when the server has settled.
    fn grown_bytes(&self) -> Option<f64> {
        let [before, settled, ..] = self.resident[..] else { return None };
        Some(settled as f64 - before as f64)
    }

    fn report(&self, report: &mut Report, rest: &Usage, connections: usize) {
        let [_, settled, rested, after] = self.resident[..] else { return };
        let growth = |from: u64, to: u64| (to as f64 - from as f64) / connections as f64;
        let mut section = report.section("server");
        section.add("rss_growth_at_rest", growth(settled, rested), "B per connection").add(
            "rss_growth_with_events",
            growth(rested, after),
            "B per connection",
        );
        if let Some(spent) = rest.server {
            section.add("server_cores_at_rest", rest.cores(spent), "cores");
        }
    }
}
