use bytes::Bytes;
use tollbridge_core::{Error, ErrorKind, Frame, Loss};
use tollbridge_types::{
    ChatEvent, ChatReply, ChatRequest, Choice, Extras, Finish, Json, Message, Part, Protocol, Role, Start, Usage,
};

use super::{error, reply_decode, request_decode, stream_decode, usage};
use crate::object::{Fields, Object, wrong};
use crate::{ChatCodec, ChatStreamDecoder, ChatStreamEncoder, ReplyContext, Target, endings, losses, vendor_error};

const PROTOCOL: Protocol = Protocol::OPENAI_COMPLETIONS;

/// Reads and writes OpenAI text completions, the form before chat, which local servers still offer.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Completions;

impl ChatCodec for Completions {
    fn protocol(&self) -> Protocol {
        PROTOCOL
    }

    fn is_usage_frame(&self, frame: &Frame) -> bool {
        stream_decode::is_usage_frame(frame)
    }

    fn decode_request(&self, body: &[u8]) -> Result<ChatRequest, Error> {
        let mut body = Object::from_body(body)?;
        let mut request = ChatRequest::default();
        request.model = body.take_as("model")?.unwrap_or_default();
        let (text, own) = prompt(&mut body)?;
        request.messages = vec![Message::new(Role::User, vec![Part::text(text).at("prompt")]).at("prompt")];
        request.max_tokens = body.take_as("max_tokens")?;
        request.temperature = body.take_as("temperature")?;
        request.top_p = body.take_as("top_p")?;
        request.top_k = body.take_as("top_k")?;
        request.presence_penalty = body.take_as("presence_penalty")?;
        request.frequency_penalty = body.take_as("frequency_penalty")?;
        request.seed = body.take_as("seed")?;
        request.stop = request_decode::stop(&mut body)?;
        request.choices = body.take_as("n")?;
        request.user = body.take_as("user")?;
        request.stream = body.take_as("stream")?.unwrap_or(false);
        if let Some(mut options) = body.take_object("stream_options")? {
            request.stream_usage = options.take_as("include_usage")?;
        }
        request.extras = body.into_extras(PROTOCOL);
        if let Some(own) = own {
            request.extras.insert(PROTOCOL, "prompt", own);
        }
        Ok(request)
    }

    fn encode_request(
        &self,
        request: &ChatRequest,
        target: &Target<'_>,
        losses: &mut Vec<Loss>,
    ) -> Result<Bytes, Error> {
        let mut body = Fields::new();
        body.put("model", target.model);
        match request.extras.get(PROTOCOL, "prompt") {
            Some(own) => body.put("prompt", own),
            None if request.messages.is_empty() => return Err(losses::nothing_said()),
            None => body.put("prompt", &text_of(request, losses)?),
        };
        body.put_some("max_tokens", request.max_tokens).put_some("temperature", request.temperature);
        body.put_some("top_p", request.top_p).put_some("top_k", request.top_k);
        body.put_some("presence_penalty", request.presence_penalty);
        body.put_some("frequency_penalty", request.frequency_penalty).put_some("seed", request.seed);
        if !request.stop.is_empty() {
            body.put("stop", &request.stop);
        }
        body.put_some("n", request.choices).put_some("user", request.user.as_ref());
        if target.stream {
            body.put("stream", &true);
            if let Some(wanted) = request.stream_usage.or(target.ask_usage.then_some(true)) {
                body.put("stream_options", &serde_json::json!({"include_usage": wanted}));
            }
        }
        let unknown = [
            ("tools", !request.tools.is_empty()),
            ("response_format", request.response_format.is_some()),
            ("reasoning", request.reasoning.is_some()),
            ("logprobs", request.logprobs.is_some()),
        ];
        let set = unknown.into_iter().filter(|(_, set)| *set);
        losses.extend(set.map(|(name, _)| Loss::dropped(name, "text completions have no such setting")));
        losses::report_foreign(&request.extras, "extras", PROTOCOL, losses);
        body.put_extras(&request.extras, PROTOCOL);
        Ok(body.to_bytes())
    }

    fn decode_reply(&self, body: &[u8]) -> Result<ChatReply, Error> {
        let mut body = Object::from_vendor(body, "the reply")?;
        if let Some(error) = body.take("error") {
            return Err(vendor_error::from_event(&reply_decode::whole_error(&error)));
        }
        let list: Vec<Json> = body.find("choices").ok_or_else(|| {
            Error::new(ErrorKind::Decode, "the reply has no `choices`")
                .with_hint("check that `base_url` is the vendor's API")
        })?;
        let mut reply = ChatReply::default();
        let start = head(&mut body);
        (reply.id, reply.model, reply.created) = (start.id, start.model, start.created);
        reply.usage = usage::take(&mut body);
        for (place, json) in list.iter().enumerate() {
            let (index, text, finish, extras) = choice(json, place);
            let mut choice = Choice::default();
            (choice.index, choice.finish, choice.extras) = (index, finish, extras);
            choice.parts.extend((!text.is_empty()).then(|| Part::text(text)));
            reply.choices.push(choice);
        }
        reply.choices = reply_decode::numbered(reply.choices);
        body.take("object");
        reply.extras = body.into_extras(PROTOCOL);
        Ok(reply)
    }

    fn encode_reply(&self, reply: &ChatReply, context: &ReplyContext<'_>) -> Result<Bytes, Error> {
        let mut encoder = Encoder::new(context);
        encoder.start(start_of(reply));
        let choice = |choice: &Choice| {
            let text: String = choice.parts.iter().filter_map(Part::as_text).collect();
            let finish = choice.finish.as_ref().map(|finish| endings::word(PROTOCOL, finish, false));
            fields(choice.index, &text, finish, &choice.extras)
        };
        let mut body = encoder.head(&reply.choices.iter().map(choice).collect::<Vec<_>>());
        body.put_some("usage", reply.usage.as_ref().map(usage::encode)).put_extras(&reply.extras, PROTOCOL);
        Ok(body.to_bytes())
    }

    fn foreign_error(&self, frame: &Frame) -> Option<Error> {
        stream_decode::foreign_error(frame)
    }

    fn stream_decoder(&self) -> Box<dyn ChatStreamDecoder> {
        Box::new(Decoder::default())
    }

    fn stream_encoder(&self, context: &ReplyContext<'_>) -> Box<dyn ChatStreamEncoder> {
        Box::new(Encoder::new(context))
    }
}

/// Reads the prompt as one text, and keeps any other form of it than a plain string.
fn prompt(body: &mut Object) -> Result<(String, Option<Json>), Error> {
    let json = body.take("prompt").ok_or_else(|| {
        Error::invalid("prompt", "`prompt` is missing").with_hint("send the text that is to be continued")
    })?;
    if let Ok(text) = json.parse() {
        return Ok((text, None));
    }
    let list: Vec<Json> = json.parse().map_err(|_| wrong("prompt", "a string", &json))?;
    let texts: Vec<String> = list.iter().filter_map(|one| one.parse().ok()).collect();
    Ok((texts.concat(), Some(json)))
}

/// Says whether a request holds several prompts, or tokens, which only this protocol can carry.
pub(crate) fn holds_many(request: &ChatRequest) -> bool {
    let Some(own) = request.extras.get(PROTOCOL, "prompt") else { return false };
    own.parse::<Vec<String>>().map_or(true, |texts| texts.len() > 1)
}

fn text_of(request: &ChatRequest, losses: &mut Vec<Loss>) -> Result<String, Error> {
    for (place, message) in request.messages.iter().enumerate() {
        if let Some(part) = message.parts.iter().position(|part| !matches!(part, Part::Text(_))) {
            let path = format!("messages[{place}].parts[{part}]");
            return Err(
                Error::invalid(path, "text completions take nothing but text").with_hint("use a model that chats")
            );
        }
    }
    if let [message] = request.messages.as_slice() {
        return Ok(message.text());
    }
    losses.push(Loss::adapted("messages", "sent as one text, with the speakers' names before what they say"));
    let lines = request.messages.iter().map(|message| {
        let speaker = match message.role {
            Role::Assistant => "Assistant: ",
            Role::User => "User: ",
            _ => "",
        };
        format!("{speaker}{}\n\n", message.text())
    });
    Ok(lines.collect::<String>() + "Assistant:")
}

fn start_of(reply: &ChatReply) -> Start {
    let mut start = Start::default();
    start.id.clone_from(&reply.id);
    start.model.clone_from(&reply.model);
    start.created = reply.created;
    start
}

fn head(body: &mut Object) -> Start {
    let mut start = Start::default();
    start.id = body.find_text("id").filter(|id| !id.is_empty());
    start.model = body.find_text("model").filter(|model| !model.is_empty());
    start.created = reply_decode::created(body);
    start
}

fn choice(json: &Json, place: usize) -> (u32, String, Option<Finish>, Extras) {
    let mut fields = Object::lenient(json);
    let index = fields.find("index").unwrap_or_else(|| u32::try_from(place).unwrap_or_default());
    let text = fields.find_text("text").unwrap_or_default();
    let finish = reply_decode::take_finish(&mut fields).filter(|finish| finish.raw.as_deref() != Some(""));
    let mut extras = Extras::default();
    for (name, value) in fields.into_fields().filter(|(_, value)| value.as_str() != "null") {
        extras.insert(PROTOCOL, name, value);
    }
    (index, text, finish, extras)
}

fn fields(index: u32, text: &str, finish: Option<&str>, extras: &Extras) -> Fields {
    let mut fields = Fields::new();
    fields.put("text", text).put("index", &index);
    fields.put("logprobs", &extras.get(PROTOCOL, "logprobs")).put("finish_reason", &finish);
    fields.put_extras(extras, PROTOCOL);
    fields
}

/// Reads the chunks of a streamed completion.
#[derive(Debug, Default)]
struct Decoder {
    frames: u64,
    start: Option<Start>,
    finished: bool,
    done: bool,
}

impl ChatStreamDecoder for Decoder {
    fn decode(&mut self, frame: &Frame, events: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if frame.is_comment() {
            return Ok(());
        }
        self.frames += 1;
        if frame.data.trim_ascii() == b"[DONE]" {
            self.done = true;
            return Ok(());
        }
        let mut chunk = Object::from_vendor(&frame.data, &format!("event {} of the stream", self.frames))?;
        if let Some(error) = chunk.take("error") {
            return Err(vendor_error::from_event(&reply_decode::whole_error(&error)));
        }
        let start = head(&mut chunk);
        if self.start.is_none() {
            events.push(ChatEvent::Start(start.clone()));
            self.start = Some(start);
        }
        for (place, json) in chunk.find_list("choices").iter().enumerate() {
            let (choice, text, finish, extras) = choice(json, place);
            if !text.is_empty() {
                events.push(ChatEvent::Text { choice, text });
            }
            if !extras.is_empty() {
                events.push(ChatEvent::Extras { choice: Some(choice), extras });
            }
            self.finished |= finish.is_some();
            events.extend(finish.map(|finish| ChatEvent::Finish { choice, finish }));
        }
        events.extend(usage::take(&mut chunk).map(ChatEvent::Usage));
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if self.done || self.finished {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Network, "the stream ended before the answer was complete"))
    }
}

/// Writes the chunks of a streamed completion.
#[derive(Debug)]
struct Encoder {
    id: String,
    model: String,
    created: u64,
    stream_usage: bool,
    usage: Option<Usage>,
}

impl Encoder {
    fn new(context: &ReplyContext<'_>) -> Self {
        let ReplyContext { id, model, created, stream_usage, .. } = *context;
        Self { id: id.to_owned(), model: model.to_owned(), created, stream_usage, usage: None }
    }

    fn start(&mut self, start: Start) {
        self.id = start.id.unwrap_or_else(|| std::mem::take(&mut self.id));
        self.model = start.model.unwrap_or_else(|| std::mem::take(&mut self.model));
        self.created = start.created.unwrap_or(self.created);
    }

    fn head(&self, choices: &[Fields]) -> Fields {
        let mut body = Fields::new();
        body.put("id", &self.id).put("object", "text_completion").put("created", &self.created);
        body.put("model", &self.model).put("choices", choices);
        body
    }
}

impl ChatStreamEncoder for Encoder {
    fn encode(&mut self, event: ChatEvent, frames: &mut Vec<Frame>) {
        let one = match event {
            ChatEvent::Start(start) => return self.start(start),
            ChatEvent::Usage(usage) => {
                self.usage = Some(usage);
                return;
            }
            ChatEvent::Text { choice, text } => fields(choice, &text, None, &Extras::default()),
            ChatEvent::Refusal { choice, text } => fields(choice, &text, None, &Extras::default()),
            ChatEvent::Finish { choice, finish } => {
                fields(choice, "", Some(endings::word(PROTOCOL, &finish, false)), &Extras::default())
            }
            // A text is all that this protocol has.
            _ => return,
        };
        push(&self.head(&[one]), frames);
    }

    fn finish(&mut self, frames: &mut Vec<Frame>) {
        if self.stream_usage {
            let mut last = self.head(&[]);
            last.put("usage", &usage::encode(&self.usage.clone().unwrap_or_default()));
            push(&last, frames);
        }
        let done = Bytes::from_static(b"data: [DONE]\n\n");
        frames.push(Frame::new(done.clone(), None, done.slice(6..12)));
    }

    fn fail(&mut self, failure: &Error, frames: &mut Vec<Frame>) {
        push(&error::body(failure), frames);
    }
}

fn push(body: &Fields, frames: &mut Vec<Frame>) {
    let data = body.to_line();
    frames.push(Frame::new(Bytes::from(format!("data: {data}\n\n")), None, Bytes::from(data)));
}
