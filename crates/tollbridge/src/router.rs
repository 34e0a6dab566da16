use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use tollbridge_core::{
    Aliases, CallContext, Error, ErrorKind, Operation, Provider, ProviderInfo, Registry, Reply, Request,
};

use tollbridge_profiles::Profiles;

use crate::bare::BareModels;

/// Finds the provider of a model's name: an alias, `provider/model`, or, where that is wanted, a name of one provider's
/// list.
#[derive(Debug)]
pub(crate) struct Router {
    info: ProviderInfo,
    pub(crate) providers: BTreeMap<String, Arc<dyn Provider>>,
    pub(crate) aliases: Aliases,
    registry: Registry,
    /// What the models of each provider take.
    pub(crate) profiles: BTreeMap<String, Profiles>,
    pub(crate) bare: Option<BareModels>,
    pub(crate) default_provider: Option<String>,
}

/// A provider, and the vendor's own name of a model.
type Place<'a> = (&'a Arc<dyn Provider>, Cow<'a, str>);

impl Router {
    pub(crate) fn new(
        providers: BTreeMap<String, Arc<dyn Provider>>,
        aliases: Aliases,
        registry: Registry,
        bare: bool,
        default_provider: Option<String>,
    ) -> Self {
        let bare = bare.then(BareModels::default);
        let (info, profiles) = (ProviderInfo::new("router", &[]), BTreeMap::new());
        Self { info, providers, aliases, registry, profiles, bare, default_provider }
    }

    pub(crate) fn with_profiles(self, profiles: BTreeMap<String, Profiles>) -> Self {
        Self { profiles, ..self }
    }

    /// Returns the provider and the vendor's own name of the model. Of names without a provider it knows what
    /// [`learn`](Self::learn) found out.
    pub(crate) fn resolve<'a>(&'a self, name: &'a str) -> Result<Place<'a>, Error> {
        let target = self.follow(name)?;
        let Some((provider, model)) = split(&target) else { return self.owner(name, target) };
        match self.provider(&provider) {
            Some(_) if model.is_empty() => Err(self.unknown(name, &format!("`{name}` names no model"))),
            Some(found) => Ok((found, model)),
            // The name of a kind is meant as one, even if the kind is not on.
            None if self.registry.get(&provider).is_ok() => {
                Err(self.unknown(&provider, &format!("there is no provider `{provider}`")))
            }
            None if self.bare.is_some() || self.default_provider.is_some() => self.owner(name, target),
            None => Err(self.unknown(&provider, &format!("there is no provider `{provider}`"))),
        }
    }

    /// Asks the providers for their lists, if a name cannot be told without.
    pub(crate) async fn learn(&self, name: &str, cx: &CallContext) {
        let Some(bare) = &self.bare else { return };
        let Ok(target) = self.follow(name) else { return };
        let named = split(&target)
            .is_some_and(|(provider, _)| self.provider(&provider).is_some() || self.registry.get(&provider).is_ok());
        if !named {
            bare.learn(&self.providers, cx).await;
        }
    }

    /// Returns a provider by its name, or by another name of its kind.
    pub(crate) fn provider(&self, name: &str) -> Option<&Arc<dyn Provider>> {
        let other_name = || self.providers.get(self.registry.get(name).ok()?.kind);
        self.providers.get(name).or_else(other_name)
    }

    /// Says whether a name is that of a provider.
    pub(crate) fn is_provider(&self, name: &str) -> bool {
        self.provider(name).is_some()
    }

    fn follow<'a>(&'a self, name: &'a str) -> Result<Cow<'a, str>, Error> {
        self.aliases
            .follow(name, |provider| self.is_provider(provider))
            .ok_or_else(|| self.unknown(name, &format!("the alias `{name}` leads in a circle")))
    }

    /// Finds the provider of a name that names none: the only one whose list has it, else the default one.
    fn owner<'a>(&'a self, name: &str, model: Cow<'a, str>) -> Result<Place<'a>, Error> {
        let owners = self.bare.as_ref().map(|bare| bare.owners(&model)).unwrap_or_default();
        let only = match owners.as_slice() {
            [only] => self.provider(only),
            _ => self.default_provider.as_deref().and_then(|provider| self.provider(provider)),
        };
        if let Some(provider) = only.filter(|_| !model.is_empty()) {
            return Ok((provider, model));
        }
        if owners.len() > 1 {
            let names: Vec<_> = owners.iter().map(|owner| format!("`{owner}/{model}`")).collect();
            let message = format!("`{name}` is a model of several providers: {}", owners.join(", "));
            return Err(Error::new(ErrorKind::ModelNotFound, message)
                .with_path("model")
                .with_hint(format!("name one as {}, or set `server.default_provider`", names.join(" or "))));
        }
        let listed = if self.bare.is_some() { ", nor in the list of any provider" } else { "" };
        Err(self.unknown(name, &format!("`{name}` is neither an alias nor a `provider/model`{listed}")))
    }

    fn unknown(&self, name: &str, message: &str) -> Error {
        let kind = self.registry.get(name).ok();
        let hint = match kind.and_then(|kind| kind.key_env.first()) {
            Some(variable) => format!("set {variable}, or configure [providers.{name}]"),
            None => {
                let providers: Vec<_> = self.providers.keys().map(String::as_str).collect();
                let aliases: Vec<_> = self.aliases.iter().map(|(alias, _)| alias).collect();
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
        self.learn(&name, cx).await;
        let (provider, model) = self.resolve(&name)?;
        request.model = model.into_owned();
        let alias = self.aliases.alias_of(&name, |provider| self.is_provider(provider));
        request.route.alias = alias.map(str::to_owned);
        request.route.asked.clone_from(&name);
        #[cfg(feature = "tokens")]
        if request.operation == Operation::CountTokens && provider.info().protocol(Operation::CountTokens).is_none() {
            return crate::count::answer(&request, &provider.info().name);
        }
        let mut reply = provider.call(request, cx).await?;
        if reply.asked.is_empty() {
            reply.asked = name;
        }
        Ok(reply)
    }
}

/// Parts a name into what may be a provider and the model.
fn split<'a>(name: &Cow<'a, str>) -> Option<(Cow<'a, str>, Cow<'a, str>)> {
    match name {
        Cow::Borrowed(name) => name.split_once('/').map(|(provider, model)| (provider.into(), model.into())),
        Cow::Owned(name) => {
            name.split_once('/').map(|(provider, model)| (provider.to_owned().into(), model.to_owned().into()))
        }
    }
}
