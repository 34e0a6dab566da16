//! Replays recorded exchanges through the codecs and compares what they read with the oracle.

mod compare;
mod replay;
mod request;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use base64::Engine;
use serde::Deserialize;
use serde_json::Value;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The folder with the recordings, `*.jsonl`
    #[arg(long, env = "TOLLBRIDGE_CORPUS")]
    corpus: Option<PathBuf>,
}

/// One recorded exchange.
#[derive(Deserialize)]
pub(crate) struct Exchange {
    pub(crate) id: String,
    pub(crate) provider: String,
    pub(crate) api: String,
    #[serde(default)]
    pub(crate) request_body: Value,
    #[serde(default)]
    pub(crate) request_body_kind: Option<String>,
    #[serde(default)]
    pub(crate) request_truncated: bool,
    #[serde(default)]
    pub(crate) status: Option<u16>,
    #[serde(default)]
    pub(crate) response_headers: BTreeMap<String, Value>,
    #[serde(default)]
    pub(crate) response_body: Option<String>,
    #[serde(default)]
    pub(crate) response_body_encoding: Option<String>,
    #[serde(default)]
    pub(crate) chunk_lens: Option<Vec<usize>>,
    #[serde(default)]
    pub(crate) notes: Value,
    #[serde(default)]
    pub(crate) expected: Value,
}

impl Exchange {
    /// Returns the bytes of the reply.
    pub(crate) fn bytes(&self) -> Option<Vec<u8>> {
        let body = self.response_body.as_deref()?;
        match self.response_body_encoding.as_deref() {
            Some("base64") => base64::engine::general_purpose::STANDARD.decode(body).ok(),
            _ => Some(body.as_bytes().to_vec()),
        }
    }
}

/// How an exchange ended.
pub(crate) enum Verdict {
    Passed,
    Failed(Vec<String>),
    /// The recording cannot be compared.
    Unusable,
    /// There is no codec for its API.
    NotSupported,
}

#[derive(Default)]
struct Row {
    passed: usize,
    failed: usize,
    unusable: usize,
    not_supported: usize,
    failures: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<bool, String> {
    let folder = options.corpus.clone().unwrap_or_else(|| crate::root().join("../shared/corpus/dev"));
    let rows = replay_all(&folder)?;
    println!(
        "{:<26} {:<24} {:>7} {:>7} {:>8} {:>18}",
        "provider", "api", "passed", "failed", "unusable", "not supported yet"
    );
    for ((provider, api), row) in &rows {
        let counts = (row.passed, row.failed, row.unusable, row.not_supported);
        println!("{provider:<26} {api:<24} {:>7} {:>7} {:>8} {:>18}", counts.0, counts.1, counts.2, counts.3);
    }
    for failure in rows.values().flat_map(|row| &row.failures) {
        println!("failed: {failure}");
    }
    let sum = |count: fn(&Row) -> usize| rows.values().map(count).sum::<usize>();
    let (passed, failed) = (sum(|row| row.passed), sum(|row| row.failed));
    println!("{passed} passed, {failed} failed, {} skipped", sum(|row| row.unusable + row.not_supported));
    Ok(failed == 0)
}

fn replay_all(folder: &std::path::Path) -> Result<BTreeMap<(String, String), Row>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| {
        format!("the corpus `{}` cannot be read: {error}; name its folder with --corpus", folder.display())
    })?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    // A codec that panics fails its exchange; the default hook would flood the terminal.
    std::panic::set_hook(Box::new(|_| {}));
    let mut rows: BTreeMap<(String, String), Row> = BTreeMap::new();
    for path in files {
        let name = path.display().to_string();
        let file = File::open(&path).map_err(|error| format!("{name}: {error}"))?;
        for (number, line) in BufReader::new(file).lines().enumerate() {
            let line = line.map_err(|error| format!("{name}:{}: {error}", number + 1))?;
            let exchange: Exchange =
                serde_json::from_str(&line).map_err(|error| format!("{name}:{}: {error}", number + 1))?;
            let verdict = catch_unwind(AssertUnwindSafe(|| replay::replay(&exchange)));
            let row = rows.entry((exchange.provider, exchange.api)).or_default();
            match verdict {
                Ok(Verdict::Passed) => row.passed += 1,
                Ok(Verdict::Unusable) => row.unusable += 1,
                Ok(Verdict::NotSupported) => row.not_supported += 1,
                Ok(Verdict::Failed(reasons)) => {
                    row.failed += 1;
                    row.failures.push(format!("{}: {}", exchange.id, reasons.join("; ")));
                }
                Err(_) => {
                    row.failed += 1;
                    row.failures.push(format!("{}: a codec panicked", exchange.id));
                }
            }
        }
    }
    let _ = std::panic::take_hook();
    Ok(rows)
}
