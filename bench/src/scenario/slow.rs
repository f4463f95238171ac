//! Subscribers that stop reading in the second third of the time: what becomes of them, of the others, and
//! of the server's memory.

use anyhow::{Result, bail};

use crate::args::SlowArgs;
use crate::outcome::{Outcome, Sample};
use crate::plan::{Plan, Slow};
use crate::report::Report;
use crate::scenario::Context;
use crate::scenario::traffic::{events, generator, measure, plan, server, throughput};
use crate::schedule::Pace;

const SECONDS: f64 = 15.0;
/// Larger than elsewhere, so that megabytes are owed to each slow subscriber.
const PAYLOAD_BYTES: usize = 4000;

pub(crate) fn run(args: &SlowArgs, context: &Context) -> Result<Report> {
    if args.slow > args.subscribers {
        bail!("--slow {} is more than --subscribers {}", args.slow, args.subscribers);
    }
    let plan = Plan {
        subscribers: args.subscribers,
        pace: Pace::PerSecond(args.rate),
        payload_bytes: context.payload_bytes.unwrap_or(PAYLOAD_BYTES),
        seconds: context.seconds.unwrap_or(SECONDS),
        slow: Some(Slow { count: args.slow, receive_buffer_bytes: args.receive_buffer }),
        ..plan(context)
    };
    let measured = measure(context, &plan)?;
    let outcome = &measured.outcome;
    let mut report = Report::default();
    throughput(&mut report, outcome);
    report.latency("latency_while_slow", &outcome.latency_while_slow);
    report.latency("latency_otherwise", &outcome.latency);
    server(&mut report, &measured, &plan);
    memory(&mut report, &outcome.memory);
    events(&mut report, &measured, &plan);
    slow_subscribers(&mut report, outcome, &plan);
    generator(&mut report, &measured);
    Ok(report)
}

/// The highest resident memory in each third of the time, and in what follows.
fn memory(report: &mut Report, samples: &[Sample]) {
    if samples.is_empty() {
        return;
    }
    let peak = |from: f64, until: f64| {
        let within = samples.iter().filter(|sample| (from..until).contains(&sample.at));
        within.map(|sample| sample.bytes).max().unwrap_or(0) as f64 / 1e6
    };
    report
        .section("server")
        .add("rss_peak_before", peak(0.0, 1.0 / 3.0), "MB")
        .add("rss_peak_while_slow", peak(1.0 / 3.0, 2.0 / 3.0), "MB")
        .add("rss_peak_afterwards", peak(2.0 / 3.0, f64::MAX), "MB");
}

fn slow_subscribers(report: &mut Report, outcome: &Outcome, plan: &Plan) {
    let ledger = &outcome.ledger;
    let arrivals = &ledger.slow_arrivals;
    report
        .section("slow subscribers")
        .count("slow_disconnected", ledger.slow_disconnected)
        .count("slow_delivered", arrivals.delivered)
        .count("slow_not_delivered", ledger.slow_written_off + ledger.owed_to_slow())
        .count("slow_holes", ledger.slow_holes(&outcome.streams, plan))
        .count("slow_duplicate", arrivals.duplicate)
        .count("slow_reordered", arrivals.reordered);
    if ledger.slow_disconnected == 0 && ledger.owed_to_slow() == 0 {
        report.note("nobody was given up: the server and its kernel kept all that the slow ones did not read");
    }
}
