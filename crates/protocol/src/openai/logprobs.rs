use tollbridge_types::{Json, LogProbs, TokenLogProb, TopLogProb};

use crate::object::{Fields, Object};

/// Reads a choice's `logprobs`; `None` for forms that are not OpenAI's.
pub(crate) fn decode(json: &Json) -> Option<LogProbs> {
    let mut fields = Object::lenient(json);
    let mut logprobs = LogProbs::default();
    logprobs.content = fields.find_list("content").iter().filter_map(token).collect();
    logprobs.refusal = fields.find_list("refusal").iter().filter_map(token).collect();
    (!logprobs.content.is_empty() || !logprobs.refusal.is_empty()).then_some(logprobs)
}

/// Writes a choice's `logprobs`.
pub(crate) fn encode(logprobs: &LogProbs) -> Fields {
    let list = |tokens: &[TokenLogProb]| {
        tokens
            .iter()
            .map(|token| {
                let mut fields = one(&token.chosen);
                fields.put("top_logprobs", &token.top.iter().map(one).collect::<Vec<_>>());
                fields
            })
            .collect::<Vec<_>>()
    };
    let mut fields = Fields::new();
    fields.put("content", &list(&logprobs.content));
    let refusal = list(&logprobs.refusal);
    fields.put("refusal", &(!refusal.is_empty()).then_some(refusal));
    fields
}

fn token(json: &Json) -> Option<TokenLogProb> {
    let mut token = TokenLogProb::default();
    token.chosen = top(json)?;
    token.top = Object::lenient(json).find_list("top_logprobs").iter().filter_map(top).collect();
    Some(token)
}

fn top(json: &Json) -> Option<TopLogProb> {
    let mut fields = Object::lenient(json);
    let mut top = TopLogProb::default();
    top.token = fields.find_text("token")?;
    top.logprob = fields.find("logprob")?;
    top.bytes = fields.find("bytes");
    Some(top)
}

fn one(top: &TopLogProb) -> Fields {
    let mut fields = Fields::new();
    fields.put("token", &top.token).put("logprob", &top.logprob);
    fields.put("bytes", top.bytes.as_deref().unwrap_or(top.token.as_bytes()));
    fields
}
