//! The command line's own processes: the gateway, and the mocks behind it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::install::succeed;

/// Builds the command line, and returns where it is.
pub(super) fn build(root: &Path) -> Result<PathBuf, String> {
    succeed(Command::new(env!("CARGO")).current_dir(root).args(["build", "--quiet", "--package", "tollbridge-cli"]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("debug/tollbridge"))
}

/// A process that ends when this is dropped.
pub(super) struct Running {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Running {
    pub(super) fn start(binary: &Path, arguments: &[&str]) -> Result<Self, String> {
        let mut command = Command::new(binary);
        command.args(arguments).env("TOLLBRIDGE_LOG", "off").stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{command:?} cannot start: {error}"))?;
        let stdout = child.stdout.take().ok_or("the process has no output")?;
        Ok(Self { child, lines: BufReader::new(stdout).lines() })
    }

    /// Reads the next line, and returns the URL that it names.
    pub(super) fn url(&mut self) -> Result<String, String> {
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
