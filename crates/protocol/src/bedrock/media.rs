//! Images, documents, sound and video: a format in a word, and bytes or a place in S3.

use std::collections::BTreeSet;

use tollbridge_core::{Error, Loss};
use tollbridge_types::{Media, MediaKind, MediaSource, Protocol};

use super::CONVERSE_PROTOCOL as PROTOCOL;
use crate::losses;
use crate::object::{Fields, Object, json};

/// Returns the name of the block of a kind.
pub(crate) fn name_of(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Audio => "audio",
        MediaKind::Video => "video",
        MediaKind::Document => "document",
        _ => "image",
    }
}

/// Reads the inside of a block; `None` for a source that only Bedrock knows.
pub(crate) fn decode(kind: MediaKind, mut fields: Object) -> Result<Option<Media>, Error> {
    let Some(mut source) = fields.take_object("source")? else { return Ok(None) };
    let format = fields.take_as::<String>("format")?;
    let mut media = if let Some(bytes) = source.take_as("bytes")? {
        Media::new(MediaSource::Base64(bytes))
    } else if let Some(text) = source.take_as("text")? {
        Media::new(MediaSource::Text(text))
    } else if let Some(place) = source.take("s3Location") {
        let Some(uri) = Object::lenient(&place).find_text("uri") else { return Ok(None) };
        let mut media = Media::new(MediaSource::Url(uri));
        media.extras.insert(PROTOCOL, S3, place);
        media
    } else {
        return Ok(None);
    };
    media.mime = format.as_deref().and_then(|format| mime_of(kind, format)).map(str::to_owned);
    if kind == MediaKind::Document {
        media.name = fields.take_as("name")?;
    }
    // A word that the MIME type does not lead back to is kept.
    let known = media.mime.as_deref().and_then(|mime| format_of(kind, mime));
    if let Some(format) = format.filter(|format| known != Some(format)) {
        media.extras.insert(PROTOCOL, "format", json(&format));
    }
    media.extras.extend(fields.into_extras(PROTOCOL));
    Ok(Some(media))
}

/// Writes a block. A document must have a name that no other of `names` has.
pub(crate) fn encode(
    kind: MediaKind,
    media: &Media,
    names: &mut BTreeSet<String>,
    path: &str,
    losses: &mut Vec<Loss>,
) -> Result<Fields, Error> {
    losses::report_detail(media, path, losses);
    let name = name_of(kind);
    let mut fields = Fields::new();
    fields.put("format", &format(kind, media, path)?);
    if kind == MediaKind::Document {
        fields.put("name", &document_name(media, names, path, losses));
    }
    let mut source = Fields::new();
    match &media.source {
        MediaSource::Base64(data) => source.put("bytes", data),
        MediaSource::Text(text) if kind == MediaKind::Document => source.put("text", text),
        MediaSource::Url(uri) if uri.starts_with("s3://") => match media.extras.get(PROTOCOL, S3) {
            Some(place) => source.put(S3, place),
            None => source.put(S3, &serde_json::json!({"uri": uri})),
        },
        _ => {
            return Err(Error::invalid(path, format!("Bedrock cannot take this source of the {name}"))
                .with_hint("send the bytes as base64, or an `s3://` address"));
        }
    };
    fields.put("source", &source);
    for (extra, value) in media.extras.of(Protocol::ANTHROPIC_MESSAGES).filter(|(extra, _)| is_shared(kind, extra)) {
        fields.put(extra, value);
    }
    for (extra, value) in media.extras.of(PROTOCOL).filter(|(extra, _)| *extra != S3) {
        if !fields.has(extra) {
            fields.put(extra, value);
        }
    }
    Ok(Fields::one(name, &fields))
}

fn format(kind: MediaKind, media: &Media, path: &str) -> Result<String, Error> {
    let kept = media.extras.get(PROTOCOL, "format").and_then(|json| json.parse::<String>().ok());
    let mime = media.mime.as_deref().map(|mime| mime.split(';').next().unwrap_or(mime).trim());
    let usual = match (kind, &media.source) {
        (MediaKind::Document, MediaSource::Text(_)) => Some("txt"),
        (MediaKind::Document, _) => Some("pdf"),
        (MediaKind::Image, _) => Some("png"),
        _ => None,
    };
    let found = match mime {
        None => kept.or_else(|| usual.map(str::to_owned)),
        Some(mime) => kept.or_else(|| format_of(kind, mime).map(str::to_owned)),
    };
    found.ok_or_else(|| {
        let name = name_of(kind);
        let mut formats: Vec<&str> = FORMATS.iter().filter(|row| row.0 == kind).map(|row| row.1).collect();
        formats.dedup();
        let given = mime.map_or_else(|| "has no MIME type".to_owned(), |mime| format!("is `{mime}`"));
        Error::invalid(path, format!("the {name} {given}, which Bedrock does not take"))
            .with_hint(format!("send one of these: {}", formats.join(", ")))
    })
}

/// Says whether Anthropic's name of a field of a document is Bedrock's too.
pub(crate) fn is_shared(kind: MediaKind, name: &str) -> bool {
    kind == MediaKind::Document && ["context", "citations"].contains(&name)
}

/// Finds a document's name, other than those that the request has already, because two of one name are refused.
fn document_name(media: &Media, names: &mut BTreeSet<String>, path: &str, losses: &mut Vec<Loss>) -> String {
    let wanted = valid_name(media, names.len() + 1, path, losses);
    let mut name = wanted.clone();
    let mut number = 1;
    while !names.insert(name.clone()) {
        number += 1;
        name = format!("{wanted}-{number}");
    }
    if name != wanted && media.name.is_some() {
        losses.push(Loss::adapted(format!("{path}.name"), format!("another document has it: sent as `{name}`")));
    }
    name
}

/// Brings a document's name into the letters that Bedrock takes.
fn valid_name(media: &Media, number: usize, path: &str, losses: &mut Vec<Loss>) -> String {
    let valid = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '(' | ')' | '[' | ']');
    let Some(name) = &media.name else { return format!("document-{number}") };
    let spaced: Vec<String> = name
        .split_whitespace()
        .map(|word| word.chars().map(|letter| if valid(letter) { letter } else { '-' }).collect())
        .collect();
    let neat: String = spaced.join(" ").chars().take(LONGEST_NAME).collect();
    // An underscore is none of the letters that are documented, and is taken all the same.
    if neat == name.replace('_', "-") && !neat.is_empty() {
        return name.clone();
    }
    let neat = if neat.is_empty() { format!("document-{number}") } else { neat };
    losses.push(Loss::adapted(format!("{path}.name"), format!("sent as `{neat}`, in the letters that Bedrock takes")));
    neat
}

fn mime_of(kind: MediaKind, format: &str) -> Option<&'static str> {
    FORMATS.iter().find(|row| row.0 == kind && row.1 == format).map(|row| row.2)
}

fn format_of(kind: MediaKind, mime: &str) -> Option<&'static str> {
    FORMATS.iter().find(|row| row.0 == kind && row.2.eq_ignore_ascii_case(mime)).map(|row| row.1)
}

const S3: &str = "s3Location";

/// The most letters of a document's name, with room for a number behind them.
const LONGEST_NAME: usize = 190;

/// Bedrock's words for formats; of two with one MIME type the first is sent.
const FORMATS: &[(MediaKind, &str, &str)] = &[
    (MediaKind::Image, "png", "image/png"),
    (MediaKind::Image, "jpeg", "image/jpeg"),
    (MediaKind::Image, "jpeg", "image/jpg"),
    (MediaKind::Image, "gif", "image/gif"),
    (MediaKind::Image, "webp", "image/webp"),
    (MediaKind::Document, "pdf", "application/pdf"),
    (MediaKind::Document, "csv", "text/csv"),
    (MediaKind::Document, "doc", "application/msword"),
    (MediaKind::Document, "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (MediaKind::Document, "xls", "application/vnd.ms-excel"),
    (MediaKind::Document, "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (MediaKind::Document, "html", "text/html"),
    (MediaKind::Document, "txt", "text/plain"),
    (MediaKind::Document, "md", "text/markdown"),
    (MediaKind::Video, "mp4", "video/mp4"),
    (MediaKind::Video, "mkv", "video/x-matroska"),
    (MediaKind::Video, "mov", "video/quicktime"),
    (MediaKind::Video, "webm", "video/webm"),
    (MediaKind::Video, "flv", "video/x-flv"),
    (MediaKind::Video, "mpeg", "video/mpeg"),
    (MediaKind::Video, "mpg", "video/mpeg"),
    (MediaKind::Video, "wmv", "video/x-ms-wmv"),
    (MediaKind::Video, "three_gp", "video/3gpp"),
    (MediaKind::Audio, "mp3", "audio/mpeg"),
    (MediaKind::Audio, "mp3", "audio/mp3"),
    (MediaKind::Audio, "wav", "audio/wav"),
    (MediaKind::Audio, "wav", "audio/x-wav"),
    (MediaKind::Audio, "aac", "audio/aac"),
    (MediaKind::Audio, "flac", "audio/flac"),
    (MediaKind::Audio, "mp4", "audio/mp4"),
    (MediaKind::Audio, "ogg", "audio/ogg"),
    (MediaKind::Audio, "opus", "audio/opus"),
    (MediaKind::Audio, "webm", "audio/webm"),
];
