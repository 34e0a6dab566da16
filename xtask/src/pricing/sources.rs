//! Fetches the packages that prices come from.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A source on this machine.
pub(super) struct Source {
    /// Its name and version, such as `litellm 1.109.1`.
    pub(super) name: String,
    /// The folder of the unpacked package, or the file that was named instead.
    pub(super) path: PathBuf,
}

/// Fetches a package, of this version or the newest, and unpacks it.
pub(super) fn package(name: &str, version: Option<&str>) -> Result<Source, String> {
    let folder = folder().join(version.map_or_else(|| name.to_owned(), |version| format!("{name}-{version}")));
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let wanted = version.map_or_else(|| name.to_owned(), |version| format!("{name}=={version}"));
    if version.is_none() || wheel(&folder).is_none() {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest"])
            .arg(&folder)
            .arg(&wanted);
        succeed(&mut pip)?;
    }
    let wheel = wheel(&folder).ok_or_else(|| format!("pip downloaded no wheel of {wanted}"))?;
    let version = wheel.file_name().and_then(|name| name.to_str()).and_then(|name| name.split('-').nth(1));
    let version = version.ok_or_else(|| format!("{} has no version in its name", wheel.display()))?.to_owned();
    let path = folder.join("unpacked");
    if path.is_dir() {
        std::fs::remove_dir_all(&path).map_err(|error| error.to_string())?;
    }
    succeed(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&path))?;
    Ok(Source { name: format!("{name} {version}"), path })
}

/// Takes a file, or fetches what an address leads to.
pub(super) fn file(name: &str, place: &str) -> Result<Source, String> {
    let path = if place.starts_with("https://") {
        let path = folder().join(format!("{name}.json"));
        std::fs::create_dir_all(folder()).map_err(|error| error.to_string())?;
        let fetch = "import sys, urllib.request; urllib.request.urlretrieve(sys.argv[1], sys.argv[2])";
        succeed(Command::new("python3").args(["-c", fetch, place]).arg(&path))?;
        path
    } else {
        PathBuf::from(place)
    };
    let file = place.rsplit('/').next().unwrap_or(place);
    Ok(Source { name: format!("{name} {file}"), path })
}

fn folder() -> PathBuf {
    crate::root().join("target/pricing")
}

/// Returns the newest wheel of a folder.
fn wheel(folder: &Path) -> Option<PathBuf> {
    let files = std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let wheels = files.filter(|path| path.extension().is_some_and(|extension| extension == "whl"));
    wheels.max_by_key(|path| path.metadata().and_then(|metadata| metadata.modified()).ok())
}

fn succeed(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?} ended with {status}")),
        Err(error) => Err(format!("{command:?} cannot start: {error}")),
    }
}
