use bytes::Bytes;
use tollbridge_core::{Error, ErrorKind, Loss};
use tollbridge_types::{ChatRequest, Protocol, TokenCount, UsageBasis};

use super::{request_decode, request_encode};
use crate::media::MediaRules;
use crate::object::{Fields, Object};
use crate::{CountCodec, Target};

const PROTOCOL: Protocol = Protocol::OPENAI_INPUT_TOKENS;

/// Reads and writes the count of a response's input tokens.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct InputTokens;

impl CountCodec for InputTokens {
    fn protocol(&self) -> Protocol {
        PROTOCOL
    }

    fn decode_request(&self, body: &[u8]) -> Result<ChatRequest, Error> {
        request_decode::decode(body)
    }

    fn encode_request(
        &self,
        request: &ChatRequest,
        target: &Target<'_>,
        losses: &mut Vec<Loss>,
    ) -> Result<Bytes, Error> {
        let whole =
            request_encode::encode(request, &Target::new(target.model, false).with_profile(target.profile), losses)?;
        let mut body = Fields::new();
        for (name, value) in Object::from_body(&whole)?.into_fields().filter(|(name, _)| COUNTED.contains(&&**name)) {
            body.put(&name, &value);
        }
        Ok(body.to_bytes())
    }

    fn media(&self) -> &'static MediaRules<'static> {
        &MediaRules::OPENAI_RESPONSES
    }

    fn decode_reply(&self, body: &[u8]) -> Result<TokenCount, Error> {
        let mut body = Object::from_vendor(body, "the token count")?;
        let input = body.find_count("input_tokens");
        let input = input.ok_or_else(|| Error::new(ErrorKind::Decode, "the token count has no `input_tokens`"))?;
        let mut count = TokenCount::new(input, UsageBasis::VendorFinal);
        body.take("object");
        count.extras = body.into_extras(PROTOCOL);
        Ok(count)
    }

    fn encode_reply(&self, count: &TokenCount) -> Bytes {
        let mut body = Fields::new();
        body.put("object", "response.input_tokens").put("input_tokens", &count.input);
        crate::codec::put_basis(&mut body, count);
        body.put_extras(&count.extras, PROTOCOL);
        body.to_bytes()
    }
}

/// What of a request is counted; the rest says how to answer.
const COUNTED: &[&str] = &[
    "model",
    "instructions",
    "input",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "text",
    "reasoning",
    "truncation",
    "previous_response_id",
    "conversation",
];
