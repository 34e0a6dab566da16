use bytes::Bytes;
use tollbridge_core::{Error, ErrorKind, Loss};
use tollbridge_types::{EmbedInput, EmbedReply, EmbedRequest, Embedding, Extras, Json, Protocol};

use super::usage;
use crate::object::{Fields, Object};
use crate::{EmbedCodec, ReplyContext, Target, losses};

const PROTOCOL: Protocol = Protocol::COHERE_EMBED;

/// Writes requests of `POST /v2/embed` and reads its replies, and those of the first version.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Embed;

impl EmbedCodec for Embed {
    fn protocol(&self) -> Protocol {
        PROTOCOL
    }

    fn decode_request(&self, _: &[u8]) -> Result<EmbedRequest, Error> {
        Err(crate::codec::no_clients(PROTOCOL))
    }

    fn encode_request(
        &self,
        request: &EmbedRequest,
        target: &Target<'_>,
        losses: &mut Vec<Loss>,
    ) -> Result<Bytes, Error> {
        let text = |(place, input): (usize, &EmbedInput)| match input {
            EmbedInput::Text(text) => Ok(text.clone()),
            _ => Err(Error::invalid(format!("input[{place}]"), "Cohere embeds texts, not tokens")
                .with_hint("send the text itself")),
        };
        let texts = request.input.iter().enumerate().map(text).collect::<Result<Vec<_>, _>>()?;
        let mut body = Fields::new();
        body.put("model", target.model).put("texts", &texts).put_extras(&request.extras, PROTOCOL);
        if !body.has("input_type") {
            // The vectors of queries differ from those of documents, and a request of another protocol does not say.
            let told = request.extras.iter().find(|(_, name, _)| *name == "input_type").map(|(.., value)| value);
            match told {
                Some(told) => body.put("input_type", told),
                None => {
                    losses.push(Loss::adapted("input", "Cohere wants to know what for: sent as `search_document`"));
                    body.put("input_type", "search_document")
                }
            };
        }
        if !body.has("embedding_types") {
            body.put("embedding_types", &["float"]);
        }
        body.put_some("output_dimension", request.dimensions);
        if request.user.is_some() {
            losses.push(Loss::dropped("user", "Cohere has no such setting"));
        }
        let mut rest = Extras::default();
        for (owner, name, value) in request.extras.iter().filter(|(_, name, _)| *name != "input_type") {
            rest.insert(owner, name, value.clone());
        }
        losses::report_foreign(&rest, "extras", PROTOCOL, losses);
        Ok(body.to_bytes())
    }

    fn decode_reply(&self, body: &[u8]) -> Result<EmbedReply, Error> {
        let mut body = Object::from_vendor(body, "the embeddings reply")?;
        let missing = || Error::new(ErrorKind::Decode, "the embeddings reply has no `embeddings` of numbers");
        let json = body.take("embeddings").ok_or_else(missing)?;
        let mut reply = EmbedReply::default();
        reply.embeddings = match json.as_str().starts_with('[') {
            true => floats(&json),
            false => {
                let mut by_type = Object::lenient(&json);
                let numbers = ["float", "float_", "int8", "uint8", "binary", "ubinary"];
                let found = numbers.iter().find_map(|kind| by_type.take(kind)).and_then(|json| floats(&json));
                let coded = || {
                    let list: Vec<String> = by_type.find("base64")?;
                    Some(list.into_iter().map(Embedding::Base64).collect())
                };
                found.or_else(coded)
            }
        }
        .ok_or_else(missing)?;
        if let Some(meta) = body.peek("meta") {
            reply.usage = Some(usage::decode(meta));
        }
        for echo in ["texts", "response_type", "inputs"] {
            body.take(echo);
        }
        reply.extras = body.into_extras(PROTOCOL);
        Ok(reply)
    }

    fn encode_reply(&self, _: &EmbedReply, _: bool, _: &ReplyContext<'_>) -> Result<Bytes, Error> {
        Err(crate::codec::no_clients(PROTOCOL))
    }
}

fn floats(json: &Json) -> Option<Vec<Embedding>> {
    let vectors: Vec<Vec<f64>> = json.parse().ok()?;
    Some(vectors.into_iter().map(Embedding::Floats).collect())
}
