//! Every scenario, shortly, against a server in a thread: the floor server, or for the other dialects another.

mod echo_server;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use clap::Parser;
use mio::Waker;

use crate::args::{BenchArgs, Scenario};
use crate::floor::server::Floor;
use crate::frame::{Opcode, write_plain};
use crate::handshake::upgrade_answer;
use crate::process::Process;
use crate::progress::Progress;
use crate::report::Report;
use crate::scenario::Context;
use crate::scenario::tests::echo_server::{EchoServer, KeepAlive};
use crate::target::Target;

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    bench: BenchArgs,
}

/// A floor server in a thread; it ends with this value.
struct Server {
    address: SocketAddr,
    stop: Arc<Waker>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(batch: usize) -> Self {
        let floor = Floor::bind(SocketAddr::from(([127, 0, 0, 1], 0)), batch).unwrap();
        let (address, stop) = (floor.address().unwrap(), floor.stopper());
        let thread = thread::spawn(move || floor.serve().unwrap());
        Self { address, stop, thread: Some(thread) }
    }

    fn run(&self, command: &str) -> anyhow::Result<Report> {
        run_against(self.address, command)
    }
}

fn run_against(address: SocketAddr, command: &str) -> anyhow::Result<Report> {
    let words = ["bench"].into_iter().chain(command.split_whitespace());
    let args = CommandLine::parse_from(words).bench;
    let process = Process::new(std::process::id()).ok();
    let target = Target::new(address, "app", "key", "secret")
        .with_process(process)
        .with_dialect(args.dialect.dialect());
    args.scenario.unwrap_or_else(Scenario::usual).run(&Context {
        target: Rc::new(target),
        seconds: Some(args.seconds.unwrap_or(0.3)),
        warmup_seconds: 0.1,
        payload_bytes: args.payload.map(|bytes| bytes as usize),
        progress: Progress::hidden(),
    })
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.wake().unwrap();
        self.thread.take().unwrap().join().unwrap();
    }
}

/// What a run says when the server answers every connection with these bytes and ends it.
fn error_for(answer: &[u8], command: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = answer.to_vec();
    // It waits for connections until the tests are over.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&answer);
        }
    });
    run_against(address, command).unwrap_err().to_string()
}

fn run(command: &str) -> Report {
    Server::start(1).run(command).unwrap()
}

#[track_caller]
fn value(report: &Report, name: &str) -> f64 {
    report.value(name).unwrap_or_else(|| panic!("no figure {name}"))
}

/// Nothing was lost, doubled or out of order.
#[track_caller]
fn check_clean(report: &Report, prefix: &str) {
    assert!(value(report, &format!("{prefix}delivered")) > 0.0);
    for name in ["lost", "duplicate", "reordered"] {
        assert_eq!(value(report, &format!("{prefix}{name}")), 0.0, "{name}: {report:?}");
    }
}

#[test]
fn fanout_at_a_rate_delivers_each_event_to_everybody() {
    let report = run("fanout --subscribers 20 --rate 100");
    check_clean(&report, "");
    // 30 events were due in 0.3 seconds.
    assert_eq!(value(&report, "delivered"), 600.0);
    assert_eq!(value(&report, "not_acknowledged"), 0.0);
    assert_eq!(value(&report, "publisher_connections"), 1.0);
    assert!(report.notes.iter().all(|note| note.contains("generator")), "{:?}", report.notes);
}

#[test]
fn fanout_as_fast_as_acknowledged_loses_nothing() {
    let report = run("fanout --subscribers 5 --publishers 3 --window 4");
    check_clean(&report, "");
    assert_eq!(value(&report, "not_acknowledged"), 0.0);
}

#[test]
fn fanout_loses_nothing_when_publishes_are_joined() {
    let server = Server::start(16);
    check_clean(&server.run("fanout --subscribers 5 --publishers 16").unwrap(), "");
    check_clean(&server.run("fanout --subscribers 5 --rate 50").unwrap(), "");
}

#[test]
fn fanout_carries_events_that_are_larger_than_a_socket_takes_at_once() {
    check_clean(&run("fanout --subscribers 3 --window 8 --payload 300000"), "");
}

#[test]
fn rooms_deliver_each_event_to_the_members_of_its_room() {
    let report = run("rooms --channels 10 --subscribers 3 --publishers 2 --rate 200");
    check_clean(&report, "");
    assert_eq!(value(&report, "delivered"), 180.0);
}

#[test]
fn publish_sends_single_events_and_batches() {
    let report = run("publish --batches 1,10,20 --channels 3 --subscribers 2");
    for prefix in ["batch1_", "batch10_", "batch20_"] {
        check_clean(&report, prefix);
        assert_eq!(value(&report, &format!("{prefix}not_acknowledged")), 0.0);
    }
}

#[test]
fn publish_at_a_rate_counts_events_and_not_requests() {
    let report = run("publish --batches 10 --rate 1000 --channels 1");
    check_clean(&report, "batch10_");
    assert_eq!(value(&report, "batch10_delivered"), 300.0);
}

#[test]
fn client_events_reach_the_other_members() {
    let report = run("client-events --channels 5 --members 3 --rate 100");
    check_clean(&report, "");
    assert_eq!(value(&report, "delivered"), 60.0);
}

#[test]
fn connect_opens_subscribes_and_closes() {
    let report = run("connect --connections 50 --settle 0.05");
    assert_eq!(value(&report, "connected"), 50.0);
    assert_eq!(value(&report, "not_connected"), 0.0);
    assert_eq!(value(&report, "disconnected"), 0.0);
    assert!(value(&report, "own_channels_per_s") > 0.0);
}

#[test]
fn slow_subscribers_read_on_and_the_others_miss_nothing() {
    let report = run("slow --subscribers 6 --slow 2 --rate 300 --payload 5000 --seconds 0.6");
    check_clean(&report, "");
    assert_eq!(value(&report, "delivered"), 720.0);
    assert_eq!(value(&report, "slow_delivered"), 360.0);
    assert_eq!(value(&report, "slow_holes"), 0.0);
    assert_eq!(value(&report, "slow_not_delivered"), 0.0);
}

/// Everything but WebSockets of the Pusher protocol.
const DIALECTS: [&str; 5] = [
    "--protocol socketio",
    "--protocol socketio --eio 3",
    "--protocol socketio --transport polling",
    "--protocol socketio --transport polling --eio 3",
    "--transport polling",
];

#[test]
fn events_reach_everybody_in_every_dialect() {
    for dialect in DIALECTS {
        let server = EchoServer::start(KeepAlive::Yes);
        let command = format!("{dialect} rooms --channels 3 --subscribers 2 --rate 100");
        let report = run_against(server.address, &command).unwrap();
        check_clean(&report, "");
        assert_eq!(value(&report, "delivered"), 60.0, "{dialect}");
        assert_eq!(value(&report, "disconnected"), 0.0, "{dialect}");
        assert!(report.notes.iter().all(|note| note.contains("generator")), "{:?}", report.notes);
        // Pusher's clients have nothing to say within so short a time.
        let beating = if dialect.contains("socketio") { 6 } else { 0 };
        assert_eq!(server.sessions(), (6, beating), "{dialect}");
    }
}

#[test]
fn polls_go_on_when_the_server_ends_each_connection() {
    for dialect in &DIALECTS[2..] {
        let server = EchoServer::start(KeepAlive::No);
        let command = format!("{dialect} fanout --subscribers 3 --rate 50");
        let report = run_against(server.address, &command).unwrap();
        check_clean(&report, "");
        assert_eq!(value(&report, "delivered"), 45.0, "{dialect}");
        assert!(value(&report, "server_cpu_per_poll") > 0.0);
    }
}

#[test]
fn connect_subscribes_in_every_dialect() {
    for dialect in DIALECTS {
        let server = EchoServer::start(KeepAlive::Yes);
        let command = format!("{dialect} connect --connections 20 --settle 0.05");
        let report = run_against(server.address, &command).unwrap();
        assert_eq!(value(&report, "connected"), 20.0, "{dialect}");
        assert_eq!(value(&report, "disconnected"), 0.0, "{dialect}");
        assert!(report.notes.iter().all(|note| !note.contains("subscription")), "{dialect}");
    }
}

#[test]
fn hold_rests_and_lets_events_flow() {
    let command = "hold --channels 2 --subscribers 3 --rest 0.1 --rate 50";
    let server = EchoServer::start(KeepAlive::Yes);
    let polling = format!("--protocol socketio --transport polling {command}");
    for report in [run(command), run_against(server.address, &polling).unwrap()] {
        check_clean(&report, "");
        assert_eq!(value(&report, "delivered"), 45.0);
        assert!(report.value("rss_growth_at_rest").is_some());
    }
}

#[test]
fn a_server_without_socket_io_is_told_as_such() {
    let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone";
    let error = error_for(answer, "--protocol socketio --transport polling fanout");
    assert!(error.contains("refused a poll with HTTP 404 gone"), "{error}");
    let error = error_for(answer, "--protocol socketio fanout");
    assert!(error.contains("refused the WebSocket with HTTP 404 gone"), "{error}");
}

#[test]
fn what_cannot_be_measured_with_such_clients_is_explained() {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    for (command, why) in [
        ("--protocol socketio presence", "authorise"),
        ("--protocol socketio client-events", "authorise"),
        ("--transport polling slow", "polls"),
    ] {
        let error = run_against(nowhere, command).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn more_slow_subscribers_than_there_are_is_an_error() {
    let error = Server::start(1).run("slow --subscribers 6 --slow 7").unwrap_err();
    assert!(error.to_string().contains("--slow 7"), "{error}");
}

#[test]
fn a_key_that_the_server_does_not_know_is_told_with_code_and_reason() {
    let mut answer = upgrade_answer("dGhlIHNhbXBsZSBub25jZQ==");
    write_plain(&mut answer, Opcode::Close, b"\x0f\xa1Application does not exist");
    for command in ["fanout --subscribers 3", "connect --connections 3", "presence --users 3"] {
        let error = error_for(&answer, command);
        assert!(
            error.contains("code 4001 \"Application does not exist\" (check --key)"),
            "{error}"
        );
    }
}

#[test]
fn a_subscription_that_is_refused_ends_the_run_at_once() {
    let mut answer = upgrade_answer("dGhlIHNhbXBsZSBub25jZQ==");
    let established =
        br#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.1\"}"}"#;
    write_plain(&mut answer, Opcode::Text, established);
    write_plain(
        &mut answer,
        Opcode::Text,
        br#"{"event":"pusher:error","data":{"code":4009,"message":"No"}}"#,
    );
    let error = error_for(&answer, "client-events --channels 2");
    assert!(error.contains("only 0 of 4") && error.contains("check --key and --secret"), "{error}");
}

#[test]
fn a_server_without_websockets_is_told_as_such() {
    let error = error_for(b"HTTP/1.1 404 Not Found\r\n\r\n", "fanout --subscribers 3");
    assert!(error.contains("refused the WebSocket with HTTP 404"), "{error}");
}

#[test]
fn without_a_scenario_it_is_fanout() {
    let args = CommandLine::parse_from(["bench", "--json"]).bench;
    assert!(args.scenario.is_none() && args.json);
    assert_eq!(Scenario::usual().name(), "fanout");
}

#[test]
fn options_of_every_run_stand_before_or_after_the_scenario() {
    for words in [["bench", "--addr", "h:1", "rooms"], ["bench", "rooms", "--addr", "h:1"]] {
        assert_eq!(CommandLine::parse_from(words).bench.addr, "h:1");
    }
}

#[test]
fn options_that_make_no_sense_are_refused() {
    for line in [
        "--payload 10",
        "--seconds 0",
        "--rounds 0",
        "fanout --rate -1",
        "fanout --subscribers 0",
        "client-events --members 1",
        "client-events --rate 0",
        "publish --batches 1,x",
        "--eio 2 fanout",
        "--floor --versus-pusher fanout",
        "--rival-pid 1 fanout",
    ] {
        let words = ["bench"].into_iter().chain(line.split_whitespace());
        assert!(CommandLine::try_parse_from(words).is_err(), "{line}");
    }
}
