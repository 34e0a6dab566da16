use serde_json::{Value, json};

use crate::random::Random;

/// A call that a client makes.
pub(crate) struct Call {
    /// What it is found by at the mock and in the ledger.
    pub(crate) marker: String,
    pub(crate) path: String,
    pub(crate) body: Value,
    form: Form,
    stream: bool,
    /// After how many pieces of the answer the client leaves.
    pub(crate) leaves_after: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Chat,
    Responses,
    Messages,
    Gemini,
    Embeddings,
    Completions,
    Speech,
    Moderation,
    Count,
}

impl Call {
    /// Chooses a call: any protocol to any vendor, whole or as a stream.
    pub(crate) fn random(random: &mut Random, number: u64) -> Self {
        let marker = format!("call-{number:06}");
        // Of many lengths, so that the usage of one call is not taken for that of another.
        let words = vec!["word"; usize::try_from(random.between(1, 60)).unwrap()].join(" ");
        let text = format!("{marker} {words}");
        let form = *random.one(FORMS);
        let streams = matches!(form, Form::Chat | Form::Responses | Form::Messages | Form::Gemini | Form::Completions);
        let stream = streams && random.below(3) > 0;
        let models: &[&str] = match form {
            Form::Embeddings => &["openai/text-embedding-3-small", "gemini/gemini-embedding-001"],
            Form::Completions | Form::Speech | Form::Moderation => &["openai/gpt-4o-mini"],
            _ => &["openai/gpt-4o-mini", "anthropic/claude-3-haiku-20240307", "gemini/gemini-2.0-flash"],
        };
        let model = *random.one(models);
        let messages = json!([{"role": "user", "content": text}]);
        let (path, body) = match form {
            Form::Chat => {
                let mut body = json!({"model": model, "messages": messages, "stream": stream});
                // Whether the client wants to see the usage or not, the ledger does.
                if stream && random.below(2) == 0 {
                    body["stream_options"] = json!({"include_usage": true});
                }
                ("/v1/chat/completions".to_owned(), body)
            }
            Form::Responses => ("/v1/responses".to_owned(), json!({"model": model, "input": text, "stream": stream})),
            Form::Messages => {
                let body = json!({"model": model, "max_tokens": 500, "messages": messages, "stream": stream});
                ("/v1/messages".to_owned(), body)
            }
            Form::Gemini => {
                let method = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
                let body = json!({"contents": [{"role": "user", "parts": [{"text": text}]}]});
                (format!("/v1beta/models/{model}:{method}"), body)
            }
            Form::Embeddings => ("/v1/embeddings".to_owned(), json!({"model": model, "input": text})),
            Form::Completions => {
                let mut body = json!({"model": model, "prompt": text, "stream": stream});
                if stream {
                    body["stream_options"] = json!({"include_usage": true});
                }
                ("/v1/completions".to_owned(), body)
            }
            Form::Speech => ("/v1/audio/speech".to_owned(), json!({"model": model, "input": text, "voice": "alloy"})),
            Form::Moderation => ("/v1/moderations".to_owned(), json!({"model": model, "input": text})),
            Form::Count => ("/v1/messages/count_tokens".to_owned(), json!({"model": model, "messages": messages})),
        };
        let leaves_after = (random.below(10) == 0).then(|| random.between(1, 8));
        Self { marker, path, body, form, stream, leaves_after }
    }

    /// Makes a stream in OpenAI's protocol.
    pub(crate) fn stream(number: u64, leaves_after: Option<u64>) -> Self {
        let marker = format!("call-{number:06}");
        let messages = json!([{"role": "user", "content": marker}]);
        let body = json!({"model": "openai/gpt-4o-mini", "messages": messages, "stream": true});
        Self { marker, path: "/v1/chat/completions".to_owned(), body, form: Form::Chat, stream: true, leaves_after }
    }

    /// Stays to the end.
    pub(crate) fn patient(mut self) -> Self {
        self.leaves_after = None;
        self
    }

    /// Says whether a client that has received this knows that the answer is over and good.
    pub(crate) fn is_over(&self, received: &[u8], closed: bool) -> bool {
        let text = String::from_utf8_lossy(received);
        if !self.stream {
            return closed;
        }
        let over = match self.form {
            Form::Chat | Form::Completions => text.contains("data: [DONE]"),
            Form::Responses => text.contains("\"response.completed\""),
            Form::Messages => text.contains("\"message_stop\""),
            // Its streams have no end mark but the connection's.
            _ => closed && text.contains("\"finishReason\""),
        };
        over && !text.contains("\"error\":{") && !text.contains("event: error")
    }
}

/// The forms, the usual ones more often.
const FORMS: &[Form] = &[
    Form::Chat,
    Form::Chat,
    Form::Chat,
    Form::Responses,
    Form::Responses,
    Form::Messages,
    Form::Messages,
    Form::Gemini,
    Form::Gemini,
    Form::Embeddings,
    Form::Completions,
    Form::Speech,
    Form::Moderation,
    Form::Count,
];
