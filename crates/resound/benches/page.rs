//! How long a page takes that broadcasts, while its server is there, is gone, or hangs.
//!
//! `cargo bench -p resound --bench page`. Clients ask for a page of an axum application over kept-alive connections; each page
//! sends one event. In every round the page is measured without a server (the driver `null`), with a running `resound`, with
//! one that was killed, and with one that was stopped (SIGSTOP: it accepts and never answers). `RESOUND_BIN` names the binary.

#![expect(clippy::print_stdout, reason = "figures are for people")]

use std::{process::Command, time::Instant};

use axum::{Router, extract::State, response::Html, routing::get};
use hdrhistogram::Histogram;
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use resound::{Broadcast, Broadcaster};
use serde::Serialize;

#[path = "../tests/it/process.rs"]
#[expect(dead_code, reason = "tests need more of it")]
mod process;

use process::Server;

const ROUNDS: usize = 7;
const CLIENTS: usize = 4;
const PAGES: usize = 500;

#[derive(Serialize, Broadcast)]
#[broadcast(channel = "visits")]
struct Visited {
    page: &'static str,
}

async fn page(State(broadcaster): State<Broadcaster>) -> Html<String> {
    broadcaster.send(Visited { page: "home" }).await;
    let items: String = (0..200).map(|n| format!("<li>Item {n}</li>")).collect();
    Html(format!("<ul>{items}</ul>"))
}

/// A page, and the server that its events go to.
struct Scene {
    name: &'static str,
    address: std::net::SocketAddr,
    server: Option<Server>,
    /// The ratio of its p99 to that of the page without a server, by rounds.
    ratios: Vec<[f64; 2]>,
    times: Histogram<u64>,
}

impl Scene {
    async fn new(name: &'static str) -> Self {
        let server = (name != "no server").then(Server::start);
        let broadcaster = server.as_ref().map_or_else(Broadcaster::null, Server::broadcaster);
        let router = Router::new().route("/", get(page)).with_state(broadcaster);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async { axum::serve(listener, router).await });
        let times = Histogram::new(3).expect("three digits");
        Self { name, address, server, ratios: Vec::new(), times }
    }

    fn become_what_it_is(&mut self) {
        match (self.name, &self.server) {
            // Dropping it kills it.
            ("killed", _) => self.server = None,
            ("hangs", Some(server)) => signal(server, "STOP"),
            _ => {}
        }
    }

    /// Times of pages in nanoseconds.
    async fn measure(&self) -> Histogram<u64> {
        let clients: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(visit(self.address))).collect();
        let mut times = Histogram::new(3).expect("three digits");
        for client in clients {
            times.add(client.await.expect("it visits")).expect("they fit");
        }
        times
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            signal(server, "CONT");
        }
    }
}

fn signal(server: &Server, signal: &str) {
    let status =
        Command::new("kill").args([&format!("-{signal}"), &server.child.id().to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()), "the server can be signalled");
}

/// One client: a connection, and one page after the other.
async fn visit(address: std::net::SocketAddr) -> Histogram<u64> {
    let stream = tokio::net::TcpStream::connect(address).await.expect("it accepts");
    stream.set_nodelay(true).expect("a socket");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
    tokio::spawn(connection);
    let mut times = Histogram::new(3).expect("three digits");
    for _ in 0..PAGES {
        let request = Request::get("/")
            .header("host", "page")
            .body(Empty::<Bytes>::new())
            .expect("a request");
        let from = Instant::now();
        let answer = sender.send_request(request).await.expect("an answer");
        answer.into_body().collect().await.expect("a page");
        times.record(from.elapsed().as_nanos() as u64).expect("it fits");
    }
    times
}

#[tokio::main]
async fn main() {
    let mut scenes = Vec::new();
    for name in ["no server", "running", "killed", "hangs"] {
        scenes.push(Scene::new(name).await);
    }
    for scene in &mut scenes {
        scene.become_what_it_is();
        scene.measure().await; // what is warmed up once is not measured
    }
    for _ in 0..ROUNDS {
        let mut floor = None;
        for scene in &mut scenes {
            let times = scene.measure().await;
            let quantiles = [0.5, 0.99].map(|q| times.value_at_quantile(q) as f64);
            let floor = *floor.get_or_insert(quantiles);
            scene.ratios.push([quantiles[0] / floor[0], quantiles[1] / floor[1]]);
            scene.times.add(times).expect("they fit");
        }
    }
    println!(
        "{:10} {:>10} {:>10} {:>10} {:>10}",
        "server", "p50 µs", "p99 µs", "p50 ratio", "p99 ratio"
    );
    for scene in &scenes {
        let [p50, p99] = [0.5, 0.99].map(|q| scene.times.value_at_quantile(q) as f64 / 1e3);
        let ratio = |i: usize| median(scene.ratios.iter().map(|ratios| ratios[i]));
        println!("{:10} {p50:>10.0} {p99:>10.0} {:>10.2} {:>10.2}", scene.name, ratio(0), ratio(1));
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
