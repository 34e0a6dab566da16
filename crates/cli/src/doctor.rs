use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures_util::future;
use serde_json::json;
use tollbridge::{Client, Error, ErrorKind, Operation, Request};

use crate::arguments::{DoctorOptions, Sources};
use crate::failure::Failure;
use crate::load;

pub(crate) async fn run(sources: &Sources, options: &DoctorOptions) -> Result<ExitCode, Failure> {
    let (client, _) = load::client(sources)?;
    let targets: Vec<String> = if options.models.is_empty() {
        client.providers().map(|provider| provider.info().name.clone()).collect()
    } else {
        options.models.clone()
    };
    let checks = targets.into_iter().map(|target| {
        let client = client.clone();
        let paid = !options.models.is_empty();
        async move {
            let began = Instant::now();
            let outcome = if paid {
                ask(&client, &target, options.timeout).await
            } else {
                list(&client, &target, options.timeout).await
            };
            (target, outcome, began.elapsed())
        }
    });
    let results = future::join_all(checks).await;
    let unwell = results.iter().any(|(_, outcome, _)| outcome.is_err());
    if options.json {
        let rows: Vec<_> = results
            .iter()
            .map(|(target, outcome, took)| {
                let (message, kind, advice) = match outcome {
                    Ok(message) => (message.clone(), None, None),
                    Err(error) => (error.to_string(), Some(error.kind().as_str()), advice(error.kind())),
                };
                json!({"target": target, "ok": outcome.is_ok(), "message": message, "type": kind, "advice": advice,
                "took_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX)})
            })
            .collect();
        println!("{}", serde_json::to_string_pretty(&rows).unwrap_or_default());
    } else {
        let width = results.iter().map(|(target, ..)| target.len()).max().unwrap_or_default();
        for (target, outcome, _) in &results {
            match outcome {
                Ok(message) => println!("OK    {target:<width$}  {message}"),
                Err(error) => println!("FAIL  {target:<width$}  {error}"),
            }
        }
        let mut kinds: Vec<_> =
            results.iter().filter_map(|(_, outcome, _)| outcome.as_ref().err().map(Error::kind)).collect();
        kinds.dedup();
        for advice in kinds.into_iter().filter_map(advice) {
            println!("      {advice}");
        }
    }
    Ok(if unwell { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

async fn ask(client: &Client, model: &str, limit: Duration) -> Result<String, Error> {
    let answer = client.chat(model, "Answer with the word ok.").max_tokens(16).time_limit(limit).await?;
    Ok(format!("{} answered", answer.model.as_deref().unwrap_or(model)))
}

async fn list(client: &Client, provider: &str, limit: Duration) -> Result<String, Error> {
    let able = client.provider(provider).is_some_and(|provider| provider.info().protocol(Operation::Models).is_some());
    if !able {
        return Ok("has no list of models to ask for".to_owned());
    }
    let mut cx = client.context();
    cx.deadline = Some(Instant::now() + limit);
    let reply = client.call(Request::models(provider), &cx).await?;
    let models = tollbridge::protocol::models_reply(&reply)?;
    Ok(format!("{} models", models.len()))
}

/// Explains what people mostly have to do about a kind of failure.
fn advice(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::Auth | ErrorKind::Permission => {
            "key: see `tollbridge config show` for the variable or line that it came from, and whether the account may use the model"
        }
        ErrorKind::RateLimit | ErrorKind::Overloaded | ErrorKind::Timeout(_) => {
            "rate limit or timeout: try again later, raise [timeouts], or spread calls over more keys"
        }
        ErrorKind::ContentPolicy => {
            "policy: the vendor's filter refused; change the prompt, or use a vendor with another policy"
        }
        ErrorKind::ContextLength => {
            "too long: cut the text, for embeddings into pieces, or use a model with a larger window"
        }
        ErrorKind::InvalidRequest | ErrorKind::Unsupported => {
            "schema or setting not effective: the model may not have it; see the losses that `tollbridge chat --json` reports"
        }
        ErrorKind::Network => "network: check `base_url`, the proxy variables and whether the server runs",
        ErrorKind::ModelNotFound => "model: `tollbridge models` lists what the providers offer",
        ErrorKind::Decode => {
            "protocol: `base_url` does not lead to the vendor's API, or the server speaks another protocol"
        }
        ErrorKind::Quota => "quota: the account has no money or allowance left",
        _ => return None,
    })
}
