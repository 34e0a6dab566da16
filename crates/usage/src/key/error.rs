use std::fmt;

use jiff::Timestamp;

/// Says why a key is not good.
///
/// Printing it shows what a client may know: whether a key is unknown or revoked is for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// No key has this text.
    Unknown,
    /// The key was revoked.
    #[non_exhaustive]
    Revoked {
        /// The key's id.
        id: String,
    },
    /// The key's time is over.
    #[non_exhaustive]
    Expired {
        /// The key's id.
        id: String,
        /// When it was over, in milliseconds since 1970 UTC.
        at: u64,
    },
}

impl KeyError {
    /// Returns the reason in one word, for the log.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Revoked { .. } => "revoked",
            Self::Expired { .. } => "expired",
        }
    }

    /// Returns the id of the key, if there is one, for the log.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Unknown => None,
            Self::Revoked { id } | Self::Expired { id, .. } => Some(id),
        }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Expired { at, .. } = self else { return f.write_str("the key is not valid") };
        match i64::try_from(*at).ok().and_then(|at| Timestamp::from_millisecond(at).ok()) {
            Some(at) => write!(f, "the key expired at {at}"),
            None => f.write_str("the key expired"),
        }
    }
}

impl std::error::Error for KeyError {}
