//! Tests across the whole workspace.
