mod arguments;

use std::process::ExitCode;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;
use tollbridge::config::nearest;
use tollbridge_usage::key::{KeyStore, VirtualKey};
use tollbridge_usage::now_ms;

use crate::arguments::Sources;
use crate::failure::Failure;
use crate::load;
use crate::table::table;

pub(crate) use arguments::KeyOptions;
use arguments::{CreateOptions, KeyCommand};

pub(crate) fn run(sources: &Sources, options: &KeyOptions) -> Result<ExitCode, Failure> {
    let store = KeyStore::open(load::directory(sources, options.dir.as_ref())?)?;
    match &options.command {
        KeyCommand::Create(options) => create(&store, options)?,
        KeyCommand::List { json: true } => print_json(&store.list().iter().map(AsRef::as_ref).collect::<Vec<_>>()),
        KeyCommand::List { json: false } => list(&store.list()),
        KeyCommand::Show { key, json } => {
            let key = store.find(key).ok_or_else(|| unknown(&store, key))?;
            if *json { print_json(key.as_ref()) } else { show(&key) }
        }
        KeyCommand::Revoke { key } => {
            let key = store.revoke(key, now_ms())?.ok_or_else(|| unknown(&store, key))?;
            println!("the key `{}` ({}) was revoked at {}", key.name, key.id, time(key.revoked_at));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn create(store: &KeyStore, options: &CreateOptions) -> Result<(), Failure> {
    let created = store.create(options.new_key(), now_ms()).map_err(|error| Failure::usage(flagged(&error)))?;
    let (key, text) = (&created.key, created.text.expose());
    if options.json {
        let mut object = json!(key.as_ref());
        if let Some(fields) = object.as_object_mut() {
            fields.insert("key".to_owned(), text.into());
        }
        print_json(&object);
    } else {
        println!("{text}");
    }
    eprintln!("this is the key `{}` ({}); it cannot be shown again", key.name, key.id);
    Ok(())
}

/// Names the flag that a field was set with.
fn flagged(error: &tollbridge::Error) -> String {
    let field = error.path().map(|path| match path.split_once('.') {
        Some(("budgets", field)) => field,
        Some(("tags", _)) => "tag",
        _ if path == "scopes" => "scope",
        _ => path,
    });
    let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
    match field {
        Some(field) => format!("--{field}: {}{hint}", error.message()),
        None => error.to_string(),
    }
}

fn list(keys: &[Arc<VirtualKey>]) {
    let head = ["ID", "NAME", "KEY", "OWNER", "TEAM", "MODELS", "EXPIRES", "STATE"];
    let rows: Vec<_> = keys.iter().map(|key| row(key).to_vec()).collect();
    print!("{}", table(&head, &rows, head.len()));
}

fn row(key: &VirtualKey) -> [String; 8] {
    let optional = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    [
        key.id.clone(),
        key.name.clone(),
        key.display.clone(),
        optional(&key.owner),
        optional(&key.team),
        models(key),
        time(key.expires_at),
        state(key).to_owned(),
    ]
}

fn show(key: &VirtualKey) {
    let [id, name, text, owner, team, models, expires, state] = row(key);
    let tags: Vec<_> = key.tags.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    let lines = [
        ("id", id),
        ("name", name),
        ("key", text),
        ("owner", owner),
        ("team", team),
        ("tags", joined(&tags)),
        ("models", models),
        ("scopes", joined(&scopes)),
        ("created", time(Some(key.created_at))),
        ("expires", expires),
        ("revoked", time(key.revoked_at)),
        ("state", state),
    ];
    for (name, value) in lines {
        println!("{name:<8} {value}");
    }
    for budget in &key.budgets {
        let usd = budget.usd.as_ref().map(|usd| format!("{usd} USD"));
        let tokens = budget.tokens.map(|tokens| format!("{tokens} tokens"));
        let limit = usd.or(tokens).unwrap_or_default();
        println!("{:<8} {limit}, {} ({})", "budget", budget.window, budget.zone.as_deref().unwrap_or("UTC"));
    }
}

fn models(key: &VirtualKey) -> String {
    let models: Vec<_> = key.models.iter().map(|model| model.as_str()).collect();
    if models.is_empty() { "all".to_owned() } else { models.join(",") }
}

fn joined<T: AsRef<str>>(texts: &[T]) -> String {
    let texts: Vec<_> = texts.iter().map(AsRef::as_ref).collect();
    if texts.is_empty() { "-".to_owned() } else { texts.join(", ") }
}

fn state(key: &VirtualKey) -> &'static str {
    key.check(now_ms()).map_or_else(|fault| fault.reason(), |()| "good")
}

/// Writes a time in UTC, to the second.
fn time(millis: Option<u64>) -> String {
    let seconds = millis.and_then(|millis| i64::try_from(millis / 1000).ok());
    let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "-".to_owned(), |time| time.to_string())
}

fn unknown(store: &KeyStore, wanted: &str) -> Failure {
    let keys = store.list();
    let names: Vec<_> = keys.iter().filter(|key| key.revoked_at.is_none()).map(|key| key.name.as_str()).collect();
    let hint = match nearest(wanted, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "there are no keys yet; make one with `tollbridge key create`".to_owned(),
        None => format!("keys: {}", names.join(", ")),
    };
    Failure::usage(format!("there is no key with the id or name `{wanted}` in {}; {hint}", store.path().display()))
}

fn print_json(value: &(impl serde::Serialize + ?Sized)) {
    println!("{}", serde_json::to_string_pretty(value).unwrap_or_default());
}
