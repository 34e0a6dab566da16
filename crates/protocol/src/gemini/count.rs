use bytes::Bytes;
use tollbridge_core::{Error, ErrorKind, Loss};
use tollbridge_types::{ChatRequest, Protocol, TokenCount, UsageBasis};

use super::{request_decode, request_encode};
use crate::media::MediaRules;
use crate::object::{Fields, Object, json};
use crate::{CountCodec, Target};

const PROTOCOL: Protocol = Protocol::GEMINI_COUNT_TOKENS;

/// Reads and writes `models.countTokens`.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct CountTokens;

/// Returns the body of a count as Vertex AI takes it, which knows no `generateContentRequest`.
///
/// What stands in it moves out; what is not counted stays behind.
///
/// # Errors
/// [`InvalidRequest`](ErrorKind::InvalidRequest) if the body is not a JSON object.
pub fn count_for_vertex(body: &Bytes) -> Result<Bytes, Error> {
    let mut fields = Object::from_body(body)?;
    let Some(whole) = fields.take_any(&["generateContentRequest", "generate_content_request"]) else {
        return Ok(body.clone());
    };
    let mut body = Fields::new();
    for (name, value) in Object::strict(&whole, "generateContentRequest")?.into_fields() {
        if COUNTED.contains(&name.as_str()) {
            body.put(&name, &value);
        }
    }
    Ok(body.to_bytes())
}

/// The fields of Vertex AI's CountTokensRequest that a request to generate has too.
const COUNTED: &[&str] =
    &["contents", "systemInstruction", "system_instruction", "tools", "generationConfig", "generation_config"];

impl CountCodec for CountTokens {
    fn protocol(&self) -> Protocol {
        PROTOCOL
    }

    /// Reads the contents, or the whole request that stands in `generateContentRequest`.
    fn decode_request(&self, body: &[u8]) -> Result<ChatRequest, Error> {
        let mut fields = Object::from_body(body)?;
        match fields.take_any(&["generateContentRequest", "generate_content_request"]) {
            Some(inner) => request_decode::decode(inner.as_str().as_bytes()),
            None => request_decode::decode(body),
        }
    }

    fn encode_request(
        &self,
        request: &ChatRequest,
        target: &Target<'_>,
        losses: &mut Vec<Loss>,
    ) -> Result<Bytes, Error> {
        let whole = request_encode::encode(request, target.profile, losses)?;
        let mut inner = Fields::new();
        inner.put("model", &format!("models/{}", target.model.trim_start_matches("models/")));
        for (name, value) in Object::from_body(&whole)?.into_fields().filter(|(name, _)| name != "model") {
            inner.put(&name, &value);
        }
        let mut body = Fields::new();
        body.put("generateContentRequest", &inner);
        Ok(body.to_bytes())
    }

    fn media(&self) -> &'static MediaRules<'static> {
        &MediaRules::GEMINI
    }

    fn decode_reply(&self, body: &[u8]) -> Result<TokenCount, Error> {
        let mut body = Object::from_vendor(body, "the token count")?;
        let input = body.find_count("totalTokens");
        let input = input.ok_or_else(|| Error::new(ErrorKind::Decode, "the token count has no `totalTokens`"))?;
        let mut count = TokenCount::new(input, UsageBasis::VendorFinal);
        count.cached = body.find_count("cachedContentTokenCount");
        count.extras = body.into_extras(PROTOCOL);
        Ok(count)
    }

    fn encode_reply(&self, count: &TokenCount) -> Bytes {
        let mut body = Fields::new();
        body.put("totalTokens", &count.input).put_some("cachedContentTokenCount", count.cached);
        crate::codec::put_basis(&mut body, count);
        body.put_extras(&count.extras, PROTOCOL);
        if !body.has("promptTokensDetails") {
            let details = serde_json::json!([{"modality": "TEXT", "tokenCount": count.input}]);
            body.put("promptTokensDetails", &json(&details));
        }
        body.to_bytes()
    }
}
