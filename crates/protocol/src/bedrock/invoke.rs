use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use tollbridge_core::{Error, ErrorKind, Frame, Loss};
use tollbridge_types::{ChatEvent, ChatReply, ChatRequest, Extras, Protocol};

use super::{reply_decode, stream_decode};
use crate::object::{Fields, Object};
use crate::{ChatCodec, ChatStreamDecoder, Target, codec, plain, vendor_error};

const PROTOCOL: Protocol = Protocol::BEDROCK_INVOKE;

/// Reads replies of InvokeModel, which are in the words of the model's maker; writes Claude's requests.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Invoke;

impl ChatCodec for Invoke {
    fn protocol(&self) -> Protocol {
        PROTOCOL
    }

    fn encode_request(
        &self,
        request: &ChatRequest,
        target: &Target<'_>,
        losses: &mut Vec<Loss>,
    ) -> Result<Bytes, Error> {
        let whole = codec::ANTHROPIC_MESSAGES.encode_request(
            request,
            &Target::new(target.model, false).with_profile(target.profile),
            losses,
        )?;
        crate::anthropic::without_model(&whole, "bedrock-2023-05-31")
    }

    fn decode_reply(&self, body: &[u8]) -> Result<ChatReply, Error> {
        match Family::of(&Object::from_vendor(body, "the reply")?) {
            Family::Anthropic => codec::ANTHROPIC_MESSAGES.decode_reply(body),
            Family::OpenAi => codec::OPENAI_CHAT.decode_reply(body),
            Family::Nova => reply_decode::decode(body),
            Family::Plain => plain::decode(body),
        }
    }

    fn stream_decoder(&self) -> Box<dyn ChatStreamDecoder> {
        Box::new(Decoder::default())
    }
}

/// Whose words a body is in.
enum Family {
    Anthropic,
    OpenAi,
    Nova,
    Plain,
}

impl Family {
    fn of(body: &Object) -> Self {
        let converse = ["messageStart", "contentBlockStart", "contentBlockDelta", "output"];
        if body.peek("choices").is_some() {
            Self::OpenAi
        } else if body.peek("type").is_some_and(|kind| kind.as_str() != "\"completion\"") {
            Self::Anthropic
        } else if converse.iter().any(|name| body.peek(name).is_some()) {
            Self::Nova
        } else {
            Self::Plain
        }
    }
}

/// Unwraps the maker's own events from the chunks of InvokeModelWithResponseStream.
#[derive(Default)]
struct Decoder {
    frames: u64,
    inner: Option<Box<dyn ChatStreamDecoder>>,
    nova: Option<stream_decode::Decoder>,
}

impl ChatStreamDecoder for Decoder {
    fn decode(&mut self, frame: &Frame, events: &mut Vec<ChatEvent>) -> Result<(), Error> {
        self.frames += 1;
        let what = format!("message {} of the stream", self.frames);
        let kind = frame.event.clone().unwrap_or_default();
        let mut chunk = Object::from_vendor(&frame.data, &what)?;
        if kind.ends_with("Exception") {
            let mut told = Fields::new();
            told.put("type", &kind).put_some("message", chunk.find_text("message"));
            return Err(vendor_error::from_event(&told.to_json()));
        }
        let Some(coded) = chunk.find_text("bytes") else { return Ok(()) };
        let unreadable = || Error::new(ErrorKind::Decode, format!("{what} is not base64"));
        let data = Bytes::from(STANDARD.decode(coded).map_err(|_| unreadable())?);
        let body = Object::from_vendor(&data, &what)?;
        if let Some(metrics) = body.peek(METRICS) {
            let mut extras = Extras::default();
            extras.insert(PROTOCOL, METRICS, metrics.clone());
            events.push(ChatEvent::Extras { choice: None, extras });
        }
        let event = body.peek("type").and_then(|kind| kind.parse::<String>().ok());
        if self.inner.is_none() && self.nova.is_none() {
            match Family::of(&body) {
                Family::Anthropic => self.inner = Some(codec::ANTHROPIC_MESSAGES.stream_decoder()),
                Family::OpenAi => self.inner = Some(codec::OPENAI_CHAT.stream_decoder()),
                Family::Nova => self.nova = Some(stream_decode::Decoder::default()),
                Family::Plain => self.inner = Some(Box::new(plain::Decoder::default())),
            }
        }
        if let Some(nova) = &mut self.nova {
            for (name, value) in body.into_fields().filter(|(_, value)| value.as_str().starts_with('{')) {
                let data = Bytes::from(value.as_str().to_owned());
                nova.decode(&Frame::new(data.clone(), Some(name), data), events)?;
            }
            return Ok(());
        }
        match &mut self.inner {
            Some(inner) => inner.decode(&Frame::new(data.clone(), event, data), events),
            None => Ok(()),
        }
    }

    fn finish(&mut self, events: &mut Vec<ChatEvent>) -> Result<(), Error> {
        match (&mut self.inner, &mut self.nova) {
            (Some(inner), _) => inner.finish(events),
            (_, Some(nova)) => nova.finish(events),
            _ => Err(Error::new(ErrorKind::Network, "the stream ended before it began")),
        }
    }
}

/// What Bedrock itself counted, on the last chunk.
const METRICS: &str = "amazon-bedrock-invocationMetrics";
