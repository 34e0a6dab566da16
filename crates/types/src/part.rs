use serde::{Deserialize, Serialize};

use crate::{Extras, Json, MediaKind, Origin, Protocol, ToolCall, ToolResult};

/// One piece of a message, in the order in which it was written.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Part {
    /// Text.
    Text(Text),
    /// An image.
    Image(Media),
    /// Recorded sound.
    Audio(Media),
    /// A moving picture.
    Video(Media),
    /// A document, such as a PDF.
    Document(Media),
    /// The model's thinking.
    Thought(Thought),
    /// A call of a tool that the caller runs.
    ToolCall(ToolCall),
    /// What a tool that the caller ran returned.
    ToolResult(ToolResult),
    /// The model's words of refusal, where the vendor keeps them apart from text.
    Refusal(String),
    /// A part that only its own protocol knows, such as a vendor-run tool's call or result.
    Opaque(Opaque),
}

impl Part {
    /// Makes a text part.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(Text { text: text.into(), ..Text::default() })
    }

    /// Returns where the part stood in the body that it was read from; a refusal does not know.
    pub fn origin(&self) -> Option<&str> {
        match self {
            Self::Opaque(opaque) => opaque.origin(),
            other => other.extras()?.origin(),
        }
    }

    /// Returns the fields that one protocol alone knows, if parts of this kind can have some.
    pub fn extras(&self) -> Option<&Extras> {
        match self {
            Self::Text(text) => Some(&text.extras),
            Self::Image(media) | Self::Audio(media) | Self::Video(media) | Self::Document(media) => Some(&media.extras),
            Self::Thought(thought) => Some(&thought.extras),
            Self::ToolCall(call) => Some(&call.extras),
            Self::ToolResult(result) => Some(&result.extras),
            Self::Refusal(_) | Self::Opaque(_) => None,
        }
    }

    /// Notes where the part stood in the body that it was read from.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        let extras = match &mut self {
            Self::Text(text) => &mut text.extras,
            Self::Image(media) | Self::Audio(media) | Self::Video(media) | Self::Document(media) => &mut media.extras,
            Self::Thought(thought) => &mut thought.extras,
            Self::ToolCall(call) => &mut call.extras,
            Self::ToolResult(result) => &mut result.extras,
            Self::Opaque(opaque) => return Self::Opaque(opaque.clone().at(path)),
            Self::Refusal(_) => return self,
        };
        *extras = std::mem::take(extras).at(path);
        self
    }

    /// Makes a part of a medium.
    pub fn of_media(kind: MediaKind, media: Media) -> Self {
        match kind {
            MediaKind::Image => Self::Image(media),
            MediaKind::Audio => Self::Audio(media),
            MediaKind::Video => Self::Video(media),
            MediaKind::Document => Self::Document(media),
        }
    }

    /// Returns the medium and its kind, if this is a part of one.
    pub fn as_media(&self) -> Option<(MediaKind, &Media)> {
        match self {
            Self::Image(media) => Some((MediaKind::Image, media)),
            Self::Audio(media) => Some((MediaKind::Audio, media)),
            Self::Video(media) => Some((MediaKind::Video, media)),
            Self::Document(media) => Some((MediaKind::Document, media)),
            _ => None,
        }
    }

    /// Returns the text, if this is a text part.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(&text.text),
            _ => None,
        }
    }
}

/// Text with what is attached to it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[non_exhaustive]
#[serde(default, deny_unknown_fields)]
pub struct Text {
    /// The text.
    pub text: String,
    /// Sources that the text rests on.
    pub citations: Vec<Citation>,
    /// The vendor's signature on this part.
    pub signature: Option<Signature>,
    /// Fields of one protocol only, such as a cache mark.
    pub extras: Extras,
}

/// An image, sound, video or document.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[non_exhaustive]
#[serde(deny_unknown_fields)]
pub struct Media {
    /// Where the bytes are.
    pub source: MediaSource,
    /// The MIME type, where it is known.
    #[serde(default)]
    pub mime: Option<String>,
    /// The file name or title.
    #[serde(default)]
    pub name: Option<String>,
    /// How closely to look: `low`, `high` or `auto`.
    #[serde(default)]
    pub detail: Option<String>,
    /// The vendor's signature on this part.
    #[serde(default)]
    pub signature: Option<Signature>,
    /// Fields of one protocol only.
    #[serde(default)]
    pub extras: Extras,
}

impl Media {
    /// Makes a medium of a known type from base64 text.
    pub fn base64(mime: impl Into<String>, data: impl Into<String>) -> Self {
        Self { mime: Some(mime.into()), ..Self::new(MediaSource::Base64(data.into())) }
    }

    /// Makes a medium from an address; a base64 `data:` URL becomes its bytes.
    ///
    /// ```
    /// use tollbridge_types::{Media, MediaSource};
    /// let media = Media::url("data:image/png;base64,iVBO");
    /// assert_eq!(media.mime.as_deref(), Some("image/png"));
    /// assert_eq!(media.source, MediaSource::Base64("iVBO".into()));
    /// ```
    pub fn url(url: impl Into<String>) -> Self {
        let url = url.into();
        match data_url(&url) {
            Some((mime, data)) => Self { mime, ..Self::new(MediaSource::Base64(data.to_owned())) },
            None => Self::new(MediaSource::Url(url)),
        }
    }

    /// Makes a medium from its source alone.
    pub fn new(source: MediaSource) -> Self {
        Self { source, mime: None, name: None, detail: None, signature: None, extras: Extras::default() }
    }

    /// Returns the address, with bytes as a `data:` URL; `None` for a vendor's file.
    pub fn to_url(&self) -> Option<String> {
        match &self.source {
            MediaSource::Url(url) => Some(url.clone()),
            MediaSource::Base64(data) => {
                let mime = self.mime.as_deref().unwrap_or("application/octet-stream");
                Some(format!("data:{mime};base64,{data}"))
            }
            MediaSource::File(_) | MediaSource::Text(_) => None,
        }
    }
}

/// Reads the type and the data of a base64 `data:` URL.
fn data_url(url: &str) -> Option<(Option<String>, &str)> {
    let (scheme, rest) = url.split_once(':')?;
    let (head, data) = rest.split_once(',').filter(|_| scheme.eq_ignore_ascii_case("data"))?;
    let (head, marker) = head.rsplit_once(';')?;
    let mime = head.split(';').next().map(str::trim).filter(|mime| !mime.is_empty());
    marker.trim().eq_ignore_ascii_case("base64").then(|| (mime.map(str::to_owned), data))
}

/// Says where the bytes of a [`Media`] are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MediaSource {
    /// The bytes themselves, as base64 text.
    Base64(String),
    /// An address that the vendor fetches.
    Url(String),
    /// A file that was uploaded to the vendor before, by its id.
    File(String),
    /// A document given as plain text.
    Text(String),
}

/// The model's thinking, as far as the vendor shows it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[non_exhaustive]
#[serde(default, deny_unknown_fields)]
pub struct Thought {
    /// The thinking in words, possibly a summary; empty where it is hidden.
    pub text: String,
    /// The vendor's signature over the thinking, needed to send it back.
    pub signature: Option<Signature>,
    /// Thinking that the vendor encrypted instead of showing it.
    pub redacted: Option<Signature>,
    /// Fields of one protocol only.
    pub extras: Extras,
}

/// An opaque string that a vendor issued and wants back unchanged.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[non_exhaustive]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// The protocol whose vendor issued it; it means nothing to another.
    pub protocol: Protocol,
    /// The string.
    pub value: String,
}

impl Signature {
    /// Makes a signature of a protocol.
    pub fn new(protocol: Protocol, value: impl Into<String>) -> Self {
        Self { protocol, value: value.into() }
    }

    /// Returns the string if `protocol` issued it.
    pub fn of(&self, protocol: Protocol) -> Option<&str> {
        (self.protocol == protocol).then_some(self.value.as_str())
    }
}

/// A source that an answer names.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[non_exhaustive]
#[serde(default, deny_unknown_fields)]
pub struct Citation {
    /// The address of the source.
    pub url: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// The words of the source.
    pub quote: Option<String>,
    /// The span of the answer that it supports, in characters from the start of the text.
    pub span: Option<(u64, u64)>,
    /// The vendor's own object and its protocol.
    pub raw: Option<Opaque>,
}

/// A JSON value that only its own protocol understands.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[non_exhaustive]
#[serde(deny_unknown_fields)]
pub struct Opaque {
    /// The protocol that it belongs to.
    pub protocol: Protocol,
    /// The value.
    pub json: Json,
    #[serde(skip)]
    origin: Origin,
}

impl Opaque {
    /// Keeps a value for its protocol.
    pub fn new(protocol: Protocol, json: Json) -> Self {
        Self { protocol, json, origin: Origin::default() }
    }

    /// Returns where the value stood in the body that it was read from.
    pub fn origin(&self) -> Option<&str> {
        self.origin.path()
    }

    /// Notes where the value stood in the body that it was read from.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        self.origin = Origin::new(path);
        self
    }
}
