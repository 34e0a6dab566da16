use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use serde::Deserialize;

/// Returns the last number of each task's chain in a file of events, for [`EventBus::resuming`](super::EventBus::resuming).
///
/// Only the last 64 MiB are read: a task that has been quiet for longer begins anew. A file that is
/// not there has no chains.
///
/// # Errors
/// When the file cannot be read.
pub fn last_numbers(path: impl AsRef<Path>) -> io::Result<HashMap<String, u64>> {
    #[derive(Deserialize)]
    struct Line<'a> {
        #[serde(borrow)]
        trace_id: Cow<'a, str>,
        task_id: Option<serde::de::IgnoredAny>,
        seq: u64,
    }
    let mut numbers = HashMap::new();
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(numbers),
        file => file?,
    };
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(READ)))?;
    let mut lines = BufReader::new(file.take(READ));
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Ok(numbers);
        }
        // The first line may be half a line, and one that a crash cut short is none.
        let Ok(Line { trace_id, task_id: Some(_), seq }) = serde_json::from_slice(&line) else { continue };
        let last = numbers.entry(trace_id.into_owned()).or_insert(seq);
        *last = seq.max(*last);
    }
}

/// How much of the end is read, in bytes.
const READ: u64 = 64 << 20;
