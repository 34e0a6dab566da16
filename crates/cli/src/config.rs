use std::process::ExitCode;

use serde_json::json;
use tollbridge::Registry;
use tollbridge::config::infer;

use crate::arguments::{ConfigCommand, Sources};
use crate::failure::Failure;
use crate::load;

pub(crate) fn run(sources: &Sources, command: &ConfigCommand) -> Result<ExitCode, Failure> {
    match command {
        ConfigCommand::Check => {
            // Building the providers finds what only they know to be wrong.
            let (client, config) = load::client(sources)?;
            let file = config.file.map_or_else(|| "no file".to_owned(), |file| file.display().to_string());
            println!("the configuration is good ({file}; {} providers)", client.providers().count());
        }
        ConfigCommand::Show { json: true } => {
            let config = load::config(sources, &Registry::linked()?)?;
            let rows: Vec<_> = config
                .describe()
                .iter()
                .map(|row| json!({"key": row.key, "value": row.value, "source": row.source.to_string()}))
                .collect();
            println!("{}", serde_json::to_string_pretty(&rows).unwrap_or_default());
        }
        ConfigCommand::Show { json: false } => {
            let config = load::config(sources, &Registry::linked()?)?;
            let width = |texts: &mut dyn Iterator<Item = &str>| texts.map(str::len).max().unwrap_or_default();
            let keys = width(&mut config.describe().iter().map(|row| row.key.as_str()));
            let values = width(&mut config.describe().iter().map(|row| row.value.as_str())).min(60);
            for row in config.describe() {
                println!("{:<keys$}  {:<values$}  {}", row.key, row.value, row.source);
            }
        }
        ConfigCommand::Resolve { model, provider, base_url, json } => {
            let registry = Registry::linked()?;
            let found = infer(provider.as_deref(), model, base_url.as_deref(), &registry);
            let kind = found.provider.as_deref().and_then(|name| registry.get(name).ok());
            let base = base_url.as_deref().or_else(|| kind.and_then(|kind| kind.base_url));
            if *json {
                println!(
                    "{}",
                    json!({"provider": found.provider, "model": found.model, "base_url": base, "reason": found.reason})
                );
            } else {
                println!("provider  {}", found.provider.as_deref().unwrap_or("-"));
                println!("model     {}", found.model);
                println!("base_url  {}", base.unwrap_or("-"));
                println!("reason    {}", found.reason);
            }
            return Ok(if found.provider.is_some() { ExitCode::SUCCESS } else { ExitCode::from(1) });
        }
    }
    Ok(ExitCode::SUCCESS)
}
