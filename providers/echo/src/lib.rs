//! A provider that answers with the question, without a network.
