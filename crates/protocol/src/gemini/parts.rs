//! Parts, which requests and replies share.

use tollbridge_core::Error;
use tollbridge_types::{Json, Media, MediaKind, MediaSource, Opaque, Part, Signature, Text, Thought, ToolCall};

use super::GENERATE_PROTOCOL as PROTOCOL;
use crate::ids;
use crate::media::kind_of;
use crate::object::{Fields, Object};

/// Reads a part; `None` for a function's response, which only requests have.
pub(crate) fn decode(json: &Json, path: &str) -> Result<Part, Error> {
    let mut fields = Object::strict(json, path)?;
    let signature = fields.take_any(&["thoughtSignature", "thought_signature"]);
    let signature = signature.and_then(|json| json.parse::<String>().ok());
    let signature = signature.map(|value| Signature::new(PROTOCOL, value));
    let thought: bool = fields.find("thought").unwrap_or_default();
    if fields.peek("text").is_some_and(|text| text.as_str() != "null") {
        let text = fields.require("text")?;
        if thought {
            let mut part = Thought::default();
            (part.text, part.signature, part.extras) = (text, signature, fields.into_extras(PROTOCOL));
            return Ok(Part::Thought(part));
        }
        let mut part = Text::default();
        (part.text, part.signature, part.extras) = (text, signature, fields.into_extras(PROTOCOL));
        return Ok(Part::Text(part));
    }
    let path = fields.path_of("functionCall");
    if let Some(json) = fields.take_any(&["functionCall", "function_call"]) {
        let mut inner = Object::strict(&json, &path)?;
        let mut call = ToolCall::default();
        call.id = inner.find_text("id").filter(|id| !id.is_empty());
        call.name = inner.require("name")?;
        call.arguments = inner.take("args").map_or_else(|| "{}".to_owned(), |args| args.compact());
        call.signature = signature;
        call.extras = fields.into_extras(PROTOCOL);
        for (name, value) in inner.into_fields() {
            call.extras.insert(PROTOCOL, format!("functionCall.{name}"), value);
        }
        return Ok(Part::ToolCall(call));
    }
    let media = match (fields.take_any(&["inlineData", "inline_data"]), fields.take_any(&["fileData", "file_data"])) {
        (Some(json), _) => Some(inline(Object::strict(&json, &fields.path_of("inlineData"))?)?),
        (None, Some(json)) => Some(file(Object::strict(&json, &fields.path_of("fileData"))?)?),
        (None, None) => None,
    };
    let Some(mut media) = media else {
        if fields.peek("functionResponse").is_none() && fields.is_empty() && signature.is_some() {
            // A signature may come alone, on a thought that is not shown or on nothing.
            if thought {
                let mut part = Thought::default();
                (part.signature, part.extras) = (signature, fields.into_extras(PROTOCOL));
                return Ok(Part::Thought(part));
            }
            let mut part = Text::default();
            (part.signature, part.extras) = (signature, fields.into_extras(PROTOCOL));
            return Ok(Part::Text(part));
        }
        return Ok(Part::Opaque(Opaque::new(PROTOCOL, json.clone()).at(fields.path())));
    };
    media.signature = signature;
    media.extras = fields.into_extras(PROTOCOL);
    let kind = media.mime.as_deref().map_or(MediaKind::Document, kind_of);
    Ok(Part::of_media(kind, media))
}

fn inline(mut fields: Object) -> Result<Media, Error> {
    let mime = fields.take_any(&["mimeType", "mime_type"]).and_then(|json| json.parse::<String>().ok());
    let mut media = Media::new(MediaSource::Base64(fields.require("data")?));
    media.mime = mime;
    media.name = fields.find_text("displayName");
    Ok(media)
}

fn file(mut fields: Object) -> Result<Media, Error> {
    let uri = fields.take_any(&["fileUri", "file_uri"]).and_then(|json| json.parse::<String>().ok());
    let path = fields.path_of("fileUri");
    let uri =
        uri.ok_or_else(|| Error::invalid(path.clone(), format!("`{path}` is missing")).with_hint("send a URI"))?;
    let mut media = Media::new(MediaSource::Url(uri));
    media.mime = fields.take_any(&["mimeType", "mime_type"]).and_then(|json| json.parse::<String>().ok());
    media.name = fields.find_text("displayName");
    Ok(media)
}

pub(crate) fn signed(mut fields: Fields, signature: Option<&Signature>) -> Fields {
    fields.put_some("thoughtSignature", signature.and_then(|signature| signature.of(PROTOCOL)));
    fields
}

pub(crate) fn text(text: &str, thought: bool) -> Fields {
    let mut fields = Fields::new();
    fields.put("text", text);
    if thought {
        fields.put("thought", &true);
    }
    fields
}

/// Writes a thought; one that is signed and not shown has no text.
pub(crate) fn thought(text: &str, signed: bool) -> Fields {
    let mut fields = Fields::new();
    fields.put("thought", &true).put_some("text", Some(text).filter(|text| !signed || !text.is_empty()));
    fields
}

/// Writes a call. Ids that were made up here mean nothing to Google and stay out.
pub(crate) fn function_call(call: &ToolCall, args: &Json, keep_id: bool) -> Fields {
    let mut inner = Fields::new();
    inner.put_some("id", call.id.as_ref().filter(|id| keep_id || !ids::is_made_up(id)));
    inner.put("name", &call.name).put("args", args);
    for (name, value) in call.extras.of(PROTOCOL) {
        if let Some(name) = name.strip_prefix("functionCall.") {
            inner.put(name, value);
        }
    }
    let mut fields = Fields::new();
    fields.put("functionCall", &inner);
    for (name, value) in call.extras.of(PROTOCOL).filter(|(name, _)| !name.starts_with("functionCall.")) {
        fields.put(name, value);
    }
    signed(fields, call.signature.as_ref())
}

/// Writes bytes or an address that Google can read.
pub(crate) fn media(media: &Media, fallback: &str) -> Option<Fields> {
    let mime = media.mime.as_deref();
    let mut inner = Fields::new();
    let mut fields = Fields::new();
    match &media.source {
        MediaSource::Base64(data) => {
            inner.put("mimeType", mime.unwrap_or(fallback)).put("data", data);
            inner.put_some("displayName", media.name.as_ref());
            fields.put("inlineData", &inner);
        }
        MediaSource::Url(uri) => {
            inner.put_some("mimeType", mime).put("fileUri", uri).put_some("displayName", media.name.as_ref());
            fields.put("fileData", &inner);
        }
        _ => return None,
    }
    for (name, value) in media.extras.of(PROTOCOL).filter(|(name, _)| *name != INSIDE) {
        fields.put(name, value);
    }
    Some(signed(fields, media.signature.as_ref()))
}

/// How extras mark a medium that stood within a function's response.
pub(crate) const INSIDE: &str = "functionResponse.parts";
