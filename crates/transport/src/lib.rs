//! The HTTP client behind every provider.
