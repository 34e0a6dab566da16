use std::process::ExitCode;

use serde::de::DeserializeOwned;
use serde_json::json;
use tollbridge::tokens::{Encoding, Tokenizer, count_request};
use tollbridge::types::{Protocol, UsageBasis};

use crate::arguments::TokensOptions;
use crate::failure::Failure;
use crate::load;
use crate::rows::{self, Row, put};

pub(crate) fn run(options: &TokensOptions) -> Result<ExitCode, Failure> {
    match &options.jsonl {
        Some(path) => rows::each(path, |line| row(line, options)),
        None => text(options),
    }
}

fn text(options: &TokensOptions) -> Result<ExitCode, Failure> {
    let mut texts = Vec::new();
    for text in &options.texts {
        texts.push(if text == "-" { load::stdin()? } else { text.clone() });
    }
    let text = if texts.is_empty() { load::stdin()? } else { texts.join(" ") };
    let tokenizer = match (&options.encoding, &options.model) {
        (Some(name), _) => encoding(name).map_err(Failure::usage)?.into(),
        (None, Some(model)) => Tokenizer::for_model(model),
        (None, None) => encoding(DEFAULT).map_err(Failure::usage)?.into(),
    };
    let counted = count(tokenizer, &text, false, options.ids).map_err(Failure::usage)?;
    if options.json {
        let encoding = tokenizer.encoding().map(Encoding::name);
        let mut body = serde_json::Map::new();
        body.insert("tokens".to_owned(), json!(counted.tokens));
        body.insert("basis".to_owned(), json!(counted.basis));
        body.insert("encoding".to_owned(), json!(encoding));
        if let Some(ids) = counted.ids {
            body.insert("ids".to_owned(), json!(ids));
        }
        println!("{}", serde_json::Value::Object(body));
    } else if let Some(ids) = counted.ids {
        println!("{}", ids.iter().map(u32::to_string).collect::<Vec<_>>().join(" "));
    } else {
        println!("{}", counted.tokens);
        if counted.basis == UsageBasis::Estimated {
            eprintln!("note: an estimate; the model's vocabulary is not public");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn row(line: &[u8], options: &TokensOptions) -> Result<Row, String> {
    let mut row: Row = serde_json::from_slice(line).map_err(|error| format!("not a JSON object: {error}"))?;
    let model = field::<String>(&row, "model")?.or_else(|| options.model.clone());
    let counted = if row.contains_key("messages") {
        let model = model.ok_or("field `model` is missing; or name one with --model")?;
        conversation(&row, &model)?
    } else {
        let text: String = field(&row, "text")?.ok_or("field `text` is missing, and so is `messages`")?;
        let special = match field::<String>(&row, "mode")?.as_deref() {
            None | Some("ordinary") => false,
            Some("allowed_special_all") => true,
            Some(mode) => return Err(format!("field `mode`: `{mode}` is neither ordinary nor allowed_special_all")),
        };
        let name = field::<String>(&row, "encoding")?.or_else(|| options.encoding.clone());
        let tokenizer = match (name, model) {
            (Some(name), _) => encoding(&name).map_err(|problem| format!("field `encoding`: {problem}"))?.into(),
            (None, Some(model)) => Tokenizer::for_model(&model),
            (None, None) => {
                return Err("field `encoding` is missing, and so is `model`; or name one with --encoding".into());
            }
        };
        count(tokenizer, &text, special, options.ids)?
    };
    // A count that stands in the row is another's; ours takes its place.
    put(&mut row, "count", &counted.tokens)?;
    put(&mut row, "tokens", &counted.tokens)?;
    put(&mut row, "basis", &counted.basis)?;
    if let Some(ids) = counted.ids {
        put(&mut row, "ids", &ids)?;
    }
    Ok(row)
}

struct Counted {
    tokens: u64,
    basis: UsageBasis,
    ids: Option<Vec<u32>>,
}

fn count(tokenizer: Tokenizer, text: &str, special: bool, ids: bool) -> Result<Counted, String> {
    let basis = tokenizer.basis();
    if !special && !ids {
        return Ok(Counted { tokens: tokenizer.count(text), basis, ids: None });
    }
    let encoding = tokenizer.encoding().ok_or("the model's vocabulary is not public, so its tokens have no ids")?;
    let tokens = if special { encoding.encode_with_special(text) } else { encoding.encode(text) };
    Ok(Counted { tokens: tokens.len() as u64, basis, ids: ids.then_some(tokens) })
}

/// Counts a conversation as OpenAI's chat completions write it.
fn conversation(row: &Row, model: &str) -> Result<Counted, String> {
    let mut body = Row::new();
    put(&mut body, "model", &model)?;
    for name in ["messages", "tools", "tool_choice"] {
        if let Some(value) = row.get(name).filter(|value| value.get() != "null") {
            body.insert(name.to_owned(), value.clone());
        }
    }
    let body = serde_json::to_vec(&body).map_err(|error| error.to_string())?;
    let codec = tollbridge::protocol::chat(Protocol::OPENAI_CHAT).ok_or("OpenAI's protocol is not in this program")?;
    let request = codec.decode_request(&body).map_err(|error| error.to_string())?;
    let counted = count_request(model, &request);
    Ok(Counted { tokens: counted.input, basis: counted.basis, ids: None })
}

fn encoding(name: &str) -> Result<Encoding, String> {
    Encoding::known(name).ok_or_else(|| {
        let known: Vec<_> = Encoding::ALL.iter().map(|encoding| encoding.name()).collect();
        format!("there is no encoding `{name}`; encodings: {}", known.join(", "))
    })
}

fn field<T: DeserializeOwned>(row: &Row, name: &str) -> Result<Option<T>, String> {
    let Some(value) = row.get(name) else { return Ok(None) };
    serde_json::from_str(value.get()).map_err(|error| format!("field `{name}`: {error}"))
}

/// What is counted by if nothing is named.
const DEFAULT: &str = "o200k";
