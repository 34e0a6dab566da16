//! How answers end: the words of every vendor, what they mean, and the words that each client's protocol has.
//!
//! A word that is not listed is kept as [`FinishReason::Unknown`]. It never becomes a normal end: like a failure of the
//! vendor it is told in the client's words if its protocol has one for that, else as an error.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use tollbridge_core::{Error, ErrorKind, VendorError};
use tollbridge_types::{ChatEvent, ChatReply, Choice, Finish, FinishReason, Part, Protocol, ToolCall, ToolCallKind};

use crate::object::Object;
use crate::status::{Facts, classify};

type Words = &'static [(&'static [&'static str], FinishReason)];

/// OpenAI's chat and text completions, and of those who speak like it what OpenAI itself has not: Together's `eos`,
/// Baidu's `normal`, Mistral's `model_length`, Zhipu's `sensitive` and `network_error`, MiniMax's `max_output`,
/// DeepSeek's `insufficient_system_resource`, OpenRouter's `error`, the `abort` of vLLM and SGLang, vLLM's
/// `repetition`, watsonx's `cancelled` and `time_limit`.
const OPENAI: Words = &[
    (&["stop", "eos", "normal"], FinishReason::Stop),
    (&["length", "max_tokens", "model_length", "max_output", "model_context_window_exceeded"], FinishReason::Length),
    (&["tool_calls", "tool_call", "function_call"], FinishReason::ToolCalls),
    (&["content_filter", "sensitive"], FinishReason::ContentFilter),
    (
        &[
            "error",
            "abort",
            "aborted",
            "cancelled",
            "insufficient_system_resource",
            "network_error",
            "repetition",
            "time_limit",
        ],
        FinishReason::Error,
    ),
];

/// Why OpenAI's responses are incomplete, and a status that says that they will never be whole.
const RESPONSES: Words = &[
    (&["max_output_tokens"], FinishReason::Length),
    (&["content_filter"], FinishReason::ContentFilter),
    (&["cancelled", "failed"], FinishReason::Error),
];

const ANTHROPIC: Words = &[
    (&["end_turn"], FinishReason::Stop),
    (&["stop_sequence"], FinishReason::StopSequence),
    (&["max_tokens", "model_context_window_exceeded"], FinishReason::Length),
    (&["tool_use"], FinishReason::ToolCalls),
    (&["pause_turn", "compaction"], FinishReason::Pause),
    (&["refusal"], FinishReason::Refusal),
];

const GEMINI: Words = &[
    (&["STOP"], FinishReason::Stop),
    (&["MAX_TOKENS"], FinishReason::Length),
    (
        &[
            "SAFETY",
            "RECITATION",
            "LANGUAGE",
            "BLOCKLIST",
            "PROHIBITED_CONTENT",
            "SPII",
            "MODEL_ARMOR",
            "IMAGE_SAFETY",
            "IMAGE_PROHIBITED_CONTENT",
            "IMAGE_RECITATION",
        ],
        FinishReason::ContentFilter,
    ),
    (&["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"], FinishReason::MalformedToolCall),
    (&["OTHER", "NO_IMAGE", "IMAGE_OTHER", "MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE"], FinishReason::Error),
];

/// Old servers of Gemini's send the number of the word; beyond these the two lists of Google's differ in their meaning.
const GEMINI_NUMBERS: Words = &[
    (&["1"], FinishReason::Stop),
    (&["2"], FinishReason::Length),
    (&["3", "4", "6", "7", "8"], FinishReason::ContentFilter),
    (&["5"], FinishReason::Error),
];

/// Bedrock's Converse; the words of models that it passes on are those of their makers.
const BEDROCK: Words = &[
    (&["end_turn"], FinishReason::Stop),
    (&["stop_sequence"], FinishReason::StopSequence),
    (&["max_tokens", "model_context_window_exceeded"], FinishReason::Length),
    (&["tool_use"], FinishReason::ToolCalls),
    (&["guardrail_intervened", "content_filtered"], FinishReason::ContentFilter),
    (&["refusal"], FinishReason::Refusal),
    (&["malformed_tool_use"], FinishReason::MalformedToolCall),
    (&["malformed_model_output"], FinishReason::Error),
];

const COHERE: Words = &[
    (&["COMPLETE"], FinishReason::Stop),
    (&["STOP_SEQUENCE"], FinishReason::StopSequence),
    (&["MAX_TOKENS", "ERROR_LIMIT"], FinishReason::Length),
    (&["TOOL_CALL"], FinishReason::ToolCalls),
    (&["ERROR_TOXIC"], FinishReason::ContentFilter),
    (&["ERROR", "TIMEOUT", "USER_CANCEL"], FinishReason::Error),
];

/// `load` and `unload` answer a request without messages, which asks for nothing else.
const OLLAMA: Words = &[
    (&["stop", "load", "unload"], FinishReason::Stop),
    (&["length"], FinishReason::Length),
    (&["content_filter"], FinishReason::ContentFilter),
];

/// The text APIs before chat: AI21's `endoftext`, Titan's `FINISH`, `STOP_CRITERIA_MET` and `CONTENT_FILTERED`, the
/// `eos_token` of Hugging Face and watsonx, whose limits are `max_tokens` and `token_limit`.
const TEXT: Words = &[
    (&["stop", "finish", "finished", "complete", "endoftext", "eos_token"], FinishReason::Stop),
    (&["stop_sequence", "stop_criteria_met"], FinishReason::StopSequence),
    (&["length", "max_tokens", "token_limit"], FinishReason::Length),
    (&["content_filtered", "error_toxic"], FinishReason::ContentFilter),
];

const ALL: &[Words] = &[OPENAI, ANTHROPIC, GEMINI, BEDROCK, COHERE, OLLAMA, TEXT];

/// Returns the words of a protocol's vendors.
fn words(protocol: Protocol) -> Words {
    match protocol {
        Protocol::OPENAI_RESPONSES => RESPONSES,
        Protocol::ANTHROPIC_MESSAGES => ANTHROPIC,
        Protocol::GEMINI_GENERATE => GEMINI,
        Protocol::BEDROCK_CONVERSE => BEDROCK,
        Protocol::COHERE_CHAT => COHERE,
        Protocol::OLLAMA_CHAT => OLLAMA,
        Protocol::TEXT_GENERATION => TEXT,
        _ => OPENAI,
    }
}

/// Says what a vendor's word means.
///
/// One that the vendor's own list has not may be another vendor's: proxies pass such words on as they are.
pub(crate) fn read(protocol: Protocol, word: &str) -> FinishReason {
    let numbers = if protocol == Protocol::GEMINI_GENERATE { GEMINI_NUMBERS } else { &[] };
    let lists = [words(protocol), numbers].into_iter().chain(ALL.iter().copied());
    let found = lists.flatten().find(|(words, _)| words.iter().any(|one| one.eq_ignore_ascii_case(word)));
    found.map_or_else(|| FinishReason::Unknown(word.to_owned()), |(_, reason)| reason.clone())
}

/// A client protocol's words for why an answer ended; `None` where it can only tell an error.
struct Row {
    stop: &'static str,
    stop_sequence: &'static str,
    length: &'static str,
    tool_calls: Option<&'static str>,
    filter: &'static str,
    refusal: &'static str,
    /// A vendor's limit has cut a long turn short, which is a length to those who know no pause.
    pause: &'static str,
    malformed: Option<&'static str>,
    /// A failure, or a word that nobody here has seen.
    error: Option<&'static str>,
}

const TO_OPENAI: Row = Row {
    stop: "stop",
    stop_sequence: "stop",
    length: "length",
    tool_calls: Some("tool_calls"),
    filter: "content_filter",
    refusal: "content_filter",
    pause: "length",
    malformed: None,
    error: None,
};

const TO_COMPLETIONS: Row = Row { tool_calls: None, ..TO_OPENAI };

/// The status of a response, or why it is incomplete.
const TO_RESPONSES: Row = Row {
    stop: "completed",
    stop_sequence: "completed",
    length: "max_output_tokens",
    tool_calls: Some("completed"),
    filter: "content_filter",
    refusal: "content_filter",
    pause: "max_output_tokens",
    malformed: Some("failed"),
    error: Some("failed"),
};

const TO_ANTHROPIC: Row = Row {
    stop: "end_turn",
    stop_sequence: "stop_sequence",
    length: "max_tokens",
    tool_calls: Some("tool_use"),
    filter: "refusal",
    refusal: "refusal",
    pause: "pause_turn",
    malformed: None,
    error: None,
};

const TO_GEMINI: Row = Row {
    stop: "STOP",
    stop_sequence: "STOP",
    length: "MAX_TOKENS",
    tool_calls: Some("STOP"),
    filter: "SAFETY",
    refusal: "SAFETY",
    pause: "MAX_TOKENS",
    malformed: Some("MALFORMED_FUNCTION_CALL"),
    error: Some("OTHER"),
};

const TO_BEDROCK: Row = Row {
    stop: "end_turn",
    stop_sequence: "stop_sequence",
    length: "max_tokens",
    tool_calls: Some("tool_use"),
    filter: "content_filtered",
    refusal: "content_filtered",
    pause: "max_tokens",
    malformed: Some("malformed_tool_use"),
    error: Some("malformed_model_output"),
};

/// Ollama's field is open to words that it does not list.
const TO_OLLAMA: Row = Row {
    stop: "stop",
    stop_sequence: "stop",
    length: "length",
    tool_calls: Some("stop"),
    filter: "content_filter",
    refusal: "content_filter",
    pause: "length",
    malformed: Some("error"),
    error: Some("error"),
};

/// Returns a client protocol's word for why an answer ended; `called` says whether there are tool calls in it.
///
/// What a protocol has no word for is told as an error by [`failure`] before an encoder is asked. One that is asked
/// all the same keeps the vendor's word, as it does where it writes an answer for its own vendor's clients.
pub(crate) fn word(protocol: Protocol, finish: &Finish, called: bool) -> &str {
    let word = known_word(protocol, &finish.reason, called);
    word.or(finish.raw.as_deref()).unwrap_or("error")
}

fn known_word(protocol: Protocol, reason: &FinishReason, called: bool) -> Option<&'static str> {
    let row = match protocol {
        Protocol::OPENAI_COMPLETIONS => &TO_COMPLETIONS,
        Protocol::OPENAI_RESPONSES => &TO_RESPONSES,
        Protocol::ANTHROPIC_MESSAGES => &TO_ANTHROPIC,
        Protocol::GEMINI_GENERATE => &TO_GEMINI,
        Protocol::BEDROCK_CONVERSE => &TO_BEDROCK,
        Protocol::OLLAMA_CHAT => &TO_OLLAMA,
        _ => &TO_OPENAI,
    };
    let word = match reason {
        FinishReason::Stop => row.stop,
        FinishReason::StopSequence => row.stop_sequence,
        FinishReason::Length => row.length,
        FinishReason::ToolCalls => return row.tool_calls,
        FinishReason::ContentFilter => row.filter,
        FinishReason::Refusal => row.refusal,
        FinishReason::Pause => row.pause,
        FinishReason::MalformedToolCall => return row.malformed,
        _ => return row.error,
    };
    // Many vendors end an answer that calls tools like any other.
    if called && word == row.stop { row.tool_calls } else { Some(word) }
}

/// Returns an end as it is where the answer itself holds words of refusal.
pub(crate) fn refused(finish: &Finish, refused: bool) -> Cow<'_, Finish> {
    match finish.reason {
        FinishReason::Stop if refused => {
            let mut refused = finish.clone();
            refused.reason = FinishReason::Refusal;
            Cow::Owned(refused)
        }
        _ => Cow::Borrowed(finish),
    }
}

/// Says whether an answer of this end failed, as its vendor says.
pub(crate) fn is_failure(reason: &FinishReason) -> bool {
    matches!(reason, FinishReason::Error | FinishReason::MalformedToolCall)
}

/// Returns the error that an ending is, where the client's protocol has no word for it.
pub(crate) fn untold(protocol: Protocol, finish: &Finish) -> Option<Error> {
    known_word(protocol, &finish.reason, false).is_none().then(|| failure(finish))
}

/// Makes the error of an answer that ended with a failure, or nobody knows how.
pub(crate) fn failure(finish: &Finish) -> Error {
    let raw = finish.raw.as_deref().unwrap_or("error");
    let mut message = match &finish.reason {
        FinishReason::MalformedToolCall if finish.raw.is_none() => "the model's tool call is broken".to_owned(),
        FinishReason::Unknown(word) if word.is_empty() && finish.raw.is_none() => {
            "the answer ended without a word of why".to_owned()
        }
        FinishReason::MalformedToolCall => format!("the model's tool call is broken: the answer ended with `{raw}`"),
        FinishReason::Unknown(word) => format!("the answer ended with `{word}`, which is no end that is known here"),
        _ => format!("the provider failed in the middle of the answer, which ended with `{raw}`"),
    };
    if let Some(explanation) = &finish.message {
        message = format!("{message}: {explanation}");
    }
    let kind = match finish.reason {
        FinishReason::Unknown(_) => ErrorKind::Unknown,
        _ => classify(&Facts::new(0, "", raw, "")),
    };
    let mut vendor = VendorError::default();
    // The head of the answer claimed a success.
    vendor.status = matches!(kind, ErrorKind::Server | ErrorKind::Unknown).then_some(502);
    (vendor.code, vendor.message) = (Some(raw.to_owned()), finish.message.clone());
    Error::new(kind, message).with_vendor(vendor)
}

/// Checks that a client's protocol can tell how each answer of a reply ended.
///
/// # Errors
/// What [`failure`] makes of the first ending that it cannot.
pub(crate) fn check(reply: &ChatReply, protocol: Protocol) -> Result<(), Error> {
    let mut untold = reply.choices.iter().filter_map(|choice| untold(protocol, choice.finish.as_ref()?));
    untold.next().map_or(Ok(()), Err)
}

/// Settles the ends that are none: an answer with a call that breaks off ended with a broken call, whether its vendor says that
/// all is well or nothing at all; one without a word of its end, in a protocol that always has one, ended nobody knows how.
pub(crate) fn settle(protocol: Protocol, reply: &mut ChatReply) {
    for choice in &mut reply.choices {
        let cut = choice.parts.iter().any(|part| matches!(part, Part::ToolCall(call) if is_cut(call)));
        match &mut choice.finish {
            Some(finish) if cut => settle_finish(finish),
            None if cut => choice.finish = Some(broken()),
            None if always_tells(protocol) => choice.finish = Some(untold_end()),
            _ => {}
        }
    }
    if reply.choices.is_empty() && protocol == Protocol::GEMINI_GENERATE {
        let mut nothing = Choice::default();
        nothing.finish = Some(untold_end());
        reply.choices.push(nothing);
    }
}

/// Says whether the vendors of a protocol always tell why an answer ended. Some servers of OpenAI's protocols
/// never say it, and old ones of Ollama's only that they are done.
fn always_tells(protocol: Protocol) -> bool {
    matches!(
        protocol,
        Protocol::ANTHROPIC_MESSAGES | Protocol::GEMINI_GENERATE | Protocol::BEDROCK_CONVERSE | Protocol::COHERE_CHAT
    )
}

fn broken() -> Finish {
    let mut finish = Finish::new(FinishReason::Stop, None);
    settle_finish(&mut finish);
    finish
}

fn untold_end() -> Finish {
    Finish::new(FinishReason::Unknown(String::new()), None)
}

/// Reads how the answers of a whole reply ended, and nothing else of it.
pub(crate) fn told(protocol: Protocol, body: &[u8]) -> Vec<Finish> {
    let (list, field) = match protocol {
        Protocol::OPENAI_CHAT | Protocol::OPENAI_COMPLETIONS => ("choices", "finish_reason"),
        Protocol::GEMINI_GENERATE => ("candidates", "finishReason"),
        Protocol::ANTHROPIC_MESSAGES => ("", "stop_reason"),
        Protocol::BEDROCK_CONVERSE => ("", "stopReason"),
        Protocol::COHERE_CHAT => ("", "finish_reason"),
        Protocol::OLLAMA_CHAT => ("", "done_reason"),
        // A response that failed says so in another way.
        _ => return Vec::new(),
    };
    let own = |data: &[u8], name: &str| Object::pick(data, |field| field == name);
    let ends: Vec<Object> = match list {
        "" => own(body, field).into_iter().collect(),
        list => {
            let listed = own(body, list).map(|mut body| body.find_list(list)).unwrap_or_default();
            listed.iter().filter_map(|end| own(end.as_str().as_bytes(), field)).collect()
        }
    };
    let words = ends.into_iter().filter_map(|mut end| end.find_text(field)).filter(|word| !word.is_empty());
    words.map(|word| Finish::new(read(protocol, &word), Some(word))).collect()
}

/// Makes a normal end that of an answer with a broken call.
pub(crate) fn settle_finish(finish: &mut Finish) {
    if is_normal(&finish.reason) {
        finish.reason = FinishReason::MalformedToolCall;
        finish.message.get_or_insert_with(|| "its arguments break off".to_owned());
    }
}

/// Says whether an answer of this end is whole.
pub(crate) fn is_normal(reason: &FinishReason) -> bool {
    matches!(reason, FinishReason::Stop | FinishReason::StopSequence | FinishReason::ToolCalls)
}

/// Says whether a call breaks off in the middle of its arguments.
pub(crate) fn is_cut(call: &ToolCall) -> bool {
    let mut arguments = Arguments::default();
    arguments.push(&call.arguments);
    call.kind != ToolCallKind::Custom && arguments.are_cut()
}

/// Iterates over the parts of an answer without the calls that were cut: arguments that must be an object have no form
/// for a piece of one, and what is mended is not what the model asked for.
///
/// Where the answer was cut, a last call without arguments lost them.
pub(crate) fn whole_parts(choice: &Choice) -> impl Iterator<Item = &Part> {
    let ends = choice.finish.as_ref().is_some_and(|finish| !is_normal(&finish.reason));
    let last = choice.parts.len().saturating_sub(1);
    let whole = move |(place, part): &(usize, &Part)| match part {
        Part::ToolCall(call) => {
            let lost = ends && *place == last && call.arguments.trim().is_empty();
            !lost && !is_cut(call)
        }
        _ => true,
    };
    choice.parts.iter().enumerate().filter(whole).map(|(_, part)| part)
}

/// Follows arguments that come in pieces, to tell those that break off.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Arguments {
    depth: u32,
    quoted: bool,
    escaped: bool,
}

impl Arguments {
    pub(crate) fn push(&mut self, piece: &str) {
        for byte in piece.bytes() {
            if self.quoted {
                self.quoted = self.escaped || byte != b'"';
                self.escaped = !self.escaped && byte == b'\\';
                continue;
            }
            match byte {
                b'"' => self.quoted = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// Says whether something is open that never closes.
    pub(crate) fn are_cut(self) -> bool {
        self.quoted || self.depth > 0
    }
}

/// Watches the events of a stream for ends that are none, as [`settle`] does with a whole reply.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    calls: BTreeMap<(u32, u32), Arguments>,
    ended: BTreeSet<u32>,
}

impl Watch {
    pub(crate) fn see(&mut self, event: &mut ChatEvent) {
        match event {
            ChatEvent::ToolCallStart { choice, call, kind, .. } if *kind != ToolCallKind::Custom => {
                self.calls.insert((*choice, *call), Arguments::default());
            }
            ChatEvent::ToolCallArguments { choice, call, fragment } => {
                if let Some(arguments) = self.calls.get_mut(&(*choice, *call)) {
                    arguments.push(fragment);
                }
            }
            ChatEvent::Finish { choice, finish } => {
                self.ended.insert(*choice);
                let own = self.calls.range((*choice, 0)..=(*choice, u32::MAX));
                if own.into_iter().any(|(_, arguments)| arguments.are_cut()) {
                    settle_finish(finish);
                }
            }
            _ => {}
        }
    }

    /// Adds the ends that a stream which is complete in its vendor's eyes has not told.
    pub(crate) fn end(&self, protocol: Protocol, events: &mut Vec<ChatEvent>) {
        let cut = self.calls.iter().filter(|(_, arguments)| arguments.are_cut()).map(|((choice, _), _)| *choice);
        let cut: BTreeSet<u32> = cut.filter(|choice| !self.ended.contains(choice)).collect();
        if cut.is_empty() && self.ended.is_empty() && always_tells(protocol) {
            events.push(ChatEvent::Finish { choice: 0, finish: untold_end() });
        }
        events.extend(cut.into_iter().map(|choice| ChatEvent::Finish { choice, finish: broken() }));
    }
}
