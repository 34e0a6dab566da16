//! Runs the fuzz targets of the crate `fuzz`; docs/fuzzing.md says what they hold to be true.

mod engine;
mod samples;
mod seals;
mod seeds;

use std::path::PathBuf;
use std::sync::Mutex;

use tollbridge_core::ErrorKind;
use tollbridge_protocol::{ChatCodec, chat, count, embed, models, rerank};
use tollbridge_types::Protocol;

use engine::Engine;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask fuzz --seconds 60
  cargo xtask fuzz --seconds 600 --target request-openai.chat
  cargo xtask fuzz --target stream --reproduce target/fuzz/findings/stream-openai.chat/crash-1f0e…

Needs a C++ compiler. Seeds, what was learnt, logs and findings are kept in target/fuzz. Ends with 1 if there
was a finding.")]
pub(crate) struct Options {
    /// How long each target runs, in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Only targets whose names hold this text
    #[arg(long)]
    target: Option<String>,
    /// List the targets, and run none
    #[arg(long)]
    list: bool,
    /// Run one input again and show what happens
    #[arg(long, value_name = "FILE")]
    reproduce: Option<PathBuf>,
    /// The folder with recorded exchanges, `*.jsonl`, as more seeds
    #[arg(long, env = "TOLLBRIDGE_CORPUS")]
    corpus: Option<PathBuf>,
}

/// How many targets run at a time.
const AT_A_TIME: usize = 2;

pub(crate) fn run(options: &Options) -> Result<bool, String> {
    let mut targets = targets();
    if let Some(text) = &options.target {
        // A whole name means that one alone, though others may hold it too.
        let exact = targets.contains(text);
        targets.retain(|name| if exact { name == text } else { name.contains(text.as_str()) });
    }
    if targets.is_empty() {
        return Err("no target has such a name; list them with --list".to_owned());
    }
    if options.list {
        targets.iter().for_each(|name| println!("{name}"));
        return Ok(true);
    }
    let engine = Engine::build(&crate::root())?;
    if let Some(input) = &options.reproduce {
        let [target] = targets.as_slice() else { return Err("name one target with --target".to_owned()) };
        return engine.reproduce(target, input);
    }
    let corpus = options.corpus.clone().unwrap_or_else(|| crate::root().join("../shared/corpus/dev"));
    seeds::write(engine.folder(), &targets, corpus.is_dir().then_some(corpus.as_path()))?;
    println!("{:<30} {:>10} {:>7} {:>7} {:>7} {:>9}", "target", "runs", "edges", "new", "inputs", "findings");
    let waiting = Mutex::new(targets.iter().rev().collect::<Vec<_>>());
    let worker = || -> Result<usize, String> {
        let mut findings = 0;
        loop {
            let next = waiting.lock().map_err(|error| error.to_string())?.pop();
            let Some(target) = next else { return Ok(findings) };
            findings += engine.run(target, options.seconds)?;
        }
    };
    let findings = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(worker)).collect();
        let found = workers.into_iter().map(|worker| worker.join().map_err(|_| "a worker panicked".to_owned())?);
        found.sum::<Result<usize, String>>()
    })?;
    println!("{} targets, {findings} findings", targets.len());
    Ok(findings == 0)
}

/// Names all targets: what there is to fuzz of each protocol, and what belongs to none.
fn targets() -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for protocol in Protocol::ALL {
        let clients = |codec: &&dyn ChatCodec| {
            codec.decode_request(b"{}").err().is_none_or(|error| error.kind() != ErrorKind::Unsupported)
        };
        let kinds = [
            chat(*protocol).filter(clients).map(|_| "request"),
            chat(*protocol).map(|_| "reply"),
            chat(*protocol).map(|_| "stream"),
            embed(*protocol).map(|_| "embed"),
            models(*protocol).map(|_| "models"),
            count(*protocol).map(|_| "count"),
            rerank(*protocol).map(|_| "rerank"),
        ];
        names.extend(kinds.into_iter().flatten().map(|kind| format!("{kind}-{protocol}")));
    }
    names.extend(["framing", "peek", "errors", "multipart", "state"].map(str::to_owned));
    names
}
