use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::{Row, Source};
use crate::reader::{Reader, Table};

/// What is kept of calls, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UsageConfig {
    /// The data directory, which need not exist yet.
    pub dir: PathBuf,
}

/// The variable that names the data directory, for programs and containers without a file.
const VARIABLE: &str = "TOLLBRIDGE_USAGE_DIR";

/// Reads what is kept of calls.
pub(crate) fn resolve(reader: &mut Reader<'_>, table: &Table, environment: &BTreeMap<String, String>) -> UsageConfig {
    reader.known(table, &["dir"]);
    let (dir, source) = directory(reader, table, environment);
    reader.rows.push(Row::new(table.key_of("dir"), dir.display().to_string(), source));
    UsageConfig { dir }
}

/// Finds the data directory: an argument, the variable, the key `usage.dir`, else where the system keeps data.
fn directory(reader: &mut Reader<'_>, table: &Table, environment: &BTreeMap<String, String>) -> (PathBuf, Source) {
    let set = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    let source = reader.source(&table.path_of("dir"));
    let configured = reader.text(table, "dir").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    match (set(VARIABLE), configured) {
        (variable, Some(dir)) if variable.is_none() || matches!(source, Source::Argument(_)) => (dir, source),
        (Some(dir), _) => (PathBuf::from(dir), Source::Environment(VARIABLE.to_owned())),
        _ => {
            // The XDG specification has relative paths ignored.
            let data = set("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
            let home = || set("HOME").map(|home| Path::new(home).join(".local/share"));
            let dir = data.or_else(home).map(|data| data.join("tollbridge"));
            (dir.unwrap_or_else(|| PathBuf::from(".tollbridge")), Source::Default)
        }
    }
}
