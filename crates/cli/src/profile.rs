use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::json;
use tollbridge::profiles::{Explained, Profiles};
use tollbridge::{Client, Operation, Registry};

use crate::arguments::{ShowModelOptions, Sources};
use crate::failure::Failure;
use crate::load;

/// Prints what a model takes, and where that is written. It calls nobody.
pub(crate) fn run(sources: &Sources, options: &ShowModelOptions) -> Result<ExitCode, Failure> {
    let registry = Registry::linked()?;
    let config = load::config(sources, &registry)?;
    let mut name = options.model.as_str();
    // An alias that led in a circle was refused with the configuration.
    while let Some(target) = config.aliases.get(name) {
        name = target;
    }
    let Some((provider, model)) = name.split_once('/').filter(|(_, model)| !model.is_empty()) else {
        return Err(Failure::usage(format!("`{name}` is neither an alias nor a provider/model")));
    };
    let configured = config.providers.iter().find(|known| known.settings.name == provider);
    let kind = match configured {
        Some(known) => known.registration.kind,
        None => registry.get(provider)?.kind,
    };
    let own = configured.into_iter().flat_map(|known| &known.settings.models);
    let own = own.map(|model| (model.name.clone(), model.own_profile()));
    let profiles = Profiles::new(Arc::clone(&config.profiles), kind).with(own.collect::<Vec<_>>());
    let protocol = match &options.protocol {
        Some(protocol) => protocol.clone(),
        None => spoken(registry, configured.map(|known| known.settings.name.as_str()), kind, &config),
    };
    let explained = profiles.explain(model, &protocol);
    if options.json {
        let value = json!({
            "model": format!("{provider}/{model}"),
            "provider": provider,
            "kind": kind,
            "protocol": protocol,
            "name": explained.profile.name,
            "profile": explained.profile,
            "settings": explained.settings,
        });
        writeln!(std::io::stdout().lock(), "{}", serde_json::to_string_pretty(&value).unwrap_or_default())?;
    } else {
        print(&explained, &format!("{provider}/{model}"), kind, &protocol)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(explained: &Explained, model: &str, kind: &str, protocol: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{model}: `{}` at {kind}, in {protocol}", explained.profile.name)?;
    if explained.settings.is_empty() {
        writeln!(out, "nothing is known of it: requests pass as they are")?;
        return Ok(());
    }
    let width = explained.settings.iter().map(|setting| setting.key.len()).max().unwrap_or(0);
    for setting in &explained.settings {
        writeln!(out, "\n{:<width$}  {}", setting.key, setting.value)?;
        writeln!(out, "  {}", setting.about)?;
        let read = if setting.read.is_empty() { String::new() } else { format!(" (read {})", setting.read) };
        writeln!(out, "  {}: {}{read}", setting.origin, setting.source)?;
    }
    Ok(())
}

/// Returns the protocol that a provider is spoken to in, so far as that is known without its key.
fn spoken(registry: Registry, name: Option<&str>, kind: &str, config: &tollbridge::config::Config) -> String {
    let client = match name {
        Some(_) => Client::builder_with(registry).config(config).build(),
        None => Client::builder_with(registry)
            .configure_as(kind, kind, |settings| settings.api_key = Some(tollbridge::core::Secret::new("unused")))
            .and_then(tollbridge::ClientBuilder::build),
    };
    let client = client.ok();
    let provider = client.as_ref().and_then(|client| client.provider(name.unwrap_or(kind)));
    let protocol = provider.and_then(|provider| provider.info().protocol(Operation::Chat));
    protocol.map_or_else(|| "openai.chat".to_owned(), |protocol| protocol.as_str().to_owned())
}
