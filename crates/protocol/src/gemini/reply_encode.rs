use bytes::Bytes;
use tollbridge_types::{ChatReply, Choice, Finish, FinishReason, Json, LogProbs, Part, TopLogProb};

use super::{GENERATE_PROTOCOL as PROTOCOL, parts, usage};
use crate::object::{Fields, arguments_object, json};
use crate::state::{self, State};
use crate::{ReplyContext, endings};

/// Writes a whole GenerateContentResponse.
pub(crate) fn encode(reply: &ChatReply, context: &ReplyContext<'_>) -> Bytes {
    let mut body = Fields::new();
    body.put("candidates", &reply.choices.iter().map(candidate).collect::<Vec<_>>());
    body.put_some("usageMetadata", reply.usage.as_ref().map(usage::encode));
    body.put("modelVersion", reply.model.as_deref().unwrap_or(context.model));
    body.put("responseId", reply.id.as_deref().unwrap_or(context.id));
    body.put_extras(&reply.extras, PROTOCOL);
    body.to_bytes()
}

fn candidate(choice: &Choice) -> Fields {
    let parts: Vec<Json> = endings::whole_parts(choice).filter_map(part).collect();
    let mut fields = content(&parts);
    fields.put_some("finishReason", choice.finish.as_ref().map(|finish| endings::word(PROTOCOL, finish, false)));
    fields.put_some("finishMessage", choice.finish.as_ref().and_then(explanation));
    fields.put("index", &choice.index);
    fields.put_some("logprobsResult", choice.logprobs.as_ref().map(logprobs));
    fields.put_extras(&choice.extras, PROTOCOL);
    fields
}

pub(crate) fn content(parts: &[Json]) -> Fields {
    let mut content = Fields::new();
    content.put("parts", parts).put("role", "model");
    let mut fields = Fields::new();
    fields.put("content", &content);
    fields
}

pub(crate) fn part(part: &Part) -> Option<Json> {
    let fields = match part {
        Part::Text(text) => {
            let mut fields = parts::text(&text.text, false);
            fields.put_extras(&text.extras, PROTOCOL);
            sealed(parts::signed(fields, text.signature.as_ref()), State::of_text(text, PROTOCOL))
        }
        Part::Refusal(text) => parts::text(text, false),
        Part::Thought(thought) => {
            let fields = match thought.redacted {
                Some(_) => parts::thought("", true),
                None => parts::text(&thought.text, true),
            };
            sealed(parts::signed(fields, thought.signature.as_ref()), State::of_thought(thought, PROTOCOL))
        }
        Part::ToolCall(call) => {
            let args = arguments_object(&call.arguments);
            let args = args.unwrap_or_else(|| json(&serde_json::json!({"arguments": call.arguments})));
            let state = State::of_call(call, PROTOCOL).map(State::without_id);
            sealed(parts::function_call(call, &args, true), state)
        }
        Part::Image(media) | Part::Audio(media) | Part::Video(media) | Part::Document(media) => {
            parts::media(media, "application/octet-stream")?
        }
        Part::Opaque(opaque) if opaque.protocol == PROTOCOL => return Some(opaque.json.clone()),
        Part::Opaque(opaque) => sealed(parts::thought("", true), State::of_opaque(opaque, PROTOCOL)),
        _ => return None,
    };
    Some(fields.to_json())
}

/// Puts another protocol's state where Google's SDKs keep Google's.
fn sealed(mut fields: Fields, state: Option<State>) -> Fields {
    if let (Some(state), false) = (state, fields.has("thoughtSignature")) {
        fields.put("thoughtSignature", &state::seal(&[state]));
    }
    fields
}

/// Returns the vendor's explanation of an end; it names an end that Google's word hides.
pub(crate) fn explanation(finish: &Finish) -> Option<String> {
    let hidden = matches!(finish.reason, FinishReason::Error | FinishReason::Unknown(_));
    let raw = finish.raw.as_ref().filter(|raw| hidden && *raw != endings::word(PROTOCOL, finish, false));
    match (raw, &finish.message) {
        (Some(raw), Some(message)) => Some(format!("{raw}: {message}")),
        (raw, message) => message.clone().or(raw.cloned()),
    }
}

fn logprobs(logprobs: &LogProbs) -> Fields {
    let one = |token: &TopLogProb| {
        let mut fields = Fields::new();
        fields.put("token", &token.token).put_some("tokenId", token.id).put("logProbability", &token.logprob);
        fields
    };
    let chosen: Vec<_> = logprobs.content.iter().map(|token| one(&token.chosen)).collect();
    let top = logprobs.content.iter().map(|token| {
        let mut fields = Fields::new();
        fields.put("candidates", &token.top.iter().map(one).collect::<Vec<_>>());
        fields
    });
    let mut fields = Fields::new();
    fields.put("chosenCandidates", &chosen).put("topCandidates", &top.collect::<Vec<_>>());
    fields
}
