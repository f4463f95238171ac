//! Scenarios in which events flow: a plan each, and the same figures.

use anyhow::Result;

use crate::args::{ClientEventsArgs, FanoutArgs, RoomsArgs};
use crate::clock;
use crate::engine::Engine;
use crate::fleet::{self, Berth};
use crate::outcome::Outcome;
use crate::plan::{Plan, Source};
use crate::process::microseconds_each;
use crate::report::Report;
use crate::scenario::{AT_ONCE, Context};
use crate::schedule::Pace;
use crate::traffic;

const SECONDS: f64 = 5.0;
pub(crate) const PAYLOAD_BYTES: usize = 100;

pub(crate) fn fanout(args: &FanoutArgs, context: &Context) -> Result<Report> {
    report(
        context,
        &Plan {
            channels: 1,
            subscribers: args.subscribers,
            source: Source::Publishers { count: args.publishing.publishers, batch: 1 },
            pace: Pace::from_options(args.rate, args.publishing.window),
            ..plan(context)
        },
    )
}

pub(crate) fn rooms(args: &RoomsArgs, context: &Context) -> Result<Report> {
    report(
        context,
        &Plan {
            channels: args.channels,
            subscribers: args.subscribers,
            source: Source::Publishers { count: args.publishing.publishers, batch: 1 },
            pace: Pace::from_options(args.rate, args.publishing.window),
            ..plan(context)
        },
    )
}

pub(crate) fn client_events(args: &ClientEventsArgs, context: &Context) -> Result<Report> {
    report(
        context,
        &Plan {
            channels: args.channels,
            subscribers: args.members,
            source: Source::Members,
            pace: Pace::PerSecond(args.rate),
            ..plan(context)
        },
    )
}

/// What plans have in common.
pub(crate) fn plan(context: &Context) -> Plan {
    Plan {
        channels: 1,
        subscribers: 1,
        source: Source::Publishers { count: 1, batch: 1 },
        pace: Pace::Acknowledged { window: 0 },
        payload_bytes: context.payload_bytes.unwrap_or(PAYLOAD_BYTES),
        seconds: context.seconds.unwrap_or(SECONDS),
        warmup_seconds: context.warmup_seconds,
        slow: None,
    }
}

/// A plan that was run.
pub(crate) struct Measured {
    pub(crate) outcome: Outcome,
    pub(crate) engine: Engine,
    /// What the server's memory grew by when the subscribers came.
    pub(crate) grown_bytes: Option<f64>,
}

/// Opens the subscribers of a plan and lets its events flow.
pub(crate) fn measure(context: &Context, plan: &Plan) -> Result<Measured> {
    let mut opened = open(context, plan)?;
    let outcome = traffic::run(&mut opened.engine, plan)?;
    Ok(opened.with(outcome))
}

/// The subscribers of a plan.
pub(crate) struct Opened {
    pub(crate) engine: Engine,
    grown_bytes: Option<f64>,
}

impl Opened {
    pub(crate) fn with(self, outcome: Outcome) -> Measured {
        Measured { outcome, engine: self.engine, grown_bytes: self.grown_bytes }
    }
}

pub(crate) fn open(context: &Context, plan: &Plan) -> Result<Opened> {
    let resident = || context.target.process.map(|process| process.resident_bytes() as f64);
    let before = resident();
    let mut engine = context.engine(plan)?;
    let berth = |id| Berth {
        channel: Some(engine.settings.channels[plan.channel_of(id)].clone()),
        receive_buffer_bytes: plan
            .slow
            .filter(|_| plan.is_slow(id))
            .map(|slow| slow.receive_buffer_bytes),
    };
    let berths = (0..plan.connections()).map(berth).collect();
    fleet::open_all(&mut engine, berths, AT_ONCE)?;
    let grown_bytes = resident().zip(before).map(|(after, before)| after - before);
    Ok(Opened { engine, grown_bytes })
}

fn report(context: &Context, plan: &Plan) -> Result<Report> {
    let measured = measure(context, plan)?;
    let outcome = &measured.outcome;
    let mut report = Report::default();
    throughput(&mut report, outcome);
    report.latency("latency", &outcome.latency);
    if outcome.requests > 0 {
        report.latency("ack", &outcome.acknowledgement);
    }
    server(&mut report, &measured, plan);
    events(&mut report, &measured, plan);
    generator(&mut report, &measured);
    Ok(report)
}

pub(crate) fn throughput(report: &mut Report, outcome: &Outcome) {
    let seconds = clock::seconds(outcome.elapsed);
    let delivered = outcome.ledger.arrivals.delivered as f64;
    let mut section = report.section("throughput");
    section.add("delivered_per_s", delivered / seconds, "1/s");
    if outcome.published > 0 {
        section.add("published_per_s", outcome.published as f64 / seconds, "1/s");
    }
    if outcome.client_events > 0 {
        section.add("client_events_per_s", outcome.client_events as f64 / seconds, "1/s");
    }
    let all = delivered + outcome.ledger.slow_arrivals.delivered as f64;
    section.add("messages_per_read", all / outcome.reads.max(1) as f64, "");
}

/// What the server spent, if its process is known.
pub(crate) fn server(report: &mut Report, measured: &Measured, plan: &Plan) {
    let Measured { outcome, engine, grown_bytes } = measured;
    let process = engine.settings.target.process;
    let (Some(spent), Some(process)) = (outcome.usage.server, process) else { return };
    let each = |count| microseconds_each(spent, count);
    let mut section = report.section("server");
    section.add("server_cpu_per_delivery", each(outcome.ledger.arrivals.delivered), "us");
    if outcome.published > 0 {
        section.add("server_cpu_per_publish", each(outcome.published), "us");
    }
    if outcome.client_events > 0 {
        section.add("server_cpu_per_client_event", each(outcome.client_events), "us");
    }
    if outcome.polls > 0 {
        let deliveries = outcome.ledger.arrivals.delivered as f64;
        section.add("server_cpu_per_poll", each(outcome.polls), "us");
        section.add("deliveries_per_poll", deliveries / outcome.polls as f64, "");
    }
    section.add("server_cores", outcome.usage.cores(spent), "cores");
    section.add("server_rss", process.resident_bytes() as f64 / 1e6, "MB");
    if let Some(bytes) = grown_bytes {
        section.add("rss_per_connection", bytes / plan.connections() as f64, "B");
    }
}

/// Whether everybody got everything.
pub(crate) fn events(report: &mut Report, measured: &Measured, plan: &Plan) {
    let Measured { outcome, engine, .. } = measured;
    let ledger = &outcome.ledger;
    let lost = ledger.lost(&outcome.streams, plan);
    let mut section = report.section("events");
    section
        .count("delivered", ledger.arrivals.delivered)
        .count("lost", lost)
        .count("duplicate", ledger.arrivals.duplicate)
        .count("reordered", ledger.arrivals.reordered);
    if outcome.requests > 0 {
        section.count("not_acknowledged", outcome.published - outcome.acknowledged);
    }
    section.count("disconnected", engine.troubles.ended.count);
    if let Some(first) = &outcome.failures.first {
        report.note(format!("{} publishes failed, the first: {first}", outcome.failures.count));
    }
}

pub(crate) fn generator(report: &mut Report, measured: &Measured) {
    let Measured { outcome, engine, .. } = measured;
    report.generator(&outcome.usage);
    let each = microseconds_each(outcome.usage.own, outcome.ledger.arrivals.delivered);
    let mut section = report.section("generator");
    section.add("bench_cpu_per_delivery", each, "us");
    if outcome.requests > 0 {
        section.count("publisher_connections", engine.publishers.connections());
    }
    report.troubles(engine);
}
