//! The floor server as a process of its own, so that what it costs can be told from the generator.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result};
use mio::Waker;

use crate::args::FloorServerArgs;
use crate::floor::server::Floor;
use crate::machine;
use crate::process::Process;

/// A running floor server; it ends with this value.
pub(crate) struct FloorProcess {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl FloorProcess {
    /// Starts this very program again, on the cores that `beside` may run on.
    pub(crate) fn start(batch: u64, beside: Option<Process>) -> Result<Self> {
        let program = std::env::current_exe().context("the path of this program is not known")?;
        let mut child = Command::new(program)
            .args(["bench", "floor-server", "--attached", "--batch", &batch.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the floor server cannot be started")?;
        let line = first_line(&mut child);
        // From here on the child ends with this value, also when something fails.
        let mut floor = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        floor.address =
            line?.trim().parse().context("the floor server did not tell its address")?;
        if let Some(beside) = beside {
            machine::share_cores(beside.pid(), floor.child.id())
                .context("the floor server cannot run on the cores of the server")?;
        }
        Ok(floor)
    }

    pub(crate) fn process(&self) -> Result<Process> {
        Process::new(self.child.id())
    }
}

fn first_line(child: &mut Child) -> Result<String> {
    let output = child.stdout.take().context("the floor server has no output")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).context("the floor server said nothing")?;
    Ok(line)
}

impl Drop for FloorProcess {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the floor server in this process, and prints its address.
pub(crate) fn serve(args: &FloorServerArgs) -> Result<()> {
    machine::reserve_descriptors(0)?;
    let floor = Floor::bind(args.address(), args.batch)
        .with_context(|| format!("the floor server cannot listen on port {}", args.port))?;
    let mut output = io::stdout().lock();
    writeln!(output, "{}", floor.address()?)?;
    output.flush()?;
    if args.attached {
        stop_with_input(floor.stopper());
    }
    floor.serve().context("the floor server failed")
}

/// The input is a pipe from the process that started this one: it ends when that one does, however it
/// does, so that no floor server is left over.
fn stop_with_input(stop: Arc<Waker>) {
    thread::spawn(move || {
        let mut ignored = [0; 64];
        while matches!(io::stdin().lock().read(&mut ignored), Ok(1..)) {}
        // A server that is gone need not be stopped.
        let _ = stop.wake();
    });
}
