//! The project's own tasks: `cargo xtask test`, `conformance`, `clients`, `fuzz`, `pricing`, `profiles`, `vocabulary`, `bench`.
#![expect(clippy::indexing_slicing, reason = "a JSON value has null at every key that is missing")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "tasks talk to a terminal")]

mod bench;
mod clients;
mod conformance;
mod fuzz;
mod pricing;
mod profiles;
mod test;
mod vocabulary;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own tasks")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run all checks and tests, installing what they need
    Test(test::Options),
    /// Replay recorded traffic and compare it with its oracle
    Conformance(conformance::Options),
    /// Run the official SDKs, frameworks and agents against the gateway, for each pair of protocols
    Clients(clients::Options),
    /// Feed the decoders what a fuzzer makes up, guided by the code it reaches
    Fuzz(fuzz::Options),
    /// Build the price book from public sources, and tell what changed
    Pricing(pricing::Options),
    /// Build the book of model profiles from its rules, and tell what changed
    Profiles(profiles::Options),
    /// Measure against peers
    Bench(bench::Options),
    /// Make the vocabularies that tokens are counted by
    Vocabulary(vocabulary::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Test(options) => test::run(&options),
        Task::Conformance(options) => conformance::run(&options),
        Task::Clients(options) => clients::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Pricing(options) => pricing::run(&options),
        Task::Profiles(options) => profiles::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Vocabulary(options) => vocabulary::run(&options),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::from(2)
        }
    }
}

/// Returns the folder of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}
