use bytes::Bytes;
use tollbridge_core::{Error, ErrorKind, Loss};
use tollbridge_types::{EmbedInput, EmbedReply, EmbedRequest, Embedding, Protocol, Usage, UsageBasis};

use crate::object::{Fields, Object};
use crate::{EmbedCodec, ReplyContext, Target, losses};

const PROTOCOL: Protocol = Protocol::OLLAMA_EMBED;

/// Writes requests of `/api/embed` and reads its replies, and those of the older `/api/embeddings`.
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
            _ => Err(Error::invalid(format!("input[{place}]"), "Ollama embeds texts, not tokens")
                .with_hint("send the text itself")),
        };
        let texts = request.input.iter().enumerate().map(text).collect::<Result<Vec<_>, _>>()?;
        let mut body = Fields::new();
        body.put("model", target.model).put("input", &texts).put_some("dimensions", request.dimensions);
        if request.user.is_some() {
            losses.push(Loss::dropped("user", "Ollama has no such setting"));
        }
        losses::report_foreign(&request.extras, "extras", PROTOCOL, losses);
        body.put_extras(&request.extras, PROTOCOL);
        Ok(body.to_bytes())
    }

    fn decode_reply(&self, body: &[u8]) -> Result<EmbedReply, Error> {
        let mut body = Object::from_vendor(body, "the embeddings reply")?;
        let mut reply = EmbedReply::default();
        reply.model = body.find_text("model");
        let one: Option<Vec<f64>> = body.find("embedding");
        let all: Option<Vec<Vec<f64>>> = body.find("embeddings").or_else(|| one.map(|one| vec![one]));
        let all = all.ok_or_else(|| Error::new(ErrorKind::Decode, "the embeddings reply has no `embeddings`"))?;
        reply.embeddings = all.into_iter().map(Embedding::Floats).collect();
        if let Some(tokens) = body.find_count("prompt_eval_count") {
            let mut usage = Usage::default();
            (usage.input, usage.basis) = (Some(tokens), UsageBasis::VendorFinal);
            reply.usage = Some(usage);
        }
        reply.extras = body.into_extras(PROTOCOL);
        Ok(reply)
    }

    fn encode_reply(&self, _: &EmbedReply, _: bool, _: &ReplyContext<'_>) -> Result<Bytes, Error> {
        Err(crate::codec::no_clients(PROTOCOL))
    }
}
