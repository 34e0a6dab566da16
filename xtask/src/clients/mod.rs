//! Runs the official SDKs, the frameworks that people build on, and agents, against the gateway, for each pair of
//! client and provider protocol.

mod agents;
mod install;
mod running;
mod sdks;

use std::process::Command;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only clients whose names hold this text, such as `openai`, `js-`, `langchain`, `ai-google` or `codex`
    #[arg(long)]
    client: Option<String>,
    /// Only cases of SDKs, or vendors of agents, whose names hold this text
    #[arg(long)]
    only: Option<String>,
    /// Which agents run, and against what
    #[arg(long, value_enum, default_value_t)]
    agents: Agents,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Agents {
    /// After the SDKs, each against a vendor of its own protocol and two others
    #[default]
    Three,
    /// The same without the SDKs
    Alone,
    /// Without the SDKs, each against every vendor
    All,
    /// The SDKs alone
    None,
}

/// How a runner ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    /// No client has the name that was asked for.
    NoClient,
}

pub(crate) fn run(options: &Options) -> Result<bool, String> {
    let root = crate::root();
    let (sdks, agents) = std::thread::scope(|scope| {
        let sdks = scope.spawn(|| options.sdks().then(|| sdks::install(&root)).transpose());
        let agents = scope.spawn(|| options.agents().then(|| agents::install(&root)).transpose());
        (sdks.join(), agents.join())
    });
    let (sdks, agents) = (sdks.map_err(|_| "installing panicked")??, agents.map_err(|_| "installing panicked")??);
    let binary = running::build(&root)?;
    let mut outcomes = Vec::new();
    if let Some(installed) = &sdks {
        outcomes.extend(sdks::run(&root, &binary, installed, options)?);
    }
    if let Some(installed) = &agents {
        outcomes.push(agents::run(&root, &binary, installed, options)?);
    }
    if outcomes.iter().all(|outcome| *outcome == Outcome::NoClient) {
        return Err(format!("no client is called `{}`", options.client.as_deref().unwrap_or_default()));
    }
    Ok(!outcomes.contains(&Outcome::Failed))
}

impl Options {
    fn sdks(&self) -> bool {
        matches!(self.agents, Agents::Three | Agents::None)
    }

    fn agents(&self) -> bool {
        self.agents != Agents::None
    }

    /// Runs a runner, which ends with 4 if it has no client of the name.
    fn ask(&self, runner: &mut Command) -> Result<Outcome, String> {
        if let Some(client) = &self.client {
            runner.args(["--client", client]);
        }
        if let Some(only) = &self.only {
            runner.args(["--only", only]);
        }
        let status = runner.status().map_err(|error| format!("the runner cannot start: {error}"))?;
        Ok(match status.code() {
            Some(0) => Outcome::Passed,
            Some(4) => Outcome::NoClient,
            _ => Outcome::Failed,
        })
    }
}
