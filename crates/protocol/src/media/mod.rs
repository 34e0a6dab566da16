//! Images, documents, sound and video: told by their bytes, and put into the form that a vendor has for them.
//!
//! A client's label is a hint. [`media_type`] tells a type by the first bytes; [`fit_media`] gives every medium of a
//! request its own type and kind, and refuses what a vendor does not take by its [`MediaRules`], before anything is
//! sent. [`addresses_to_fetch`] and [`with_fetched`] stand around the fetching of what a vendor takes only as bytes.

mod address;
mod base64;
mod fit;
mod label;
mod own;
mod rules;
mod sniff;

pub use address::{Address, Fetched, addresses_to_fetch, with_fetched};
pub use fit::fit_media;
pub use label::extension_type;
pub(crate) use own::{fit_own_media, holds_media};
pub use rules::{Addresses, MediaRules, TextForm, Types};
pub use sniff::{HEAD, media_type};

use tollbridge_types::{Media, MediaKind, MediaSource, Part};

/// Returns the kind of part that a type belongs to; anything but a picture, sound or video is a document.
pub fn kind_of(mime: &str) -> MediaKind {
    match mime.split('/').next() {
        Some("image") => MediaKind::Image,
        Some("audio") => MediaKind::Audio,
        Some("video") => MediaKind::Video,
        _ => MediaKind::Document,
    }
}

/// Makes a part of a file's bytes, told by themselves and, where they say nothing, by the file's name.
pub fn from_bytes(bytes: &[u8], name: Option<String>) -> Part {
    let mut media = Media::new(MediaSource::Base64(base64::encode(bytes)));
    media.name = name;
    let kind = fit::tell(&mut media);
    Part::of_media(kind, media)
}

/// Reads a text that is an address or the bytes themselves, with or without `data:` in front.
pub(crate) fn bytes_or_address(text: String) -> Media {
    if fit::has_scheme(&text) { Media::url(text) } else { Media::new(MediaSource::Base64(text)) }
}

/// Says whether a tool's result can hold a kind of medium; `None` if nobody knows.
pub(crate) fn in_results(model: &tollbridge_profiles::Media, kind: MediaKind) -> Option<bool> {
    let word = if kind == MediaKind::Audio { "audio" } else { word_of(kind) };
    model.in_results.as_ref().map(|kinds| kinds.iter().any(|known| known == word))
}

/// Returns the word for a kind.
pub(crate) fn word_of(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Audio => "sound",
        MediaKind::Video => "video",
        MediaKind::Document => "document",
        _ => "image",
    }
}

/// Returns a document's name, or one that its type makes up.
pub(crate) fn file_name(media: &Media) -> String {
    let extension = || media.mime.as_deref().and_then(label::extension).unwrap_or("pdf");
    media.name.clone().unwrap_or_else(|| format!("document.{}", extension()))
}
