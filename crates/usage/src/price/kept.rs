use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The last good document of an address, with what its server knows it by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The fingerprint of the address, which may be secret.
    pub(crate) source: String,
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
    pub(crate) text: String,
}

impl Kept {
    /// Reads what was kept of an address in a directory.
    pub(crate) fn read(directory: &Path, source: &str) -> Option<Self> {
        let bytes = fs::read(directory.join(NAME)).ok()?;
        serde_json::from_slice(&bytes).ok().filter(|kept: &Self| kept.source == source)
    }

    /// Puts it into a directory, whole or not at all.
    pub(crate) fn write(&self, directory: &Path) -> io::Result<()> {
        fs::create_dir_all(directory)?;
        let unnamed = directory.join(format!("{NAME}.{}", Uuid::now_v7().simple()));
        let written = put(&unnamed, &serde_json::to_vec(self)?);
        let named = written.and_then(|()| fs::rename(&unnamed, directory.join(NAME)));
        if named.is_err() {
            let _ = fs::remove_file(&unnamed);
        }
        named
    }

    /// Returns the headers that ask for the document only if it is another one by now.
    pub(crate) fn conditions(&self) -> Vec<(&'static str, &str)> {
        let etag = self.etag.iter().map(|etag| ("if-none-match", etag.as_str()));
        let since = self.last_modified.iter().map(|since| ("if-modified-since", since.as_str()));
        etag.chain(since).collect()
    }
}

fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The file beside the ledger.
const NAME: &str = "prices.json";
