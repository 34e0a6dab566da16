use std::fmt;
use std::fs::{DirBuilder, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use rusqlite::ErrorCode;
use tollbridge_core::{Error, ErrorKind, Secret};

use crate::budget::Budget;

use super::file::File;
use super::index::Index;
use super::{KeyError, NewKey, VirtualKey, text};

/// The keys of a data directory, in `keys.db`.
///
/// The file is the only thing here that is shared between processes: what one of them changes the others see at
/// their next [`refresh`](Self::refresh). Checking a key reads memory alone. The file is made with the first key, and a
/// store without one is empty.
pub struct KeyStore {
    path: PathBuf,
    file: Mutex<Option<Opened>>,
    index: RwLock<Arc<Index>>,
    generation: AtomicU64,
}

/// A key that was just made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CreatedKey {
    /// What was made.
    pub key: Arc<VirtualKey>,
    /// Its text, which is nowhere else and cannot be had again.
    pub text: Secret,
}

struct Opened {
    file: File,
    /// The version that the index was read at; `None` before it was.
    version: Option<i64>,
}

impl KeyStore {
    /// Opens the keys of a data directory.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the file is there and cannot be read as one of keys.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, Error> {
        let path = dir.as_ref().join("keys.db");
        let store = Self { path, file: Mutex::default(), index: RwLock::default(), generation: AtomicU64::default() };
        store.refresh()?;
        Ok(store)
    }

    /// Returns the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes over what other processes changed, and says whether there was anything. It reads the disk.
    ///
    /// # Errors
    /// As [`open`](Self::open); the keys stay as they were.
    pub fn refresh(&self) -> Result<bool, Error> {
        let mut file = self.lock();
        // What cannot be looked at is no proof that there are no keys.
        if file.is_none() && !self.path.try_exists().map_err(|error| self.damaged(error))? {
            return Ok(false);
        }
        let opened = self.opened(&mut file)?;
        let version = opened.file.version().map_err(|error| self.damaged(error))?;
        if opened.version == Some(version) {
            return Ok(false);
        }
        self.load(opened)?;
        opened.version = Some(version);
        Ok(true)
    }

    /// Makes a key at a time, in milliseconds since 1970 UTC.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] with the field at fault, also if a good key has the name;
    /// [`ErrorKind::Config`] if the file cannot be written.
    pub fn create(&self, new: NewKey, now: u64) -> Result<CreatedKey, Error> {
        new.check()?;
        let text = text::draw()?;
        let key = VirtualKey {
            id: format!("key_{}", text::letters(12)?),
            name: new.name,
            display: text::display(&text),
            owner: new.owner,
            team: new.team,
            tags: new.tags,
            models: new.models,
            scopes: new.scopes,
            budgets: new.budgets,
            created_at: now,
            expires_at: new.expires_at,
            revoked_at: None,
        };
        let mut file = self.lock();
        let opened = self.opened(&mut file)?;
        opened.file.insert(&text::hash(&text), &key).map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => {
                Error::invalid("name", format!("there is a key with the name `{}` already", key.name))
                    .with_hint("choose another name, or revoke that key first")
            }
            _ => self.damaged(error),
        })?;
        self.load(opened)?;
        Ok(CreatedKey { key: Arc::new(key), text: Secret::new(text) })
    }

    /// Returns a number that is another one whenever the keys are: those that this process changed, too.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Returns the budgets of all keys that are not revoked. One that cannot be read limits nothing, and is told.
    pub fn limits(&self) -> Vec<Budget> {
        let keys = self.list();
        let limits = keys.iter().filter(|key| key.revoked_at.is_none()).filter_map(|key| {
            key.limits().inspect_err(|error| tracing::error!(key = key.id, "budgets are left out: {error}")).ok()
        });
        limits.flatten().collect()
    }

    /// Returns all keys in the order in which they were made, the revoked ones too.
    pub fn list(&self) -> Vec<Arc<VirtualKey>> {
        self.index().keys.clone()
    }

    /// Finds a key by its id or its name. Of several with a name it is the good one, else the last.
    pub fn find(&self, wanted: &str) -> Option<Arc<VirtualKey>> {
        let index = self.index();
        let rank = |key: &VirtualKey| (key.id == wanted, key.revoked_at.is_none());
        let found = index.keys.iter().filter(|key| key.id == wanted || key.name == wanted);
        found.max_by_key(|key| rank(key)).cloned()
    }

    /// Revokes a key by its id or its name, for good, and returns it; `None` if there is none.
    ///
    /// A key that is revoked already stays as it is.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the file cannot be written.
    pub fn revoke(&self, wanted: &str, now: u64) -> Result<Option<Arc<VirtualKey>>, Error> {
        self.refresh()?;
        let Some(key) = self.find(wanted) else { return Ok(None) };
        let mut file = self.lock();
        let opened = self.opened(&mut file)?;
        opened.file.revoke(&key.id, now).map_err(|error| self.damaged(error))?;
        self.load(opened)?;
        drop(file);
        Ok(self.find(&key.id))
    }

    /// Says whether there is a key that was not revoked: from then on the gateway asks for one.
    pub fn required(&self) -> bool {
        self.index().required
    }

    /// Finds the key with a text and checks that it is good at a time, in milliseconds since 1970 UTC.
    ///
    /// # Errors
    /// Why it is not.
    pub fn check(&self, presented: &str, now: u64) -> Result<Arc<VirtualKey>, KeyError> {
        let index = self.index();
        let key = index.find(presented).ok_or(KeyError::Unknown)?;
        key.check(now)?;
        Ok(Arc::clone(key))
    }

    fn index(&self) -> Arc<Index> {
        Arc::clone(&self.index.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Opened>> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn opened<'a>(&self, file: &'a mut Option<Opened>) -> Result<&'a mut Opened, Error> {
        match file {
            Some(opened) => Ok(opened),
            None => {
                self.make_place()?;
                let opened = File::open(&self.path).map_err(|error| self.damaged(error))?;
                Ok(file.insert(Opened { file: opened, version: None }))
            }
        }
    }

    fn load(&self, opened: &Opened) -> Result<(), Error> {
        let index = Index::new(opened.file.read().map_err(|error| self.damaged(error))?);
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(index);
        self.generation.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Makes the file and its folder for this user alone, unless they are there.
    fn make_place(&self) -> Result<(), Error> {
        let (mut folder, mut file) = (DirBuilder::new(), OpenOptions::new());
        folder.recursive(true);
        file.append(true).create(true);
        #[cfg(unix)]
        {
            std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
            std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
        }
        let made = self.path.parent().map_or(Ok(()), |path| folder.create(path)).and_then(|()| file.open(&self.path));
        made.map(drop).map_err(|error| {
            Error::new(ErrorKind::Config, format!("the file of keys {} cannot be made: {error}", self.path.display()))
                .with_hint("set `usage.dir` to a folder that can be written")
                .with_source(error)
        })
    }

    fn damaged(&self, error: impl std::error::Error + Send + Sync + 'static) -> Error {
        Error::new(ErrorKind::Config, format!("the file of keys {} cannot be used: {error}", self.path.display()))
            .with_hint("check its permissions; if it is damaged, restore it, or move it away and make new keys")
            .with_source(error)
    }
}

impl fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyStore").field("path", &self.path).finish_non_exhaustive()
    }
}
