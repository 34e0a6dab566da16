//! Google Gemini as a Tollbridge provider.
