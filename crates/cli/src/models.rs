use std::io::Write;
use std::process::ExitCode;

use serde_json::json;

use crate::arguments::{ModelsCommand, ModelsOptions, Sources};
use crate::failure::Failure;
use crate::{load, profile};

pub(crate) async fn run(sources: &Sources, options: &ModelsOptions) -> Result<ExitCode, Failure> {
    if let Some(ModelsCommand::Show(options)) = &options.command {
        return profile::run(sources, options);
    }
    let (client, _) = load::client(sources)?;
    if let Some(name) = options.provider.as_deref().filter(|name| client.provider(name).is_none()) {
        let known: Vec<_> = client.providers().map(|provider| provider.info().name.as_str()).collect();
        return Err(Failure::usage(format!("there is no provider `{name}`; providers: {}", known.join(", "))));
    }
    let list = client.models().await;
    let wanted = |id: &str| options.provider.as_ref().is_none_or(|provider| id.starts_with(&format!("{provider}/")));
    let models: Vec<_> = list.models.iter().filter(|model| wanted(&model.id)).collect();
    let mut out = std::io::stdout().lock();
    if options.json {
        let rows: Vec<_> = models
            .iter()
            .map(|model| {
                json!({
                    "id": model.id,
                    "display_name": model.display_name,
                    "owner": model.owner,
                    "input_limit": model.input_limit,
                    "output_limit": model.output_limit,
                    "context_window": client.context_window(&model.id).ok(),
                })
            })
            .collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&rows).unwrap_or_default())?;
    } else {
        for model in models {
            writeln!(out, "{}", model.id)?;
        }
        for (alias, target) in list.patterns.iter().filter(|(_, target)| wanted(target)) {
            writeln!(out, "{alias} -> {target}")?;
        }
    }
    let failures = list
        .failures
        .iter()
        .filter(|error| options.provider.is_none() || error.provider() == options.provider.as_deref());
    let mut failed = false;
    for error in failures {
        failed = true;
        eprintln!("warning: {error}");
    }
    Ok(if failed { ExitCode::from(1) } else { ExitCode::SUCCESS })
}
