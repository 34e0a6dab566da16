//! Runs the official SDKs against the gateway, for each pair of client and provider protocol.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only this SDK: openai, anthropic or google
    #[arg(long)]
    client: Option<String>,
    /// Only cases whose names hold this text
    #[arg(long)]
    only: Option<String>,
}

pub(crate) fn run(options: &Options) -> Result<bool, String> {
    let root = crate::root();
    let python = environment(&root)?;
    let binary = build(&root)?;
    let mut mocks = Running::start(&binary, &["mock", "openai", "anthropic", "google", "--listen", "127.0.0.1:0"])?;
    let mut urls = BTreeMap::new();
    for kind in ["openai", "anthropic", "google"] {
        urls.insert(kind, mocks.url()?);
    }
    let set = |provider: &str, kind: &str| {
        [format!("providers.{provider}.base_url={}", urls[kind]), format!("providers.{provider}.api_key=mock-key")]
    };
    let settings = [set("openai", "openai"), set("anthropic", "anthropic"), set("gemini", "google")].concat();
    let mut arguments = vec!["serve", "--listen", "127.0.0.1:0"];
    for setting in &settings {
        arguments.extend(["--set", setting]);
    }
    let mut gateway = Running::start(&binary, &arguments)?;
    let mut runner = Command::new(python);
    runner.arg(root.join("xtask/clients/run.py")).args(["--gateway", &gateway.url()?]);
    for (kind, url) in &urls {
        runner.args([&format!("--{kind}"), url]);
    }
    if let Some(client) = &options.client {
        runner.args(["--client", client]);
    }
    if let Some(only) = &options.only {
        runner.args(["--only", only]);
    }
    let status = runner.status().map_err(|error| format!("the runner cannot start: {error}"))?;
    Ok(status.success())
}

/// Makes a virtual environment with the SDKs, unless it stands already.
fn environment(root: &Path) -> Result<PathBuf, String> {
    let requirements = root.join("xtask/clients/requirements.txt");
    let folder = root.join("target/clients");
    let python = folder.join("bin/python");
    let stamp = folder.join("requirements.txt");
    let wanted = std::fs::read_to_string(&requirements).map_err(|error| error.to_string())?;
    if python.exists() && std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(python);
    }
    println!("installing the SDKs into {}", folder.display());
    succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    succeed(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(&requirements),
    )?;
    std::fs::write(&stamp, wanted).map_err(|error| error.to_string())?;
    Ok(python)
}

fn build(root: &Path) -> Result<PathBuf, String> {
    succeed(Command::new(env!("CARGO")).current_dir(root).args(["build", "--quiet", "--package", "tollbridge-cli"]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("debug/tollbridge"))
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let name = format!("{command:?}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{name} ended with {status}")),
        Err(error) => Err(format!("{name} cannot start: {error}")),
    }
}

/// A process that ends when this is dropped.
struct Running {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Running {
    fn start(binary: &Path, arguments: &[&str]) -> Result<Self, String> {
        let mut command = Command::new(binary);
        command.args(arguments).env("TOLLBRIDGE_LOG", "off").stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{command:?} cannot start: {error}"))?;
        let stdout = child.stdout.take().ok_or("the process has no output")?;
        Ok(Self { child, lines: BufReader::new(stdout).lines() })
    }

    /// Reads the next line, and returns the URL that it names.
    fn url(&mut self) -> Result<String, String> {
        let line =
            self.lines.next().ok_or("the process ended before it listened")?.map_err(|error| error.to_string())?;
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
        url.map(str::to_owned).ok_or_else(|| format!("no address in `{line}`"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
