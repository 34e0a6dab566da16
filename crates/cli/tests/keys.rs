//! The command `tollbridge key`, and what `serve` makes of keys.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs the command in a folder and returns exit code, output and errors.
fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = command(folder, arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollbridge"));
    command.args(arguments).env_clear().env("TOLLBRIDGE_USAGE_DIR", folder.join("data")).current_dir(folder);
    command
}

/// Replaces words that are another in each run.
fn steady(text: &str, folder: &Path) -> String {
    let text = text.replace(folder.to_str().unwrap(), "DIR");
    let mut out = String::new();
    for piece in text.split_inclusive(|letter: char| !letter.is_alphanumeric() && !"_-…:".contains(letter)) {
        let word = piece.trim_end_matches(|letter: char| !letter.is_alphanumeric());
        let steady = match word {
            _ if word.starts_with("key_") => "key_ID__________",
            _ if word.starts_with("tb-") && word.contains('…') => "tb-AAAA…ZZZZ",
            _ if word.starts_with("tb-") => "tb-TEXT",
            _ if word.starts_with("20") && word.ends_with('Z') && !word.starts_with("2099") => "2026-01-01T00:00:00Z",
            _ if word.len() == 13 && word.bytes().all(|digit| digit.is_ascii_digit()) => "1234567890123",
            word => word,
        };
        out.push_str(&piece.replacen(word, steady, 1));
    }
    out
}

#[test]
fn a_key_is_made_shown_and_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let create = [
        ["key", "create", "--name", "ci", "--owner", "ann"].as_slice(),
        &["--team", "infra", "--tag", "project=blue whale", "--model", "openai/gpt-4o", "--model", "anthropic/*"],
        &["--expires", "2099-01-01", "--usd", "20.50", "--tokens", "1000000", "--window", "month"],
        &["--zone", "Europe/Berlin"],
    ];
    let commands: [&[&str]; 11] = [
        &["key", "list"],
        &create.concat(),
        &["key", "create", "--name", "prometheus", "--scope", "usage:read", "--json"],
        &["key", "list"],
        &["key", "show", "ci"],
        &["key", "list", "--json"],
        &["key", "revoke", "ci"],
        &["key", "revoke", "ci"],
        &["key", "show", "ci"],
        &["key", "revoke", "prometeus"],
        &["key", "show", "x"],
    ];
    let mut told = String::new();
    let mut secret = None;
    for arguments in commands {
        let (code, out, errors) = run(folder, arguments);
        if let Some(secret) = &secret {
            assert!(!out.contains(secret) && !errors.contains(secret));
        } else if out.starts_with("tb-") {
            assert_eq!(out.len(), 47, "the key and nothing else is on standard output");
            secret = Some(out.trim().to_owned());
        }
        told.push_str(&steady(&format!("$ tollbridge {}\n{out}{errors}→ {code}\n\n", arguments.join(" ")), folder));
    }
    assert!(secret.is_some());
    insta::assert_snapshot!(told);
}

#[test]
fn bad_input_names_the_flag() {
    let folder = tempfile::tempdir().unwrap();
    let rows: [&[&str]; 15] = [
        &["--name", "two words"],
        &["--name", "a", "--owner", ""],
        &["--name", "a", "--tag", "project"],
        &["--name", "a", "--tag", "user=bob"],
        &["--name", "a", "--model", "*"],
        &["--name", "a", "--model", "openai/gpt-*"],
        &["--name", "a", "--expires", "soon"],
        &["--name", "a", "--expires", "2020-01-01"],
        &["--name", "a", "--expires", "99999999999d"],
        &["--name", "a", "--usd", "20"],
        &["--name", "a", "--usd", "ten", "--window", "day"],
        &["--name", "a", "--usd", "1", "--window", "fortnight"],
        &["--name", "a", "--window", "day"],
        &["--name", "a", "--usd", "1", "--window", "day", "--zone", "Mars/Olympus"],
        &["--name", "a", "--scope", "root"],
    ];
    let told = rows.map(|arguments| {
        let (code, out, errors) = run(folder.path(), &[&["key", "create"], arguments].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}");
        let lines = errors.lines().take_while(|line| !line.starts_with("For more") && !line.starts_with("Usage"));
        let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
        format!("{}\n  {}", arguments.join(" "), lines.join("\n  "))
    });
    insta::assert_snapshot!(told.join("\n"));
    assert!(!folder.path().join("data").exists(), "nothing was made");
}

#[test]
fn a_named_directory_needs_no_configuration() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tollbridge.toml"), "[nonsense]\n").unwrap();
    let other = folder.path().join("other");
    let (code, _, _) = run(folder.path(), &["key", "create", "--name", "ci", "--dir", other.to_str().unwrap()]);
    assert_eq!((code, other.join("keys.db").exists()), (0, true));
    let (code, _, errors) = run(folder.path(), &["key", "list"]);
    assert!(code == 2 && errors.contains("nonsense"), "{errors}");
}

#[test]
fn serve_listens_beyond_loopback_only_with_a_key_or_on_purpose() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (code, out, errors) = run(folder, &["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!((code, out.as_str()), (2, ""));
    insta::assert_snapshot!(errors);
    let notes = |arguments: &[&str]| {
        let mut child = command(folder, arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut line, mut note) = (String::new(), String::new());
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("tollbridge listening on http://"), "{line}");
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut note).unwrap();
        child.wait().unwrap();
        note
    };
    let local = notes(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(local, "no key is defined: only this machine is answered; see `tollbridge key create --help`\n");
    let open = "no key is defined: everybody who reaches the gateway is answered\n";
    assert_eq!(notes(&["serve", "--listen", "0.0.0.0:0", "--allow-open"]), open);
    assert_eq!(notes(&["serve", "--listen", "0.0.0.0:0", "--set", "server.allow_open=true"]), open);
    run(folder, &["key", "create", "--name", "ci"]);
    assert_eq!(notes(&["serve", "--listen", "0.0.0.0:0"]), "");
    std::fs::write(folder.join("data/keys.db"), "damaged".repeat(1000)).unwrap();
    let (code, _, errors) = run(folder, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(code == 2 && errors.contains("keys.db cannot be used"), "{errors}");
}
