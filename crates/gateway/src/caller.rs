use std::sync::Arc;

use http::Extensions;
use tollbridge::{CallContext, Client, Error, ErrorKind};
use tollbridge_usage::key::{ModelPattern, VirtualKey};

/// Who makes a request: a key, or whoever may come in without one.
///
/// Only the guard makes one, so that a handler that asks for it cannot be reached around the guard.
#[derive(Clone, Debug)]
pub(crate) struct Caller(Option<Arc<VirtualKey>>);

impl Caller {
    pub(crate) fn key(key: Arc<VirtualKey>) -> Self {
        Self(Some(key))
    }

    pub(crate) fn nobody() -> Self {
        Self(None)
    }

    /// Returns who the guard let in.
    pub(crate) fn of(extensions: &Extensions) -> Result<Self, Error> {
        let caller = extensions.get().cloned();
        caller.ok_or_else(|| Error::new(ErrorKind::Unknown, "an internal error: the route has no guard"))
    }

    /// Writes into a call whose it is.
    pub(crate) fn sign(&self, cx: &mut CallContext) {
        let Some(key) = &self.0 else { return };
        cx.key = Some(Arc::from(key.id.as_str()));
        cx.tags.extend(key.call_tags().map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    /// Refuses a model that the key is not for.
    pub(crate) async fn check(&self, client: &Client, model: &str) -> Result<(), Error> {
        if self.0.as_ref().is_some_and(|key| !key.allows([model])) {
            // Whose model it is says whether the key is for it.
            client.learn(model).await;
        }
        let Some(key) = self.0.as_ref().filter(|_| !self.may_call(client, model)) else { return Ok(()) };
        let allowed: Vec<_> = key.models.iter().map(|pattern| format!("`{pattern}`")).collect();
        Err(Error::new(ErrorKind::Permission, format!("the key may not call the model `{model}`"))
            .with_path("model")
            .with_hint(format!("it may call {}", allowed.join(", "))))
    }

    /// Says whether the key is for a model: by the name that was asked for, or by that which it leads to.
    pub(crate) fn may_call(&self, client: &Client, model: &str) -> bool {
        let Some(key) = &self.0 else { return true };
        if key.allows([model]) {
            return true;
        }
        client.resolve(model).is_ok_and(|(provider, model)| {
            let named = format!("{}/{model}", provider.info().name);
            key.allows([named.as_str()]) || key.models.iter().any(|pattern| canonical(client, pattern).matches(&named))
        })
    }
}

/// Returns a pattern with the name that a provider is configured under, where it is written with another of its kind.
fn canonical(client: &Client, pattern: &ModelPattern) -> ModelPattern {
    let parts = pattern.as_str().split_once('/');
    let named = parts.and_then(|(provider, model)| Some(format!("{}/{model}", client.provider(provider)?.info().name)));
    named.and_then(|named| named.parse().ok()).unwrap_or_else(|| pattern.clone())
}
