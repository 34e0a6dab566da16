//! The official SDKs, and frameworks in single calls: all of them before one gateway, with the mocks behind it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::running::Running;
use super::{Options, Outcome, install};

/// Packages that cannot be installed beside each other: each group has an environment of its own.
const GROUPS: [&str; 3] = ["sdks", "frameworks", "litellm"];

pub(super) struct Installed {
    pythons: Vec<PathBuf>,
    modules: PathBuf,
}

pub(super) fn install(root: &Path) -> Result<Installed, String> {
    let pythons = GROUPS.iter().map(|group| install::python(root, &format!("{group}.txt"), &[]));
    let modules = install::node(root, "node", "clients-node", &[&["ci"]])?;
    Ok(Installed { pythons: pythons.collect::<Result<_, _>>()?, modules })
}

pub(super) fn run(
    root: &Path,
    binary: &Path,
    installed: &Installed,
    options: &Options,
) -> Result<Vec<Outcome>, String> {
    let kinds = ["openai", "anthropic", "google", "bedrock", "cohere", "ollama", "mistral", "vertex"];
    let mut mocks = Running::start(binary, &[&["mock"], kinds.as_slice(), &["--listen", "127.0.0.1:0"]].concat())?;
    let mut urls = BTreeMap::new();
    for kind in kinds {
        urls.insert(kind, mocks.url()?);
    }
    let settings = settings(&urls);
    let mut arguments = vec!["serve", "--listen", "127.0.0.1:0"];
    for setting in &settings {
        arguments.extend(["--set", setting]);
    }
    let mut gateway = Running::start(binary, &arguments)?;
    let gateway_url = gateway.url()?;
    let mut outcomes = Vec::new();
    for (group, python) in GROUPS.iter().zip(&installed.pythons) {
        let mut runner = Command::new(python);
        runner.arg(root.join("xtask/clients/run.py")).args(["--group", group, "--gateway", &gateway_url]);
        runner.arg("--modules").arg(&installed.modules);
        for (kind, url) in &urls {
            runner.args([&format!("--{kind}"), url]);
        }
        outcomes.push(options.ask(&mut runner)?);
    }
    Ok(outcomes)
}

fn settings(urls: &BTreeMap<&str, String>) -> Vec<String> {
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
        settings.push(format!("providers.{provider}.base_url={}", urls[kind]));
        settings.push(format!("providers.{provider}.api_key=mock-key"));
    }
    settings.push("providers.openai-responses.kind=openai".to_owned());
    settings.push("providers.openai-responses.api=responses".to_owned());
    settings.push("providers.vertex.project=mock".to_owned());
    // Keys that whoever runs this has at home are none of the gateway's here.
    settings.push("usage.dir=target/clients-keys".to_owned());
    settings
}
