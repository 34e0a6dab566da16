use crate::{
    ChatEvent, ChatReply, Choice, Extras, LogProbs, Media, MediaKind, Part, Text, Thought, ToolCall, UsageBasis,
};

/// Builds the whole reply from the events of a stream, and takes one apart into events.
///
/// ```
/// use tollbridge_types::{ChatAssembler, ChatEvent};
///
/// let mut assembler = ChatAssembler::default();
/// assembler.push(ChatEvent::Text { choice: 0, text: "Hel".into() });
/// assembler.push(ChatEvent::Text { choice: 0, text: "lo".into() });
/// assert_eq!(assembler.into_reply().text(), "Hello");
/// ```
#[derive(Clone, Debug, Default)]
pub struct ChatAssembler {
    reply: ChatReply,
    choices: Vec<Building>,
}

#[derive(Clone, Debug, Default)]
struct Building {
    choice: Choice,
    /// Whether the last part still grows.
    open: bool,
    /// Where each tool call stands among the parts.
    calls: Vec<(u32, usize)>,
}

impl ChatAssembler {
    /// Takes the next event.
    pub fn push(&mut self, event: ChatEvent) {
        match event {
            ChatEvent::Start(start) => {
                self.reply.id = start.id;
                self.reply.model = start.model;
                self.reply.created = start.created;
                self.reply.service_tier = start.service_tier;
            }
            ChatEvent::Usage(usage) => self.reply.usage = Some(usage),
            ChatEvent::Extras { choice: None, extras } => self.reply.extras.extend(extras),
            ChatEvent::Extras { choice: Some(choice), extras } => self.choice(choice).choice.extras.extend(extras),
            ChatEvent::Text { choice, text } => self.choice(choice).text().text.push_str(&text),
            ChatEvent::Citation { choice, citation } => self.choice(choice).text().citations.push(citation),
            ChatEvent::Thought { choice, text } => self.choice(choice).thought().text.push_str(&text),
            ChatEvent::PartExtras { choice, extras } => match self.choice(choice).open_part() {
                Some(Part::Thought(thought)) => thought.extras.extend(extras),
                _ => self.choice(choice).text().extras.extend(extras),
            },
            ChatEvent::Refusal { choice, text } => self.choice(choice).refusal(&text),
            ChatEvent::Signature { choice, signature } => match self.choice(choice).open_part() {
                Some(Part::Thought(thought)) => thought.signature = Some(signature),
                Some(Part::ToolCall(call)) => call.signature = Some(signature),
                _ => self.choice(choice).text().signature = Some(signature),
            },
            ChatEvent::RedactedThought { choice, data } => {
                self.choice(choice).whole(Part::Thought(Thought { redacted: Some(data), ..Thought::default() }));
            }
            ChatEvent::ToolCallStart { choice, call, id, name, kind, signature, extras } => {
                let building = self.choice(choice);
                building.calls.push((call, building.choice.parts.len()));
                let call = ToolCall { id, name, kind, signature, extras, ..ToolCall::default() };
                building.whole(Part::ToolCall(call));
            }
            ChatEvent::ToolCallArguments { choice, call, fragment } => {
                if let Some(call) = self.choice(choice).call(call) {
                    call.arguments.push_str(&fragment);
                }
            }
            ChatEvent::ToolCallEnd { .. } => {}
            ChatEvent::Media { choice, kind, media } => {
                self.choice(choice).whole(Part::of_media(kind, media));
            }
            ChatEvent::Opaque { choice, part } => self.choice(choice).whole(Part::Opaque(part)),
            ChatEvent::LogProbs { choice, content, refusal } => {
                let logprobs = self.choice(choice).choice.logprobs.get_or_insert_with(LogProbs::default);
                logprobs.content.extend(content);
                logprobs.refusal.extend(refusal);
            }
            ChatEvent::PartEnd { choice } => self.choice(choice).open = false,
            ChatEvent::Finish { choice, finish } => self.choice(choice).choice.finish = Some(finish),
        }
    }

    /// Returns the reply as far as it has arrived.
    pub fn into_reply(mut self) -> ChatReply {
        self.choices.sort_by_key(|building| building.choice.index);
        self.reply.choices = self.choices.into_iter().map(|building| building.choice).collect();
        self.reply
    }

    /// Returns what had arrived of a stream that was cut short: its usage is not the vendor's last word.
    pub fn into_partial(self) -> ChatReply {
        let mut reply = self.into_reply();
        if let Some(usage) = reply.usage.as_mut().filter(|usage| usage.basis == UsageBasis::VendorFinal) {
            usage.basis = UsageBasis::VendorPartial;
        }
        reply
    }

    fn choice(&mut self, index: u32) -> &mut Building {
        let position = self.choices.iter().position(|building| building.choice.index == index);
        let position = position.unwrap_or_else(|| {
            self.choices.push(Building { choice: Choice { index, ..Choice::default() }, ..Building::default() });
            self.choices.len() - 1
        });
        // `position` was found or pushed just above.
        #[expect(clippy::indexing_slicing, reason = "the position exists")]
        &mut self.choices[position]
    }
}

impl Building {
    fn open_part(&mut self) -> Option<&mut Part> {
        if self.open { self.choice.parts.last_mut() } else { None }
    }

    fn whole(&mut self, part: Part) {
        self.choice.parts.push(part);
        self.open = false;
    }

    fn text(&mut self) -> &mut Text {
        if !matches!(self.open_part(), Some(Part::Text(_))) {
            self.begin(Part::Text(Text::default()));
        }
        match self.choice.parts.last_mut() {
            Some(Part::Text(text)) => text,
            _ => unreachable!("a text part was just begun"),
        }
    }

    fn thought(&mut self) -> &mut Thought {
        if !matches!(self.open_part(), Some(Part::Thought(_))) {
            self.begin(Part::Thought(Thought::default()));
        }
        match self.choice.parts.last_mut() {
            Some(Part::Thought(thought)) => thought,
            _ => unreachable!("a thought was just begun"),
        }
    }

    fn refusal(&mut self, piece: &str) {
        match self.open_part() {
            Some(Part::Refusal(text)) => text.push_str(piece),
            _ => self.begin(Part::Refusal(piece.to_owned())),
        }
    }

    fn begin(&mut self, part: Part) {
        self.choice.parts.push(part);
        self.open = true;
    }

    fn call(&mut self, number: u32) -> Option<&mut ToolCall> {
        let (_, position) = self.calls.iter().rev().find(|(call, _)| *call == number)?;
        match self.choice.parts.get_mut(*position) {
            Some(Part::ToolCall(call)) => Some(call),
            _ => None,
        }
    }
}

impl ChatReply {
    /// Takes the reply apart into the events of a stream that assembles to an equal value.
    pub fn into_events(self) -> Vec<ChatEvent> {
        let Self { id, model, created, choices, usage, service_tier, extras } = self;
        let mut events = vec![ChatEvent::Start(crate::Start { id, model, created, service_tier })];
        if !extras.is_empty() {
            events.push(ChatEvent::Extras { choice: None, extras });
        }
        for choice in choices {
            choice_events(choice, &mut events);
        }
        events.extend(usage.map(ChatEvent::Usage));
        events
    }
}

fn choice_events(whole: Choice, events: &mut Vec<ChatEvent>) {
    let Choice { index: choice, parts, finish, logprobs, extras } = whole;
    let before = events.len();
    let mut calls = 0;
    for part in parts {
        match part {
            Part::Text(part) => {
                events.push(ChatEvent::Text { choice, text: part.text });
                events.extend(part_extras(choice, part.extras));
                let citations = part.citations.into_iter();
                events.extend(citations.map(|citation| ChatEvent::Citation { choice, citation }));
                events.extend(part.signature.map(|signature| ChatEvent::Signature { choice, signature }));
                events.push(ChatEvent::PartEnd { choice });
            }
            Part::Refusal(text) => events.extend([ChatEvent::Refusal { choice, text }, ChatEvent::PartEnd { choice }]),
            Part::Thought(Thought { redacted: Some(data), .. }) => {
                events.push(ChatEvent::RedactedThought { choice, data });
            }
            Part::Thought(thought) => {
                events.push(ChatEvent::Thought { choice, text: thought.text });
                events.extend(part_extras(choice, thought.extras));
                events.extend(thought.signature.map(|signature| ChatEvent::Signature { choice, signature }));
                events.push(ChatEvent::PartEnd { choice });
            }
            Part::ToolCall(ToolCall { id, name, arguments, kind, signature, extras }) => {
                let call = calls;
                calls += 1;
                events.push(ChatEvent::ToolCallStart { choice, call, id, name, kind, signature, extras });
                events.push(ChatEvent::ToolCallArguments { choice, call, fragment: arguments });
                events.push(ChatEvent::ToolCallEnd { choice, call });
            }
            Part::Image(media) => events.push(media_event(choice, MediaKind::Image, media)),
            Part::Audio(media) => events.push(media_event(choice, MediaKind::Audio, media)),
            Part::Video(media) => events.push(media_event(choice, MediaKind::Video, media)),
            Part::Document(media) => events.push(media_event(choice, MediaKind::Document, media)),
            Part::Opaque(part) => events.push(ChatEvent::Opaque { choice, part }),
            // No vendor answers with a tool's result; it is the caller's to send.
            Part::ToolResult(_) => {}
        }
    }
    if let Some(LogProbs { content, refusal }) = logprobs {
        events.push(ChatEvent::LogProbs { choice, content, refusal });
    }
    // A choice that says nothing is a choice all the same.
    let silent = events.len() == before && finish.is_none();
    if !extras.is_empty() || silent {
        events.push(ChatEvent::Extras { choice: Some(choice), extras });
    }
    events.extend(finish.map(|finish| ChatEvent::Finish { choice, finish }));
}

fn part_extras(choice: u32, extras: Extras) -> Option<ChatEvent> {
    (!extras.is_empty()).then_some(ChatEvent::PartExtras { choice, extras })
}

fn media_event(choice: u32, kind: MediaKind, media: Media) -> ChatEvent {
    ChatEvent::Media { choice, kind, media }
}
