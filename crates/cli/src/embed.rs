use std::process::ExitCode;

use serde_json::json;
use tollbridge::EmbedRequest;

use crate::arguments::{EmbedOptions, Sources};
use crate::failure::Failure;
use crate::load;

pub(crate) async fn run(sources: &Sources, options: &EmbedOptions) -> Result<ExitCode, Failure> {
    let (client, _) = load::client(sources)?;
    let mut texts = Vec::new();
    for text in &options.texts {
        texts.push(if text == "-" { load::stdin()? } else { text.clone() });
    }
    let mut request = EmbedRequest::new(&options.model, texts);
    request.dimensions = options.dimensions;
    let answer = client.embed_request(request).await?;
    let vectors = answer.floats()?;
    if options.json {
        let tokens = answer.usage.as_ref().map(tollbridge::core::Usage::total_input);
        let body = json!({
            "model": answer.model,
            "embeddings": vectors,
            "usage": {"prompt_tokens": tokens},
            "metadata": {"provider": answer.provider()},
        });
        println!("{body}");
    } else {
        for vector in vectors {
            println!("{}", serde_json::to_string(vector).unwrap_or_default());
        }
    }
    Ok(ExitCode::SUCCESS)
}
