//! Agents and frameworks in tool loops: each before a gateway of its own, with a scripted upstream behind it that
//! refuses what its vendor would.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Agents, Options, Outcome, install};

/// Packages that cannot be installed beside each other.
const GROUPS: [&str; 3] = ["agents", "crews", "aider"];

/// `npm ci` wants the packages of every platform in the lock file, and a registry may have those of one alone. Of the
/// scripts that packages bring, only those run that put a program in its place.
const NPM: &[&[&str]] =
    &[&["install", "--no-save", "--ignore-scripts"], &["rebuild", "@anthropic-ai/claude-code", "opencode-ai"]];

pub(super) struct Installed {
    pythons: PathBuf,
    modules: PathBuf,
}

pub(super) fn install(root: &Path) -> Result<Installed, String> {
    std::thread::scope(|scope| {
        // Each list names what its packages need too, so that nothing is left to find out.
        let pythons = GROUPS
            .map(|group| scope.spawn(move || install::python(root, &format!("agents/{group}.txt"), &["--no-deps"])));
        let modules = install::node(root, "agents/node", "clients-agents", NPM)?;
        for python in pythons {
            python.join().map_err(|_| "installing panicked")??;
        }
        Ok(Installed { pythons: root.join("target/clients"), modules })
    })
}

pub(super) fn run(root: &Path, binary: &Path, installed: &Installed, options: &Options) -> Result<Outcome, String> {
    let mut runner = Command::new("python3");
    runner.arg(root.join("xtask/clients/agents/run.py")).arg("--binary").arg(binary);
    runner.arg("--modules").arg(&installed.modules).arg("--pythons").arg(&installed.pythons);
    runner.arg("--page").arg(root.join("docs/clients.md")).arg("--keep").arg(root.join("target/clients-agents-kept"));
    if options.agents == Agents::All {
        runner.arg("--all");
    }
    options.ask(&mut runner)
}
