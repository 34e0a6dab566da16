//! What the command says of a ledger.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tollbridge::core::{Currency, Money, Usage};
use tollbridge::types::Json;
use tollbridge::usage::ledger::{Ledger, LedgerOptions};
use tollbridge::usage::{Attempt, Status};

/// 2026-11-01T10:00:00Z.
const MORNING: u64 = 1_793_527_200_000;
const HOUR: u64 = 3_600_000;

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollbridge"));
    command.args(arguments).env_clear().env("TOLLBRIDGE_USAGE_DIR", folder.join("data")).current_dir(folder);
    command
}

fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder, arguments).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    let told = format!("$ tollbridge {}\n{out}{errors}→ {}\n", arguments.join(" "), output.status.code().unwrap_or(-1));
    told.replace(&folder.display().to_string(), "DIR")
}

fn attempt(call: &str, number: u32, hours: u64) -> Attempt {
    let mut attempt = Attempt::default();
    attempt.call = call.to_owned();
    (attempt.attempt, attempt.attempts) = (number, number);
    attempt.started = MORNING + hours * HOUR;
    attempt.total = 1_500_000;
    attempt.ended = attempt.started + 1500;
    attempt.status = Status::Ok;
    (attempt.operation, attempt.protocol) = ("chat".to_owned(), "openai.chat".to_owned());
    (attempt.provider, attempt.model) = ("openai".to_owned(), "gpt-4o".to_owned());
    attempt.asked = "openai/gpt-4o".to_owned();
    attempt.tags.insert("team".to_owned(), "blue".to_owned());
    let mut usage = Usage::default();
    (usage.input, usage.cache_read, usage.output) = (Some(1000), Some(200), Some(100));
    usage.raw = Json::from_text(r#"{"prompt_tokens": 1200, "completion_tokens": 100}"#).ok();
    attempt.usage = Some(usage);
    attempt.charge.vendor = "openai".to_owned();
    attempt.charge.cost = Some(Money::from_pico(3_750_000_000, Currency::USD));
    (attempt.charge.row, attempt.charge.book) = (Some("gpt-4o".to_owned()), Some("1".to_owned()));
    attempt.charge.lines = Json::from_text(
        r#"[{"item":"input","quantity":1000,"rate":"0.0000025","amount":"0.0025"},{"item":"output","quantity":100,"rate":"0.00001","amount":"0.001"}]"#,
    )
    .ok();
    attempt
}

/// A ledger of five calls over three days.
fn ledger() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&LedgerOptions::new(folder.path().join("data")));
    let mut refused = attempt("second", 1, 1);
    (refused.status, refused.error) = (Status::Failed, Some("rate_limit".to_owned()));
    (refused.usage, refused.charge.cost) = (None, Some(Money::ZERO));
    let mut unknown = attempt("third", 1, 30);
    (unknown.provider, unknown.model, unknown.charge) = ("groq".to_owned(), "mystery".to_owned(), Default::default());
    let mut failed = attempt("fourth", 1, 31);
    (failed.status, failed.error) = (Status::Failed, Some("timeout".to_owned()));
    for record in [attempt("first", 1, 0), refused, attempt("second", 2, 1), unknown, failed, attempt("fifth", 1, 60)] {
        ledger.settle(&record);
    }
    assert!(ledger.flush(Duration::from_secs(30)));
    folder
}

#[test]
fn sums_records_and_explanations_are_told() {
    let folder = ledger();
    let commands: [&[&str]; 10] = [
        &["usage", "summary"],
        &["usage", "summary", "--by", "day,outcome", "--zone", "Asia/Tokyo"],
        &["usage", "summary", "--by", "team", "--since", "2026-11-02", "--until", "2026-11-03"],
        &["usage", "summary", "--by", "model", "--provider", "nobody"],
        &["usage", "summary", "--by", "outcome", "--outcome", "failed", "--json"],
        &["usage", "records", "--limit", "2"],
        &["usage", "explain", "second"],
        &["usage", "explain", "third"],
        &["usage", "plot"],
        &["usage", "plot", "--value", "calls", "--since", "2030-01-01"],
    ];
    let told: Vec<_> = commands.iter().map(|arguments| run(folder.path(), arguments)).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn bad_input_is_told_with_the_remedy() {
    let folder = ledger();
    let commands: [&[&str]; 11] = [
        &["usage", "summary", "--since", "soon"],
        &["usage", "summary", "--since", "2026-11-02", "--until", "2026-11-01"],
        &["usage", "summary", "--zone", "Mars"],
        &["usage", "records", "--tag", "team"],
        &["usage", "explain", "nothing"],
        &["usage", "export", "--out", "data/ledger.db"],
        &["usage", "cleanup", "--keep", "0d"],
        &["usage", "cleanup", "--keep", "90"],
        &["usage", "reprice", "--book", "none.toml"],
        &["usage", "summary", "--dir", "nowhere"],
        &["budget", "list", "--set", "budgets.x.scope=planet"],
    ];
    let told: Vec<_> = commands.iter().map(|arguments| run(folder.path(), arguments)).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn currencies_have_a_total_each_and_with_a_rate_one_in_dollars() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&LedgerOptions::new(folder.path().join("data")));
    ledger.settle(&attempt("c1", 1, 0));
    for (call, code) in [("c2", "CNY"), ("c3", "EUR")] {
        let mut other = attempt(call, 1, 1);
        other.charge.cost = Some(Money::from_pico(2_500_000_000_000, Currency::from_code(code).unwrap()));
        ledger.settle(&other);
    }
    assert!(ledger.flush(Duration::from_secs(10)));
    let summary = ["usage", "summary"];
    let rates = ["usage", "summary", "--set", "usage.rates.CNY=0.14", "--set", "usage.rates.EUR=1.1"];
    let json = ["usage", "summary", "--json", "--set", "usage.rates.CNY=0.14"];
    let told = [run(folder.path(), &summary), run(folder.path(), &rates), run(folder.path(), &rates[..4])];
    insta::assert_snapshot!(told.join("\n"));
    let told = run(folder.path(), &json);
    let (_, converted) = told.split_once("\"converted\": ").unwrap();
    insta::assert_snapshot!(converted);
}

#[test]
fn records_are_exported_priced_and_cleaned() {
    let folder = ledger();
    let out = run(folder.path(), &["usage", "export", "--out", "all.csv"]);
    assert!(out.contains("6 records in all.csv"), "{out}");
    let csv = std::fs::read_to_string(folder.path().join("all.csv")).unwrap();
    assert_eq!(csv.lines().count(), 7);
    let lines = run(folder.path(), &["usage", "export", "--format", "jsonl"]);
    assert_eq!(lines.lines().filter(|line| line.starts_with("{\"call\"")).count(), 6);
    let prices = "[[model]]\nprovider = 'groq'\nname = 'mystery'\ninput = '0.000001'\noutput = '0.000002'\n";
    std::fs::write(folder.path().join("prices.toml"), prices).unwrap();
    let reprice = ["usage", "reprice", "--provider", "groq", "--book", "prices.toml", "--json"];
    let first = run(folder.path(), &reprice);
    assert!(first.contains("\"changed\": 1") && first.contains("\"priced\": 1"), "{first}");
    let second = run(folder.path(), &reprice);
    assert!(second.contains("\"changed\": 0"), "{second}");
    let cleaned = run(folder.path(), &["usage", "cleanup", "--keep", "1d"]);
    assert!(cleaned.contains("records from before"), "{cleaned}");
}

#[test]
fn an_export_comes_back_equal() {
    let folder = ledger();
    let export = |name: &str| {
        run(folder.path(), &["usage", "export", "--format", "jsonl", "--out", name]);
        std::fs::read_to_string(folder.path().join(name)).unwrap()
    };
    let before = export("one.jsonl");
    assert!(run(folder.path(), &["usage", "import", "one.jsonl"]).contains("0 records added, 6 were there already"));
    std::fs::remove_dir_all(folder.path().join("data")).unwrap();
    assert!(run(folder.path(), &["usage", "import", "one.jsonl"]).contains("6 records added"));
    assert_eq!(export("two.jsonl"), before);
    let simple = r#"{"model_name":"gpt-4","provider_name":"openai","timestamp":1793527200000,"request_id":"r1","prompt_tokens":5,"completion_tokens":2,"total_tokens":7,"cost":0.00027,"success":true,"response_time":120}"#;
    std::fs::write(folder.path().join("simple.jsonl"), format!("{simple}\n")).unwrap();
    run(folder.path(), &["usage", "import", "simple.jsonl"]);
    assert!(run(folder.path(), &["usage", "records", "--limit", "9"]).contains("0.00027 USD"));
    let wrong = ["{\"call\":7}", "{\"call\":\"c\",\"attempt\":1}", "nonsense", &simple.replace("0.00027", "-1")];
    let told = wrong.map(|line| {
        std::fs::write(folder.path().join("wrong.jsonl"), format!("{simple}\n{line}\n")).unwrap();
        run(folder.path(), &["usage", "import", "wrong.jsonl"])
    });
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn pictures_are_drawn() {
    let folder = ledger();
    let out = run(folder.path(), &["usage", "plot", "--svg", "spend.svg", "--png", "spend.png"]);
    assert!(out.ends_with("→ 0\n"), "{out}");
    insta::assert_snapshot!(std::fs::read_to_string(folder.path().join("spend.svg")).unwrap());
    let png = std::fs::read(folder.path().join("spend.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG\r\n") && png.len() > 1000, "{} bytes", png.len());
}

#[test]
fn switches_keep_files_and_costs_away() {
    for (enabled, cost) in [(true, true), (true, false), (false, true), (false, false)] {
        let folder = tempfile::tempdir().unwrap();
        let (enabled_set, cost_set) = (format!("usage.enabled={enabled}"), format!("usage.cost={cost}"));
        let out = run(folder.path(), &["chat", "-m", "echo/any", "hi", "--set", &enabled_set, "--set", &cost_set]);
        assert!(out.contains("Echo: hi"), "{out}");
        assert_eq!(folder.path().join("data").exists(), enabled);
        if enabled {
            let records = run(folder.path(), &["usage", "records", "--json"]);
            assert_eq!(records.contains("\"cost\":\"0 USD\""), cost, "{records}");
            assert!(records.contains("\"output\":2"), "{records}");
        }
    }
}

#[test]
fn who_has_read_enough_may_close_the_pipe() {
    let folder = ledger();
    let mut child =
        command(folder.path(), &["usage", "export"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
}

#[test]
fn chains_of_events_go_on_after_a_restart_and_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let chat =
        || run(folder.path(), &["chat", "-m", "echo/any", "hi", "--task", "t", "--set", "usage.events=events.jsonl"]);
    assert!(chat().contains("Echo: hi"));
    let path = folder.path().join("events.jsonl");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str("{\"id\":\"half a li");
    std::fs::write(&path, text).unwrap();
    assert!(chat().contains("Echo: hi"));
    let text = std::fs::read_to_string(&path).unwrap();
    let numbers = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let numbers: Vec<_> = numbers.map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn budgets_are_listed_by_what_was_spent() {
    let folder = tempfile::tempdir().unwrap();
    let toml = "[budgets.all]\nscope = 'global'\ntokens = 100\nwindow = 'forever'\n\n[budgets.teams]\nscope = 'tag:team'\nusd = '1.50'\nwindow = 'year'\n";
    std::fs::write(folder.path().join("tollbridge.toml"), toml).unwrap();
    let empty = run(folder.path(), &["budget", "list"]);
    run(folder.path(), &["chat", "-m", "echo/any", "--max-tokens", "20", "hi there"]);
    let spent = run(folder.path(), &["budget", "list"]);
    let refused = run(folder.path(), &["chat", "-m", "echo/any", "--max-tokens", "200", "hi"]);
    insta::assert_snapshot!([empty, spent, refused].join("\n"));
}
