use bytes::Bytes;
use tollbridge_core::{Error, ErrorKind, Loss};
use tollbridge_types::{EmbedInput, EmbedReply, EmbedRequest, Embedding, Json, Protocol, Usage, UsageBasis};

use crate::object::{Fields, Object};
use crate::{EmbedCodec, ReplyContext, Target, losses};

const PROTOCOL: Protocol = Protocol::BEDROCK_EMBED;

/// Writes and reads InvokeModel of embeddings, in the words of the model's maker: Titan, Nova or Cohere.
///
/// After "Inference request parameters and response fields for foundation models" in AWS's guide. Titan and Nova
/// take one text in a call, and a request with more is refused: [`takes_many`] tells.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Embed;

/// Says whether a model embeds several texts in one call.
pub fn takes_many(model: &str) -> bool {
    Maker::of(model) == Maker::Cohere
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Maker {
    Cohere,
    Nova,
    Titan,
}

impl Maker {
    /// Knows a maker by the model's id, or by the ARN of something that was made of it.
    fn of(model: &str) -> Self {
        match model {
            _ if model.contains("cohere.") => Self::Cohere,
            _ if model.contains("nova-") => Self::Nova,
            _ => Self::Titan,
        }
    }
}

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
            _ => Err(Error::invalid(format!("input[{place}]"), "Bedrock's models embed texts, not tokens")
                .with_hint("send the text itself")),
        };
        let texts = request.input.iter().enumerate().map(text).collect::<Result<Vec<_>, _>>()?;
        let maker = Maker::of(target.model);
        let mut body = Fields::new();
        match (maker, texts.as_slice()) {
            (Maker::Cohere, texts) => cohere(texts, request, &mut body, losses),
            (Maker::Titan, [text]) => {
                body.put("inputText", text).put_some("dimensions", request.dimensions);
            }
            (Maker::Nova, [text]) => nova(text, request, &mut body),
            _ => {
                return Err(Error::invalid("input", "the model embeds one text in a call")
                    .with_hint("send one text in each call"));
            }
        }
        body.put_missing(request.extras.of(PROTOCOL));
        if request.user.is_some() {
            losses.push(Loss::dropped("user", "Bedrock has no such setting"));
        }
        losses::report_foreign(&request.extras, "extras", PROTOCOL, losses);
        Ok(body.to_bytes())
    }

    fn decode_reply(&self, body: &[u8]) -> Result<EmbedReply, Error> {
        let mut body = Object::from_vendor(body, "the embeddings reply")?;
        let mut reply = EmbedReply::default();
        let vectors = match (body.take("embedding"), body.take("embeddings")) {
            (Some(one), _) => one.parse().ok().map(|vector| vec![vector]),
            (None, Some(many)) => many.parse().ok().or_else(|| by_type(&many)).or_else(|| listed(&many)),
            (None, None) => body.take("embeddingsByType").and_then(|json| by_type(&json)),
        };
        let vectors = vectors
            .ok_or_else(|| Error::new(ErrorKind::Decode, "the embeddings reply has no `embedding` of numbers"))?;
        reply.embeddings = vectors.into_iter().map(Embedding::Floats).collect();
        if let Some(tokens) = body.find_count("inputTextTokenCount") {
            let mut usage = Usage::default();
            (usage.input, usage.basis) = (Some(tokens), UsageBasis::VendorFinal);
            usage.raw = Some(Fields::one("inputTextTokenCount", &tokens).to_json());
            reply.usage = Some(usage);
        }
        for echo in ["texts", "response_type", "embeddingsByType"] {
            body.take(echo);
        }
        reply.extras = body.into_extras(PROTOCOL);
        Ok(reply)
    }

    /// Writes what [`decode_reply`](EmbedCodec::decode_reply) reads, for replies that were gathered from several calls.
    fn encode_reply(&self, reply: &EmbedReply, _: bool, _: &ReplyContext<'_>) -> Result<Bytes, Error> {
        if reply.embeddings.iter().any(|vector| !matches!(vector, Embedding::Floats(_))) {
            return Err(Error::new(ErrorKind::Decode, "a vector is not in numbers"));
        }
        let mut body = Fields::new();
        body.put("embeddings", &reply.embeddings);
        body.put_some("inputTextTokenCount", reply.usage.as_ref().and_then(|usage| usage.input));
        body.put_extras(&reply.extras, PROTOCOL);
        Ok(body.to_bytes())
    }
}

fn cohere(texts: &[String], request: &EmbedRequest, body: &mut Fields, losses: &mut Vec<Loss>) {
    body.put("texts", texts);
    if request.extras.get(PROTOCOL, "input_type").is_none() {
        losses.push(Loss::adapted("input", "Cohere wants to know what for: sent as `search_document`"));
        body.put("input_type", "search_document");
    }
    body.put_some("output_dimension", request.dimensions);
}

fn nova(text: &str, request: &EmbedRequest, body: &mut Fields) {
    let mut inner = Fields::new();
    inner.put("embeddingPurpose", "GENERIC_INDEX").put_some("embeddingDimension", request.dimensions);
    inner.put("text", &serde_json::json!({"truncationMode": "NONE", "value": text}));
    body.put("schemaVersion", "nova-multimodal-embed-v1").put("taskType", "SINGLE_EMBEDDING");
    body.put("singleEmbeddingParams", &inner);
}

/// Reads vectors that stand below the name of their numbers' type: lists of them, or one alone.
fn by_type(json: &Json) -> Option<Vec<Vec<f64>>> {
    let mut fields = Object::lenient(json);
    let floats = fields.take("float").or_else(|| fields.take("int8")).or_else(|| fields.take("binary"))?;
    floats.parse().ok().or_else(|| Some(vec![floats.parse().ok()?]))
}

/// Reads Nova's list of objects.
fn listed(json: &Json) -> Option<Vec<Vec<f64>>> {
    let list: Vec<Json> = json.parse().ok()?;
    list.iter().map(|json| Object::lenient(json).find("embedding")).collect()
}
