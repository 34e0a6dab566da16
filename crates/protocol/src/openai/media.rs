//! Images, sound, video and files as parts of a message.

use tollbridge_core::Error;
use tollbridge_types::{Media, MediaSource};

use super::CHAT_PROTOCOL as PROTOCOL;
use super::request_decode::required_object;
use crate::media::{bytes_or_address, file_name};
use crate::object::{Fields, Object, json};

/// Says whether a part called `image` is one as some clients write them, and not what another protocol calls so.
pub(super) fn is_image(fields: &Object) -> bool {
    let text = |name: &str| fields.peek(name).is_some_and(|json| json.as_str().starts_with('"'));
    fields.peek("image_url").is_some() || text("url") || text("image")
}

pub(super) fn image(mut fields: Object) -> Result<Media, Error> {
    // Some clients write the bare address in the place of the object, or under another name.
    let names = ["image_url", "url", "image"];
    let bare = names.iter().find_map(|name| Some((*name, fields.peek(name)?.parse::<String>().ok()?)));
    let mut media = match bare {
        Some((name, url)) => {
            fields.take(name);
            Media::url(url)
        }
        None => {
            let mut inner = required_object(&mut fields, "image_url")?;
            let mut media = Media::url(inner.require::<String>("url")?);
            media.detail = inner.take_as("detail")?;
            media
        }
    };
    media.extras = fields.into_extras(PROTOCOL);
    Ok(media)
}

/// Reads a part that names an address: `video_url` of many servers, `document_url` of Mistral's.
pub(super) fn named(mut fields: Object, name: &str) -> Result<Media, Error> {
    let mut media = match fields.peek(name).and_then(|json| json.parse::<String>().ok()) {
        Some(url) => {
            fields.take(name);
            let mut media = Media::url(url);
            media.extras.insert(PROTOCOL, BARE, json(&true));
            media
        }
        None => {
            let mut inner = required_object(&mut fields, name)?;
            let mut media = Media::url(inner.require::<String>("url")?);
            for (name, value) in inner.into_fields() {
                media.extras.insert(PROTOCOL, format!("{URL_OBJECT}{name}"), value);
            }
            media
        }
    };
    media.name = fields.take_as("document_name")?;
    media.extras.insert(PROTOCOL, TYPE, json(name));
    media.extras.extend(fields.into_extras(PROTOCOL));
    Ok(media)
}

/// Reads a sound; Mistral takes the bare bytes in the place of the object.
pub(super) fn audio(mut fields: Object) -> Result<Media, Error> {
    let mut media = match fields.peek("input_audio").and_then(|json| json.parse::<String>().ok()) {
        Some(data) => {
            fields.take("input_audio");
            let mut media = bytes_or_address(data);
            media.extras.insert(PROTOCOL, BARE, json(&true));
            media
        }
        None => {
            let mut inner = required_object(&mut fields, "input_audio")?;
            let format = inner.take_as::<String>("format")?.unwrap_or_else(|| "wav".to_owned());
            Media::base64(format!("audio/{format}"), inner.require::<String>("data")?)
        }
    };
    media.extras.extend(fields.into_extras(PROTOCOL));
    Ok(media)
}

pub(super) fn file(mut fields: Object) -> Result<Media, Error> {
    let mut inner = required_object(&mut fields, "file")?;
    let path = inner.path_of("file_data");
    let data = inner.take_as::<String>("file_data")?;
    let id = inner.take_as::<String>("file_id")?;
    let mut media = match (data, id) {
        (Some(data), _) => bytes_or_address(data),
        (None, Some(id)) => Media::new(MediaSource::File(id)),
        (None, None) => {
            return Err(Error::invalid(path, "the file has neither `file_data` nor `file_id`")
                .with_hint("send the bytes as a data: URL in `file_data`, or the id of an uploaded file"));
        }
    };
    media.name = inner.take_as("filename")?;
    media.extras = fields.into_extras(PROTOCOL);
    match &media.source {
        // OpenAI itself takes none here; who sends one knows a server that does.
        MediaSource::Url(address) => media.extras.insert(PROTOCOL, ADDRESS, json(address)),
        MediaSource::Base64(_) if media.mime.is_none() => media.extras.insert(PROTOCOL, BARE, json(&true)),
        _ => {}
    }
    Ok(media)
}

/// Writes an image.
pub(super) fn encode_image(media: &Media, path: &str) -> Result<Fields, Error> {
    let url = media.to_url().ok_or_else(|| {
        Error::invalid(path, "OpenAI's chat takes no image by a file id").with_hint("send the image's URL or bytes")
    })?;
    let mut inner = Fields::new();
    inner.put("url", &url).put_some("detail", media.detail.as_ref());
    let mut fields = Fields::new();
    fields.put("type", "image_url").put("image_url", &inner);
    Ok(with_extras(fields, media))
}

/// Writes a sound.
pub(super) fn encode_audio(media: &Media, path: &str) -> Result<Fields, Error> {
    let mut fields = Fields::new();
    fields.put("type", "input_audio");
    if media.extras.get(PROTOCOL, BARE).is_some() {
        match &media.source {
            MediaSource::Base64(data) if media.mime.is_none() => fields.put("input_audio", data),
            _ => fields.put_some("input_audio", media.to_url()),
        };
        return Ok(with_extras(fields, media));
    }
    let MediaSource::Base64(data) = &media.source else {
        return Err(Error::invalid(path, "OpenAI takes sound only as bytes").with_hint("send the sound as base64"));
    };
    let mut inner = Fields::new();
    inner.put("data", data).put("format", audio_format(media));
    fields.put("input_audio", &inner);
    Ok(with_extras(fields, media))
}

/// Writes a file.
pub(super) fn encode_file(media: &Media, path: &str) -> Result<Fields, Error> {
    if media.extras.get(PROTOCOL, TYPE).is_some() {
        return encode_named("document_url", media, path);
    }
    let mut inner = Fields::new();
    match &media.source {
        MediaSource::File(id) => inner.put("file_id", id).put_some("filename", media.name.as_ref()),
        MediaSource::Base64(data) if media.extras.get(PROTOCOL, BARE).is_some() && media.mime.is_none() => {
            inner.put_some("filename", media.name.as_ref()).put("file_data", data)
        }
        MediaSource::Base64(_) => inner.put("filename", &file_name(media)).put_some("file_data", media.to_url()),
        MediaSource::Url(address) if media.extras.get(PROTOCOL, ADDRESS).is_some() => {
            inner.put_some("filename", media.name.as_ref()).put("file_data", address)
        }
        _ => {
            return Err(Error::invalid(
                path,
                "OpenAI takes a document as bytes or as an uploaded file, not by its URL",
            )
            .with_hint("send the document's bytes as base64"));
        }
    };
    let mut fields = Fields::new();
    fields.put("type", "file").put("file", &inner);
    Ok(with_extras(fields, media))
}

/// Writes a document as Mistral takes it: by its address, its bytes or its id.
pub(super) fn document_url(media: &Media) -> Fields {
    let mut fields = Fields::new();
    match &media.source {
        MediaSource::File(id) => fields.put("type", "file").put("file_id", id),
        _ => {
            fields.put("type", "document_url").put_some("document_url", media.to_url());
            fields.put_some("document_name", media.name.as_ref())
        }
    };
    with_extras(fields, media)
}

/// Writes a part that names an address, which may be a `data:` URL.
pub(super) fn encode_named(name: &str, media: &Media, path: &str) -> Result<Fields, Error> {
    let url = media.to_url().ok_or_else(|| {
        Error::invalid(path, format!("`{name}` is neither an address nor bytes")).with_hint("send a URL or the bytes")
    })?;
    let mut fields = Fields::new();
    fields.put("type", name);
    if media.extras.get(PROTOCOL, BARE).is_some() {
        fields.put(name, &url);
    } else {
        let mut inner = Fields::new();
        inner.put("url", &url);
        let own = media.extras.of(PROTOCOL);
        inner.put_missing(own.filter_map(|(name, value)| Some((name.strip_prefix(URL_OBJECT)?, value))));
        fields.put(name, &inner);
    }
    fields.put_some("document_name", media.name.as_ref().filter(|_| name == "document_url"));
    Ok(with_extras(fields, media))
}

/// Returns OpenAI's word for the format of a sound.
pub(crate) fn audio_format(media: &Media) -> &str {
    match media.mime.as_deref().and_then(|mime| mime.strip_prefix("audio/")).unwrap_or("wav") {
        "mpeg" => "mp3",
        "x-wav" | "wave" => "wav",
        other => other,
    }
}

/// Adds the fields that only this protocol knows, but for the marks of its own forms.
fn with_extras(mut fields: Fields, media: &Media) -> Fields {
    let is_mark = |name: &str| [ADDRESS, TYPE, BARE].contains(&name) || name.starts_with(URL_OBJECT);
    fields.put_missing(media.extras.of(PROTOCOL).filter(|(name, _)| !is_mark(name)));
    fields
}

/// How extras name the address of a file that stood where OpenAI takes only bytes.
const ADDRESS: &str = "file.file_data";

/// How extras name the type of a part that is not OpenAI's own for its kind.
const TYPE: &str = "part.type";

/// How extras mark a text that stood in the place of an object.
const BARE: &str = "part.bare";

/// What extras of the object around an address begin with.
const URL_OBJECT: &str = "part.url.";
