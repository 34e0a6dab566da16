//! Virtual keys: what a person or program shows the gateway, and what it may do with it.
//!
//! ```
//! use tollbridge_usage::key::{KeyStore, NewKey};
//!
//! # fn main() -> Result<(), tollbridge_core::Error> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let dir = folder.path();
//! let keys = KeyStore::open(dir)?;
//! let mut new = NewKey::new("ci");
//! new.owner = Some("ann".to_owned());
//! let created = keys.create(new, 1_000)?;
//! // The text is told once; the file holds only its hash.
//! let key = keys.check(created.text.expose(), 2_000).unwrap();
//! assert_eq!(key.owner.as_deref(), Some("ann"));
//! # Ok(()) }
//! ```

mod budget;
mod error;
#[cfg(feature = "sqlite")]
mod file;
#[cfg(feature = "sqlite")]
mod index;
mod model;
mod new_key;
mod scope;
#[cfg(feature = "sqlite")]
mod store;
mod tag;
#[cfg(feature = "sqlite")]
mod text;
mod virtual_key;

pub use budget::KeyBudget;
pub use error::KeyError;
pub use model::ModelPattern;
pub use new_key::NewKey;
pub use scope::Scope;
#[cfg(feature = "sqlite")]
pub use store::{CreatedKey, KeyStore};
pub use tag::{MAX_TAGS, Tag};
#[cfg(feature = "sqlite")]
pub use text::PREFIX;
pub use virtual_key::VirtualKey;
