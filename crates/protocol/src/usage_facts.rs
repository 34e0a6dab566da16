use std::collections::BTreeMap;

use tollbridge_core::Error;
use tollbridge_types::{Json, Protocol, Usage};

use crate::frame_kind::says;
use crate::object::Object;
use crate::usage::of_operation;
use crate::{anthropic, bedrock, cohere, gemini, ollama, openai, rerank, responses, vendor_error};

/// What whole replies and events of streams say beside the answer.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) usage: Option<Usage>,
    pub(crate) model: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) error: Option<Error>,
    tier: Option<String>,
    tools: BTreeMap<String, u64>,
}

impl Facts {
    /// Reads a whole reply or the next event. What it says goes before what was said.
    pub(crate) fn read(&mut self, protocol: Protocol, data: &[u8]) {
        let holder = holder(protocol);
        let grounded = protocol == Protocol::GEMINI_GENERATE && says(data, "\"groundingMetadata\"");
        let wanted = |name: &str| match name {
            "candidates" => grounded,
            "output" => protocol == Protocol::OPENAI_RESPONSES,
            name => name == holder || FIELDS.contains(&name),
        };
        let Some(mut body) = Object::pick(data, wanted) else { return };
        let text = |body: &mut Object, names: [&str; 2]| {
            names.iter().find_map(|name| body.find_text(name).filter(|text| !text.is_empty()))
        };
        let id = text(&mut body, ["id", "responseId"]);
        if let Some(error) = body.take("error") {
            self.error = Some(vendor_error::from_event(&openai::whole_error(&error)));
        }
        let mut body = body.take(holder).map_or(body, |held| Object::lenient(&held));
        let id = text(&mut body, ["id", "responseId"]).or(id);
        let model = text(&mut body, ["model", "modelVersion"]);
        // Every chunk of a chat completion names it; in some the last ones name something else.
        let first = matches!(protocol, Protocol::OPENAI_CHAT | Protocol::OPENAI_COMPLETIONS);
        let chosen = |earlier: Option<String>, later| if first { earlier.or(later) } else { later.or(earlier) };
        self.id = chosen(self.id.take(), id);
        self.model = chosen(self.model.take(), model);
        self.tier = body.peek_text("service_tier").or(self.tier.take());
        for candidate in body.find_list("candidates") {
            self.tools.extend(
                Object::lenient(&candidate).peek("groundingMetadata").map(gemini::usage::grounding).unwrap_or_default(),
            );
        }
        if let Some(mut usage) = self.take_usage(protocol, &mut body) {
            usage.service_tier = usage.service_tier.or_else(|| self.tier.clone());
            self.usage = Some(usage);
        }
        if let Some(usage) = &mut self.usage {
            usage.tools.append(&mut self.tools.clone());
        }
    }

    fn take_usage(&self, protocol: Protocol, body: &mut Object) -> Option<Usage> {
        match protocol {
            Protocol::ANTHROPIC_MESSAGES => {
                let earlier = self.usage.as_ref().and_then(|usage| usage.raw.as_ref());
                let said: Json = body.take("usage")?;
                Some(anthropic::usage::decode(&anthropic::usage::overlay(earlier, &said)))
            }
            Protocol::GEMINI_GENERATE | Protocol::GEMINI_EMBED => {
                Some(gemini::usage::decode(&body.take("usageMetadata")?))
            }
            Protocol::BEDROCK_CONVERSE => bedrock::usage::take(body),
            Protocol::COHERE_CHAT => Some(cohere::usage::decode(&body.take("usage")?)),
            Protocol::COHERE_EMBED => Some(cohere::usage::decode(&body.take("meta")?)),
            Protocol::COHERE_RERANK => rerank::usage(body),
            Protocol::OLLAMA_CHAT => ollama::usage::take(body),
            Protocol::OLLAMA_EMBED => ollama::usage::take_prompt(body),
            Protocol::OPENAI_RESPONSES => responses::usage::take(body),
            _ => Some(of_operation(protocol, openai::usage::take(body)?)),
        }
    }
}

/// Names what the beginning or the end of a whole reply stands in, in the events of a stream.
fn holder(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::OPENAI_RESPONSES => "response",
        Protocol::ANTHROPIC_MESSAGES => "message",
        Protocol::COHERE_CHAT => "delta",
        _ => "",
    }
}

/// What is read of a body; the answer itself is passed over.
const FIELDS: &[&str] = &[
    "id",
    "responseId",
    "model",
    "modelVersion",
    "error",
    "usage",
    "usageMetadata",
    "x_groq",
    "meta",
    "service_tier",
    "serviceTier",
    "performanceConfig",
    "prompt_eval_count",
    "eval_count",
    "total_duration",
    "load_duration",
    "prompt_eval_duration",
    "eval_duration",
];
