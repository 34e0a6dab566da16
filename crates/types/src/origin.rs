use std::fmt;
use std::sync::Arc;

/// Where a value stood in the body that it was read from, such as `messages[2].tool_calls[0]`.
///
/// It is no part of the value: two that differ in it alone are equal, and it is not serialised.
#[derive(Clone, Default)]
pub struct Origin(Option<Arc<str>>);

impl Origin {
    /// Names a place; an empty path is none.
    pub fn new(path: &str) -> Self {
        Self(Some(path).filter(|path| !path.is_empty()).map(Arc::from))
    }

    /// Returns the place, if the value was read from a body.
    pub fn path(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl PartialEq for Origin {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Origin {}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path().unwrap_or("-"))
    }
}
