/// The makers whose models take settings that Converse itself does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Anthropic,
    Nova,
    OpenAi,
    /// A maker without such settings, or a profile whose name does not tell.
    Other,
}

impl Family {
    /// Tells the maker from a model's id or ARN, which names it in front of the model: `us.anthropic.claude-…`.
    pub(crate) fn of(model: &str) -> Self {
        let makers = [("anthropic.", Self::Anthropic), ("amazon.nova", Self::Nova), ("openai.", Self::OpenAi)];
        makers.into_iter().find(|(maker, _)| model.contains(maker)).map_or(Self::Other, |(_, family)| family)
    }

    /// Says whether the models take marks that last longer than five minutes.
    pub(crate) fn keeps_caches_longer(self) -> bool {
        self == Self::Anthropic
    }

    /// Says whether the models take marks for the prompt cache.
    pub(crate) fn caches(self) -> bool {
        matches!(self, Self::Anthropic | Self::Nova)
    }
}
