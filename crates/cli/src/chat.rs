use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt;
use serde_json::{Value, json};
use tollbridge::types::ChatEvent;
use tollbridge::{Answer, AnswerSchema, ChatCall, ChatReply, Client, Error, ErrorKind, Media};

use crate::arguments::{ChatOptions, Sources};
use crate::failure::Failure;
use crate::{load, signals};

pub(crate) async fn run(sources: &Sources, options: &ChatOptions) -> Result<ExitCode, Failure> {
    let (client, config) = load::client(sources)?;
    let fallback = if config.aliases.contains_key("main") { "main" } else { "echo/echo" };
    let model = options.model.as_deref().unwrap_or(fallback);
    let call = prepare(&client, model, options)?;
    let form = form(options)?;
    // Dropping the call closes the connection to the vendor.
    tokio::select! {
        outcome = answer(call, model, options, form.as_ref()) => outcome,
        () = signals::stop() => Err(Failure::interrupted()),
    }
}

fn prepare(client: &Client, model: &str, options: &ChatOptions) -> Result<ChatCall, Failure> {
    let mut call = client.chat(model, prompt(options)?);
    if let Some(system) = &options.system {
        call = call.system(system);
    }
    for image in &options.image {
        call = call.image(media(image)?);
    }
    if let Some(tokens) = options.max_tokens {
        call = call.max_tokens(tokens);
    }
    if let Some(temperature) = options.temperature {
        call = call.temperature(temperature);
    }
    let task = options.task.iter().map(|task| ("task".to_owned(), task.clone()));
    for (name, value) in options.tag.iter().cloned().chain(task) {
        call = call.tag(name, value);
    }
    if options.json_mode {
        call = call.json_mode();
    }
    Ok(call)
}

/// Returns the form that the answer must fit, if there is one.
fn form(options: &ChatOptions) -> Result<Option<AnswerSchema>, Failure> {
    if let Some(path) = &options.schema {
        return schema(path).map(Some);
    }
    let of_type = |text: &String| AnswerSchema::of_type(text).map_err(|error| Failure::usage(error.to_string()));
    options.r#type.as_ref().map(of_type).transpose()
}

fn prompt(options: &ChatOptions) -> Result<String, Failure> {
    if options.prompt.is_empty() {
        if std::io::stdin().is_terminal() {
            return Err(Failure::usage("there is no prompt; give one, or pipe one in"));
        }
        return load::stdin();
    }
    let mut words = Vec::new();
    for word in &options.prompt {
        words.push(if word == "-" { load::stdin()? } else { word.clone() });
    }
    Ok(words.join(" "))
}

fn media(image: &str) -> Result<Media, Failure> {
    if image.starts_with("http://") || image.starts_with("https://") || image.starts_with("data:") {
        return Ok(Media::url(image));
    }
    tollbridge::image_file(image).map_err(|error| Failure::usage(format!("--image {error}")))
}

fn schema(path: &Path) -> Result<AnswerSchema, Failure> {
    let problem = |error: &dyn std::fmt::Display| Failure::usage(format!("--schema {}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| problem(&error))?;
    let schema = serde_json::from_str(&text).map_err(|error| problem(&error))?;
    AnswerSchema::new(schema).map_err(|error| problem(&error))
}

async fn answer(
    call: ChatCall,
    model: &str,
    options: &ChatOptions,
    form: Option<&AnswerSchema>,
) -> Result<ExitCode, Failure> {
    let began = Instant::now();
    if options.json {
        let (envelope, code) = match whole(call, options, form).await {
            Ok((answer, attempts)) => (success(&answer, attempts, began), ExitCode::SUCCESS),
            Err(error) => (failure(&error, model, began), ExitCode::from(1)),
        };
        println!("{}", serde_json::to_string_pretty(&envelope).unwrap_or_default());
        return Ok(code);
    }
    if options.no_stream || form.is_some() {
        let (answer, _) = whole(call, options, form).await?;
        println!("{}", answer.text());
        tell_calls(&answer);
        return Ok(ExitCode::SUCCESS);
    }
    let mut stream = call.stream().await?;
    let mut out = std::io::stdout().lock();
    while let Some(event) = stream.next().await {
        if let ChatEvent::Text { choice: 0, text } | ChatEvent::Refusal { choice: 0, text } = event? {
            // Whoever reads may have gone, as `head` does.
            if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
    let _ = writeln!(out);
    drop(out);
    tell_calls(&stream.so_far());
    for loss in stream.losses() {
        eprintln!("note: {} {}: {}", loss.kind.as_str(), loss.path, loss.reason);
    }
    Ok(ExitCode::SUCCESS)
}

/// Waits for the whole answer, or the first one that fits its form, and says how many were asked for.
async fn whole(call: ChatCall, options: &ChatOptions, form: Option<&AnswerSchema>) -> Result<(Answer, usize), Error> {
    let Some(form) = form else { return Ok((call.send().await?, 1)) };
    let mut answers = call.fitting(form, options.attempts).await?.answers;
    let count = answers.len();
    let last = answers.pop().ok_or_else(|| Error::new(ErrorKind::Unknown, "there is no answer"))?;
    Ok((last, count))
}

fn tell_calls(reply: &ChatReply) {
    for call in reply.tool_calls() {
        println!("[call] {}({})", call.name, call.arguments);
    }
}

fn success(reply: &Answer, attempts: usize, began: Instant) -> Value {
    let calls: Vec<_> =
        reply.tool_calls().map(|call| json!({"id": call.id, "name": call.name, "arguments": call.arguments})).collect();
    let usage = reply.usage.as_ref().map(|usage| {
        json!({
            "prompt_tokens": usage.total_input(),
            "completion_tokens": usage.total_output(),
            "total_tokens": usage.total(),
            "cached_tokens": usage.cache_read,
            "reasoning_tokens": usage.reasoning,
        })
    });
    json!({
        "success": true,
        "content": reply.text(),
        "reasoning": Some(reply.reasoning()).filter(|reasoning| !reasoning.is_empty()),
        "refusal": reply.refusal(),
        "model": reply.model,
        "usage": usage,
        "cost": reply.cost().map(|cost| cost.to_string()),
        "finish_reason": reply.finish().map(|finish| &finish.reason),
        "tool_calls": calls,
        "metadata": {
            "request_id": reply.request_id(),
            "response_id": reply.id,
            "provider": reply.provider(),
            "latency_ms": millis(began),
            "attempts": attempts,
            "cached": false,
            "failover_from": null,
            "timestamp": now(),
            "losses": reply.losses(),
        },
    })
}

fn failure(error: &Error, model: &str, began: Instant) -> Value {
    json!({
        "success": false,
        "model": model,
        "error": {
            "type": error.kind().as_str(),
            "message": error.message(),
            "hint": error.hint(),
            "path": error.path(),
            "provider": error.provider(),
            "status": error.vendor().and_then(|vendor| vendor.status),
            "retryable": matches!(error.retry(), tollbridge::Retry::SameTarget { .. }),
        },
        "partial": error.partial().map(ChatReply::text),
        "metadata": {
            "request_id": error.vendor().and_then(|vendor| vendor.request_id.as_deref()),
            "latency_ms": millis(began),
            "attempts": error.attempts(),
            "timestamp": now(),
        },
    })
}

/// Returns the seconds since 1970 UTC.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
