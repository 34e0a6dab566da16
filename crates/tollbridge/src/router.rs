use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use tollbridge_core::{CallContext, Error, ErrorKind, Operation, Provider, ProviderInfo, Registry, Reply, Request};

/// Finds the provider of a model's name: an alias, or `provider/model`.
#[derive(Debug)]
pub(crate) struct Router {
    info: ProviderInfo,
    pub(crate) providers: BTreeMap<String, Arc<dyn Provider>>,
    pub(crate) aliases: BTreeMap<String, String>,
    registry: Registry,
}

impl Router {
    pub(crate) fn new(
        providers: BTreeMap<String, Arc<dyn Provider>>,
        aliases: BTreeMap<String, String>,
        registry: Registry,
    ) -> Self {
        Self { info: ProviderInfo::new("router", &[]), providers, aliases, registry }
    }

    /// Returns the provider and the vendor's own name of the model.
    pub(crate) fn resolve<'a>(&'a self, name: &'a str) -> Result<(&'a Arc<dyn Provider>, &'a str), Error> {
        let mut target = name;
        // The builder refuses circles; the bound only keeps a mistake there from hanging a call.
        for _ in 0..=self.aliases.len() {
            match self.aliases.get(target) {
                Some(next) => target = next,
                None => break,
            }
        }
        let Some((provider, model)) = target.split_once('/') else {
            return Err(self.unknown(name, &format!("`{name}` is neither an alias nor a `provider/model`")));
        };
        match self.provider(provider) {
            Some(_) if model.is_empty() => Err(self.unknown(name, &format!("`{name}` names no model"))),
            Some(found) => Ok((found, model)),
            None => Err(self.unknown(provider, &format!("there is no provider `{provider}`"))),
        }
    }

    /// Returns a provider by its name, or by another name of its kind.
    pub(crate) fn provider(&self, name: &str) -> Option<&Arc<dyn Provider>> {
        let other_name = || self.providers.get(self.registry.get(name).ok()?.kind);
        self.providers.get(name).or_else(other_name)
    }

    fn unknown(&self, name: &str, message: &str) -> Error {
        let kind = self.registry.get(name).ok();
        let hint = match kind.and_then(|kind| kind.key_env.first()) {
            Some(variable) => format!("set {variable}, or configure [providers.{name}]"),
            None => {
                let providers: Vec<_> = self.providers.keys().map(String::as_str).collect();
                let aliases: Vec<_> = self.aliases.keys().map(String::as_str).collect();
                let aliases =
                    if aliases.is_empty() { String::new() } else { format!(", or an alias: {}", aliases.join(", ")) };
                format!("name a model as provider/model with one of the providers: {}{aliases}", providers.join(", "))
            }
        };
        Error::new(ErrorKind::ModelNotFound, message).with_path("model").with_hint(hint)
    }
}

#[async_trait]
impl Provider for Router {
    fn info(&self) -> &ProviderInfo {
        &self.info
    }

    async fn call(&self, mut request: Request, cx: &CallContext) -> Result<Reply, Error> {
        let name = std::mem::take(&mut request.model);
        if request.operation == Operation::Models {
            let message = format!("there is no provider `{name}`");
            let provider = self.provider(&name).ok_or_else(|| self.unknown(&name, &message))?;
            return provider.call(request, cx).await;
        }
        let (provider, model) = self.resolve(&name)?;
        request.model = model.to_owned();
        request.route.alias = self.aliases.contains_key(&name).then(|| name.clone());
        request.route.asked.clone_from(&name);
        #[cfg(feature = "tokens")]
        if request.operation == Operation::CountTokens && provider.info().protocol(Operation::CountTokens).is_none() {
            return crate::count::answer(&request, &provider.info().name);
        }
        provider.call(request, cx).await
    }
}
