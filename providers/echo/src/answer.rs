use tollbridge_types::{
    ChatEvent, ChatReply, ChatRequest, Choice, EmbedInput, EmbedReply, EmbedRequest, Embedding, Finish, FinishReason,
    Message, Part, Role, Start, Usage, UsageBasis,
};

/// Answers a conversation with its last user message.
pub(crate) fn chat(request: &ChatRequest, id: &str) -> ChatReply {
    let text = format!("Echo: {}", question(&request.messages));
    let mut usage = Usage::default();
    usage.input = Some(request.messages.iter().map(|message| words(&spoken(message))).sum());
    usage.output = Some(words(&text));
    usage.basis = UsageBasis::Counted;
    let mut choice = Choice::default();
    choice.parts = vec![Part::text(text)];
    choice.finish = Some(Finish::new(FinishReason::Stop, None));
    let mut reply = ChatReply::default();
    reply.id = Some(format!("echo-{id}"));
    reply.model = Some(request.model.clone());
    reply.choices = vec![choice];
    reply.usage = Some(usage);
    reply
}

/// Cuts an answer into the events of a stream, a word at a time.
pub(crate) fn events(reply: ChatReply) -> Vec<ChatEvent> {
    let mut start = Start::default();
    start.id.clone_from(&reply.id);
    start.model.clone_from(&reply.model);
    let text = reply.text();
    let words = text.split_inclusive(' ').map(|word| ChatEvent::Text { choice: 0, text: word.to_owned() });
    let mut events = vec![ChatEvent::Start(start)];
    events.extend(words);
    events.extend(reply.finish().cloned().map(|finish| ChatEvent::Finish { choice: 0, finish }));
    events.extend(reply.usage.map(ChatEvent::Usage));
    events
}

/// Embeds texts as vectors that depend on nothing but the text.
pub(crate) fn embed(request: &EmbedRequest) -> EmbedReply {
    let dimensions = request.dimensions.unwrap_or(8);
    let mut usage = Usage::default();
    usage.input = Some(request.input.iter().map(size).sum());
    usage.basis = UsageBasis::Counted;
    let mut reply = EmbedReply::default();
    reply.model = Some(request.model.clone());
    reply.embeddings = request.input.iter().map(|input| Embedding::Floats(vector(input, dimensions))).collect();
    reply.usage = Some(usage);
    reply
}

fn question(messages: &[Message]) -> String {
    let user = messages.iter().rev().find(|message| message.role == Role::User);
    user.or(messages.last()).map_or_else(|| "(empty)".to_owned(), spoken)
}

/// Returns the texts of a message, with a word in the place of everything else.
fn spoken(message: &Message) -> String {
    let parts = message.parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.text.clone()),
        Part::Image(_) => Some("[image]".to_owned()),
        Part::Audio(_) => Some("[audio]".to_owned()),
        Part::Video(_) => Some("[video]".to_owned()),
        Part::Document(_) => Some("[document]".to_owned()),
        Part::ToolResult(result) => Some(result.content.iter().filter_map(Part::as_text).collect()),
        _ => None,
    });
    parts.collect::<Vec<_>>().join(" ")
}

fn words(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

fn size(input: &EmbedInput) -> u64 {
    match input {
        EmbedInput::Text(text) => words(text),
        EmbedInput::Tokens(tokens) => tokens.len() as u64,
        _ => 0,
    }
}

/// Spreads a hash (FNV-1a) over numbers between -1 and 1.
fn vector(input: &EmbedInput, dimensions: u32) -> Vec<f64> {
    let text = match input {
        EmbedInput::Text(text) => text.clone(),
        other => format!("{other:?}"),
    };
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    let seed = text.bytes().fold(0xcbf2_9ce4_8422_2325, step);
    let numbers = (0..dimensions).map(|place| {
        let hash = place.to_le_bytes().into_iter().fold(seed, step);
        let thousandths = u32::try_from((hash >> 32) % 2001).unwrap_or_default();
        (f64::from(thousandths) - 1000.0) / 1000.0
    });
    numbers.collect()
}
