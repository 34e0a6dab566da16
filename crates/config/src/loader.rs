use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tollbridge_core::{Registry, Timeouts};

use crate::config::{Config, Source};
use crate::layer::{self, Layer};
use crate::problem::{Problem, Problems};
use crate::reader::{Reader, Table};
use crate::{aliases, media, profile, providers, server, units, usage};

/// Gathers the sources of a configuration and resolves them.
///
/// ```
/// use tollbridge_config::Loader;
/// use tollbridge_core::Registry;
///
/// let config = Loader::new(&Registry::default()).arguments(["server.listen=127.0.0.1:0"]).load().unwrap();
/// assert_eq!(config.server.listen.port(), 0);
/// ```
#[derive(Clone, Debug)]
pub struct Loader<'a> {
    registry: &'a Registry,
    file: Option<PathBuf>,
    folders: Vec<PathBuf>,
    environment: BTreeMap<String, String>,
    arguments: Vec<String>,
}

impl<'a> Loader<'a> {
    /// Starts with the kinds of providers that a program knows, and no sources at all.
    pub fn new(registry: &'a Registry) -> Self {
        Self { registry, file: None, folders: Vec::new(), environment: BTreeMap::new(), arguments: Vec::new() }
    }

    /// Takes the process's environment, and looks for a file where it is expected: `tollbridge.toml`
    /// (`.yaml`, `.yml`, `.json`) in the current folder, else in `$XDG_CONFIG_HOME/tollbridge` or
    /// `~/.config/tollbridge`. `TOLLBRIDGE_CONFIG` names another.
    #[must_use]
    pub fn process_env(self) -> Self {
        // A variable that is not UTF-8 can be none of ours.
        let variables =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let mut loader = self.env(variables);
        let home = loader.environment.get("XDG_CONFIG_HOME").map(PathBuf::from);
        let home = home.or_else(|| Some(Path::new(loader.environment.get("HOME")?).join(".config")));
        loader.folders.push(PathBuf::new());
        loader.folders.extend(home.map(|home| home.join("tollbridge")));
        loader
    }

    /// Takes these variables as the environment.
    #[must_use]
    pub fn env<N: Into<String>, V: Into<String>>(mut self, variables: impl IntoIterator<Item = (N, V)>) -> Self {
        self.environment = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        self
    }

    /// Reads this file. It must exist.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// Lays `key.path=value` arguments over everything else.
    #[must_use]
    pub fn arguments<T: Into<String>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Resolves the configuration.
    ///
    /// # Errors
    /// All problems at once.
    pub fn load(self) -> Result<Config, Problems> {
        let mut problems = Vec::new();
        let mut layers = Vec::new();
        let file = self.find_file();
        let read = file.as_deref().map(read_file);
        let parsed = read.map(|text| text.and_then(|text| Layer::file(file.as_deref().unwrap_or(Path::new("")), text)));
        let arguments = Layer::arguments(&self.arguments);
        for layer in parsed.into_iter().chain([Ok(Layer::environment(&self.environment)), arguments]) {
            match layer {
                Ok(mut layer) => {
                    // Variables themselves are taken as they are.
                    if !matches!(layer.origin, layer::Origin::Environment(_)) {
                        layer.fill(&self.environment, &mut problems);
                    }
                    layers.push(layer);
                }
                Err(problem) => problems.push(problem),
            }
        }
        let merged = layer::merge(&layers).unwrap_or_else(|error| {
            problems.push(Problem::new(Source::Default, "", format!("the sources do not fit together: {error}")));
            Value::Object(serde_json::Map::new())
        });
        self.resolve(&merged, &layers, problems, file)
    }

    fn resolve(
        &self,
        merged: &Value,
        layers: &[Layer],
        problems: Vec<Problem>,
        file: Option<PathBuf>,
    ) -> Result<Config, Problems> {
        let mut reader = Reader { layers, problems, rows: Vec::new() };
        let root = Table::new(&[], Some(merged));
        let tables = ["server", "usage", "budgets", "media", "timeouts", "aliases", "providers"];
        reader.known(&root, &[&tables[..], &["profiles"]].concat());
        for name in tables {
            reader.must_be_table(&root, name);
        }
        let server = server::resolve(&mut reader, &root.child("server"));
        let usage = usage::resolve(&mut reader, &root.child("usage"), &self.environment);
        let budgets = usage::budgets(&mut reader, &root.child("budgets"));
        let media = media::resolve(&mut reader, &root.child("media"));
        let timeouts = timeouts(&mut reader, &root.child("timeouts"), Timeouts::default(), true);
        let mut warnings = Vec::new();
        let providers = providers::resolve(
            &mut reader,
            &root.child("providers"),
            self.registry,
            &self.environment,
            timeouts,
            &mut warnings,
        );
        let profiles = profile::book(&mut reader, &root, self.registry);
        profile::check(&mut reader, &providers, &profiles);
        let aliases = aliases::resolve(&mut reader, &root.child("aliases"), &providers, self.registry);
        server::check_default_provider(&mut reader, &root.child("server"), &server, &providers, self.registry);
        let Reader { mut problems, rows, .. } = reader;
        if !problems.is_empty() {
            problems.sort_by_key(|problem| match &problem.source {
                Source::File { line, .. } => (0, line.unwrap_or_default()),
                Source::Environment(_) => (1, 0),
                _ => (2, 0),
            });
            return Err(Problems(problems));
        }
        Ok(Config { server, usage, budgets, media, timeouts, aliases, profiles, providers, warnings, file, rows })
    }

    fn find_file(&self) -> Option<PathBuf> {
        let named = self
            .file
            .clone()
            .or_else(|| self.environment.get("TOLLBRIDGE_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from));
        named.or_else(|| {
            let names = ["toml", "yaml", "yml", "json"].map(|extension| format!("tollbridge.{extension}"));
            let candidates = self.folders.iter().flat_map(|folder| names.iter().map(move |name| folder.join(name)));
            candidates.into_iter().find(|path| path.is_file())
        })
    }
}

fn read_file(path: &Path) -> Result<String, Problem> {
    std::fs::read_to_string(path).map_err(|error| {
        let source = Source::File { path: path.display().to_string(), line: None };
        Problem::new(source, "", format!("the file cannot be read: {error}"))
    })
}

/// Reads time limits over those of the level above.
pub(crate) fn timeouts(reader: &mut Reader<'_>, table: &Table, above: Timeouts, show: bool) -> Timeouts {
    reader.known(table, &["connect", "first_byte", "idle", "total", "finish"]);
    let mut timeouts = above;
    timeouts.connect = reader.unit(table, "connect", units::duration).unwrap_or(above.connect);
    timeouts.first_byte = reader.unit(table, "first_byte", units::duration).unwrap_or(above.first_byte);
    timeouts.idle = reader.unit(table, "idle", units::duration).unwrap_or(above.idle);
    timeouts.total = reader.unit(table, "total", units::duration).or(above.total);
    timeouts.finish = reader.unit(table, "finish", units::duration).unwrap_or(above.finish);
    let total = timeouts.total.map_or_else(|| "none".to_owned(), |total| format!("{total:?}"));
    let rows = [
        ("connect", format!("{:?}", timeouts.connect)),
        ("first_byte", format!("{:?}", timeouts.first_byte)),
        ("idle", format!("{:?}", timeouts.idle)),
        ("total", total),
        ("finish", format!("{:?}", timeouts.finish)),
    ];
    for (name, value) in rows {
        if show || table.fields.contains_key(name) {
            reader.show(table, name, value);
        }
    }
    timeouts
}
