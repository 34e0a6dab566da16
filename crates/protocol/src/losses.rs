//! What of a typed request another protocol cannot carry.

use tollbridge_core::Loss;
use tollbridge_types::{Extras, Protocol};

/// Reports fields that only other protocols know.
pub(crate) fn report_foreign(extras: &Extras, path: &str, own: Protocol, losses: &mut Vec<Loss>) {
    let foreign = extras.iter().filter(|(owner, name, _)| *owner != own && !COPIES.contains(name));
    for (owner, name, _) in foreign {
        losses.push(Loss::dropped(format!("{path}.{name}"), format!("only {owner} has it")));
    }
}

/// Fields that are kept beside their typed form, so that their own protocol gets them back as they were.
const COPIES: &[&str] = &[
    "field",
    "generationConfig.responseMimeType",
    "generationConfig.responseSchema",
    "metadata",
    "parameters",
    "part",
    "role",
];
