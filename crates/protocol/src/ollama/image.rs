//! Images, which stand in Ollama's messages as bare base64 without a type.

use tollbridge_types::Media;

/// Makes an image of a known type, which other vendors want to be told, from its first bytes.
pub(crate) fn decode(data: String) -> Media {
    // Clients that mean well send the whole `data:` URL.
    if data.starts_with("data:") {
        return Media::url(data);
    }
    let mime = SIGNATURES.iter().find(|(start, _)| data.starts_with(start)).map_or("image/png", |(_, mime)| mime);
    Media::base64(mime, data)
}

/// How files of each type begin, in base64.
const SIGNATURES: &[(&str, &str)] = &[
    ("iVBORw0KGgo", "image/png"),
    ("/9j/", "image/jpeg"),
    ("R0lGOD", "image/gif"),
    ("UklGR", "image/webp"),
    ("Qk", "image/bmp"),
];
