use std::collections::BTreeMap;

use tollbridge_core::{AliasFault, Aliases, Registry};

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
    let rules: Aliases = aliases.clone().into_iter().collect();
    let is_provider = |name: &str| is_on(name, providers, registry);
    for alias in aliases.keys() {
        let Some(fault) = rules.fault(alias, is_provider) else { continue };
        let hint = match &fault {
            AliasFault::NoName { target, .. } => match nearest(target, aliases.keys().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => fault.hint().to_owned(),
            },
            AliasFault::NoProvider { .. } => {
                format!("providers that are on: {}", on(providers).collect::<Vec<_>>().join(", "))
            }
            fault => fault.hint().to_owned(),
        };
        reader.problem(table, alias, format!("the alias `{alias}` {fault}")).hint = Some(hint);
    }
    aliases
}

/// Iterates over the names of the providers that are on.
pub(crate) fn on(providers: &[ProviderConfig]) -> impl Iterator<Item = &str> {
    providers.iter().filter(|provider| provider.enabled).map(|provider| provider.settings.name.as_str())
}

/// Says whether a provider of this name, or of a kind with this name, is on.
pub(crate) fn is_on(name: &str, providers: &[ProviderConfig], registry: &Registry) -> bool {
    let kind = registry.get(name).map_or(name, |kind| kind.kind);
    on(providers).any(|on| on == name || on == kind)
}
