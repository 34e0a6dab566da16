//! The tollbridge command.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to a terminal")]

mod arguments;
mod budget;
mod chat;
mod config;
mod cost;
mod cost_rows;
mod doctor;
mod embed;
mod failure;
mod key;
mod load;
mod mock;
mod models;
mod observe;
mod profile;
mod rows;
mod serve;
mod signals;
mod table;
mod tokens;
mod usage;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use failure::Failure;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr(&arguments);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(&arguments)),
        Err(error) => Err(Failure::usage(format!("the runtime cannot start: {error}"))),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            if !failure.is_silent() {
                eprintln!("error: {failure}");
            }
            failure.code()
        }
    }
}

async fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let sources = &arguments.sources;
    match &arguments.command {
        Command::Serve(options) => serve::run(sources, options).await,
        Command::Chat(options) => chat::run(sources, options).await,
        Command::Embed(options) => embed::run(sources, options).await,
        Command::Models(options) => models::run(sources, options).await,
        Command::Tokens(options) => tokens::run(options),
        Command::Mock(options) => mock::run(options).await,
        Command::Config(command) => config::run(sources, command),
        Command::Key(options) => key::run(sources, options),
        Command::Usage(options) => usage::run(sources, options),
        Command::Budget(command) => budget::run(sources, command),
        Command::Cost(options) => cost::run(sources, options),
        Command::Doctor(options) => doctor::run(sources, options).await,
    }
}

fn log_to_stderr(arguments: &Arguments) {
    let level = match (arguments.verbose, &arguments.command) {
        (0, Command::Serve(_)) => "info",
        (0, _) => "error",
        (1, _) => "debug",
        _ => "trace",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("TOLLBRIDGE_LOG").unwrap_or_else(|_| {
        tracing_subscriber::EnvFilter::new(format!("warn,tollbridge={level},tollbridge_gateway={level}"))
    });
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi).with_writer(std::io::stderr);
    // Complaining there of a log that cannot be written, such as on a full disk, would panic in the midst of a call.
    log.log_internal_errors(false).init();
}
