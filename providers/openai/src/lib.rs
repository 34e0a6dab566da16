//! OpenAI as a Tollbridge provider.
