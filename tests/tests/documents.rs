//! The pages of reference say what the program does.
use http::Method;
use serde_json::json;
use tollbridge::Registry;
use tollbridge_gateway::Options;
use tollbridge_tests::Bench;

const CONFIGURATION: &str = include_str!("../../docs/configuration.md");
const GATEWAY: &str = include_str!("../../docs/gateway.md");

fn code(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Returns the cells of a table's row.
fn cells(row: &str) -> Vec<&str> {
    row.trim_matches('|').split('|').map(str::trim).collect()
}

#[test]
fn every_option_of_every_kind_is_in_the_reference() {
    let mut table = "| kind | key | variables | meaning |\n|---|---|---|---|\n".to_owned();
    for kind in Registry::linked().unwrap().iter() {
        for option in kind.options {
            let (kind, name) = (kind.kind, option.name);
            let variables = if option.env.is_empty() { "none".to_owned() } else { code(option.env) };
            table.push_str(&format!("| `{kind}` | `{name}` | {variables} | {} |\n", option.about));
        }
    }
    assert!(CONFIGURATION.contains(&table), "docs/configuration.md should have this table:\n{table}");
}

#[test]
fn every_kind_is_in_the_reference_with_its_names_and_variables() {
    for kind in Registry::linked().unwrap().iter() {
        let start = format!("| `{}` |", kind.kind);
        let row = CONFIGURATION.split("## Keys of vendors").nth(1).unwrap().lines().find(|row| row.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("`{}` is missing", kind.kind));
        let cells = cells(row);
        for (names, cell) in [(kind.aliases, cells[1]), (kind.key_env, cells[2]), (kind.base_env, cells[3])] {
            assert!(cell.starts_with(&code(names)), "`{}` has {names:?}: {row}", kind.kind);
        }
    }
}

#[tokio::test]
async fn every_route_of_the_reference_exists() {
    let bench = Bench::with(Options::default()).await.unwrap();
    let mut asked = 0;
    for row in GATEWAY.lines().filter(|row| row.starts_with("| `POST ") || row.starts_with("| `GET ")) {
        for route in cells(row)[0].split(", ") {
            let (method, path) = route.trim_matches('`').split_once(' ').unwrap();
            let path = path.replace("{model}", "echo/echo");
            let body = json!({"model": "echo/echo"}).to_string();
            let answer = bench.send(Method::from_bytes(method.as_bytes()).unwrap(), &path, body).await.unwrap();
            assert!(![404, 405].contains(&answer.status.as_u16()), "{route}: {} {}", answer.status, answer.text());
            if method == "POST" && path.starts_with("/v1/") && !path.contains("/messages") {
                let root = bench.send(Method::POST, path.trim_start_matches("/v1"), "{}").await.unwrap();
                assert!(root.status == 400 || path.contains("/models/"), "{path} at the root: {}", root.text());
            }
            asked += 1;
        }
    }
    assert!(asked > 20, "{asked}");
}

#[tokio::test]
async fn the_examples_of_the_reference_answer_as_they_say() {
    let bench = Bench::with(Options::default()).await.unwrap();
    let mut ran = 0;
    for (place, line) in GATEWAY.lines().enumerate() {
        let Some(command) = line.trim_start_matches("$ ").strip_prefix("curl ") else { continue };
        let path = command.split("http://127.0.0.1:4000").nth(1).unwrap().split(' ').next().unwrap();
        let body = command.split("-d '").nth(1).unwrap().split('\'').next().unwrap().to_owned();
        let strict: &[_] = if command.contains("strict: true") { &[("x-tollbridge-strict", "true")] } else { &[] };
        let answer = bench.send_with(Method::POST, path, strict, body).await.unwrap();
        assert_eq!(answer.status, if strict.is_empty() { 200 } else { 400 }, "{line}: {}", answer.text());
        let shown = GATEWAY.lines().nth(place + 1).unwrap();
        if let Some(loss) = shown.strip_prefix("x-tollbridge-loss: ") {
            assert_eq!(answer.headers["x-tollbridge-loss"], loss, "{line}");
        } else if let Some((start, _)) = shown.split_once('…').filter(|_| shown.starts_with('{')) {
            assert!(answer.text().starts_with(start), "{line}: {}", answer.text());
        } else if shown.starts_with('{') {
            assert_eq!(answer.text(), shown, "{line}");
        }
        ran += 1;
    }
    assert!(ran >= 6, "{ran}");
}
