//! The command line.
//!
//! # Layout
//!
//! * `start`: runs the server, which is also what `resound` alone does
//! * `init`: writes the settings of an application into `.env`, with `credentials` and `edit`
//! * `listen`, `send`, `sign`: a client, a publisher and a signer by hand; `target`: of which server and
//!   app; `names`: what they are told
//! * `reload`: asks a running server to read its configuration again, with `pid_file`

mod credentials;
mod edit;
mod init;
mod listen;
mod names;
mod pid_file;
mod reload;
mod send;
mod sign;
mod start;
mod target;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::{
    init::InitArgs, listen::ListenArgs, reload::ReloadArgs, send::SendArgs, sign::SignArgs,
    start::StartArgs,
};
use crate::config::settings;

/// A real-time broadcasting server that speaks the Pusher protocol.
#[derive(Debug, Parser)]
#[command(name = "resound", version, args_conflicts_with_subcommands = true)]
#[command(
    after_help = "`resound start --help` lists all settings with their environment variables."
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    start: StartArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server; the same as no command
    #[command(after_long_help = settings::reference())]
    Start(StartArgs),
    /// Write the settings of an application with a secret of its own into .env
    Init(InitArgs),
    /// Ask a running server to read its configuration again; connections stay
    Reload(ReloadArgs),
    /// Print the events of channels, one on a line
    Listen(ListenArgs),
    /// Publish an event by the HTTP API
    Send(SendArgs),
    /// Show how a subscription, a sign-in or a request is signed, and compare signatures
    Sign(SignArgs),
    /// Measure this or any other server of the Pusher protocol
    Bench(resound_bench::BenchArgs),
}

/// Runs the command that the process was called with and returns its exit code: 0, 1 for what went
/// wrong, 2 for a wrong call.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("resound: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command.unwrap_or(Command::Start(arguments.start)) {
        Command::Start(args) => start::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Reload(args) => reload::run(&args),
        Command::Listen(args) => listen::run(&args),
        Command::Send(args) => send::run(&args),
        Command::Sign(args) => sign::run(&args),
        Command::Bench(args) => resound_bench::run(args),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use expect_test::{Expect, expect};

    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split_whitespace())
    }

    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "`expect!` makes an owned value")]
    fn check_wrong(line: &str, expect: Expect) {
        let error = parse(line).expect_err("a wrong call");
        assert_eq!(error.exit_code(), 2);
        let text = error.to_string();
        expect.assert_eq(text.lines().next().unwrap_or_default());
    }

    #[test]
    fn the_definitions_are_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn without_a_command_the_server_starts() {
        let flags = "--host ::1 --port 0 --path ws --hostname a.example --debug --log json";
        let alone = parse(&format!("resound {flags}")).expect("a call");
        let Ok(Arguments { command: Some(Command::Start(start)), .. }) =
            parse(&format!("resound start {flags}"))
        else {
            panic!("the start command")
        };
        assert!(alone.command.is_none());
        assert_eq!(format!("{start:?}"), format!("{:?}", alone.start));
    }

    #[test]
    fn a_wrong_flag_is_a_wrong_call() {
        check_wrong(
            "resound --port 80a",
            expect![
                "error: invalid value '80a' for '--port <PORT>': expected a whole number from 0 to 65535"
            ],
        );
        check_wrong(
            "resound start --log xml",
            expect!["error: invalid value 'xml' for '--log <FORM>': expected text or json"],
        );
        check_wrong(
            "resound start --host http://a",
            expect![
                "error: invalid value 'http://a' for '--host <HOST>': expected a host name or an IP address, without scheme, port or path"
            ],
        );
        check_wrong("resound start --prot 1", expect!["error: unexpected argument '--prot' found"]);
        check_wrong(
            "resound reload",
            expect!["error: the following required arguments were not provided:"],
        );
        check_wrong(
            "resound reload --pid 0",
            expect!["error: invalid value '0' for '--pid <PID>': 0 is not in 1..=2147483647"],
        );
    }
}
