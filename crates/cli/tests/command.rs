//! The command as its users see it.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

/// Runs the command with an empty environment and returns exit code, output and errors.
fn run(arguments: &[&str], environment: &[(&str, &str)], input: &str) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut child = command(arguments, environment).current_dir(&folder).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn command(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollbridge"));
    command.args(arguments).env_clear();
    // What shows the configuration writes nothing, and shows where it would.
    if arguments.first() != Some(&"config") {
        command.env("TOLLBRIDGE_USAGE_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/usage"));
    }
    command.envs(environment.iter().copied());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn help_has_examples() {
    let mut help = String::new();
    let keys = [
        "budget list",
        "usage",
        "usage summary",
        "usage export",
        "usage reprice",
        "key",
        "key create",
        "key list",
        "key show",
        "key revoke",
    ];
    let names =
        ["", "serve", "chat", "embed", "models", "tokens", "mock", "cost", "config", "config resolve", "doctor"];
    for name in names.into_iter().chain(keys) {
        let mut arguments: Vec<_> = name.split_whitespace().collect();
        arguments.push("--help");
        let (code, text, _) = run(&arguments, &[], "");
        assert_eq!(code, 0);
        help.push_str(&format!("$ tollbridge {}\n{text}\n", arguments.join(" ")));
    }
    insta::assert_snapshot!(help);
}

#[test]
fn chat_answers_streams_and_reads_standard_input() {
    let (code, out, _) = run(&["chat", "-m", "echo/any", "héllo", "你好"], &[], "");
    assert_eq!((code, out.as_str()), (0, "Echo: héllo 你好\n"));
    let (_, out, _) = run(&["chat", "--no-stream", "Say:", "-"], &[], "from a pipe");
    assert_eq!(out, "Echo: Say: from a pipe\n");
    let (_, out, _) = run(&["chat"], &[], "only a pipe");
    assert_eq!(out, "Echo: only a pipe\n");
}

#[test]
fn tokens_are_counted_of_texts_and_of_rows() {
    let (code, out, _) = run(&["tokens", "--model", "gpt-4o", "hello world"], &[], "");
    assert_eq!((code, out.as_str()), (0, "2\n"));
    let (_, out, _) = run(&["tokens", "--encoding", "cl100k", "--ids", "hello world"], &[], "");
    assert_eq!(out, "15339 1917\n");
    let (_, out, errors) = run(&["tokens", "-m", "anthropic/claude-opus-4-1"], &[], "Hello there, how are you?");
    assert_eq!((out.as_str(), errors.as_str()), ("8\n", "note: an estimate; the model's vocabulary is not public\n"));
    let (_, out, _) = run(&["tokens", "-m", "gpt-4", "--json", "你好，世界"], &[], "");
    assert_eq!(out, "{\"basis\":\"counted\",\"encoding\":\"cl100k_base\",\"tokens\":6}\n");
    let rows = r#"{"id":"a","text":"你好，世界","encoding":"o200k_base","mode":"ordinary","count":9,"weight":1e400}
{"text":"a"}
{"text":"<|endoftext|>","encoding":"cl100k_base","mode":"allowed_special_all"}

{"text":3,"model":"gpt-4"}
{"text":"a","encoding":"r50k_base"}
{"text":"a","encoding":"o200k_base","mode":"none"}
[]
{"model":"gpt-4","messages":[{"role":"user","content":"hello world"}]}
{"model":"gpt-4","messages":[{"role":"user","content":7}]}
"#;
    let (code, out, errors) = run(&["tokens", "--jsonl", "-", "--ids"], &[], rows);
    assert_eq!(code, 1);
    insta::assert_snapshot!(format!("{out}--\n{errors}"));
}

#[test]
fn who_has_read_enough_rows_may_close_the_pipe() {
    for (name, row) in [
        ("tokens", r#"{"text":"a","encoding":"o200k"}"#),
        ("cost", r#"{"model":"openai/gpt-4o","usage":{"prompt_tokens":1}}"#),
    ] {
        let mut child = command(&[name, "--jsonl", "-"], &[]).stdin(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        child.stdin.take().unwrap().write_all(row.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{name}");
    }
}

#[test]
fn chat_prints_json_of_success_and_failure() {
    let (code, out, _) = run(&["chat", "-m", "echo/any", "--json", "Hello World"], &[], "");
    let mut envelope: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, 0);
    envelope["metadata"]["latency_ms"] = 0.into();
    for name in ["request_id", "response_id", "timestamp"] {
        envelope["metadata"][name] = "ANY".into();
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&envelope).unwrap());
    let (code, out, _) = run(&["chat", "-m", "nobody/any", "--json", "hi"], &[], "");
    let mut envelope: serde_json::Value = serde_json::from_str(&out).unwrap();
    envelope["metadata"]["timestamp"] = "ANY".into();
    envelope["metadata"]["latency_ms"] = 0.into();
    assert_eq!(code, 1);
    insta::assert_snapshot!(serde_json::to_string_pretty(&envelope).unwrap());
}

#[test]
fn an_answer_must_fit_a_type_or_a_schema_and_is_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let says = |text: &str| {
        let message = serde_json::json!({"role": "assistant", "content": text});
        let body = serde_json::json!({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]});
        serde_json::json!({"headers": [["content-type", "application/json"]], "chunks": [body.to_string()]})
    };
    let steps = [r#"{"a": 1.5}"#, r#"{"a": ["b"]}"#, r#"{"a": 1.5}"#, r#"{"a": "c"}"#, "no"].map(says);
    let script = file("script.json", serde_json::json!({"steps": steps}).to_string());
    let mock = Running::start(&["mock", "openai", "--listen", "127.0.0.1:0", "--script", &script]);
    let base = format!("providers.openai.base_url={}", mock.url);
    let ask = |more: &[&str]| {
        let usual = ["chat", "-m", "openai/m", "--set", "providers.openai.api_key=k", "--set", &base];
        run(&[&usual, more].concat(), &[], "What?")
    };
    let map = "Dict[str, Union[str,int,List[str]]]";
    let (code, out, _) = ask(&["--type", map]);
    assert_eq!((code, out.as_str()), (0, "{\"a\": [\"b\"]}\n"));
    let (code, out, errors) = ask(&["--type", map, "--attempts", "1"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(errors.contains("`$.a`: 1.5 is none of"), "{errors}");
    let schema = file("schema.json", r#"{"type": "object", "required": ["a"]}"#.to_owned());
    let (code, out, _) = ask(&["--schema", &schema, "--json"]);
    let envelope: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &envelope["content"], &envelope["metadata"]["attempts"]),
        (0, &"{\"a\": \"c\"}".into(), &1.into())
    );
    let (code, _, errors) = ask(&["--type", "Dict[str"]);
    assert_eq!(code, 2);
    assert!(errors.contains("the type cannot be read"), "{errors}");
}

#[test]
fn embed_models_and_resolve_print_data() {
    let (_, out, _) = run(&["embed", "one", "two", "--dimensions", "3", "--json"], &[], "");
    let (_, again, _) = run(&["embed", "one", "two", "--dimensions", "3", "--json"], &[], "");
    assert_eq!(out, again);
    let body: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(body["embeddings"][1].as_array().unwrap().len(), 3);
    assert_eq!(run(&["models"], &[], ""), (0, "echo/echo\n".into(), String::new()));
    let (code, out, _) = run(&["config", "resolve", "grok-4"], &[], "");
    insta::assert_snapshot!(format!("{code}\n{out}"), @r"
    0
    provider  xai
    model     grok-4
    base_url  https://api.x.ai/v1
    reason    the model's name begins with `grok`
    ");
}

#[test]
fn a_models_profile_is_shown_with_its_sources_and_no_key() {
    let (code, out, errors) = run(&["models", "show", "anthropic/claude-sonnet-4-5-20250929"], &[], "");
    assert_eq!((code, errors.as_str()), (0, ""));
    assert!(
        out.starts_with(
            "anthropic/claude-sonnet-4-5-20250929: `claude-sonnet-4-5` at anthropic, in anthropic.messages\n"
        ),
        "{out}"
    );
    assert!(out.contains("thinking.forms") && out.contains("[\"budget\"]") && out.contains("https://"), "{out}");
    let (_, out, _) = run(&["models", "show", "openai/gpt-5.4", "--json"], &[], "");
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(value["profile"]["tools"]["chat_effort"], "omit");
    assert!(value["settings"].as_array().unwrap().iter().all(|setting| setting["source"] != ""));
    let unknown = run(&["models", "show", "custom/nobody-knows-it"], &[], "");
    assert_eq!(unknown.0, 0, "{}", unknown.2);
    let (code, _, errors) = run(&["models", "show", "nowhere/m"], &[], "");
    assert!(code == 2 && errors.contains("nowhere"), "{code} {errors}");
}

#[test]
fn who_has_read_enough_may_close_the_pipe() {
    for more in [&[] as &[&str], &["--json"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let arguments = [&["models", "show", "anthropic/claude-sonnet-4-5"], more].concat();
        let output = command(&arguments, &[]).stdout(writer).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), errors.as_str()), (Some(0), ""));
    }
}

#[test]
fn configuration_problems_come_all_at_once_and_exit_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tollbridge.toml");
    std::fs::write(&file, "[sever]\n[server]\nlisten = 5\n[providers.opanai]\napi_kye = \"secret-1\"\n[providers.openai]\napi_key = \"${NOT_SET}\"\n").unwrap();
    let (code, _, errors) = run(&["config", "check", "--config", file.to_str().unwrap()], &[], "");
    assert_eq!(code, 2);
    insta::assert_snapshot!(errors.replace(folder.path().to_str().unwrap(), "DIR"));
    assert!(!errors.contains("secret-1"));
}

#[test]
fn show_masks_secrets_and_names_sources() {
    let environment = [("OPENAI_API_KEY", "sk-secret"), ("TOLLBRIDGE_SERVER__BODY_LIMIT", "5MB")];
    let (code, out, _) = run(&["config", "show", "--set", "server.listen=127.0.0.1:0"], &environment, "");
    assert_eq!(code, 0);
    assert!(!out.contains("sk-secret"));
    insta::assert_snapshot!(out);
}

#[test]
fn doctor_tells_the_well_from_the_unwell() {
    let mock = Running::start(&["mock", "openai", "--listen", "127.0.0.1:0", "--strict"]);
    let [good, bad, hanging] =
        ["openai", "groq", "deepseek"].map(|name| format!("providers.{name}.base_url={}", mock.url));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let hanging = hanging.replace(&mock.url, &format!("http://{}", listener.local_addr().unwrap()));
    let refused = bad.replace(&mock.url, "http://127.0.0.1:9");
    let arguments = [
        "doctor",
        "--timeout",
        "1",
        "--set",
        &good,
        "--set",
        "providers.openai.api_key=k",
        "--set",
        &refused,
        "--set",
        "providers.groq.api_key=k",
        "--set",
        &hanging,
        "--set",
        "providers.deepseek.api_key=k",
    ];
    let (code, out, _) = run(&arguments, &[], "");
    assert_eq!(code, 1);
    let states: Vec<_> = out
        .lines()
        .filter(|line| !line.starts_with(' '))
        .map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(states, ["FAIL deepseek", "OK echo", "FAIL groq", "OK openai"], "{out}");
    assert!(out.contains("network:") && out.contains("rate limit or timeout:"), "{out}");
}

#[test]
fn serve_prints_one_line_and_stops_on_a_signal() {
    let running = Running::start(&["serve", "--listen", "127.0.0.1:0"]);
    let line = running.line.clone();
    assert!(line.starts_with("tollbridge listening on http://127.0.0.1:") && line.contains("echo"), "{line}");
    assert_eq!(running.terminate(), 0);
}

/// A process that says where it listens.
struct Running {
    child: Child,
    line: String,
    url: String,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments, &[]).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
        Self { child, line, url }
    }

    /// Sends SIGTERM and returns the exit code.
    fn terminate(mut self) -> i32 {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
