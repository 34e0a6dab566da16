use std::fmt;

use http::HeaderValue;

/// A key or token that cannot be printed, logged or serialised.
///
/// ```
/// let key = tollbridge_core::Secret::new("sk-123");
/// assert_eq!(format!("{key:?}"), "***");
/// assert_eq!(key.expose(), "sk-123");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text, without the white space around it.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(text.as_ref().trim().to_owned())
    }

    /// Returns the text. Call this only where the secret is sent.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Makes a header value that is marked sensitive.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the secret has characters that no header can carry.
    pub fn header(&self, scheme: &str) -> Result<HeaderValue, crate::Error> {
        let text = if scheme.is_empty() { self.0.clone() } else { format!("{scheme} {}", self.0) };
        let mut value = HeaderValue::try_from(text).map_err(|_| {
            crate::Error::new(crate::ErrorKind::Config, "the api key has characters that a header cannot carry")
                .with_hint("check the key for line breaks and quotes")
        })?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Replaces every appearance of the secret in a text by `***`.
    pub fn redact(&self, text: &str) -> String {
        if self.0.is_empty() { text.to_owned() } else { text.replace(&self.0, "***") }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
