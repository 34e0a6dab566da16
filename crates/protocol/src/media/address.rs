//! What a vendor takes only as bytes, and a client named by its address.

use tollbridge_types::{ChatRequest, MediaKind, MediaSource, Part};

use super::fit::{address_type, is_web, takes_address};
use super::rules::MediaRules;
use super::{base64, kind_of, label, media_type};

/// The address of a medium that has to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Address {
    /// Its place in the typed request.
    pub path: String,
    /// The URL, of HTTP.
    pub url: String,
}

/// What an address led to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fetched {
    /// The URL that the client named.
    pub url: String,
    /// The bytes.
    pub bytes: bytes::Bytes,
    /// The type that the server said.
    pub content_type: Option<String>,
}

impl Fetched {
    /// Holds what an address led to.
    pub fn new(url: impl Into<String>, bytes: bytes::Bytes, content_type: Option<String>) -> Self {
        Self { url: url.into(), bytes, content_type }
    }
}

/// Lists the addresses of a request that a vendor does not read itself, each as often as it stands there: its bytes
/// will stand there as often.
pub fn addresses_to_fetch(request: &ChatRequest, rules: &MediaRules<'_>) -> Vec<Address> {
    let mut found = Vec::new();
    for (place, message) in request.messages.iter().enumerate() {
        for (number, part) in message.parts.iter().enumerate() {
            let path = format!("messages[{place}].parts[{number}]");
            match part {
                Part::ToolResult(result) => {
                    for (inner, part) in result.content.iter().enumerate() {
                        collect(part, || format!("{path}.content[{inner}]"), rules, &mut found);
                    }
                }
                part => collect(part, || path.clone(), rules, &mut found),
            }
        }
    }
    found
}

fn collect(part: &Part, path: impl FnOnce() -> String, rules: &MediaRules<'_>, found: &mut Vec<Address>) {
    let Some((kind, media)) = part.as_media() else { return };
    let MediaSource::Url(url) = &media.source else { return };
    let (kind, _) = address_type(kind, media, url);
    // The bytes may tell another kind.
    let nothing = |kind| rules.of(kind).is_none();
    let kinds = [MediaKind::Image, MediaKind::Document, MediaKind::Audio, MediaKind::Video];
    if !is_web(url) || takes_address(rules, kind, media, url) || nothing(kind) && kinds.into_iter().all(nothing) {
        return;
    }
    found.push(Address { path: path(), url: url.clone() });
}

/// Puts bytes in the place of their addresses.
#[must_use]
pub fn with_fetched(mut request: ChatRequest, fetched: &[Fetched]) -> ChatRequest {
    for part in request.messages.iter_mut().flat_map(|message| &mut message.parts) {
        match part {
            Part::ToolResult(result) => result.content.iter_mut().for_each(|part| replace(part, fetched)),
            part => replace(part, fetched),
        }
    }
    request
}

fn replace(part: &mut Part, fetched: &[Fetched]) {
    let Some((kind, media)) = part.as_media() else { return };
    let MediaSource::Url(url) = &media.source else { return };
    let Some(found) = fetched.iter().find(|found| found.url == *url) else { return };
    let mut media = media.clone();
    media.source = MediaSource::Base64(base64::encode(&found.bytes));
    let told = media_type(&found.bytes).map(str::to_owned);
    let said = found.content_type.as_deref().and_then(label::neat);
    media.mime = match (told, said) {
        (Some(told), Some(said)) if label::may_be(&told, &said) => Some(said),
        (told, said) => told.or(said).or(media.mime),
    };
    if media.name.is_none() && kind == MediaKind::Document {
        let path = found.url.split(['?', '#']).next().unwrap_or_default();
        media.name = path.rsplit('/').next().filter(|name| name.contains('.')).map(str::to_owned);
    }
    let kind = media.mime.as_deref().map_or(kind, kind_of);
    *part = Part::of_media(kind, media);
}
