//! `resound bench` without the server: `cargo run --release -p resound-bench --example bench -- bench --help`.

use clap::Parser;
use resound_bench::{BenchArgs, run};

#[derive(Parser)]
enum Command {
    Bench(BenchArgs),
}

fn main() -> anyhow::Result<()> {
    let Command::Bench(args) = Command::parse();
    run(args)
}
