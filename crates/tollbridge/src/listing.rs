use std::sync::Arc;

use futures_util::future;
use tollbridge_core::{CallContext, Error, Operation, Provider, Request};
use tollbridge_protocol::models_reply;
use tollbridge_types::ModelInfo;

use crate::router::Router;

/// The models of all providers.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct ModelList {
    /// The models, each as `provider/model`, then the aliases, then the names that aliases with a star make of the
    /// models, then the names that need no provider.
    pub models: Vec<ModelInfo>,
    /// The aliases with a star, and their targets.
    pub patterns: Vec<(String, String)>,
    /// What kept a provider from listing its models.
    pub failures: Vec<Error>,
}

pub(crate) async fn models(router: &Router, stack: &Arc<dyn Provider>, cx: impl Fn() -> CallContext) -> ModelList {
    let able = router.providers.values().filter(|provider| provider.info().protocol(Operation::Models).is_some());
    let lists = able.map(|provider| {
        let (name, cx) = (provider.info().name.clone(), cx());
        // The stack is called, not the provider, so that layers see these calls too.
        async move {
            let listed = stack.call(Request::models(&name), &cx).await;
            (listed.and_then(|reply| models_reply(&reply)), name)
        }
    });
    let mut list = ModelList::default();
    if let Some(bare) = &router.bare {
        bare.learn(&router.providers, &cx()).await;
    }
    for (listed, name) in future::join_all(lists).await {
        match listed {
            Ok(models) => list.models.extend(models.into_iter().map(|mut model| {
                model.id = format!("{name}/{}", plain_id(&model.id));
                model
            })),
            Err(error) => list.failures.push(error.with_provider(name)),
        }
    }
    let named: Vec<ModelInfo> = names(router, &list.models)
        .into_iter()
        .map(|(name, target)| {
            let mut model = ModelInfo::new(name);
            model.owner = Some(target);
            model
        })
        .collect();
    list.models.extend(named);
    let patterns = router.aliases.iter().filter(|(alias, _)| alias.contains('*'));
    list.patterns = patterns.map(|(alias, target)| (alias.to_owned(), target.to_owned())).collect();
    list
}

/// Returns the names beside `provider/model` that can be asked for, each with what it leads to.
fn names(router: &Router, models: &[ModelInfo]) -> Vec<(String, String)> {
    let is_pattern = |alias: &str| alias.contains('*');
    let plain = router.aliases.iter().filter(|(alias, _)| !is_pattern(alias));
    let mut names: Vec<_> = plain.map(|(alias, target)| (alias.to_owned(), target.to_owned())).collect();
    let leads_to = |name: &str, id: &str| {
        router.resolve(name).is_ok_and(|(provider, model)| id == format!("{}/{model}", provider.info().name))
    };
    for (alias, _) in router.aliases.iter().filter(|(alias, _)| is_pattern(alias)) {
        let made = models.iter().filter_map(|model| Some((router.aliases.name_for(alias, &model.id)?, &model.id)));
        names.extend(made.filter(|(name, id)| leads_to(name, id)).map(|(name, id)| (name, id.clone())));
    }
    if router.bare.is_some() {
        let bare = models.iter().filter_map(|model| Some((model.id.split_once('/')?.1, &model.id)));
        names.extend(bare.filter(|(name, id)| leads_to(name, id)).map(|(name, id)| (name.to_owned(), id.clone())));
    }
    let mut seen = std::collections::HashSet::new();
    names.retain(|(name, _)| seen.insert(name.clone()));
    names
}

/// Returns a model's name without the path that Gemini lists it under.
pub(crate) fn plain_id(id: &str) -> &str {
    id.strip_prefix("models/").unwrap_or(id)
}
