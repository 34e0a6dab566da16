use bytes::Bytes;
use tollbridge_core::{Error, ErrorKind, Loss};
use tollbridge_types::{EmbedInput, EmbedReply, EmbedRequest, Embedding, Json, Protocol};

use super::usage;
use crate::object::{Fields, Object, json};
use crate::{EmbedCodec, ReplyContext, Target};

const PROTOCOL: Protocol = Protocol::GEMINI_EMBED;

/// Reads and writes Gemini batchEmbedContents; it reads embedContent too.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Embed;

impl EmbedCodec for Embed {
    fn protocol(&self) -> Protocol {
        PROTOCOL
    }

    fn decode_request(&self, body: &[u8]) -> Result<EmbedRequest, Error> {
        let mut body = Object::from_body(body)?;
        let mut request = EmbedRequest::default();
        if let Some(list) = body.take_as::<Vec<Json>>("requests")? {
            if list.is_empty() {
                return Err(Error::invalid("requests", "`requests` is empty").with_hint("send at least one request"));
            }
            for (place, json) in list.iter().enumerate() {
                entry(Object::strict(json, &format!("requests[{place}]"))?, &mut request)?;
            }
            return Ok(request);
        }
        entry(body, &mut request)?;
        Ok(request)
    }

    fn encode_request(
        &self,
        request: &EmbedRequest,
        target: &Target<'_>,
        losses: &mut Vec<Loss>,
    ) -> Result<Bytes, Error> {
        for (owner, name, _) in request.extras.iter().filter(|(owner, ..)| *owner != PROTOCOL) {
            losses.push(Loss::dropped(format!("extras.{name}"), format!("only {owner} has it")));
        }
        if request.user.is_some() {
            losses.push(Loss::dropped("user", "Gemini has no such setting"));
        }
        let model = format!("models/{}", target.model.strip_prefix("models/").unwrap_or(target.model));
        let mut requests = Vec::new();
        for (place, input) in request.input.iter().enumerate() {
            let EmbedInput::Text(text) = input else {
                return Err(Error::invalid(format!("input[{place}]"), "Gemini embeds texts, not tokens")
                    .with_hint("send the text itself"));
            };
            let mut fields = Fields::new();
            fields.put("model", &model).put("content", &serde_json::json!({"parts": [{"text": text}]}));
            fields.put_some("outputDimensionality", request.dimensions);
            fields.put_missing(request.extras.of(PROTOCOL).filter(|(name, _)| !name.starts_with(ENTRIES)));
            requests.push(fields);
        }
        let mut body = Fields::new();
        body.put("requests", &requests);
        Ok(body.to_bytes())
    }

    fn decode_reply(&self, body: &[u8]) -> Result<EmbedReply, Error> {
        let mut body = Object::from_vendor(body, "the embeddings reply")?;
        let single = body.take("embedding").into_iter();
        let mut reply = EmbedReply::default();
        for (place, json) in body.find_list("embeddings").into_iter().chain(single).enumerate() {
            let values = Object::lenient(&json).find("values").ok_or_else(|| {
                Error::new(ErrorKind::Decode, format!("`embeddings[{place}].values` of the reply is not a vector"))
            })?;
            reply.embeddings.push(Embedding::Floats(values));
        }
        reply.usage = body.take("usageMetadata").map(|json| usage::decode(&json));
        reply.extras = body.into_extras(PROTOCOL);
        Ok(reply)
    }

    fn encode_reply(&self, reply: &EmbedReply, _: bool, _: &ReplyContext<'_>) -> Result<Bytes, Error> {
        let mut list = Vec::new();
        for embedding in &reply.embeddings {
            let values = match embedding {
                Embedding::Base64(text) => crate::openai::from_base64(text)?,
                Embedding::Floats(numbers) => numbers.clone(),
                _ => return Err(Error::new(ErrorKind::Decode, "a vector is in an unknown form")),
            };
            list.push(serde_json::json!({"values": values}));
        }
        let mut body = Fields::new();
        body.put("embeddings", &list).put_extras(&reply.extras, PROTOCOL);
        Ok(body.to_bytes())
    }
}

fn entry(mut fields: Object, request: &mut EmbedRequest) -> Result<(), Error> {
    fields.take("model");
    let path = fields.path_of("content");
    let mut content = fields.take_object("content")?.ok_or_else(|| {
        Error::invalid(path.clone(), format!("`{path}` is missing"))
            .with_hint("send {\"parts\": [{\"text\": …}]} there")
    })?;
    let parts = content.require::<Vec<Json>>("parts")?;
    let mut text = String::new();
    for (place, part) in parts.iter().enumerate() {
        let path = format!("{}[{place}]", content.path_of("parts"));
        match Object::strict(part, &path)?.take_as::<String>("text")? {
            Some(piece) => text.push_str(&piece),
            None => request.extras.insert(PROTOCOL, path, part.clone()),
        }
    }
    let first = request.input.is_empty();
    request.input.push(EmbedInput::Text(text));
    // A request has one value of each setting: where later texts want another, that is told by its place.
    let dimensions: Option<u32> = fields.take_as("outputDimensionality")?;
    if first {
        request.dimensions = dimensions;
    } else if let Some(other) = dimensions.filter(|wanted| request.dimensions != Some(*wanted)) {
        request.extras.insert(PROTOCOL, fields.path_of("outputDimensionality"), json(&other));
    }
    let base = fields.path_of("");
    for (name, value) in fields.into_fields() {
        match request.extras.get(PROTOCOL, &name) {
            _ if first => request.extras.insert(PROTOCOL, name, value),
            Some(known) if *known == value => {}
            _ => request.extras.insert(PROTOCOL, format!("{base}{name}"), value),
        }
    }
    Ok(())
}

/// How the names of extras begin that belong to one text of several.
const ENTRIES: &str = "requests[";
