//! Installs what the clients are: Python packages, each group in an environment of its own, and JavaScript packages.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes a virtual environment with the packages of a file of requirements, unless it stands already, and returns
/// its interpreter. `more` goes to pip.
pub(super) fn python(root: &Path, requirements: &str, more: &[&str]) -> Result<PathBuf, String> {
    let requirements = root.join("xtask/clients").join(requirements);
    let group = requirements.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let folder = root.join("target/clients").join(&group);
    let python = folder.join("bin/python");
    let stamp = folder.join("requirements.txt");
    let wanted = std::fs::read_to_string(&requirements).map_err(|error| error.to_string())?;
    if python.exists() && std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(python);
    }
    println!("installing the Python packages of `{group}` into {}", folder.display());
    succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    succeed(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(&requirements)
            .args(more),
    )?;
    std::fs::write(&stamp, wanted).map_err(|error| error.to_string())?;
    Ok(python)
}

/// Installs the JavaScript packages of a folder by some commands of npm's, unless they stand already, and returns the
/// folder they are in.
pub(super) fn node(root: &Path, source: &str, target: &str, commands: &[&[&str]]) -> Result<PathBuf, String> {
    let source = root.join("xtask/clients").join(source);
    let folder = root.join("target").join(target);
    let stamp = folder.join("installed.json");
    let wanted = std::fs::read_to_string(source.join("package-lock.json")).map_err(|error| error.to_string())?;
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    for entry in std::fs::read_dir(&source).map_err(|error| error.to_string())?.flatten() {
        std::fs::copy(entry.path(), folder.join(entry.file_name())).map_err(|error| error.to_string())?;
    }
    if std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(folder);
    }
    println!("installing the JavaScript packages into {}", folder.display());
    for words in commands {
        let quiet = ["--no-audit", "--no-fund", "--silent"];
        succeed(Command::new("npm").current_dir(&folder).args(*words).args(quiet))?;
    }
    std::fs::write(&stamp, wanted).map_err(|error| error.to_string())?;
    Ok(folder)
}

pub(super) fn succeed(command: &mut Command) -> Result<(), String> {
    let name = format!("{command:?}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{name} ended with {status}")),
        Err(error) => Err(format!("{name} cannot start: {error}")),
    }
}
