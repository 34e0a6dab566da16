use bytes::Bytes;
use tollbridge_core::{Error, ErrorKind, Loss};
use tollbridge_types::{EmbedInput, EmbedReply, EmbedRequest, Embedding, Json, Protocol, Usage, UsageBasis};

use crate::object::{Fields, Object};
use crate::{EmbedCodec, ReplyContext, Target, losses};

const PROTOCOL: Protocol = Protocol::VERTEX_PREDICT;

/// Writes and reads Vertex AI's `predict` of text embeddings, after "Text embeddings API" in its reference.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Predict;

impl EmbedCodec for Predict {
    fn protocol(&self) -> Protocol {
        PROTOCOL
    }

    fn decode_request(&self, _: &[u8]) -> Result<EmbedRequest, Error> {
        Err(crate::codec::no_clients(PROTOCOL))
    }

    fn encode_request(&self, request: &EmbedRequest, _: &Target<'_>, losses: &mut Vec<Loss>) -> Result<Bytes, Error> {
        let instance = |(place, input): (usize, &EmbedInput)| match input {
            EmbedInput::Text(text) => {
                let mut fields = Fields::new();
                fields.put("content", text).put_some("task_type", request.extras.get(PROTOCOL, "task_type"));
                fields.put_some("title", request.extras.get(PROTOCOL, "title"));
                Ok(fields)
            }
            _ => Err(Error::invalid(format!("input[{place}]"), "Vertex embeds texts, not tokens")
                .with_hint("send the text itself")),
        };
        let instances = request.input.iter().enumerate().map(instance).collect::<Result<Vec<_>, _>>()?;
        let mut body = Fields::new();
        body.put("instances", &instances);
        if let Some(dimensions) = request.dimensions {
            body.put("parameters", &serde_json::json!({"outputDimensionality": dimensions}));
        }
        if request.user.is_some() {
            losses.push(Loss::dropped("user", "Vertex has no such setting"));
        }
        losses::report_foreign(&request.extras, "extras", PROTOCOL, losses);
        Ok(body.to_bytes())
    }

    fn decode_reply(&self, body: &[u8]) -> Result<EmbedReply, Error> {
        let mut body = Object::from_vendor(body, "the embeddings reply")?;
        let list: Option<Vec<Json>> = body.find("predictions");
        let list = list.ok_or_else(|| Error::new(ErrorKind::Decode, "the embeddings reply has no `predictions`"))?;
        let mut reply = EmbedReply::default();
        let (mut tokens, mut raw) = (None, None);
        for (place, json) in list.iter().enumerate() {
            let mut inner = Object::lenient(json).find_object("embeddings");
            let vector: Option<Vec<f64>> = inner.find("values");
            let vector = vector.ok_or_else(|| {
                let message = format!("`predictions[{place}].embeddings.values` of the reply is not a vector");
                Error::new(ErrorKind::Decode, message)
            })?;
            reply.embeddings.push(Embedding::Floats(vector));
            if let Some(statistics) = inner.take("statistics") {
                let counted = Object::lenient(&statistics).find_count("token_count");
                tokens = counted.map(|counted| counted.saturating_add(tokens.unwrap_or_default())).or(tokens);
                raw = raw.or(Some(statistics));
            }
        }
        if tokens.is_some() {
            let mut usage = Usage::default();
            (usage.input, usage.basis, usage.raw) = (tokens, UsageBasis::VendorFinal, raw);
            reply.usage = Some(usage);
        }
        reply.extras = body.into_extras(PROTOCOL);
        Ok(reply)
    }

    fn encode_reply(&self, _: &EmbedReply, _: bool, _: &ReplyContext<'_>) -> Result<Bytes, Error> {
        Err(crate::codec::no_clients(PROTOCOL))
    }
}
