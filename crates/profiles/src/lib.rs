#![doc = include_str!("../README.md")]

mod book;
mod check;
mod limits;
mod name;
mod pattern;
mod profile;
mod profiles;
mod rule;
mod subset;

pub use book::{Book, Explained, Setting};
pub use check::Problem;
pub use name::bare_name;
pub use profile::{
    Answers, ChatEffort, Fields, History, Ids, Limits, Media, Off, Operations, PastThinking, Profile, Roles, Sampling,
    SchemaUse, Thinking, ThinkingField, ThinkingForm, Tools, Unsupported,
};
pub use profiles::{Override, Profiles};
pub use rule::{Rule, RuleFile};
pub use subset::{Rest, Subset};
