//! `resound start`.

use std::{collections::BTreeMap, env, path::PathBuf};

use anyhow::Context as _;
use clap::{ArgAction, Args, builder::TypedValueParser as _};

use super::pid_file::PidFile;
use crate::{
    config::{self, Flags, Loaded, check_flag, settings},
    logging, server,
};

/// The flags of `start`. Those that are settings have their help and their checks from the table of
/// all settings.
#[derive(Args, Debug)]
pub(super) struct StartArgs {
    #[arg(long, help = settings::flag_help("host"), value_parser = flag("host"))]
    host: Option<String>,
    #[arg(long, help = settings::flag_help("port"), value_parser = flag("port"))]
    port: Option<String>,
    #[arg(long, value_name = "PREFIX", help = settings::flag_help("path"), value_parser = flag("path"))]
    path: Option<String>,
    #[arg(long, value_name = "NAME", help = settings::flag_help("hostname"), value_parser = flag("hostname"))]
    hostname: Option<String>,
    #[arg(long, alias = "dev", action = ArgAction::SetTrue, help = settings::flag_help("debug"))]
    debug: bool,
    #[arg(long, value_name = "FORM", help = settings::flag_help("log"), value_parser = flag("log"))]
    log: Option<String>,
    #[arg(long, action = ArgAction::SetTrue, help = settings::flag_help("allow_insecure_secret"))]
    allow_insecure_secret: bool,
    /// Take events that Laravel publishes through Redis; without URL at the REDIS_HOST, … of .env
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "")]
    redis: Option<String>,
    /// File to read in place of resound.toml; one in JSON is laravel-echo-server's
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder with the configuration, in place of the working directory
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    /// Taken for laravel-echo-server's sake, without effect
    #[arg(long, hide = true)]
    force: bool,
    /// File to read in place of .env
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// File to write the process's id into, for `resound reload`
    #[arg(long, value_name = "FILE")]
    pid_file: Option<PathBuf>,
}

fn flag(key: &'static str) -> impl clap::builder::TypedValueParser<Value = String> {
    clap::builder::StringValueParser::new().try_map(move |text| check_flag(key, &text))
}

impl StartArgs {
    fn flags(&self) -> Flags {
        let texts = [
            ("host", &self.host),
            ("port", &self.port),
            ("path", &self.path),
            ("hostname", &self.hostname),
            ("log", &self.log),
            // Checked with the rest of the configuration: the command line's errors would show a password.
            ("redis.url", &self.redis.clone().filter(|url| !url.is_empty())),
        ];
        let switches = [
            ("debug", self.debug),
            ("allow_insecure_secret", self.allow_insecure_secret),
            ("redis.enabled", self.redis.is_some()),
        ];
        let texts = texts.into_iter().filter_map(|(key, text)| Some((key, text.clone()?)));
        let switches = switches.into_iter().filter(|(_, is_on)| *is_on);
        let settings = texts.chain(switches.map(|(key, _)| (key, "true".to_owned()))).collect();
        Flags {
            settings,
            config: self.config.clone(),
            env_file: self.env_file.clone(),
            ..Flags::default()
        }
    }
}

/// Loads the configuration and runs the server until it is told to stop.
pub(super) fn run(args: &StartArgs) -> anyhow::Result<()> {
    let flags = args.flags();
    let env = environment();
    let mut cwd = env::current_dir().context("the working directory cannot be read")?;
    cwd.extend(&args.dir);
    anyhow::ensure!(cwd.is_dir(), "{} is no folder", cwd.display());
    let load = move || config::load(&flags, &env, &cwd);
    let Loaded { config, warnings } = load()?;
    logging::init(&config.server)?;
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    if args.force {
        tracing::warn!("--force has no effect: a server that is running is stopped by SIGTERM");
    }
    let _pid_file = args.pid_file.as_deref().map(PidFile::create).transpose()?;
    server::run(&config, move || {
        let Loaded { config, warnings } = load()?;
        warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        Ok(config)
    })
}

/// The process's variables; one that is no UTF-8 is none of ours.
pub(super) fn environment() -> BTreeMap<String, String> {
    env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
