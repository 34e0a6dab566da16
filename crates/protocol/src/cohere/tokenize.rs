use bytes::Bytes;
use tollbridge_core::{Error, ErrorKind, Loss};
use tollbridge_types::{ChatRequest, Json, Part, Protocol, TokenCount, UsageBasis};

use crate::object::{Fields, Object};
use crate::{CountCodec, Target};

const PROTOCOL: Protocol = Protocol::COHERE_TOKENIZE;

/// Writes requests of `POST /v1/tokenize`, which knows texts alone, and counts what it returns.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Tokenize;

impl CountCodec for Tokenize {
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
        if !request.tools.is_empty() {
            losses.push(Loss::dropped("tools", "Cohere counts texts alone"));
        }
        for (place, message) in request.messages.iter().enumerate() {
            for part in message.parts.iter().enumerate().filter(|(_, part)| !matches!(part, Part::Text(_))) {
                losses.push(Loss::dropped(format!("messages[{place}].parts[{}]", part.0), "Cohere counts texts alone"));
            }
        }
        let texts: Vec<String> = request.messages.iter().map(tollbridge_types::Message::text).collect();
        let mut body = Fields::new();
        body.put("model", target.model).put("text", &texts.join("\n"));
        Ok(body.to_bytes())
    }

    fn decode_reply(&self, body: &[u8]) -> Result<TokenCount, Error> {
        let tokens: Option<Vec<Json>> = Object::from_vendor(body, "the tokens")?.find("tokens");
        let tokens = tokens.ok_or_else(|| Error::new(ErrorKind::Decode, "the reply has no `tokens`"))?;
        // The framing of messages is not in the count.
        Ok(TokenCount::new(tokens.len() as u64, UsageBasis::Counted))
    }

    fn encode_reply(&self, count: &TokenCount) -> Bytes {
        crate::codec::ANTHROPIC_COUNT_TOKENS.encode_reply(count)
    }
}
