use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use tollbridge_core::{Error, ErrorKind, Loss};
use tollbridge_types::{EmbedInput, EmbedReply, EmbedRequest, Embedding, Json, Protocol};

use super::{Quirks, usage};
use crate::object::{Fields, Object, wrong};
use crate::{EmbedCodec, ReplyContext, Target};

const PROTOCOL: Protocol = Protocol::OPENAI_EMBEDDINGS;

/// Reads and writes OpenAI embeddings, for OpenAI itself or a vendor that differs a little.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Embeddings {
    /// How the vendor differs.
    pub quirks: Quirks,
}

impl Embeddings {
    /// Makes a codec for a vendor.
    pub const fn new(quirks: Quirks) -> Self {
        Self { quirks }
    }
}

impl EmbedCodec for Embeddings {
    fn protocol(&self) -> Protocol {
        PROTOCOL
    }

    fn decode_request(&self, body: &[u8]) -> Result<EmbedRequest, Error> {
        let mut body = Object::from_body(body)?;
        let mut request = EmbedRequest::default();
        request.model = body.take_as("model")?.unwrap_or_default();
        let input = body.take("input").ok_or_else(|| {
            Error::invalid("input", "`input` is missing").with_hint("send a text or an array of texts there")
        })?;
        request.input = inputs(&input)?;
        request.dimensions = body.take_as("dimensions")?;
        request.base64 = match body.take_as::<String>("encoding_format")?.as_deref() {
            None | Some("float") => false,
            Some("base64") => true,
            Some(other) => {
                let message = format!("`encoding_format` is `{other}`");
                return Err(Error::invalid("encoding_format", message).with_hint("send `float` or `base64`"));
            }
        };
        request.user = body.take_as("user")?;
        request.extras = body.into_extras(PROTOCOL);
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
        let mut body = Fields::new();
        body.put("model", target.model);
        match request.input.as_slice() {
            [one] => body.put("input", one),
            many => body.put("input", many),
        };
        body.put_some(self.quirks.dimensions_field, request.dimensions);
        if request.base64 {
            body.put("encoding_format", "base64");
        }
        body.put_some("user", request.user.as_ref()).put_extras(&request.extras, PROTOCOL);
        for name in self.quirks.refused.iter().filter(|name| body.remove(name)) {
            losses.push(Loss::dropped(*name, "the vendor has no such setting"));
        }
        Ok(body.to_bytes())
    }

    fn takes(&self, body: &[u8]) -> bool {
        self.quirks.takes(body)
    }

    fn decode_reply(&self, body: &[u8]) -> Result<EmbedReply, Error> {
        let mut body = Object::from_vendor(body, "the embeddings reply")?;
        let mut reply = EmbedReply::default();
        reply.model = body.find_text("model");
        body.take("object");
        let mut vectors = Vec::new();
        for (place, entry) in body.find_list("data").iter().enumerate() {
            let mut entry = Object::lenient(entry);
            let index = entry.find_count("index").unwrap_or(place as u64);
            let vector = entry.take("embedding").unwrap_or_else(|| Json::from(serde_json::Value::Null));
            let vector = vector.parse().map(Embedding::Floats).or_else(|_| vector.parse().map(Embedding::Base64));
            let vector = vector.map_err(|_| {
                Error::new(ErrorKind::Decode, format!("`data[{place}].embedding` of the reply is not a vector"))
            })?;
            vectors.push((index, vector));
        }
        // Vectors belong to inputs by their index, not by their place.
        vectors.sort_by_key(|(index, _)| *index);
        reply.embeddings = vectors.into_iter().map(|(_, vector)| vector).collect();
        reply.usage = usage::take(&mut body);
        reply.extras = body.into_extras(PROTOCOL);
        Ok(reply)
    }

    fn encode_reply(&self, reply: &EmbedReply, base64: bool, context: &ReplyContext<'_>) -> Result<Bytes, Error> {
        let mut data = Vec::new();
        for (index, embedding) in reply.embeddings.iter().enumerate() {
            let mut entry = Fields::new();
            entry.put("object", "embedding").put("index", &index);
            match (embedding, base64) {
                (Embedding::Floats(numbers), true) => entry.put("embedding", &to_base64(numbers)),
                (Embedding::Base64(text), false) => entry.put("embedding", &from_base64(text)?),
                (other, _) => entry.put("embedding", other),
            };
            data.push(entry);
        }
        let tokens = reply.usage.as_ref().map_or(0, tollbridge_types::Usage::total_input);
        let mut usage = Fields::new();
        usage.put("prompt_tokens", &tokens).put("total_tokens", &tokens);
        let mut body = Fields::new();
        body.put("object", "list").put("data", &data);
        body.put("model", reply.model.as_deref().unwrap_or(context.model)).put("usage", &usage);
        body.put_extras(&reply.extras, PROTOCOL);
        Ok(body.to_bytes())
    }
}

fn inputs(json: &Json) -> Result<Vec<EmbedInput>, Error> {
    if let Ok(text) = json.parse() {
        return Ok(vec![EmbedInput::Text(text)]);
    }
    let list: Vec<Json> = json.parse().map_err(|_| wrong("input", "a text or an array of texts", json))?;
    if list.is_empty() {
        return Err(Error::invalid("input", "`input` is empty").with_hint("send at least one text"));
    }
    if let Ok(tokens) = json.parse() {
        return Ok(vec![EmbedInput::Tokens(tokens)]);
    }
    let read = |(place, entry): (usize, &Json)| {
        if entry.parse().is_ok_and(|tokens: Vec<Json>| tokens.is_empty()) {
            let path = format!("input[{place}]");
            return Err(Error::invalid(path.clone(), format!("`{path}` is empty")).with_hint("send at least one token"));
        }
        let text = entry.parse().map(EmbedInput::Text).or_else(|_| entry.parse().map(EmbedInput::Tokens));
        text.map_err(|_| wrong(&format!("input[{place}]"), "a text or an array of tokens", entry))
    };
    list.iter().enumerate().map(read).collect()
}

/// Writes numbers as base64 of little-endian 32-bit floats, as OpenAI's SDKs read them.
#[expect(clippy::cast_possible_truncation, reason = "the form has 32 bits, and vendors send no more")]
pub(crate) fn to_base64(numbers: &[f64]) -> String {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| (*number as f32).to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

/// Reads base64 of little-endian 32-bit floats, each as the shortest number that means the same float.
pub(crate) fn from_base64(text: &str) -> Result<Vec<f64>, Error> {
    let error = || Error::new(ErrorKind::Decode, "a vector is not base64 of finite 32-bit floats");
    let bytes = STANDARD.decode(text).map_err(|_| error())?;
    if bytes.len() % 4 != 0 {
        return Err(error());
    }
    let floats = bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap_or_default()));
    // JSON has no infinity, and no number that is none.
    let number = |float: f32| float.to_string().parse().ok().filter(|number: &f64| number.is_finite());
    floats.map(|float| number(float).ok_or_else(error)).collect()
}
