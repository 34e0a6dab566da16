use bytes::Bytes;
use tollbridge_core::{Error, ErrorKind, Loss};
use tollbridge_types::{ChatRequest, Protocol, TokenCount, UsageBasis};

use super::request_encode;
use crate::media::MediaRules;
use crate::object::{Fields, Object};
use crate::{CountCodec, Target};

const PROTOCOL: Protocol = Protocol::BEDROCK_COUNT_TOKENS;

/// Writes requests of CountTokens, of a conversation in Converse's form, and reads its replies.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct CountTokens;

impl CountCodec for CountTokens {
    fn protocol(&self) -> Protocol {
        PROTOCOL
    }

    fn decode_request(&self, _: &[u8]) -> Result<ChatRequest, Error> {
        Err(crate::codec::no_clients(PROTOCOL))
    }

    fn encode_request(
        &self,
        request: &ChatRequest,
        target: &Target<'_>,
        losses: &mut Vec<Loss>,
    ) -> Result<Bytes, Error> {
        let whole = request_encode::encode(request, target, losses)?;
        let mut converse = Fields::new();
        let counted = ["messages", "system", "toolConfig", "additionalModelRequestFields"];
        for (name, value) in Object::from_body(&whole)?.into_fields().filter(|(name, _)| counted.contains(&&**name)) {
            converse.put(&name, &value);
        }
        let mut input = Fields::new();
        input.put("converse", &converse);
        let mut body = Fields::new();
        body.put("input", &input);
        Ok(body.to_bytes())
    }

    fn media(&self) -> &'static MediaRules<'static> {
        &MediaRules::BEDROCK
    }

    fn decode_reply(&self, body: &[u8]) -> Result<TokenCount, Error> {
        let input = Object::from_vendor(body, "the token count")?.find_count("inputTokens");
        let input = input.ok_or_else(|| Error::new(ErrorKind::Decode, "the token count has no `inputTokens`"))?;
        Ok(TokenCount::new(input, UsageBasis::VendorFinal))
    }

    fn encode_reply(&self, count: &TokenCount) -> Bytes {
        let mut body = Fields::new();
        body.put("inputTokens", &count.input);
        body.to_bytes()
    }
}
