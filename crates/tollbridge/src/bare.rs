use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future;
use tollbridge_core::{CallContext, Operation, Provider, Request};
use tollbridge_protocol::models_reply;

use crate::listing::plain_id;

/// Whose model a name without a provider is, by the lists of the providers.
#[derive(Debug, Default)]
pub(crate) struct BareModels {
    lists: Mutex<BTreeMap<String, List>>,
    /// Held by the one call that asks for lists, while the others wait for what it learns.
    asking: futures_util::lock::Mutex<()>,
}

/// What a provider's list was when it was asked for.
#[derive(Clone, Debug)]
struct List {
    /// None if it could not be had.
    models: Option<Arc<BTreeSet<String>>>,
    at: Instant,
}

impl List {
    fn is_fresh(&self) -> bool {
        self.at.elapsed() < if self.models.is_some() { KEPT } else { PAUSE }
    }
}

impl BareModels {
    /// Returns the providers that have a model of this name, as far as their lists are known.
    pub(crate) fn owners(&self, name: &str) -> Vec<String> {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let has = |list: &List| list.models.as_ref().is_some_and(|models| models.contains(name));
        lists.iter().filter(|(_, list)| has(list)).map(|(provider, _)| provider.clone()).collect()
    }

    /// Asks for the lists that are not known, or not any more.
    pub(crate) async fn learn(&self, providers: &BTreeMap<String, Arc<dyn Provider>>, cx: &CallContext) {
        if self.missing(providers).is_empty() {
            return;
        }
        let _asking = self.asking.lock().await;
        let asked = self.missing(providers).into_iter().map(|(name, provider)| async move {
            let mut cx = CallContext::new(&cx.request_id);
            cx.deadline = Some(Instant::now() + PATIENCE);
            let listed = provider.call(Request::models(name), &cx).await.and_then(|reply| models_reply(&reply));
            let models = listed.ok().map(|models| {
                Arc::new(models.iter().map(|model| plain_id(&model.id).to_owned()).collect::<BTreeSet<_>>())
            });
            (name.clone(), List { models, at: Instant::now() })
        });
        let learned = future::join_all(asked).await;
        self.lists.lock().unwrap_or_else(PoisonError::into_inner).extend(learned);
    }

    fn missing<'a>(
        &self,
        providers: &'a BTreeMap<String, Arc<dyn Provider>>,
    ) -> Vec<(&'a String, &'a Arc<dyn Provider>)> {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let able = providers.iter().filter(|(_, provider)| provider.info().protocol(Operation::Models).is_some());
        able.filter(|(name, _)| lists.get(*name).is_none_or(|list| !list.is_fresh())).collect()
    }
}

/// How long a list holds.
const KEPT: Duration = Duration::from_secs(600);

/// How long a provider is left alone whose list could not be had.
const PAUSE: Duration = Duration::from_secs(30);

/// How long a list is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
