//! Anthropic as a Tollbridge provider.
