//! One call of `resound bench`: what is measured in which order, and what is printed.

use std::fmt::Display;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use serde_json::{Map, Value, json};

use crate::args::{BenchArgs, Scenario};
use crate::floor::child::{self, FloorProcess};
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
    let bench = Bench { args, scenario, address, process, progress: Progress::on_terminal() };
    let results = bench.measure();
    bench.progress.finish();
    bench.print(&results?)
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
    progress: Progress,
}

/// A report of each round.
struct Results {
    servers: Vec<Report>,
    /// As many, or none.
    floors: Vec<Report>,
}

impl Bench {
    fn measure(&self) -> Result<Results> {
        let mut results = Results { servers: Vec::new(), floors: Vec::new() };
        let with_floor = self.args.floor && self.scenario.without_floor().is_none();
        for round in 1..=self.args.rounds {
            let subject = |name: &str| match self.args.rounds {
                1 => name.to_owned(),
                rounds => format!("{name}, round {round} of {rounds}"),
            };
            if with_floor {
                results.floors.push(self.measure_floor(&subject("floor"))?);
            }
            results.servers.push(self.measure_server(&subject("server"))?);
        }
        Ok(results)
    }

    fn measure_server(&self, subject: &str) -> Result<Report> {
        let BenchArgs { app_id, key, secret, path, .. } = &self.args;
        let target = Target::new(self.address, app_id, key, secret).with_prefix(path);
        self.measure_target(target.with_process(self.process), subject)
    }

    fn measure_floor(&self, subject: &str) -> Result<Report> {
        let floor = FloorProcess::start(self.args.floor_batch, self.process)?;
        let target = Target::new(floor.address, "floor", "floor", "floor");
        self.measure_target(target.with_process(floor.process().ok()), subject)
            .context("the run against the floor server failed")
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
        let floor = (!results.floors.is_empty()).then(|| Report::median(&results.floors));
        if self.process.is_none() {
            server.note("give --server-pid to see what the server spends in CPU time and memory");
        }
        if let Some(why) = self.scenario.without_floor().filter(|_| self.args.floor) {
            server.note(format!("--floor is left out: {why}"));
        }
        let faults: Vec<String> =
            server.faults().map(|figure| format!("{} {}", figure.name, figure.value)).collect();
        if !faults.is_empty() {
            server.note(format!("not as it must be: {}", faults.join(", ")));
        }
        let ratios: Vec<Option<f64>> = server
            .figures
            .iter()
            .map(|figure| ratio(&figure.name, &results.servers, &results.floors))
            .collect();
        let text: &dyn Display = if self.args.json {
            &self.json(&server, floor.as_ref(), &ratios)
        } else {
            let title = self.title();
            &Table { title: &title, server: &server, floor: floor.as_ref(), ratios: &ratios }
                .to_string()
        };
        let mut output = io::stdout().lock();
        writeln!(output, "{text}")?;
        Ok(output.flush()?)
    }

    /// The scenario with its options, as a person reads them.
    fn title(&self) -> String {
        let mut title = format!("{} against {}", self.scenario.name(), self.address);
        for (name, value) in self.options() {
            // As it would be typed: 10 and not 10.0, 1,20 and not [1,20].
            let typed = || value.to_string().replace(['[', ']'], "");
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
        options.insert("warmup".into(), json!(warmup));
        options.insert("rounds".into(), json!(rounds));
        options
    }

    fn json(&self, server: &Report, floor: Option<&Report>, ratios: &[Option<f64>]) -> Value {
        let mut result = json!({
            "scenario": self.scenario.name(),
            "address": self.address.to_string(),
            "options": self.options(),
            "units": server.units(),
            "server": server.to_json(),
        });
        if let Some(floor) = floor {
            let ratios = server.figures.iter().zip(ratios).filter_map(|(figure, ratio)| {
                Some((figure.name.clone(), json!(rounded((*ratio)?))))
            });
            result["ratio"] = ratios.collect::<Map<_, _>>().into();
            result["floor"] = floor.to_json();
        }
        result
    }
}
