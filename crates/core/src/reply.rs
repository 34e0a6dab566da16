use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tollbridge_types::{Protocol, ToolNames};

use crate::{ByteStream, Fault, FrameStream, Loss};

/// A provider's answer in the bytes of its protocol.
#[derive(Debug)]
#[non_exhaustive]
pub struct Reply {
    /// How to read the body.
    pub protocol: Protocol,
    /// The vendor's HTTP status, always a success.
    pub status: StatusCode,
    /// The vendor's headers.
    pub headers: HeaderMap,
    /// The provider that served.
    pub provider: String,
    /// The model that served, as the provider was asked for it.
    pub model: String,
    /// The name that the model which served goes by: the one that was asked for, or, after a fallback, that of the other.
    /// Empty if no name was looked up.
    pub asked: String,
    /// What of the request the vendor's protocol could not carry.
    pub losses: Vec<Loss>,
    /// What the caller calls the tools that the vendor knows by other names.
    pub tool_names: ToolNames,
    /// The request body as it went out, in the bytes of the same protocol.
    pub sent: Bytes,
    /// What turns out to be wrong with the answer.
    pub fault: Fault,
    /// The answer.
    pub body: ReplyBody,
}

impl Reply {
    /// Makes a successful reply without headers.
    pub fn new(
        protocol: Protocol,
        provider: impl Into<String>,
        model: impl Into<String>,
        body: impl Into<ReplyBody>,
    ) -> Self {
        Self {
            protocol,
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            provider: provider.into(),
            model: model.into(),
            asked: String::new(),
            losses: Vec::new(),
            tool_names: ToolNames::default(),
            sent: Bytes::new(),
            fault: Fault::default(),
            body: body.into(),
        }
    }

    /// Replaces the body; the vendor's headers go if the protocol is another.
    #[must_use]
    pub fn with_body(mut self, protocol: Protocol, body: impl Into<ReplyBody>) -> Self {
        if protocol != self.protocol {
            self.headers.clear();
        }
        self.protocol = protocol;
        self.body = body.into();
        self
    }

    /// Returns what of the request the vendor's protocol could not carry.
    pub fn losses(&self) -> &[Loss] {
        &self.losses
    }
}

/// The body of a [`Reply`].
#[non_exhaustive]
pub enum ReplyBody {
    /// All bytes at once.
    Whole(Bytes),
    /// A stream, frame by frame.
    Frames(FrameStream),
    /// Bytes that are passed on unread, such as sound; the vendor's headers name their type.
    Stream(ByteStream),
}

impl From<Bytes> for ReplyBody {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(bytes)
    }
}

impl From<FrameStream> for ReplyBody {
    fn from(frames: FrameStream) -> Self {
        Self::Frames(frames)
    }
}

impl fmt::Debug for ReplyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Self::Frames(_) => f.write_str("Frames"),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}
