//! `tollbridge cost` as its users see it.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "what a test needs and cannot have fails it; a skip says so"
)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Runs the command and returns exit code, output and errors.
fn run(arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollbridge"));
    command.arg("cost").args(arguments).env_clear();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Replaces the version of the book, which every new one changes.
fn stable(text: &str) -> String {
    let version = tollbridge_usage::price::PriceBook::embedded().version();
    text.replace(version, "BOOK")
}

#[test]
fn the_arithmetic_is_shown() {
    let calls: &[&[&str]] = &[
        &["openai/gpt-4o", "--input", "1000", "--cache-read", "800", "--output", "500"],
        &["openai/gpt-4o", "--input", "1000", "--output", "500", "--batch"],
        &["anthropic/claude-sonnet-4-5", "--input", "1000", "--output", "500", "--tool", "web_search=2"],
        &["echo/any", "--input", "1000"],
        &["openai/no-such-model", "--input", "1000"],
        &["gpt-4o", "--input", "1000"],
        &["openai/gpt-4o", "--tool", "web_search"],
        &[],
    ];
    let shown: String = calls
        .iter()
        .map(|arguments| {
            let (code, out, errors) = run(arguments, "");
            format!("$ tollbridge cost {}\n{}{}[{code}]\n\n", arguments.join(" "), stable(&out), errors)
        })
        .collect();
    insta::assert_snapshot!(shown);
}

#[test]
fn json_has_the_same() {
    let (code, out, _) = run(&["openai/gpt-4o", "--input", "1000", "--output", "500", "--json"], "");
    assert_eq!(code, 0);
    insta::assert_snapshot!(stable(&out));
}

#[test]
fn rows_are_priced_and_bad_ones_do_not_stop_the_rest() {
    let rows = r#"{"id":1,"model":"gpt-4o","route_provider":"openai","usage":{"prompt_tokens":1000,"completion_tokens":500}}
{"id":2,"model":"openai/no-such-model","usage":{"prompt_tokens":1}}

{"id":3,"model":"openai/gpt-4o","usage":{"prompt_tokens":-1}}
{"id":4,"model":"gpt-4o","usage":{"prompt_tokens":1}}
{"id":5,"model":"openai/gpt-4o"}
{"id":6,"model":"openai/gpt-4o","usage":{},"billing_time_utc":"yesterday"}
not JSON
{"id":7,"model":"xai/grok-4.5","shape":"xai_chat_raw","raw_usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"cost":0.25}}
"#;
    let (code, out, errors) = run(&["--jsonl", "-"], rows);
    assert_eq!(code, 1);
    insta::assert_snapshot!(errors);
    let rows: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let shown: Vec<_> =
        rows.iter().map(|row| (&row["id"], &row["cost_usd"], &row["unpriced"], &row["reported_cost_usd"])).collect();
    insta::assert_debug_snapshot!(shown);
}

#[test]
fn own_prices_go_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prices.toml");
    std::fs::write(&path, "[[model]]\nprovider = 'openai'\nname = 'gpt-4o'\ninput = 1\noutput = 2\n").unwrap();
    let path = path.to_str().unwrap();
    let (_, out, _) = run(&["openai/gpt-4o", "--input", "1000", "--output", "500", "--prices", path], "");
    assert!(out.contains("0.002 USD"), "{out}");
    let (code, _, errors) = run(&["openai/gpt-4o", "--prices", "nowhere.toml"], "");
    assert_eq!(code, 2);
    assert!(errors.contains("nowhere.toml"), "{errors}");
}

/// Vendors' own usage objects, read by the protocols' codecs, cost what the oracle says.
#[test]
fn raw_usage_costs_what_the_oracle_says() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/oracles");
    let folder = std::env::var_os("TOLLBRIDGE_ORACLES").map_or(beside, PathBuf::from);
    let rows = folder.join("wire_usage_vectors.jsonl");
    if !rows.is_file() {
        eprintln!("skipped: there are no oracles; name their folder with TOLLBRIDGE_ORACLES");
        return;
    }
    let (code, out, errors) = run(&["--jsonl", rows.to_str().unwrap()], "");
    assert_eq!((code, errors.as_str()), (0, ""));
    let rows = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let compared = rows.filter(|row| !row["exact_cost_usd"].is_null());
    let wrong: Vec<_> =
        compared.filter(|row| row["cost_usd"] != row["exact_cost_usd"]).map(|row| row["id"].clone()).collect();
    assert_eq!(wrong, Vec::<Value>::new());
}

#[test]
fn the_configured_prices_hold_and_of_an_address_those_that_were_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let (prices, data) = (folder.path().join("prices.toml"), format!("usage.dir={}", folder.path().display()));
    std::fs::write(&prices, "[[model]]\nname = 'mine'\ninput = 1\noutput = 2\n").unwrap();
    let ask = |place: &str| {
        let set = format!("usage.prices={place}");
        run(&["any/mine", "--input", "1000000", "--set", &set, "--set", &data], "")
    };
    assert!(ask(&prices.display().to_string()).1.contains("1 USD, by `mine` of price file prices.toml"));
    let (code, _, errors) = ask("https://prices.invalid/mine.json?token=hush");
    assert_eq!(code, 2);
    insta::assert_snapshot!(errors, @"error: `usage.prices`: nothing was fetched of https://prices.invalid/mine.json yet; start the gateway once, or name a file of prices");
}
