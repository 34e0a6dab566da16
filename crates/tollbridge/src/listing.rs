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
    /// The models, each as `provider/model`, then the aliases.
    pub models: Vec<ModelInfo>,
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
    for (listed, name) in future::join_all(lists).await {
        match listed {
            Ok(models) => list.models.extend(models.into_iter().map(|mut model| {
                model.id = format!("{name}/{}", model.id.strip_prefix("models/").unwrap_or(&model.id));
                model
            })),
            Err(error) => list.failures.push(error.with_provider(name)),
        }
    }
    list.models.extend(router.aliases.iter().map(|(alias, target)| {
        let mut model = ModelInfo::new(alias);
        model.owner = Some(target.clone());
        model
    }));
    list
}
