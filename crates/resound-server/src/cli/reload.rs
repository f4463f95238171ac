//! `resound reload`.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use rustix::process::{Pid, Signal, kill_process};

use super::pid_file;

/// The name that the kernel shows for a server's process.
const PROCESS_NAME: &str = "resound";

/// Which server to reload.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(super) struct ReloadArgs {
    /// Process id of the server
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..))]
    pid: Option<i32>,
    /// File that the server was started with as --pid-file
    #[arg(long, value_name = "FILE")]
    pid_file: Option<PathBuf>,
}

/// Sends the signal.
pub(super) fn run(args: &ReloadArgs) -> anyhow::Result<()> {
    let pid = match (args.pid, &args.pid_file) {
        (Some(pid), _) => pid,
        (None, Some(path)) => pid_file::read(path)?,
        (None, None) => bail!("--pid or --pid-file is needed"),
    };
    refuse_strangers(pid)?;
    let process = Pid::from_raw(pid).context("a process id is a positive number")?;
    kill_process(process, Signal::HUP).with_context(|| format!("cannot signal process {pid}"))
}

/// The signal ends a process that doesn't know it, and a stale file may name any process.
fn refuse_strangers(pid: i32) -> anyhow::Result<()> {
    let Ok(name) = fs::read_to_string(format!("/proc/{pid}/comm")) else { return Ok(()) };
    if name.trim() == PROCESS_NAME {
        return Ok(());
    }
    bail!("process {pid} is {:?} and not {PROCESS_NAME}", name.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_program_is_not_signalled() {
        let this = i32::try_from(std::process::id()).expect("a process id");
        let args = ReloadArgs { pid: Some(this), pid_file: None };
        let error = run(&args).expect_err("a test is no server").to_string();
        assert!(error.starts_with(&format!("process {this} is ")), "{error}");
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        let args = ReloadArgs { pid: Some(i32::MAX), pid_file: None };
        let error = format!("{:#}", run(&args).expect_err("no such process"));
        assert!(error.starts_with("cannot signal process 2147483647: "), "{error}");
    }
}
