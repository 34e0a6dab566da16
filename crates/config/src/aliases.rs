use std::collections::BTreeMap;

use tollbridge_core::Registry;

use crate::config::ProviderConfig;
use crate::problem::nearest;
use crate::reader::{Reader, Table};

/// Reads aliases, and checks that each leads to a provider that is on.
pub(crate) fn resolve(
    reader: &mut Reader<'_>,
    table: &Table,
    providers: &[ProviderConfig],
    registry: &Registry,
) -> BTreeMap<String, String> {
    let mut aliases = BTreeMap::new();
    for name in table.fields.keys() {
        if let Some(target) = reader.text(table, name) {
            reader.show(table, name, &target);
            aliases.insert(name.clone(), target);
        }
    }
    for (alias, target) in &aliases {
        if let Some((message, hint)) = fault(alias, target, &aliases, providers, registry) {
            reader.problem(table, alias, message).hint = Some(hint);
        }
    }
    aliases
}

fn fault(
    alias: &str,
    target: &str,
    aliases: &BTreeMap<String, String>,
    providers: &[ProviderConfig],
    registry: &Registry,
) -> Option<(String, String)> {
    let mut seen = vec![alias];
    let mut target = target;
    while let Some(next) = aliases.get(target) {
        if seen.contains(&target) {
            let message = format!("the alias `{alias}` leads in a circle");
            return Some((message, "let one of the aliases name a `provider/model`".to_owned()));
        }
        seen.push(target);
        target = next;
    }
    let enabled =
        || providers.iter().filter(|provider| provider.enabled).map(|provider| provider.settings.name.as_str());
    let Some((provider, _)) = target.split_once('/') else {
        let message =
            format!("the alias `{alias}` leads to `{target}`, which is neither an alias nor a `provider/model`");
        let near = nearest(target, aliases.keys().map(String::as_str));
        let hint =
            near.map_or_else(|| "write it as provider/model".to_owned(), |near| format!("did you mean `{near}`?"));
        return Some((message, hint));
    };
    let kind = registry.get(provider).map_or(provider, |kind| kind.kind);
    if enabled().any(|name| name == provider || name == kind) {
        return None;
    }
    let message = format!("the alias `{alias}` leads to the provider `{provider}`, which is not on");
    let hint = format!("providers that are on: {}", enabled().collect::<Vec<_>>().join(", "));
    Some((message, hint))
}
