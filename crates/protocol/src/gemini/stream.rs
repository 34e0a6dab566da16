use std::collections::BTreeMap;

use bytes::Bytes;
use tollbridge_core::{Error, ErrorKind, Frame};
use tollbridge_types::{
    ChatEvent, Citation, Extras, Finish, FinishReason, Json, Media, MediaKind, Opaque, Part, Start, Text, Thought,
    TokenLogProb, ToolCall, TopLogProb, Usage,
};

use super::partial::{self, PartialCall, Piece};
use super::{GENERATE_PROTOCOL as PROTOCOL, error, parts, reply_decode, reply_encode, usage};
use crate::object::{Fields, Object};
use crate::state::State;
use crate::{ChatStreamDecoder, ChatStreamEncoder, ReplyContext, endings, vendor_error};

/// Reads the GenerateContentResponse objects of a stream.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    frames: u64,
    start: Option<Start>,
    calls: BTreeMap<u32, u32>,
    partial: BTreeMap<u32, Option<PartialCall>>,
    finished: bool,
    answered: bool,
    usage: Option<Json>,
    /// The searches that the answer is grounded in.
    tools: BTreeMap<String, u64>,
}

impl Decoder {
    /// Says whether anything that belongs to a reply has been seen.
    pub(crate) fn has_answered(&self) -> bool {
        self.answered
    }

    fn head(&mut self, chunk: &mut Object, events: &mut Vec<ChatEvent>) {
        let mut start = Start::default();
        start.id = chunk.find_text("responseId").or_else(|| self.start.as_ref()?.id.clone());
        start.model = chunk.find_text("modelVersion").or_else(|| self.start.as_ref()?.model.clone());
        if self.start.as_ref() != Some(&start) {
            events.push(ChatEvent::Start(start.clone()));
            self.start = Some(start);
        }
    }

    fn candidate(&mut self, json: &Json, place: usize, what: &str, events: &mut Vec<ChatEvent>) -> Result<(), Error> {
        let mut fields = Object::lenient(json);
        let choice = fields.find("index").unwrap_or_else(|| u32::try_from(place).unwrap_or_default());
        self.calls.entry(choice).or_default();
        let mut content = fields.find_object("content");
        for (place, json) in content.find_list("parts").iter().enumerate() {
            match partial::piece(json, self.partial.entry(choice).or_default()) {
                Piece::More => continue,
                Piece::Whole(call) => {
                    self.part(choice, Part::ToolCall(call), events);
                    continue;
                }
                Piece::Other => {}
            }
            let part = parts::decode(json, &format!("parts[{place}]")).map_err(|error| {
                Error::new(ErrorKind::Decode, format!("{what} cannot be read: {}", error.message()))
            })?;
            self.part(choice, part, events);
        }
        let calls = self.calls.get(&choice).copied().unwrap_or_default();
        if let Some(json) = fields.take("logprobsResult") {
            events.push(ChatEvent::LogProbs { choice, content: logprobs(&json), refusal: Vec::new() });
        }
        if let Some(json) = fields.peek("groundingMetadata") {
            self.tools.extend(usage::grounding(json));
            events.extend(grounding(json).into_iter().map(|citation| ChatEvent::Citation { choice, citation }));
        }
        let message = fields.find_text("finishMessage");
        let raw = fields.find_text("finishReason").filter(|raw| raw != "FINISH_REASON_UNSPECIFIED" && raw != "0");
        let mut extras = Extras::default();
        for (name, value) in fields.into_fields().filter(|(_, value)| value.as_str() != "null") {
            extras.insert(PROTOCOL, name, value);
        }
        if !extras.is_empty() {
            events.push(ChatEvent::Extras { choice: Some(choice), extras });
        }
        if let Some(raw) = raw {
            self.finished = true;
            let mut finish = reply_decode::finish(raw, calls > 0);
            finish.message = message;
            events.push(ChatEvent::Finish { choice, finish });
        }
        Ok(())
    }

    /// Tells the usage, once more if an answer turns out to be grounded in searches behind it.
    fn count(&mut self, metadata: Option<Json>, grounded: bool, events: &mut Vec<ChatEvent>) {
        if metadata.is_none() && !grounded {
            return;
        }
        self.usage = metadata.or_else(|| self.usage.take());
        if let Some(json) = &self.usage {
            let mut usage = usage::decode(json);
            usage.tools.clone_from(&self.tools);
            events.push(ChatEvent::Usage(usage));
        }
    }

    fn part(&mut self, choice: u32, part: Part, events: &mut Vec<ChatEvent>) {
        match part {
            // A signed part must come back as it is, so it stands alone.
            Part::Text(Text { text, signature: Some(signature), .. }) => events.extend([
                ChatEvent::PartEnd { choice },
                ChatEvent::Text { choice, text },
                ChatEvent::Signature { choice, signature },
                ChatEvent::PartEnd { choice },
            ]),
            Part::Text(text) if text.text.is_empty() => {}
            Part::Text(text) => events.push(ChatEvent::Text { choice, text: text.text }),
            Part::Thought(Thought { text, signature, .. }) => {
                let ends = signature.is_some();
                events.push(ChatEvent::Thought { choice, text });
                events.extend(signature.map(|signature| ChatEvent::Signature { choice, signature }));
                events.extend(ends.then_some(ChatEvent::PartEnd { choice }));
            }
            Part::ToolCall(ToolCall { id, name, arguments, kind, signature, extras, .. }) => {
                let number = self.calls.entry(choice).or_default();
                let call = *number;
                *number += 1;
                events.push(ChatEvent::ToolCallStart { choice, call, id, name, kind, signature, extras });
                events.push(ChatEvent::ToolCallArguments { choice, call, fragment: arguments });
                events.push(ChatEvent::ToolCallEnd { choice, call });
            }
            Part::Image(media) => events.push(ChatEvent::Media { choice, kind: MediaKind::Image, media }),
            Part::Audio(media) => events.push(ChatEvent::Media { choice, kind: MediaKind::Audio, media }),
            Part::Video(media) => events.push(ChatEvent::Media { choice, kind: MediaKind::Video, media }),
            Part::Document(media) => events.push(ChatEvent::Media { choice, kind: MediaKind::Document, media }),
            Part::Opaque(part) => events.push(ChatEvent::Opaque { choice, part }),
            _ => {}
        }
    }
}

impl ChatStreamDecoder for Decoder {
    fn decode(&mut self, frame: &Frame, events: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if frame.is_comment() {
            return Ok(());
        }
        self.frames += 1;
        let what = format!("event {} of the stream", self.frames);
        let json: Json = serde_json::from_slice(&frame.data)
            .map_err(|error| Error::new(ErrorKind::Decode, format!("{what} is not valid JSON: {error}")))?;
        let mut chunk = Object::lenient(&json);
        if chunk.peek("error").is_some_and(|error| error.as_str() != "null") || json.as_str().starts_with('[') {
            return Err(vendor_error::from_event(&json));
        }
        self.head(&mut chunk, events);
        // A list without candidates is a reply too, in which nothing is said.
        self.answered |= chunk.peek("candidates").is_some_and(|list| list.as_str().starts_with('['))
            || chunk.peek("promptFeedback").is_some();
        let candidates = chunk.find_list("candidates");
        let grounded = self.tools.len();
        for (place, json) in candidates.iter().enumerate() {
            self.candidate(json, place, &what, events)?;
        }
        self.count(chunk.take("usageMetadata"), self.tools.len() > grounded, events);
        let blocked = chunk.peek("promptFeedback").and_then(|json| {
            let mut feedback = Object::lenient(json);
            Some((feedback.find_text("blockReason")?, feedback.find_text("blockReasonMessage")))
        });
        if let Some((raw, message)) = blocked.filter(|_| candidates.is_empty()) {
            self.finished = true;
            let mut finish = Finish::new(FinishReason::ContentFilter, None);
            finish.message = Some(message.map_or_else(|| raw.clone(), |message| format!("{raw}: {message}")));
            events.push(ChatEvent::Finish { choice: 0, finish });
        }
        let mut extras = Extras::default();
        for (name, value) in chunk.into_fields().filter(|(_, value)| value.as_str() != "null") {
            extras.insert(PROTOCOL, name, value);
        }
        if !extras.is_empty() {
            events.push(ChatEvent::Extras { choice: None, extras });
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if self.finished {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Network, "the stream ended before a finish reason"))
    }
}

/// Reads the web sources of an answer.
fn grounding(json: &Json) -> Vec<Citation> {
    let citation = |json: &Json| {
        let mut web = Object::lenient(json).find_object("web");
        let mut citation = Citation::default();
        citation.url = Some(web.find_text("uri")?);
        citation.title = web.find_text("title");
        citation.raw = Some(Opaque::new(PROTOCOL, json.clone()));
        Some(citation)
    };
    Object::lenient(json).find_list("groundingChunks").iter().filter_map(citation).collect()
}

fn logprobs(json: &Json) -> Vec<TokenLogProb> {
    let one = |json: &Json| {
        let mut fields = Object::lenient(json);
        let mut token = TopLogProb::default();
        token.token = fields.find_text("token")?;
        token.logprob = fields.find("logProbability").unwrap_or_default();
        token.id = fields.find("tokenId");
        Some(token)
    };
    let mut fields = Object::lenient(json);
    let top = fields.find_list("topCandidates");
    let chosen = fields.find_list("chosenCandidates");
    let tokens = chosen.iter().enumerate().filter_map(|(place, json)| {
        let mut token = TokenLogProb::default();
        token.chosen = one(json)?;
        let list = top.get(place).map(|json| Object::lenient(json).find_list("candidates")).unwrap_or_default();
        token.top = list.iter().filter_map(one).collect();
        Some(token)
    });
    tokens.collect()
}

/// Writes GenerateContentResponse objects. Calls are written whole, when their arguments are.
#[derive(Debug)]
pub(crate) struct Encoder {
    id: String,
    model: String,
    /// Calls that are not written yet, and whether each is complete: they are written in the order in which they began.
    calls: BTreeMap<(u32, u32), (ToolCall, bool)>,
    usage: Option<Usage>,
    finishes: BTreeMap<u32, Finish>,
    extras: BTreeMap<Option<u32>, Extras>,
    /// What belongs to the thoughts in progress, whose words have been written.
    thoughts: BTreeMap<u32, Thought>,
}

impl Encoder {
    pub(crate) fn new(context: &ReplyContext<'_>) -> Self {
        Self {
            id: context.id.to_owned(),
            model: context.model.to_owned(),
            calls: BTreeMap::new(),
            usage: None,
            finishes: BTreeMap::new(),
            extras: BTreeMap::new(),
            thoughts: BTreeMap::new(),
        }
    }

    /// Writes what another protocol's vendor wants back with the thought that ends here.
    fn end_thought(&mut self, choice: u32, frames: &mut Vec<Frame>) {
        if let Some(thought) = self.thoughts.remove(&choice)
            && State::of_thought(&thought, PROTOCOL).is_some()
        {
            let mut bare = thought;
            bare.text.clear();
            self.part(choice, &Part::Thought(bare), frames);
        }
    }

    fn part(&self, choice: u32, part: &Part, frames: &mut Vec<Frame>) {
        if let Some(part) = reply_encode::part(part) {
            let mut candidate = reply_encode::content(&[part]);
            candidate.put("index", &choice);
            self.write(&[candidate], frames);
        }
    }

    fn write(&self, candidates: &[Fields], frames: &mut Vec<Frame>) {
        let mut chunk = Fields::new();
        chunk.put("candidates", candidates).put_some("usageMetadata", self.usage.as_ref().map(usage::encode));
        chunk.put("modelVersion", &self.model).put("responseId", &self.id);
        if let Some(extras) = self.extras.get(&None) {
            chunk.put_extras(extras, PROTOCOL);
        }
        frames.push(frame(&chunk));
    }

    /// Writes the calls of a choice up to the first that is still coming in.
    fn complete_calls(&mut self, choice: u32, frames: &mut Vec<Frame>) {
        let own = (choice, 0)..=(choice, u32::MAX);
        while let Some((place, (_, true))) = self.calls.range(own.clone()).next() {
            let place = *place;
            if let Some((call, _)) = self.calls.remove(&place).filter(|(call, _)| !endings::is_cut(call)) {
                self.part(choice, &Part::ToolCall(call), frames);
            }
        }
    }

    fn remaining_calls(&mut self, choice: Option<u32>, frames: &mut Vec<Frame>) {
        let mut choices = Vec::new();
        for ((owner, _), (_, ended)) in &mut self.calls {
            if choice.is_none_or(|choice| choice == *owner) {
                *ended = true;
                choices.push(*owner);
            }
        }
        choices.dedup();
        choices.into_iter().for_each(|choice| self.complete_calls(choice, frames));
    }

    fn media(&self, choice: u32, kind: MediaKind, media: Media, frames: &mut Vec<Frame>) {
        let part = match kind {
            MediaKind::Audio => Part::Audio(media),
            MediaKind::Video => Part::Video(media),
            MediaKind::Document => Part::Document(media),
            _ => Part::Image(media),
        };
        self.part(choice, &part, frames);
    }
}

impl ChatStreamEncoder for Encoder {
    fn encode(&mut self, event: ChatEvent, frames: &mut Vec<Frame>) {
        match &event {
            ChatEvent::Text { choice, .. }
            | ChatEvent::Refusal { choice, .. }
            | ChatEvent::ToolCallStart { choice, .. }
            | ChatEvent::RedactedThought { choice, .. }
            | ChatEvent::Opaque { choice, .. }
            | ChatEvent::Media { choice, .. }
            | ChatEvent::PartEnd { choice }
            | ChatEvent::Finish { choice, .. } => self.end_thought(*choice, frames),
            _ => {}
        }
        match event {
            ChatEvent::Start(start) => {
                self.id = start.id.unwrap_or_else(|| std::mem::take(&mut self.id));
                self.model = start.model.unwrap_or_else(|| std::mem::take(&mut self.model));
            }
            ChatEvent::Text { choice, text } | ChatEvent::Refusal { choice, text } if !text.is_empty() => {
                self.part(choice, &Part::text(text), frames);
            }
            ChatEvent::Thought { choice, text } => {
                self.thoughts.entry(choice).or_default();
                if !text.is_empty() {
                    let mut thought = Thought::default();
                    thought.text = text;
                    self.part(choice, &Part::Thought(thought), frames);
                }
            }
            ChatEvent::PartExtras { choice, extras } => {
                if let Some(thought) = self.thoughts.get_mut(&choice) {
                    thought.extras.extend(extras);
                }
            }
            ChatEvent::Signature { choice, signature } => match self.thoughts.get_mut(&choice) {
                Some(thought) if signature.protocol != PROTOCOL => thought.signature = Some(signature),
                _ => {
                    let mut text = Text::default();
                    text.signature = Some(signature);
                    self.part(choice, &Part::Text(text), frames);
                }
            },
            ChatEvent::RedactedThought { choice, data } => {
                let mut thought = Thought::default();
                thought.redacted = Some(data);
                self.part(choice, &Part::Thought(thought), frames);
            }
            ChatEvent::ToolCallStart { choice, call: number, id, name, kind, signature, extras } => {
                let mut call = ToolCall::default();
                (call.id, call.name, call.kind, call.signature, call.extras) = (id, name, kind, signature, extras);
                self.calls.insert((choice, number), (call, false));
            }
            ChatEvent::ToolCallArguments { choice, call, fragment } => {
                if let Some((call, _)) = self.calls.get_mut(&(choice, call)) {
                    call.arguments.push_str(&fragment);
                }
            }
            ChatEvent::ToolCallEnd { choice, call } => {
                if let Some((_, ended)) = self.calls.get_mut(&(choice, call)) {
                    *ended = true;
                }
                self.complete_calls(choice, frames);
            }
            ChatEvent::Media { choice, kind, media } => self.media(choice, kind, media, frames),
            ChatEvent::Opaque { choice, part } => self.part(choice, &Part::Opaque(part), frames),
            ChatEvent::Extras { choice, extras } => self.extras.entry(choice).or_default().extend(extras),
            ChatEvent::Usage(usage) => self.usage = Some(usage),
            ChatEvent::Finish { choice, finish } => {
                // A call that lost its arguments where the answer was cut is none.
                let cut = !endings::is_normal(&finish.reason);
                self.calls.retain(|(owner, _), (call, ended)| {
                    *owner != choice || *ended || !(cut && call.arguments.is_empty())
                });
                self.remaining_calls(Some(choice), frames);
                self.finishes.insert(choice, finish);
            }
            // Boundaries have no form here.
            _ => {}
        }
    }

    fn finish(&mut self, frames: &mut Vec<Frame>) {
        self.remaining_calls(None, frames);
        let finishes = std::mem::take(&mut self.finishes);
        let candidates = finishes.iter().map(|(choice, finish)| {
            let mut candidate = reply_encode::content(&[]);
            candidate.put("finishReason", endings::word(PROTOCOL, finish, false));
            candidate.put_some("finishMessage", reply_encode::explanation(finish)).put("index", choice);
            if let Some(extras) = self.extras.get(&Some(*choice)) {
                candidate.put_extras(extras, PROTOCOL);
            }
            candidate
        });
        self.write(&candidates.collect::<Vec<_>>(), frames);
    }

    fn fail(&mut self, error: &Error, frames: &mut Vec<Frame>) {
        frames.push(frame(&error::body(error)));
    }
}

fn frame(body: &Fields) -> Frame {
    let data = body.to_line();
    Frame::new(Bytes::from(format!("data: {data}\r\n\r\n")), None, Bytes::from(data))
}
