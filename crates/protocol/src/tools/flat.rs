//! Names that every vendor takes, for tools whose own names some do not.

use std::collections::{HashMap, HashSet};

use tollbridge_types::Protocol;

/// Hands out names: the same tool always has the same, no two tools have one.
#[derive(Debug)]
pub(super) struct FlatNames {
    /// Whether names begin with a letter or `_`.
    letter_first: bool,
    longest: usize,
    taken: HashSet<String>,
    given: HashMap<(Option<String>, String), String>,
}

impl FlatNames {
    /// Hands out names of at most `longest` bytes, which are never less than 16.
    pub(super) fn new(to: Protocol, longest: usize) -> Self {
        let letter_first = to == Protocol::GEMINI_GENERATE;
        Self { letter_first, longest: longest.max(16), taken: HashSet::new(), given: HashMap::new() }
    }

    /// Keeps a name for the tool that has it, if a vendor takes it.
    pub(super) fn keep(&mut self, name: &str) {
        if self.is_valid(name) && self.taken.insert(name.to_owned()) {
            self.given.insert((None, name.to_owned()), name.to_owned());
        }
    }

    /// Keeps a name for something that is no function.
    pub(super) fn block(&mut self, name: &str) {
        self.taken.insert(name.to_owned());
    }

    /// Says whether the vendor takes a name as it is.
    pub(super) fn is_valid(&self, name: &str) -> bool {
        let first = name.bytes().next();
        let fits = |first: u8| !self.letter_first || first.is_ascii_alphabetic() || first == b'_';
        first.is_some_and(fits) && name.len() <= self.longest && name.bytes().all(is_plain)
    }

    /// Returns the name by which the vendor knows a tool.
    pub(super) fn of(&mut self, namespace: Option<&str>, name: &str) -> String {
        let key = (namespace.map(str::to_owned), name.to_owned());
        if let Some(given) = self.given.get(&key) {
            return given.clone();
        }
        let whole = match namespace {
            None | Some("") => name.to_owned(),
            Some(namespace) if namespace.ends_with("__") => format!("{namespace}{name}"),
            Some(namespace) => format!("{namespace}__{name}"),
        };
        let mut flat = self.plain(&whole);
        let mut salt = 0_u32;
        while flat.len() > self.longest || !self.taken.insert(flat.clone()) {
            // The tail depends on the tool alone, so that it has the same name in the next turn.
            let tail = format!("_{:08x}", hash(&[namespace.unwrap_or_default(), name, &salt.to_string()]));
            flat = self.plain(&whole);
            flat.truncate(self.longest - tail.len());
            flat.push_str(&tail);
            salt += 1;
        }
        self.given.insert(key, flat.clone());
        flat
    }

    fn plain(&self, name: &str) -> String {
        let mut plain: String =
            name.chars().map(|letter| if u8::try_from(letter).is_ok_and(is_plain) { letter } else { '_' }).collect();
        if !plain.starts_with(|first: char| !self.letter_first || first.is_ascii_alphabetic() || first == '_') {
            plain.insert(0, '_');
        }
        plain
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// Hashes words that are apart (FNV-1a).
fn hash(words: &[&str]) -> u32 {
    let bytes = words.iter().flat_map(|word| word.bytes().chain([0]));
    bytes.fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
