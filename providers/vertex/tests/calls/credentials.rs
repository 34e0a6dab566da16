//! Files with credentials, good and bad.

use serde_json::{Value, json};
use tollbridge_core::ErrorKind;

use crate::wire::{Fake, KEY, call, options, provider, service_account};

fn told(credentials: &str) -> String {
    let error = provider(&Fake::new(), options(&[("credentials", credentials), ("project", "p")])).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(!error.to_string().contains("hush"), "{error}");
    error.message().to_owned()
}

#[test]
fn what_is_wrong_is_told_by_its_field() {
    let with = |field: &str, value: Value| {
        let mut account = service_account();
        account[field] = value;
        account
    };
    let mut user =
        json!({"type": "authorized_user", "client_id": "id", "client_secret": "hush", "refresh_token": null});
    let mut problems: Vec<String> = [
        json!({}),
        with("type", Value::Null),
        with("type", "external_account".into()),
        with("type", 1.into()),
        with("client_email", "".into()),
        with("private_key", Value::Null),
        with("private_key", "hush".into()),
        with("private_key", json!(["hush"])),
        with("private_key", KEY.replacen("MII", "hus", 1).into()),
        with("private_key", KEY.replace("PRIVATE", "PUBLIC").into()),
        with("token_uri", "not a url".into()),
        with("token_uri", "file:///hush".into()),
        with("project_id", json!({"hush": 1})),
        user.clone(),
    ]
    .iter()
    .map(|credentials| told(&credentials.to_string()))
    .collect();
    user["client_secret"] = Value::Null;
    problems.push(told(&user.to_string()));
    problems.push(told("{\"private_key\": \"hush\""));
    insta::assert_snapshot!(problems.join("\n"));
}

#[tokio::test]
async fn files_are_read_and_named() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    std::fs::write(path("good.json"), service_account().to_string()).unwrap();
    let fake = Fake::new();
    let made = provider(&fake, options(&[("credentials", &path("good.json"))])).unwrap();
    call(&made, "m").await.unwrap();
    assert_eq!(fake.fetches().len(), 1);
    std::fs::write(path("bad.json"), r#"{"type":"service_account","private_key":"hush"}"#).unwrap();
    let bad = told(&path("bad.json"));
    assert_eq!(bad, format!("`client_email` of the credentials file {} is missing", path("bad.json")));
    std::fs::write(path("broken.json"), "hush").unwrap();
    let broken = told(&path("broken.json"));
    assert!(broken.starts_with(&format!("the credentials file {} holds no JSON object", path("broken.json"))));
    let missing = told(&path("missing.json"));
    assert!(missing.starts_with(&format!("the credentials file {} cannot be read", path("missing.json"))));
}

#[test]
fn a_key_of_ones_own_needs_no_credentials() {
    let made = provider(&Fake::new(), |settings| {
        crate::wire::keyed(settings);
        options(&[("credentials", "/nowhere")])(settings);
    });
    assert!(made.is_ok());
}
