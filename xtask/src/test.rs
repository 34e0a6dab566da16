//! Runs all checks and tests, installing what they need.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only formatting, lints and tests: what changes from minute to minute
    #[arg(long)]
    quick: bool,
}

/// One step: its name, and what it does.
type Step<'a> = (&'a str, Box<dyn Fn() -> Result<(), String> + 'a>);

pub(crate) fn run(options: &Options) -> Result<bool, String> {
    let root = crate::root();
    let root = root.as_path();
    let mut steps: Vec<Step<'_>> = vec![
        ("formatting", Box::new(|| cargo(root, &["fmt", "--all", "--check"]))),
        (
            "lints",
            Box::new(|| cargo(root, &["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"])),
        ),
        ("tests", Box::new(|| tests(root))),
    ];
    if !options.quick {
        steps.extend([
            (
                "examples in the documentation",
                Box::new(|| cargo(root, &["test", "--quiet", "--workspace", "--doc"])) as Box<dyn Fn() -> _>,
            ),
            ("documentation", Box::new(|| documentation(root))),
            ("each crate and feature alone", Box::new(|| alone(root))),
            ("licences, bans and sources", Box::new(|| deny(root))),
            ("vocabularies", Box::new(|| succeed(task(root, "vocabulary").arg("--check")))),
            ("model profiles", Box::new(|| succeed(task(root, "profiles").arg("--check")))),
            ("recorded traffic", Box::new(|| conformance(root))),
            ("official SDKs, frameworks and agents", Box::new(|| succeed(&mut task(root, "clients")))),
        ]);
    }
    let (mut passed, mut failed) = (0, Vec::new());
    for (name, step) in steps {
        println!("── {name}");
        let began = Instant::now();
        match step() {
            Ok(()) => {
                println!("── {name}: done in {:.0?}\n", began.elapsed());
                passed += 1;
            }
            Err(problem) => {
                println!("── {name}: FAILED: {problem}\n");
                failed.push(name);
            }
        }
    }
    for name in &failed {
        println!("failed: {name}");
    }
    println!("steps: {passed} passed, {} failed", failed.len());
    Ok(failed.is_empty())
}

fn tests(root: &Path) -> Result<(), String> {
    install(root, "nextest", "cargo-nextest")?;
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root).args(["nextest", "run", "--workspace", "--no-fail-fast"]);
    // Some tests try recorded traffic too, where there is some.
    if let Some(corpus) = corpus(root) {
        command.env("TOLLBRIDGE_CORPUS", corpus);
    }
    if let Some(oracles) = oracles(root) {
        command.env("TOLLBRIDGE_ORACLES", oracles);
    }
    succeed(&mut command)
}

fn documentation(root: &Path) -> Result<(), String> {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root).args(["doc", "--quiet", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
    succeed(&mut command)
}

/// Checks that each crate builds with only its own features, and the façade with each of its own alone.
fn alone(root: &Path) -> Result<(), String> {
    for package in PACKAGES {
        cargo(root, &["check", "--quiet", "--package", package])?;
    }
    for feature in FEATURES {
        cargo(root, &["check", "--quiet", "--package", "tollbridge", "--no-default-features", "--features", feature])?;
    }
    for vocabularies in ["", "cl100k", "o200k"] {
        let package = ["check", "--quiet", "--package", "tollbridge-tokens", "--no-default-features", "--features"];
        cargo(root, &[package.as_slice(), &[vocabularies]].concat())?;
    }
    cargo(root, &["check", "--quiet", "--package", "tollbridge", "--no-default-features"])
}

fn deny(root: &Path) -> Result<(), String> {
    install(root, "deny", "cargo-deny")?;
    // Advisories come from the network, so they are for whoever has one.
    cargo(root, &["deny", "--log-level", "error", "check", "licenses", "bans", "sources"])
}

/// Finds the recorded traffic.
fn corpus(root: &Path) -> Option<PathBuf> {
    let corpus = std::env::var_os("TOLLBRIDGE_CORPUS").map_or_else(|| root.join("../shared/corpus/dev"), PathBuf::from);
    corpus.is_dir().then_some(corpus)
}

/// Finds the expected costs and token counts.
fn oracles(root: &Path) -> Option<PathBuf> {
    let oracles = std::env::var_os("TOLLBRIDGE_ORACLES").map_or_else(|| root.join("../shared/oracles"), PathBuf::from);
    oracles.is_dir().then_some(oracles)
}

fn conformance(root: &Path) -> Result<(), String> {
    if corpus(root).is_none() {
        println!("there is no corpus; name a folder of recordings with TOLLBRIDGE_CORPUS");
        return Ok(());
    }
    let report = task(root, "conformance").stderr(Stdio::inherit()).output().map_err(|error| error.to_string())?;
    let report = String::from_utf8_lossy(&report.stdout).into_owned();
    print!("{report}");
    let mut counts =
        report.lines().last().unwrap_or_default().split_whitespace().filter_map(|word| word.parse::<u32>().ok());
    let (passed, failed) = (counts.next().unwrap_or_default(), counts.next().unwrap_or(u32::MAX));
    if passed == 0 || failed > 0 {
        return Err(format!("{failed} exchanges failed"));
    }
    Ok(())
}

/// Installs a cargo subcommand that is not there.
fn install(root: &Path, subcommand: &str, package: &str) -> Result<(), String> {
    let there = Command::new(env!("CARGO"))
        .args([subcommand, "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if there.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    println!("installing {package}");
    cargo(root, &["install", "--quiet", "--locked", package])
}

fn task(root: &Path, name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap_or_else(|_| "cargo-xtask".into()));
    command.current_dir(root).arg(name);
    command
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<(), String> {
    succeed(Command::new(env!("CARGO")).current_dir(root).args(arguments))
}

fn succeed(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?} ended with {status}")),
        Err(error) => Err(format!("{command:?} cannot start: {error}")),
    }
}

const PACKAGES: &[&str] = &[
    "tollbridge-types",
    "tollbridge-core",
    "tollbridge-protocol",
    "tollbridge-transport",
    "tollbridge-provider",
    "tollbridge-config",
    "tollbridge-testkit",
    "tollbridge-tokens",
    "tollbridge-usage",
    "tollbridge-openai",
    "tollbridge-anthropic",
    "tollbridge-gemini",
    "tollbridge-azure",
    "tollbridge-openai-compatible",
    "tollbridge-bedrock",
    "tollbridge-cohere",
    "tollbridge-mistral",
    "tollbridge-ollama",
    "tollbridge-vertex",
    "tollbridge-echo",
    "tollbridge",
    "tollbridge-gateway",
    "tollbridge-cli",
];

const FEATURES: &[&str] = &[
    "config",
    "http",
    "openai",
    "anthropic",
    "gemini",
    "azure",
    "openai-compatible",
    "bedrock",
    "cohere",
    "mistral",
    "ollama",
    "vertex",
    "echo",
    "tokens",
    "usage",
    "schemars",
];
