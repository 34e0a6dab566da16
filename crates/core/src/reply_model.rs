/// Says which name of the model a reply carries to a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplyModel {
    /// The one that was asked for where the reply is translated; bytes that pass keep the vendor's.
    #[default]
    Auto,
    /// The one that was asked for. Where bytes pass, that field alone is changed.
    Asked,
    /// The vendor's own, if the vendor names one.
    Vendor,
}

impl ReplyModel {
    /// Finds a choice by its word in the configuration.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "auto" => Some(Self::Auto),
            "asked" => Some(Self::Asked),
            "vendor" => Some(Self::Vendor),
            _ => None,
        }
    }

    /// Returns the word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Asked => "asked",
            Self::Vendor => "vendor",
        }
    }
}
