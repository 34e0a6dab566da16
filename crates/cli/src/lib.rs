//! The tollbridge command.
