use std::ops::Range;

use bytes::Bytes;
use memchr::memmem;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use tollbridge_core::{Error, ErrorKind, Frame};

/// The few fields of a request body that routing needs, and where they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peek {
    /// The model that the body names.
    pub model: Option<String>,
    /// Whether the body asks for a stream.
    pub stream: bool,
    /// What the body says about usage on its stream (`stream_options.include_usage`).
    pub stream_usage: Option<bool>,
    model_span: Option<Range<usize>>,
    stream_options_span: Option<Range<usize>>,
    stream_usage_span: Option<Range<usize>>,
    body_end: usize,
    empty: bool,
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, default)]
    model: Field<'a>,
    #[serde(borrow, default)]
    stream: Field<'a>,
    #[serde(borrow, default)]
    stream_options: Field<'a>,
}

/// A field that is there, even if it is `null`: an `Option` alone would not know where that stands.
#[derive(Default)]
pub(crate) struct Field<'a>(Option<&'a RawValue>);

impl Field<'_> {
    /// Returns where the value stands in the body that it was read from.
    pub(crate) fn span(&self, text: &str) -> Option<Range<usize>> {
        let raw = self.0?.get();
        let start = raw.as_ptr() as usize - text.as_ptr() as usize;
        Some(start..start + raw.len())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&'a RawValue>::deserialize(deserializer).map(|raw| Self(Some(raw)))
    }
}

/// Reads the fields that routing needs without parsing the rest into values.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] if the body is not a JSON object, or a field has the wrong type.
pub fn peek(body: &[u8]) -> Result<Peek, Error> {
    let (text, head) = head::<Head<'_>>(body)?;
    let is_something = |raw: &&RawValue| raw.get() != "null";
    let model = head.model.0.filter(is_something);
    let stream = head.stream.0.filter(is_something);
    let options = head.stream_options.0.filter(is_something);
    let options = options.map(|raw| read::<StreamOptions<'_>>(raw, "stream_options", "an object")).transpose()?;
    let usage = options.unwrap_or_default().include_usage;
    let body_end = text.trim_end().len().saturating_sub(1);
    Ok(Peek {
        model: model.map(|raw| read(raw, "model", "a string")).transpose()?,
        stream: stream.map(|raw| read(raw, "stream", "a boolean")).transpose()?.unwrap_or(false),
        stream_usage: match &usage.0 {
            Some(raw) if is_something(raw) => Some(read(raw, "stream_options.include_usage", "a boolean")?),
            _ => None,
        },
        model_span: head.model.span(text),
        stream_options_span: head.stream_options.span(text),
        stream_usage_span: usage.span(text),
        body_end,
        empty: text.get(..body_end).is_some_and(|head| head.trim() == "{"),
    })
}

/// Reads the few fields of a body that `T` names, and the body as a text.
pub(crate) fn head<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<(&'a str, T), Error> {
    let text = std::str::from_utf8(body).map_err(|error| {
        Error::new(
            ErrorKind::InvalidRequest,
            format!("the body is not UTF-8: bad byte at offset {}", error.valid_up_to()),
        )
        .with_hint("send the JSON body in UTF-8")
    })?;
    if !text.trim_start().starts_with('{') {
        return Err(Error::new(ErrorKind::InvalidRequest, "the body is not a JSON object")
            .with_hint("send one JSON object with `Content-Type: application/json`"));
    }
    let head = serde_json::from_str(text).map_err(|error| {
        Error::new(ErrorKind::InvalidRequest, format!("the body is not valid JSON: {error}"))
            .with_hint("check the body at that line and column")
    })?;
    Ok((text, head))
}

#[derive(Default, Deserialize)]
struct StreamOptions<'a> {
    #[serde(borrow, default)]
    include_usage: Field<'a>,
}

fn read<'a, T: Deserialize<'a>>(raw: &'a RawValue, path: &str, wanted: &str) -> Result<T, Error> {
    serde_json::from_str(raw.get()).map_err(|_| {
        Error::invalid(path, format!("`{path}` is not {wanted}")).with_hint(format!("send {wanted} in `{path}`"))
    })
}

impl Peek {
    /// Returns the body with another model in it and every other byte as it was.
    ///
    /// `stream_usage` also asks for usage on the stream, if the body does not say whether it wants it.
    pub fn splice(&self, body: &Bytes, model: Option<&str>, stream_usage: bool) -> Bytes {
        let mut edits: Vec<(Range<usize>, String)> = Vec::new();
        if let Some(model) = model.filter(|model| self.model.as_deref() != Some(model)) {
            edits.push(self.set(
                "model",
                self.model_span.clone(),
                &serde_json::Value::from(model).to_string(),
                self.empty,
            ));
        }
        if stream_usage && self.stream_usage.is_none() {
            let first = self.empty && edits.is_empty();
            let given = self.stream_options_span.clone().and_then(|span| body.get(span));
            let given = given.and_then(|given| std::str::from_utf8(given).ok()).filter(|given| given.starts_with('{'));
            edits.push(match (self.stream_usage_span.clone(), given) {
                // It is there, and `null`.
                (Some(span), _) => (span, "true".to_owned()),
                (None, Some(given)) => {
                    let rest = given.get(1..).unwrap_or_default();
                    let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
                    let options = format!("{{\"include_usage\":true{comma}{rest}");
                    self.set("stream_options", self.stream_options_span.clone(), &options, first)
                }
                (None, None) => {
                    let options = "{\"include_usage\":true}";
                    self.set("stream_options", self.stream_options_span.clone(), options, first)
                }
            });
        }
        if edits.is_empty() {
            return body.clone();
        }
        edited(body, edits)
    }

    /// Replaces a field, or adds it at the end; `first` is one that no other stands before.
    fn set(&self, field: &str, span: Option<Range<usize>>, value: &str, first: bool) -> (Range<usize>, String) {
        match span {
            Some(span) => (span, value.to_owned()),
            None => {
                let comma = if first { "" } else { "," };
                (self.body_end..self.body_end, format!("{comma}\"{field}\":{value}"))
            }
        }
    }
}

/// Returns one of Gemini's bodies with the vendor's name of the model wherever it stands beside the URL, and every other
/// byte as it was.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] if the body is not a JSON object.
pub(crate) fn with_nested_models(body: &Bytes, model: &str) -> Result<Bytes, Error> {
    let (text, nested) = head::<Nested<'_>>(body)?;
    let list = nested.requests.0.and_then(|raw| serde_json::from_str::<Vec<&RawValue>>(raw.get()).ok());
    let name =
        serde_json::Value::from(format!("models/{}", model.strip_prefix("models/").unwrap_or(model))).to_string();
    let places = list.into_iter().flatten().chain(nested.whole.0).filter_map(|raw| {
        let inner: Named<'_> = serde_json::from_str(raw.get()).ok()?;
        inner.model.span(text).filter(|span| text.get(span.clone()) != Some("null"))
    });
    let edits: Vec<_> = places.map(|span| (span, name.clone())).collect();
    Ok(if edits.is_empty() { body.clone() } else { edited(body, edits) })
}

/// Where Gemini's bodies repeat the model of their URL.
#[derive(Deserialize)]
struct Nested<'a> {
    #[serde(borrow, default)]
    requests: Field<'a>,
    #[serde(borrow, default, rename = "generateContentRequest", alias = "generate_content_request")]
    whole: Field<'a>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow, default)]
    model: Field<'a>,
}

/// Returns a body with other texts at some spans, which do not overlap, and every other byte as it was.
pub(crate) fn edited(body: &[u8], mut edits: Vec<(Range<usize>, String)>) -> Bytes {
    edits.sort_by_key(|(span, _)| span.start);
    let mut spliced = Vec::with_capacity(body.len() + edits.iter().map(|(_, text)| text.len()).sum::<usize>());
    let mut at = 0;
    for (span, text) in edits {
        spliced.extend_from_slice(body.get(at..span.start).unwrap_or_default());
        spliced.extend_from_slice(text.as_bytes());
        at = span.end;
    }
    spliced.extend_from_slice(body.get(at..).unwrap_or_default());
    spliced.into()
}

/// Returns an event with another text at a span of its data, and every other byte as it was.
pub(crate) fn edited_frame(frame: &Frame, span: Range<usize>, text: String) -> Option<Frame> {
    let raw = edited(&frame.raw, vec![(span_in_raw(frame, &span)?, text.clone())]);
    Some(Frame::new(raw, frame.event.clone(), edited(&frame.data, vec![(span, text)])))
}

/// Returns where a span of an event's data stands in its bytes, in which each line of the data has a name before it.
fn span_in_raw(frame: &Frame, span: &Range<usize>) -> Option<Range<usize>> {
    let place = |place: usize| {
        let (mut read, mut at) = (0, 0);
        for line in frame.data.split(|byte| *byte == b'\n') {
            at += memmem::find(frame.raw.get(at..)?, line)?;
            if place <= read + line.len() {
                return Some(at + place - read);
            }
            (read, at) = (read + line.len() + 1, at + line.len());
        }
        None
    };
    Some(place(span.start)?..place(span.end)?)
}

/// Extends the span of a value to the name before it.
pub(crate) fn whole_field(text: &str, value: Range<usize>) -> Range<usize> {
    // Between them stand a colon and white space. The name holds no quote, however its letters are escaped.
    let mut quotes = text.get(..value.start).unwrap_or_default().rmatch_indices('"');
    let start = quotes.nth(1).map_or(value.start, |(quote, _)| quote);
    start..value.end
}

/// Extends the span of a field to the comma that parts it from its neighbour.
pub(crate) fn with_comma(text: &str, field: Range<usize>) -> Range<usize> {
    let rest = text.get(field.end..).unwrap_or_default();
    let gap = rest.len() - rest.trim_start().len();
    if rest.trim_start().starts_with(',') {
        return field.start..field.end + gap + 1;
    }
    let before = text.get(..field.start).unwrap_or_default().trim_end();
    before.strip_suffix(',').map_or(field.start, str::len)..field.end
}
