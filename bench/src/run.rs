//! One call of `resound bench`: what is measured in which order, and what is printed.

use std::fmt::Display;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use serde_json::{Map, Value, json};

use crate::args::{BenchArgs, Scenario};
use crate::baseline::Baseline;
use crate::floor::child;
use crate::machine;
use crate::process::Process;
use crate::progress::Progress;
use crate::report::{Report, ratio, rounded};
use crate::scenario::Context;
use crate::table::Table;
use crate::target::{Target, resolve};

/// How long the server may take to accept the first connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Measures a server as the arguments say, and prints what it found to standard output.
///
/// Blocks until the run is over; runs everything in the calling thread.
///
/// # Errors
///
/// When the server cannot be reached or refuses what the run needs, or when this process may not open
/// enough connections; the message says what to do about it.
pub fn run(args: BenchArgs) -> Result<()> {
    let scenario = args.scenario.clone().unwrap_or_else(Scenario::usual);
    if let Scenario::FloorServer(args) = &scenario {
        return child::serve(args);
    }
    if let Some(core) = args.pin {
        machine::pin(core)?;
    }
    machine::reserve_descriptors(scenario.connections())?;
    let address = resolve(&args.addr)?;
    let process = args.server_pid.map(Process::new).transpose()?;
    check_reachable(address)?;
    let baseline = baseline(&args)?;
    let progress = Progress::on_terminal();
    let bench = Bench { args, scenario, address, process, baseline, progress };
    let results = bench.measure();
    bench.progress.finish();
    bench.print(&results?)
}

fn baseline(args: &BenchArgs) -> Result<Option<Baseline>> {
    let Some(baseline) = Baseline::from_args(&args.baseline)? else { return Ok(None) };
    baseline.check(args.dialect.dialect())?;
    if let Baseline::Rival { address, .. } = baseline {
        check_reachable(address)?;
    }
    Ok(Some(baseline))
}

/// Connects once, so that a server that is not there is told of at once.
fn check_reachable(address: SocketAddr) -> Result<()> {
    match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Err(anyhow!(
            "nothing listens at {address}: start the server with `resound start`, or name another with --addr"
        )),
        Err(error) => Err(error).with_context(|| format!("{address} cannot be reached")),
    }
}

struct Bench {
    args: BenchArgs,
    scenario: Scenario,
    address: SocketAddr,
    process: Option<Process>,
    baseline: Option<Baseline>,
    progress: Progress,
}

/// A report of each round.
struct Results {
    servers: Vec<Report>,
    /// As many, or none.
    baselines: Vec<Report>,
}

impl Bench {
    fn measure(&self) -> Result<Results> {
        let mut results = Results { servers: Vec::new(), baselines: Vec::new() };
        let baseline = self.baseline.as_ref().filter(|baseline| self.left_out(baseline).is_none());
        let target = self.target();
        for round in 1..=self.args.rounds {
            let subject = |name: &str| match self.args.rounds {
                1 => name.to_owned(),
                rounds => format!("{name}, round {round} of {rounds}"),
            };
            if let Some(baseline) = baseline {
                let subject = subject(baseline.name());
                let run = |other| self.measure_target(other, &subject);
                results.baselines.push(baseline.with_target(&target, run)?);
            }
            results.servers.push(self.measure_target(target.clone(), &subject("server"))?);
        }
        Ok(results)
    }

    fn target(&self) -> Target {
        let BenchArgs { app_id, key, secret, path, dialect, .. } = &self.args;
        Target::new(self.address, app_id, key, secret)
            .with_prefix(path)
            .with_dialect(dialect.dialect())
            .with_process(self.process)
    }

    /// Why a baseline is left out, if it is.
    fn left_out(&self, baseline: &Baseline) -> Option<&'static str> {
        baseline.without(&self.scenario, self.args.dialect.dialect())
    }

    fn measure_target(&self, target: Target, subject: &str) -> Result<Report> {
        self.scenario.run(&Context {
            target: Rc::new(target),
            seconds: self.args.seconds,
            warmup_seconds: self.args.warmup,
            payload_bytes: self.args.payload.map(|bytes| bytes as usize),
            progress: self.progress.about(subject),
        })
    }

    fn print(&self, results: &Results) -> Result<()> {
        let mut server = Report::median(&results.servers);
        let other = (!results.baselines.is_empty()).then(|| Report::median(&results.baselines));
        let name = self.baseline.as_ref().map_or("", Baseline::name);
        let other = other.as_ref().map(|report| (name, report));
        if self.process.is_none() {
            server.note("give --server-pid to see what the server spends in CPU time and memory");
        }
        if let Some(why) = self.baseline.as_ref().and_then(|baseline| self.left_out(baseline)) {
            server.note(format!("the {name} is left out: {why}"));
        }
        let faults: Vec<String> =
            server.faults().map(|figure| format!("{} {}", figure.name, figure.value)).collect();
        if !faults.is_empty() {
            server.note(format!("not as it must be: {}", faults.join(", ")));
        }
        let ratios: Vec<Option<f64>> = server
            .figures
            .iter()
            .map(|figure| ratio(&figure.name, &results.servers, &results.baselines))
            .collect();
        let text: &dyn Display = if self.args.json {
            &self.json(&server, other, &ratios)
        } else {
            let title = self.title();
            &Table { title: &title, server: &server, baseline: other, ratios: &ratios }.to_string()
        };
        let mut output = io::stdout().lock();
        writeln!(output, "{text}")?;
        Ok(output.flush()?)
    }

    /// The scenario with its options, as a person reads them.
    fn title(&self) -> String {
        let mut title = format!("{} against {}", self.scenario.name(), self.address);
        for (name, value) in self.options() {
            // As it would be typed: 10 and not 10.0, 1,20 and not [1,20], socketio and not "socketio".
            let typed = || value.to_string().replace(['[', ']', '"'], "");
            let value = value.as_f64().map_or_else(typed, |number| number.to_string());
            title.push_str(&format!(" --{} {value}", name.replace('_', "-")));
        }
        title
    }

    /// The options of the scenario and those of every run that were given.
    fn options(&self) -> Map<String, Value> {
        let mut options = match serde_json::to_value(&self.scenario) {
            Ok(Value::Object(options)) => options,
            _ => Map::new(),
        };
        let BenchArgs { seconds, warmup, payload, rounds, .. } = &self.args;
        for (name, value) in [("seconds", json!(seconds)), ("payload", json!(payload))] {
            if !value.is_null() {
                options.insert(name.into(), value);
            }
        }
        self.args.dialect.add_to(&mut options);
        options.insert("warmup".into(), json!(warmup));
        options.insert("rounds".into(), json!(rounds));
        options
    }

    fn json(
        &self,
        server: &Report,
        baseline: Option<(&str, &Report)>,
        ratios: &[Option<f64>],
    ) -> Value {
        let mut result = json!({
            "scenario": self.scenario.name(),
            "address": self.address.to_string(),
            "options": self.options(),
            "units": server.units(),
            "server": server.to_json(),
        });
        if let Some((name, report)) = baseline {
            let ratios = server.figures.iter().zip(ratios).filter_map(|(figure, ratio)| {
                Some((figure.name.clone(), json!(rounded((*ratio)?))))
            });
            result["ratio"] = ratios.collect::<Map<_, _>>().into();
            result[name] = report.to_json();
        }
        result
    }
}
