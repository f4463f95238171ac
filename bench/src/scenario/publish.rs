//! Publishing over HTTP, with few subscribers: what a request costs, alone and in batches.

use anyhow::Result;

use crate::args::PublishArgs;
use crate::clock;
use crate::plan::{Plan, Source};
use crate::process::microseconds_each;
use crate::report::Report;
use crate::scenario::Context;
use crate::scenario::traffic::{Measured, measure, plan};
use crate::schedule::Pace;

const SECONDS: f64 = 3.0;

pub(crate) fn run(args: &PublishArgs, context: &Context) -> Result<Report> {
    let mut report = Report::default();
    for batch in &args.batches {
        let plan = Plan {
            channels: args.channels,
            subscribers: args.subscribers,
            source: Source::Publishers { count: args.publishers, batch: *batch },
            pace: Pace::from_options(args.rate, args.window),
            seconds: context.seconds.unwrap_or(SECONDS),
            ..plan(context)
        };
        let measured = measure(context, &plan)?;
        add(&mut report, *batch, &measured, &plan);
    }
    Ok(report)
}

fn add(report: &mut Report, batch: usize, measured: &Measured, plan: &Plan) {
    let Measured { outcome, engine, .. } = measured;
    let name = |figure: &str| format!("batch{batch}_{figure}");
    let seconds = clock::seconds(outcome.elapsed);
    report
        .section("throughput")
        .add(name("requests_per_s"), outcome.requests as f64 / seconds, "1/s")
        .add(name("events_per_s"), outcome.published as f64 / seconds, "1/s");
    report.latency(&name("ack"), &outcome.acknowledgement);
    report.latency(&name("latency"), &outcome.latency);
    let ledger = &outcome.ledger;
    let usage = &outcome.usage;
    if let Some(spent) = usage.server {
        report
            .section("server")
            .add(name("server_cpu_per_request"), microseconds_each(spent, outcome.requests), "us")
            .add(name("server_cpu_per_publish"), microseconds_each(spent, outcome.published), "us")
            .add(
                name("server_cpu_per_delivery"),
                microseconds_each(spent, ledger.arrivals.delivered),
                "us",
            )
            .add(name("server_cores"), usage.cores(spent), "cores");
    }
    report
        .section("events")
        .count(name("delivered"), ledger.arrivals.delivered)
        .count(name("lost"), ledger.lost(&outcome.streams, plan))
        .count(name("duplicate"), ledger.arrivals.duplicate)
        .count(name("reordered"), ledger.arrivals.reordered)
        .count(name("not_acknowledged"), outcome.published - outcome.acknowledged);
    report
        .section("generator")
        .add(name("bench_cores"), usage.cores(usage.own), "cores")
        .count(name("publisher_connections"), engine.publishers.connections());
    if let Some(first) = &outcome.failures.first {
        let count = outcome.failures.count;
        report.note(format!("{count} publishes of {batch} failed, the first: {first}"));
    }
    report.troubles(engine);
}
