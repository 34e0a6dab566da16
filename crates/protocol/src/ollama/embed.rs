use bytes::Bytes;
use tollbridge_core::{Error, ErrorKind, Loss};
use tollbridge_types::{EmbedInput, EmbedReply, EmbedRequest, Embedding, Json, Protocol, Usage};

use super::usage;
use crate::object::{Fields, Object, wrong};
use crate::{EmbedCodec, ReplyContext, Target, losses, openai};

const PROTOCOL: Protocol = Protocol::OLLAMA_EMBED;

/// Reads and writes Ollama's `/api/embed`; it reads the older `/api/embeddings` too.
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
        request.model = body.take_as("model")?.unwrap_or_default();
        let input = body.take_any(&["input", "prompt"]).ok_or_else(|| {
            Error::invalid("input", "`input` is missing").with_hint("send a text or an array of texts there")
        })?;
        let texts: Vec<String> = match input.parse() {
            Ok(text) => vec![text],
            Err(_) => input.parse().map_err(|_| wrong("input", "a text or an array of texts", &input))?,
        };
        if texts.is_empty() {
            return Err(Error::invalid("input", "`input` is empty").with_hint("send at least one text"));
        }
        request.input = texts.into_iter().map(EmbedInput::Text).collect();
        request.dimensions = body.take_as("dimensions")?;
        request.extras = body.into_extras(PROTOCOL);
        Ok(request)
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
        let one = body.take("embedding").map(|json| vec![json]);
        let all: Option<Vec<Json>> = body.find("embeddings").or(one);
        let all = all.ok_or_else(|| Error::new(ErrorKind::Decode, "the embeddings reply has no `embeddings`"))?;
        let vector = |(place, json): (usize, &Json)| {
            json.parse().map(Embedding::Floats).map_err(|_| {
                Error::new(ErrorKind::Decode, format!("`embeddings[{place}]` of the reply is not a vector"))
            })
        };
        reply.embeddings = all.iter().enumerate().map(vector).collect::<Result<_, _>>()?;
        reply.usage = usage::take_prompt(&mut body);
        reply.extras = body.into_extras(PROTOCOL);
        Ok(reply)
    }

    fn encode_reply(&self, reply: &EmbedReply, _: bool, context: &ReplyContext<'_>) -> Result<Bytes, Error> {
        let vector = |embedding: &Embedding| match embedding {
            Embedding::Floats(numbers) => Ok(numbers.clone()),
            Embedding::Base64(text) => openai::from_base64(text),
            _ => Err(Error::new(ErrorKind::Decode, "a vector is in an unknown form")),
        };
        let vectors = reply.embeddings.iter().map(vector).collect::<Result<Vec<_>, _>>()?;
        let mut body = Fields::new();
        body.put("model", reply.model.as_deref().unwrap_or(context.model)).put("embeddings", &vectors);
        body.put_some("prompt_eval_count", reply.usage.as_ref().map(Usage::total_input));
        body.put_extras(&reply.extras, PROTOCOL);
        Ok(body.to_bytes())
    }
}
