//! Makes a request into one that the model takes, by its profile, and tells what that changed.
//!
//! A codec writes what a protocol can say; this says what of it the model takes. It knows no model's name.

pub(crate) mod sampling;
pub(crate) mod schema;
pub(crate) mod splice;
pub(crate) mod thinking;
mod typed;
pub(crate) mod wire;

pub(crate) use typed::fit;

/// What asks a model to go on with an answer that was begun for it.
const GO_ON: &str = "Continue your last message exactly where it ends.";
