//! Requests and replies of every kind, from which each protocol's seeds are written.

use tollbridge_types::{
    ChatReply, ChatRequest, Choice, Citation, EmbedReply, EmbedRequest, Embedding, Finish, FinishReason, Json,
    LogProbs, Media, MediaSource, Message, ModelInfo, Opaque, Part, Protocol, Reasoning, ReasoningEffort,
    ResponseFormat, Role, Signature, Text, Thought, TokenLogProb, Tool, ToolCall, ToolChoice, ToolResult, Usage,
};

fn schema() -> Json {
    serde_json::json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}).into()
}

fn call(id: &str, arguments: &str) -> Part {
    let mut call = ToolCall::default();
    (call.id, call.name, call.arguments) = (Some(id.to_owned()), "weather".to_owned(), arguments.to_owned());
    Part::ToolCall(call)
}

/// Requests, each with another part of what a request may have.
pub(super) fn requests() -> Vec<ChatRequest> {
    let plain = || ChatRequest::new("model").max_tokens(100);
    let tool = || Tool::function("weather", "the weather of a city", schema());
    let mut settings = plain().system("Be brief.").user("héllo 你好 🌍").temperature(0.5);
    (settings.top_p, settings.top_k, settings.seed) = (Some(0.9), Some(5), Some(-7));
    (settings.presence_penalty, settings.frequency_penalty) = (Some(-1.5), Some(1.0));
    (settings.stop, settings.choices) = (vec!["END".to_owned(), "\n".to_owned()], Some(2));
    (settings.logprobs, settings.top_logprobs) = (Some(true), Some(3));
    (settings.user, settings.service_tier) = (Some("u1".to_owned()), Some("auto".to_owned()));
    let mut streamed = plain().user("hi");
    (streamed.stream, streamed.stream_usage) = (true, Some(true));
    let image = Message::user("look").image(Media::base64("image/png", "iVBO"));
    let image = image.image(Media::url("https://example.com/a.png"));
    let mut document = Media::base64("application/pdf", "JVBE");
    document.name = Some("a.pdf".to_owned());
    let document = Message::new(Role::User, vec![Part::Document(document), Part::text("read")]);
    let sound = Message::new(Role::User, vec![Part::Audio(Media::base64("audio/wav", "UklG"))]);
    let file = Message::new(Role::User, vec![Part::Document(Media::new(MediaSource::File("file-1".to_owned())))]);
    let mut calling =
        plain().user("weather? parallel").tool(tool()).tool_choice(ToolChoice::Function("weather".into()));
    calling.parallel_tool_calls = Some(false);
    let calls = Message::new(Role::Assistant, vec![Part::text("so"), call("a", "{\"city\":\"A\"}"), call("b", "{}")]);
    let mut failed = ToolResult::text("b", "no such city");
    failed.is_error = Some(true);
    (failed.name, failed.content) = (Some("weather".to_owned()), vec![Part::text("no such city")]);
    let mut named = ToolResult::text("a", "{\"sunny\": true}");
    named.name = Some("weather".to_owned());
    let conversation = plain().user("weather?").message(calls).message(Message::tool(named));
    let conversation = conversation.message(Message::tool(failed)).user("and?").tool(tool());
    let format = ResponseFormat::json_schema(Some("answer".to_owned()), Some("x".to_owned()), schema(), Some(true));
    let mut thinking = Reasoning::default();
    (thinking.enabled, thinking.budget, thinking.visible) = (Some(true), Some(2048), Some(true));
    let mut effort = Reasoning::default();
    effort.effort = Some(ReasoningEffort::High);
    vec![
        plain().user("hi"),
        settings,
        streamed,
        plain().message(image),
        plain().message(document),
        plain().message(sound),
        plain().message(file),
        calling,
        conversation.tool_choice(ToolChoice::Auto),
        plain().user("json").response_format(format),
        plain().user("json").response_format(ResponseFormat::JsonObject),
        plain().user("think").reasoning(thinking),
        plain().user("think").reasoning(effort),
    ]
}

/// Replies, each with another part of what a reply may have.
pub(super) fn replies() -> Vec<ChatReply> {
    let mut thought = Thought::default();
    thought.text = "let me see".to_owned();
    let mut cited = Text::default();
    cited.text = "so it says".to_owned();
    let mut citation = Citation::default();
    (citation.url, citation.title) = (Some("https://example.com".to_owned()), Some("A page".to_owned()));
    citation.span = Some((0, 2));
    cited.citations.push(citation);
    // What three vendors want back: a client carries all but its own vendor's sealed.
    let (mut signed, mut signing) = (Thought::default(), ToolCall::default());
    signed.text = "hm".to_owned();
    signed.signature = Some(Signature::new(Protocol::ANTHROPIC_MESSAGES, "c2lnbmVk"));
    (signing.id, signing.name, signing.arguments) = (Some("c".to_owned()), "weather".to_owned(), "{}".to_owned());
    signing.signature = Some(Signature::new(Protocol::GEMINI_GENERATE, "c2lnbmVk"));
    let search = serde_json::json!({"id": "ws_1", "type": "web_search_call", "status": "completed"});
    let search = Part::Opaque(Opaque::new(Protocol::OPENAI_RESPONSES, search.into()));
    let mut hidden = Thought::default();
    hidden.redacted = Some(Signature::new(Protocol::BEDROCK_CONVERSE, "aGlkZGVu"));
    let mut token = TokenLogProb::default();
    (token.chosen.token, token.chosen.logprob) = ("so".to_owned(), -0.5);
    token.top = vec![token.chosen.clone()];
    let mut logprobs = LogProbs::default();
    logprobs.content = vec![token];
    let cases = [
        (vec![Part::text("héllo 你好 🌍")], FinishReason::Stop),
        (vec![Part::text("calling"), call("a", "{\"city\":\"A\"}"), call("b", "{}")], FinishReason::ToolCalls),
        (vec![Part::Thought(thought), Part::Text(cited)], FinishReason::Stop),
        (vec![Part::Thought(signed), search, Part::text("so"), Part::ToolCall(signing)], FinishReason::ToolCalls),
        (vec![Part::Thought(hidden), Part::text("so")], FinishReason::Stop),
        (vec![Part::text("cut o")], FinishReason::Length),
        (vec![Part::Refusal("no".to_owned())], FinishReason::Refusal),
        (vec![Part::Image(Media::base64("image/png", "iVBO"))], FinishReason::Stop),
        (vec![], FinishReason::ContentFilter),
    ];
    let reply = |(place, (parts, reason)): (usize, (Vec<Part>, FinishReason))| {
        let mut choice = Choice::default();
        (choice.parts, choice.finish) = (parts, Some(Finish::new(reason, None)));
        choice.logprobs = (place == 0).then(|| logprobs.clone());
        let mut usage = Usage::default();
        (usage.input, usage.cache_read, usage.output, usage.reasoning) = (Some(60), Some(40), Some(7), Some(3));
        let mut reply = ChatReply::default();
        (reply.id, reply.model) = (Some("id-1".to_owned()), Some("model".to_owned()));
        (reply.choices, reply.usage) = (vec![choice], Some(usage));
        reply
    };
    cases.into_iter().enumerate().map(reply).collect()
}

pub(super) fn embeddings() -> (EmbedRequest, EmbedReply) {
    let mut request = EmbedRequest::new("model", ["héllo", "b"]);
    (request.dimensions, request.user) = (Some(2), Some("u1".to_owned()));
    let mut reply = EmbedReply::default();
    reply.embeddings = vec![Embedding::Floats(vec![0.5, -1.25]), Embedding::Base64("AAAAPwAAgD8=".to_owned())];
    (request, reply)
}

pub(super) fn models() -> Vec<ModelInfo> {
    let mut model = ModelInfo::new("model-1");
    (model.display_name, model.owner) = (Some("Model 1".to_owned()), Some("acme".to_owned()));
    (model.created, model.input_limit, model.output_limit) = (Some(1_700_000_000), Some(8192), Some(4096));
    vec![model, ModelInfo::new("model-2")]
}
