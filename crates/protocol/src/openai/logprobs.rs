use tollbridge_types::{Json, LogProbs, TokenLogProb, TopLogProb};

use crate::object::{Fields, Object};

/// Reads a choice's `logprobs`; `None` for forms that are not OpenAI's.
pub(crate) fn decode(json: &Json) -> Option<LogProbs> {
    let mut fields = Object::lenient(json);
    let mut logprobs = LogProbs::default();
    logprobs.content = list(&fields.find_list("content"));
    logprobs.refusal = list(&fields.find_list("refusal"));
    (!logprobs.content.is_empty() || !logprobs.refusal.is_empty()).then_some(logprobs)
}

/// Writes a choice's `logprobs`.
pub(crate) fn encode(logprobs: &LogProbs) -> Fields {
    let mut fields = Fields::new();
    fields.put("content", &tokens(&logprobs.content));
    let refusal = tokens(&logprobs.refusal);
    fields.put("refusal", &(!refusal.is_empty()).then_some(refusal));
    fields
}

/// Writes a list of tokens.
pub(crate) fn tokens(tokens: &[TokenLogProb]) -> Vec<Fields> {
    let token = |token: &TokenLogProb| {
        let mut fields = one(&token.chosen);
        fields.put("top_logprobs", &token.top.iter().map(one).collect::<Vec<_>>());
        fields
    };
    tokens.iter().map(token).collect()
}

/// Reads a list of tokens.
pub(crate) fn list(tokens: &[Json]) -> Vec<TokenLogProb> {
    tokens.iter().filter_map(token).collect()
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
