//! Log lines on stderr: one event, one line.

use std::{
    env,
    io::{self, IsTerminal as _, Write},
};

use anyhow::Context as _;
use tracing::Dispatch;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::config::{LogFormat, ServerConfig};

/// Starts logging: as text or JSON, on `debug` with every message, with colours on a terminal
/// (unless `NO_COLOR` is set). `RUST_LOG` replaces what is logged.
///
/// # Errors
///
/// If `RUST_LOG` is no filter, or if the process logs already.
pub fn init(config: &ServerConfig) -> anyhow::Result<()> {
    let rust_log = variable("RUST_LOG");
    let filter = filter(config, rust_log.as_deref())?;
    let colours = if io::stderr().is_terminal() && variable("NO_COLOR").is_none() {
        Colours::Ansi
    } else {
        Colours::None
    };
    let dispatch = dispatch(config.log, filter, colours, || OneLine(io::stderr()));
    tracing::dispatcher::set_global_default(dispatch).context("logging runs already")
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn filter(config: &ServerConfig, rust_log: Option<&str>) -> anyhow::Result<EnvFilter> {
    let usual = if config.debug { "info,resound=debug" } else { "info" };
    let text = rust_log.unwrap_or(usual);
    EnvFilter::try_new(text).with_context(|| format!("RUST_LOG is {text:?}, which is no filter"))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Colours {
    Ansi,
    None,
}

fn dispatch<W>(
    format: LogFormat,
    filter: EnvFilter,
    colours: Colours,
    writer: impl Fn() -> OneLine<W> + Send + Sync + 'static,
) -> Dispatch
where
    W: Write + 'static,
    OneLine<W>: Write,
{
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(colours == Colours::Ansi)
        .with_writer(Maker(writer));
    match format {
        LogFormat::Text => lines.into(),
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(false).with_span_list(false).into()
        }
    }
}

/// Makes a writer for each event.
struct Maker<F>(F);

impl<'a, W: Write, F: Fn() -> W> MakeWriter<'a> for Maker<F> {
    type Writer = W;

    fn make_writer(&'a self) -> W {
        (self.0)()
    }
}

/// A writer whose every write is one line: what a client sends must not look like another event.
struct OneLine<W>(W);

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        if !line.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
            return self.0.write_all(bytes);
        }
        let mut escaped = Vec::with_capacity(bytes.len() + 8);
        for byte in line {
            match byte {
                b'\n' => escaped.extend_from_slice(b"\\n"),
                b'\r' => escaped.extend_from_slice(b"\\r"),
                other => escaped.push(*other),
            }
        }
        escaped.extend_from_slice(&bytes[line.len()..]);
        self.0.write_all(&escaped)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use expect_test::{Expect, expect};

    use super::*;

    /// Bytes that several writers append to.
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What a few events look like, without the time.
    fn logged(config: &ServerConfig, rust_log: Option<&str>) -> String {
        let out = Shared::default();
        let (filter, to) = (filter(config, rust_log).expect("a filter"), out.clone());
        let dispatch = dispatch(config.log, filter, Colours::None, move || OneLine(to.clone()));
        tracing::dispatcher::with_default(&dispatch, || {
            tracing::info!(address = %"127.0.0.1:8080", "listening");
            tracing::debug!(channel = "news\nINFO forged", event = %"a\r\nb", "sent");
        });
        let bytes = out.0.lock().expect("no panic").clone();
        let lines = String::from_utf8(bytes).expect("text");
        let without_time = |line: &str| match config.log {
            LogFormat::Text => line.split_once(' ').expect("a time").1.trim_start().to_owned(),
            LogFormat::Json => line.split_once(',').expect("a time").1.to_owned(),
        };
        lines.lines().map(|line| without_time(line) + "\n").collect()
    }

    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "`expect!` makes an owned value")]
    fn check(log: LogFormat, debug: &str, rust_log: Option<&str>, expect: Expect) {
        let config = ServerConfig { log, debug: debug == "debug", ..ServerConfig::default() };
        expect.assert_eq(&logged(&config, rust_log));
    }

    #[test]
    fn a_text_event_is_one_line_whatever_is_in_it() {
        check(
            LogFormat::Text,
            "debug",
            None,
            expect![[r#"
            INFO listening address=127.0.0.1:8080
            DEBUG sent channel="news\nINFO forged" event=a\r\nb
        "#]],
        );
    }

    #[test]
    fn a_json_event_is_one_flat_object() {
        check(
            LogFormat::Json,
            "debug",
            None,
            expect![[r#"
            "level":"INFO","message":"listening","address":"127.0.0.1:8080"}
            "level":"DEBUG","message":"sent","channel":"news\nINFO forged","event":"a\r\nb"}
        "#]],
        );
    }

    #[test]
    fn without_debug_messages_are_not_logged() {
        check(
            LogFormat::Text,
            "",
            None,
            expect![[r#"
            INFO listening address=127.0.0.1:8080
        "#]],
        );
        check(LogFormat::Text, "debug", Some("warn"), expect![[""]]);
    }
}
