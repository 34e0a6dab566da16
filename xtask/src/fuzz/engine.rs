//! Builds the fuzz binary, runs it and reads what it says.
//!
//! The engine is libFuzzer. What tells it which code an input reached is put in by LLVM, which the stable
//! compiler does if asked by these flags.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const FLAGS: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "--cfg=fuzzing",
];

/// The longest input, in bytes.
pub(super) const LONGEST: usize = 16 << 10;

/// The most memory of a run, in MiB, and the longest time of one input, in seconds.
const MEMORY: usize = 1024;
const PATIENCE: usize = 10;

/// How long a finding is made smaller, in seconds.
const MINIMISING: u64 = 20;

pub(super) struct Engine {
    root: PathBuf,
    binary: PathBuf,
    folder: PathBuf,
}

impl Engine {
    /// Builds the binary of all targets, in a folder of its own: its flags would rebuild everything else.
    pub(super) fn build(root: &Path) -> Result<Self, String> {
        let host = host()?;
        let folder = root.join("target/fuzz");
        let build = folder.join("build");
        let mut command = Command::new(env!("CARGO"));
        command.args(["build", "--quiet", "--release", "--target", &host]).current_dir(root.join("fuzz"));
        command.env("CARGO_TARGET_DIR", &build).env("RUSTFLAGS", FLAGS.join(" ")).env_remove("CARGO_ENCODED_RUSTFLAGS");
        match command.status() {
            Ok(status) if status.success() => {}
            Ok(status) => return Err(format!("the build of the fuzz targets ended with {status}")),
            Err(error) => return Err(format!("{command:?} cannot start: {error}")),
        }
        let binary = build.join(host).join("release/tollbridge-fuzz");
        Ok(Self { root: root.to_owned(), binary, folder })
    }

    /// Returns the folder in which everything is kept.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs a target, prints its line and returns how much it found.
    pub(super) fn run(&self, target: &str, seconds: u64) -> Result<usize, String> {
        let [corpus, seeds, findings] = ["corpus", "seeds", "findings"].map(|name| self.folder.join(name).join(target));
        let logs = self.folder.join("logs");
        for folder in [&corpus, &seeds, &findings, &logs] {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        let log = logs.join(target);
        let before = listed(&findings);
        let mut command = self.command(target);
        command.arg(&corpus).arg(&seeds).arg(format!("-max_total_time={seconds}")).arg(format!("-max_len={LONGEST}"));
        command.arg(format!("-artifact_prefix={}/", findings.display())).arg("-print_final_stats=1");
        let words = self.folder.join("seeds").join(format!("{target}.dict"));
        if fs::metadata(&words).is_ok_and(|words| words.len() > 0) {
            command.arg(format!("-dict={}", words.display()));
        }
        let file = File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let status = command.stderr(file).status().map_err(|error| format!("{command:?} cannot start: {error}"))?;
        let told = fs::read_to_string(&log).unwrap_or_default();
        let mut found = listed(&findings);
        found.retain(|path| !before.contains(path));
        let mut report = Line::read(&told).shown(target, found.len());
        if found.is_empty() && !status.success() {
            println!("{report}\n    the run itself ended with {status}; see {}", log.display());
            return Ok(1);
        }
        for input in &found {
            let input = self.smaller(target, input);
            let words = told.lines().skip_while(|line| !line.contains("panicked at") && !line.contains("ERROR:"));
            for line in words.take(12).take_while(|line| !line.starts_with("stack backtrace")) {
                report.push_str("\n    ");
                report.extend(line.chars().take(300));
            }
            let shown = input.strip_prefix(&self.root).unwrap_or(&input).display();
            report.push_str(&format!("\n    cargo xtask fuzz --target {target} --reproduce {shown}"));
        }
        println!("{report}");
        Ok(found.len())
    }

    /// Runs one input, and says whether it passed.
    pub(super) fn reproduce(&self, target: &str, input: &Path) -> Result<bool, String> {
        let mut command = self.command(target);
        let status = command.arg(input).status().map_err(|error| format!("{command:?} cannot start: {error}"))?;
        Ok(status.success())
    }

    /// Makes an input that fails as short as it can be; one that is slow or large stays as it is.
    fn smaller(&self, target: &str, input: &Path) -> PathBuf {
        let name = input.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.starts_with("crash-") {
            return input.to_owned();
        }
        let smaller = input.with_file_name(name.replacen("crash-", "smallest-", 1));
        let mut command = self.command(target);
        command.arg("-minimize_crash=1").arg(format!("-max_total_time={MINIMISING}"));
        command.arg(format!("-exact_artifact_path={}", smaller.display())).arg(input);
        let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        if smaller.exists() { smaller } else { input.to_owned() }
    }

    fn command(&self, target: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command.env("TOLLBRIDGE_FUZZ_TARGET", target);
        command.arg(format!("-rss_limit_mb={MEMORY}")).arg(format!("-timeout={PATIENCE}"));
        command
    }
}

fn host() -> Result<String, String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().map_err(|error| format!("rustc cannot start: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc does not name its host".to_owned())
}

fn listed(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// What libFuzzer said of a run.
#[derive(Default)]
struct Line {
    runs: u64,
    /// The edges that the seeds reach, and those that all inputs do.
    at_first: u64,
    edges: u64,
    inputs: String,
}

impl Line {
    /// Reads lines such as `#8192 NEW cov: 1029 ft: 2817 corp: 210/40Kb …`.
    fn read(log: &str) -> Self {
        let mut line = Self::default();
        for text in log.lines().filter(|text| text.starts_with('#')) {
            let mut words = text.trim_start_matches('#').split_whitespace();
            line.runs = words.next().and_then(|word| word.parse().ok()).unwrap_or(line.runs);
            let first = words.next() == Some("INITED");
            while let Some(word) = words.next() {
                match word {
                    "cov:" => line.edges = words.next().and_then(|word| word.parse().ok()).unwrap_or(line.edges),
                    "corp:" => line.inputs = words.next().unwrap_or_default().split('/').take(1).collect(),
                    _ => {}
                }
            }
            if first {
                line.at_first = line.edges;
            }
        }
        let units = log.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
        line.runs = units.and_then(|units| units.trim().parse().ok()).unwrap_or(line.runs);
        line
    }

    fn shown(&self, target: &str, findings: usize) -> String {
        let new = self.edges.saturating_sub(self.at_first);
        format!("{target:<30} {:>10} {:>7} {new:>+7} {:>7} {findings:>9}", self.runs, self.edges, self.inputs)
    }
}
