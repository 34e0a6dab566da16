//! What happens to calls, as typed events.
