//! Azure OpenAI as a Tollbridge provider.
