use serde::Serialize;

/// Something of a request that the target protocol could not carry as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Loss {
    /// What happened to it.
    pub kind: LossKind,
    /// Where it stood, as a JSON path into the body that the client sent, or into the typed request
    /// of a program, such as `messages[2].parts[0]`.
    pub path: String,
    /// Why, and what was sent instead, in words.
    pub reason: String,
}

impl Loss {
    /// Reports that something is not sent.
    pub fn dropped(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { kind: LossKind::Dropped, path: path.into(), reason: reason.into() }
    }

    /// Reports that something is sent in another form.
    pub fn adapted(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { kind: LossKind::Adapted, path: path.into(), reason: reason.into() }
    }
}

/// Says what happened to a field that a target protocol cannot carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LossKind {
    /// It is not sent.
    Dropped,
    /// It is sent in another form.
    Adapted,
}

impl LossKind {
    /// Returns the name used in headers and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Adapted => "adapted",
        }
    }
}
