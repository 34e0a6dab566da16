//! The store of virtual keys, as programs use it.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]
#![cfg(feature = "sqlite")]

use std::path::Path;

use proptest::prelude::*;
use tollbridge_core::ErrorKind;
use tollbridge_usage::key::{KeyBudget, KeyError, KeyStore, ModelPattern, NewKey, PREFIX, Scope, Tag};

fn full() -> NewKey {
    let mut new = NewKey::new("ci");
    new.owner = Some("ann".into());
    new.team = Some("infra".into());
    new.tags.insert("project".into(), "blue whale".into());
    new.models = vec!["openai/gpt-4o".parse().unwrap(), "anthropic/*".parse().unwrap(), "main".parse().unwrap()];
    new.expires_at = Some(9_000);
    let mut budget = KeyBudget::usd("20", "month");
    budget.zone = Some("Europe/Berlin".into());
    new.budgets = vec![budget];
    new
}

/// Reads every file of a folder, so that what SQLite keeps beside its file counts too.
fn bytes_of(folder: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(folder).unwrap();
    files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_key_reads_back_as_it_was_made_and_only_its_hash_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let store = KeyStore::open(folder.path()).unwrap();
    let created = store.create(full(), 1_000).unwrap();
    let text = created.text.expose();
    assert_eq!((text.len(), text.starts_with(PREFIX)), (46, true));
    assert_eq!(*store.check(text, 2_000).unwrap(), *created.key);
    let again = KeyStore::open(folder.path()).unwrap();
    assert_eq!(again.list(), std::slice::from_ref(&created.key));
    assert_eq!(*again.check(text, 2_000).unwrap(), *created.key);
    let bytes = bytes_of(folder.path());
    assert!(holds(&bytes, &created.key.id));
    for length in [text.len(), 16, 8] {
        assert!(!holds(&bytes, &text[10..][..length.min(30)]), "{length} letters of the text are in the file");
    }
    assert!(text.starts_with(&created.key.display[..7]) && text.ends_with(&created.key.display[10..]));
    assert!(!format!("{store:?} {created:?}").contains(text));
}

#[test]
fn what_is_wrong_with_a_key_is_for_the_log_but_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let store = KeyStore::open(folder.path()).unwrap();
    let created = store.create(full(), 1_000).unwrap();
    let text = created.text.expose();
    assert_eq!(store.check(&text.to_lowercase(), 2_000), Err(KeyError::Unknown));
    assert_eq!(store.check("", 2_000), Err(KeyError::Unknown));
    let expired = store.check(text, 9_000).unwrap_err();
    assert_eq!((expired.reason(), expired.id()), ("expired", Some(created.key.id.as_str())));
    assert_eq!(expired.to_string(), "the key expired at 1970-01-01T00:00:09Z");
    store.revoke("ci", 3_000).unwrap();
    let revoked = store.check(text, 9_000).unwrap_err();
    assert_eq!((revoked.reason(), revoked.to_string()), ("revoked", KeyError::Unknown.to_string()));
}

#[test]
fn another_process_sees_changes_when_it_refreshes() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    let gateway = KeyStore::open(&dir).unwrap();
    assert!(!gateway.refresh().unwrap() && !gateway.required());
    assert!(!dir.exists(), "a look at a store makes none");
    let command = KeyStore::open(&dir).unwrap();
    let text = command.create(full(), 1_000).unwrap().text;
    assert!(gateway.refresh().unwrap() && gateway.required());
    assert!(gateway.check(text.expose(), 2_000).is_ok());
    assert!(!gateway.refresh().unwrap(), "nothing changed");
    command.revoke("ci", 3_000).unwrap();
    assert!(gateway.check(text.expose(), 3_500).is_ok());
    assert!(gateway.refresh().unwrap() && !gateway.required());
    assert_eq!(gateway.check(text.expose(), 3_500).unwrap_err().reason(), "revoked");
}

#[test]
fn many_processes_may_write_at_once() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let dir = folder.path();
            scope.spawn(move || {
                let store = KeyStore::open(dir).unwrap();
                for number in 0..5 {
                    store.create(NewKey::new(format!("k{writer}-{number}")), 1_000).unwrap();
                }
            });
        }
    });
    assert_eq!(KeyStore::open(folder.path()).unwrap().list().len(), 40);
}

#[test]
fn revoking_is_for_good_and_can_be_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let store = KeyStore::open(folder.path()).unwrap();
    let first = store.create(full(), 1_000).unwrap().key;
    let taken = store.create(full(), 2_000).unwrap_err();
    assert_eq!((taken.kind(), taken.path()), (ErrorKind::InvalidRequest, Some("name")));
    assert_eq!(store.revoke("ci", 3_000).unwrap().unwrap().revoked_at, Some(3_000));
    assert_eq!(store.revoke(&first.id, 4_000).unwrap().unwrap().revoked_at, Some(3_000));
    assert_eq!(store.revoke("nobody", 4_000).unwrap(), None);
    let second = store.create(full(), 5_000).unwrap().key;
    assert_eq!(store.find("ci").unwrap().id, second.id);
    assert_eq!(store.find(&first.id).unwrap().revoked_at, Some(3_000));
}

#[test]
fn a_damaged_or_newer_file_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.db");
    std::fs::write(&path, "this is no database, and it is longer than the head of one".repeat(20)).unwrap();
    let error = KeyStore::open(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    std::fs::remove_file(&path).unwrap();
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 7).unwrap();
    let error = KeyStore::open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("its version is 7, and this program knows 1"), "{error}");
}

#[test]
fn bad_keys_name_the_field() {
    let folder = tempfile::tempdir().unwrap();
    let store = KeyStore::open(folder.path()).unwrap();
    let told = |change: &dyn Fn(&mut NewKey)| {
        let mut new = full();
        change(&mut new);
        store.create(new, 1_000).unwrap_err().path().unwrap().to_owned()
    };
    let paths = [
        told(&|new| new.name = "two words".into()),
        told(&|new| new.owner = Some(String::new())),
        told(&|new| new.team = Some("a\nb".into())),
        told(&|new| drop(new.tags.insert("user".into(), "bob".into()))),
        told(&|new| drop(new.tags.insert("x".into(), "y".repeat(129)))),
        told(&|new| new.tags.extend((0..17).map(|number| (format!("t{number}"), "x".to_owned())))),
        told(&|new| new.scopes.clear()),
        told(&|new| new.budgets.push(KeyBudget::usd("ten", "month"))),
        told(&|new| new.budgets.push(KeyBudget::tokens(10, "fortnight"))),
        told(&|new| new.budgets[0].tokens = Some(10)),
        told(&|new| new.budgets[0].zone = Some("Mars/Olympus".into())),
    ];
    let budgets = ["budgets.usd", "budgets.window", "budgets.tokens", "budgets.zone"];
    let fields = ["name", "owner", "team", "tags.user", "tags.x", "tags", "scopes"];
    assert!(paths.iter().eq(fields.iter().chain(&budgets)), "{paths:?}");
}

#[test]
fn scopes_and_models_open_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let key = KeyStore::open(folder.path()).unwrap().create(full(), 1_000).unwrap().key;
    assert!(key.may(Scope::Call) && !key.may(Scope::UsageRead) && !key.may(Scope::Admin));
    let allowed = ["openai/gpt-4o", "anthropic/claude", "anthropic/a/b", "main"];
    let refused = ["openai/gpt-4o-mini", "openai/gpt-4", "anthropic/", "anthropic", "xanthropic/claude", "Main", ""];
    assert!(allowed.iter().all(|name| key.allows([*name])));
    assert!(refused.iter().all(|name| !key.allows([*name])));
    assert!(key.allows(["other", "main"]), "any of a model's names will do");
    for pattern in ["", "*", "/*", "*/x", "a*", "a/b*", "a/*/b", "a/*b", "a b", "a/b/*"] {
        assert!(pattern.parse::<ModelPattern>().is_err(), "{pattern}");
    }
    let limits = key.limits().unwrap();
    assert_eq!((limits[0].limit().to_string(), limits[0].name()), ("20 USD".to_owned(), "key ci"));
    let tags: Vec<_> = key.call_tags().collect();
    assert_eq!(tags, [("user", "ann"), ("team", "infra"), ("project", "blue whale")]);
}

proptest! {
    #[test]
    fn any_text_is_a_tag_or_an_error(text in "\\PC{0,200}|[a-z]{1,3}=[ -~]{0,140}") {
        if let Ok(tag) = text.parse::<Tag>() {
            prop_assert!(tag.name.len() <= 128 && tag.value.len() <= 128);
            prop_assert_eq!(format!("{}={}", tag.name, tag.value).parse::<Tag>().unwrap(), tag);
        }
    }
}
