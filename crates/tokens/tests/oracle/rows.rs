use std::path::PathBuf;

use serde_json::Value;

/// Reads the rows of a file of the oracle.
pub(crate) fn read(file: &str) -> Vec<Value> {
    lines(file).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Reads the lines of a file of the oracle, whose folder is named by TOLLBRIDGE_ORACLES or lies beside the repository.
///
/// Without it there are none, which the test says.
pub(crate) fn lines(file: &str) -> Vec<String> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/oracles");
    let path = std::env::var_os("TOLLBRIDGE_ORACLES").map_or_else(beside, PathBuf::from).join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: no {file}; name a folder of oracles with TOLLBRIDGE_ORACLES");
        return Vec::new();
    };
    text.lines().map(str::to_owned).collect()
}
