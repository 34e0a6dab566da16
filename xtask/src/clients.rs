//! Runs the official SDKs, and the frameworks that people build on, against the gateway, for each pair of
//! client and provider protocol.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only clients whose names hold this text, such as `openai`, `js-`, `langchain` or `ai-google`
    #[arg(long)]
    client: Option<String>,
    /// Only cases whose names hold this text
    #[arg(long)]
    only: Option<String>,
}

pub(crate) fn run(options: &Options) -> Result<bool, String> {
    let root = crate::root();
    let pythons = GROUPS.map(|group| environment(&root, group)).into_iter().collect::<Result<Vec<_>, _>>()?;
    let binary = build(&root)?;
    let modules = node_modules(&root)?;
    let kinds = ["openai", "anthropic", "google", "bedrock", "cohere", "ollama", "mistral", "vertex"];
    let mut mocks = Running::start(&binary, &[&["mock"], kinds.as_slice(), &["--listen", "127.0.0.1:0"]].concat())?;
    let mut urls = BTreeMap::new();
    for kind in kinds {
        urls.insert(kind, mocks.url()?);
    }
    let set = |provider: &str, kind: &str| {
        [format!("providers.{provider}.base_url={}", urls[kind]), format!("providers.{provider}.api_key=mock-key")]
    };
    let mut settings = Vec::new();
    for (provider, kind) in [
        ("openai", "openai"),
        ("openai-responses", "openai"),
        ("anthropic", "anthropic"),
        ("gemini", "google"),
        ("bedrock", "bedrock"),
        ("cohere", "cohere"),
        ("ollama", "ollama"),
        ("mistral", "mistral"),
        ("vertex", "vertex"),
    ] {
        settings.extend(set(provider, kind));
    }
    settings.push("providers.openai-responses.kind=openai".to_owned());
    settings.push("providers.openai-responses.api=responses".to_owned());
    settings.push("providers.vertex.project=mock".to_owned());
    // Keys that whoever runs this has at home are none of the gateway's here.
    settings.push("usage.dir=target/clients-keys".to_owned());
    let mut arguments = vec!["serve", "--listen", "127.0.0.1:0"];
    for setting in &settings {
        arguments.extend(["--set", setting]);
    }
    let mut gateway = Running::start(&binary, &arguments)?;
    let gateway_url = gateway.url()?;
    let mut good = true;
    for (group, python) in GROUPS.iter().zip(&pythons) {
        let mut runner = Command::new(python);
        runner.arg(root.join("xtask/clients/run.py")).args(["--group", group, "--gateway", &gateway_url]);
        runner.arg("--modules").arg(&modules);
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
        good &= status.success();
    }
    Ok(good)
}

/// Packages that cannot be installed beside each other: each group has an environment of its own.
const GROUPS: [&str; 3] = ["sdks", "frameworks", "litellm"];

/// Makes a virtual environment with the packages of a group, unless it stands already.
fn environment(root: &Path, group: &str) -> Result<PathBuf, String> {
    let requirements = root.join(format!("xtask/clients/{group}.txt"));
    let folder = root.join("target/clients").join(group);
    let python = folder.join("bin/python");
    let stamp = folder.join("requirements.txt");
    let wanted = std::fs::read_to_string(&requirements).map_err(|error| error.to_string())?;
    if python.exists() && std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(python);
    }
    println!("installing the Python packages of `{group}` into {}", folder.display());
    succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    succeed(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(&requirements),
    )?;
    std::fs::write(&stamp, wanted).map_err(|error| error.to_string())?;
    Ok(python)
}

/// Installs the JavaScript packages, unless they stand already, and returns the folder of the worker.
fn node_modules(root: &Path) -> Result<PathBuf, String> {
    let source = root.join("xtask/clients/node");
    let folder = root.join("target/clients-node");
    let stamp = folder.join("installed.json");
    let wanted = std::fs::read_to_string(source.join("package-lock.json")).map_err(|error| error.to_string())?;
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    for entry in std::fs::read_dir(&source).map_err(|error| error.to_string())?.flatten() {
        std::fs::copy(entry.path(), folder.join(entry.file_name())).map_err(|error| error.to_string())?;
    }
    if std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(folder);
    }
    println!("installing the JavaScript SDKs into {}", folder.display());
    succeed(Command::new("npm").current_dir(&folder).args(["ci", "--no-audit", "--no-fund", "--silent"]))?;
    std::fs::write(&stamp, wanted).map_err(|error| error.to_string())?;
    Ok(folder)
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
