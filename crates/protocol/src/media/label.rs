//! Types as clients and file names call them.

use super::sniff::OLE;

/// Brings a label into its usual form: small letters, no parameters, no other name of the same type.
///
/// A label that says nothing, such as `application/octet-stream` or `image/*`, is `None`.
pub(crate) fn neat(label: &str) -> Option<String> {
    let plain = label.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let generic = GENERIC.contains(&plain.as_str()) || plain.ends_with("/*") || !plain.contains('/');
    let usual = NAMES.iter().find(|(other, _)| *other == plain).map(|(_, usual)| (*usual).to_owned());
    usual.or_else(|| (!generic).then_some(plain))
}

/// Says whether a type in a list is the type of a medium, under whichever of its names.
pub(crate) fn is(listed: &str, mime: &str) -> bool {
    listed.eq_ignore_ascii_case(mime) || neat(listed).as_deref() == Some(mime)
}

/// Says whether a type is one of text.
pub(crate) fn is_text(mime: &str) -> bool {
    mime.starts_with("text/")
        || mime.ends_with("+json")
        || mime.ends_with("+xml") && !mime.starts_with("image/")
        || TEXTS.contains(&mime)
}

/// Says whether bytes that were told as `found` may well be of the more special type of the label.
pub(crate) fn may_be(found: &str, label: &str) -> bool {
    found == label
        || match found {
            "application/zip" => label.starts_with("application/vnd.") || label == "application/epub+zip",
            OLE => ["application/msword", "application/vnd.ms-"].iter().any(|start| label.starts_with(start)),
            "video/mp4" => ["audio/mp4", "video/quicktime", "video/3gpp", "video/x-m4v"].contains(&label),
            "video/webm" => ["audio/webm", "video/x-matroska"].contains(&label),
            "video/x-matroska" => ["video/webm", "audio/webm", "audio/x-matroska"].contains(&label),
            "audio/ogg" => ["video/ogg", "audio/opus", "application/ogg"].contains(&label),
            "video/x-ms-wmv" => ["audio/x-ms-wma", "video/x-ms-asf"].contains(&label),
            "image/heif" => label == "image/heic",
            "image/heic" => label == "image/heif",
            "audio/mpeg" => label == "video/mpeg",
            "application/rtf" => label == "text/rtf",
            "image/svg+xml" => ["text/xml", "application/xml", "text/html"].contains(&label),
            _ => false,
        }
}

/// Returns the type that a file of this name has, by its extension.
///
/// ```
/// assert_eq!(tollbridge_protocol::extension_type("https://example.com/A.JPG?x=1"), Some("image/jpeg"));
/// ```
pub fn extension_type(name: &str) -> Option<&'static str> {
    let path = name.split(['?', '#']).next().unwrap_or_default();
    let (_, extension) = path.rsplit('/').next()?.rsplit_once('.')?;
    let known = |(other, _): &&(&str, &str)| extension.eq_ignore_ascii_case(other);
    EXTENSIONS.iter().find(known).map(|(_, mime)| *mime)
}

/// Returns the usual extension of files of a type.
pub(crate) fn extension(mime: &str) -> Option<&'static str> {
    EXTENSIONS.iter().find(|(_, other)| *other == mime).map(|(extension, _)| *extension)
}

const GENERIC: &[&str] =
    &["application/octet-stream", "binary/octet-stream", "application/binary", "application/unknown", "*/*"];

/// Other names of a type.
const NAMES: &[(&str, &str)] = &[
    ("image/jpg", "image/jpeg"),
    ("image/pjpeg", "image/jpeg"),
    ("image/x-png", "image/png"),
    ("image/apng", "image/png"),
    ("image/x-webp", "image/webp"),
    ("image/svg", "image/svg+xml"),
    ("image/tif", "image/tiff"),
    ("image/x-tiff", "image/tiff"),
    ("image/x-ms-bmp", "image/bmp"),
    ("image/x-bmp", "image/bmp"),
    ("image/vnd.microsoft.icon", "image/x-icon"),
    ("application/x-pdf", "application/pdf"),
    ("audio/mp3", "audio/mpeg"),
    ("audio/mpeg3", "audio/mpeg"),
    ("audio/x-mpeg", "audio/mpeg"),
    ("audio/x-mp3", "audio/mpeg"),
    ("audio/mpga", "audio/mpeg"),
    ("audio/x-wav", "audio/wav"),
    ("audio/wave", "audio/wav"),
    ("audio/vnd.wave", "audio/wav"),
    ("audio/x-pn-wav", "audio/wav"),
    ("audio/x-flac", "audio/flac"),
    ("audio/x-aac", "audio/aac"),
    ("audio/aacp", "audio/aac"),
    ("audio/x-aiff", "audio/aiff"),
    ("audio/m4a", "audio/mp4"),
    ("audio/x-m4a", "audio/mp4"),
    ("audio/oga", "audio/ogg"),
    ("audio/x-ogg", "audio/ogg"),
    ("video/mov", "video/quicktime"),
    ("video/avi", "video/x-msvideo"),
    ("video/msvideo", "video/x-msvideo"),
    ("video/flv", "video/x-flv"),
    ("video/mkv", "video/x-matroska"),
    ("video/matroska", "video/x-matroska"),
    ("video/wmv", "video/x-ms-wmv"),
    ("video/mpg", "video/mpeg"),
    ("video/mpegs", "video/mpeg"),
    ("video/3gp", "video/3gpp"),
    ("text/md", "text/markdown"),
    ("text/x-markdown", "text/markdown"),
    ("text/x-csv", "text/csv"),
    ("application/csv", "text/csv"),
    ("application/x-csv", "text/csv"),
    ("text/comma-separated-values", "text/csv"),
    ("text/txt", "text/plain"),
    ("text/json", "application/json"),
    ("application/xhtml+xml", "text/html"),
    ("application/x-javascript", "text/javascript"),
    ("application/javascript", "text/javascript"),
    ("application/ecmascript", "text/javascript"),
    ("text/rtf", "application/rtf"),
];

/// Types of text that do not begin with `text/`.
const TEXTS: &[&str] = &[
    "application/json",
    "application/jsonl",
    "application/x-jsonlines",
    "application/x-ndjson",
    "application/xml",
    "application/yaml",
    "application/x-yaml",
    "application/toml",
    "application/sql",
    "application/x-sql",
    "application/typescript",
    "application/x-typescript",
    "application/x-python",
    "application/x-python-code",
    "application/x-ipynb+json",
    "application/x-sh",
    "application/x-shellscript",
    "application/x-httpd-php",
    "application/x-php",
    "application/x-ruby",
    "application/x-perl",
    "application/x-tex",
    "application/x-latex",
    "application/x-subrip",
    "application/graphql",
    "application/x-www-form-urlencoded",
];

/// Extensions of files; of a type's several the first is the usual one.
const EXTENSIONS: &[(&str, &str)] = &[
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("bmp", "image/bmp"),
    ("tiff", "image/tiff"),
    ("tif", "image/tiff"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("avif", "image/avif"),
    ("svg", "image/svg+xml"),
    ("ico", "image/x-icon"),
    ("pdf", "application/pdf"),
    ("txt", "text/plain"),
    ("log", "text/plain"),
    ("csv", "text/csv"),
    ("tsv", "text/tab-separated-values"),
    ("md", "text/markdown"),
    ("markdown", "text/markdown"),
    ("html", "text/html"),
    ("htm", "text/html"),
    ("css", "text/css"),
    ("xml", "text/xml"),
    ("js", "text/javascript"),
    ("py", "text/x-python"),
    ("json", "application/json"),
    ("jsonl", "application/jsonl"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("toml", "application/toml"),
    ("rtf", "application/rtf"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("ppt", "application/vnd.ms-powerpoint"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("epub", "application/epub+zip"),
    ("wav", "audio/wav"),
    ("mp3", "audio/mpeg"),
    ("ogg", "audio/ogg"),
    ("oga", "audio/ogg"),
    ("opus", "audio/opus"),
    ("flac", "audio/flac"),
    ("aac", "audio/aac"),
    ("aiff", "audio/aiff"),
    ("m4a", "audio/mp4"),
    ("mp4", "video/mp4"),
    ("m4v", "video/mp4"),
    ("mov", "video/quicktime"),
    ("webm", "video/webm"),
    ("mkv", "video/x-matroska"),
    ("avi", "video/x-msvideo"),
    ("flv", "video/x-flv"),
    ("mpg", "video/mpeg"),
    ("mpeg", "video/mpeg"),
    ("wmv", "video/x-ms-wmv"),
    ("3gp", "video/3gpp"),
];
