//! Files of this machine as media, and the fetching of addresses.

use std::io::Read;
use std::path::Path;

use tollbridge_core::{Error, ErrorKind};
use tollbridge_protocol::media::{from_bytes, kind_of};
use tollbridge_protocol::media_type;
use tollbridge_types::{Media, MediaKind, Part};

/// The most bytes of a file that is read as a medium.
pub const LARGEST_FILE: u64 = 50 << 20;

/// Reads a file of this machine as a part of a message, told by its first bytes.
///
/// ```
/// # fn main() -> Result<(), tollbridge::Error> {
/// let directory = tempfile::tempdir().unwrap();
/// let path = directory.path().join("picture.txt");
/// std::fs::write(&path, b"\x89PNG\r\n\x1a\n").unwrap();
/// let part = tollbridge::media_file(&path)?;
/// assert_eq!(part.as_media().unwrap().1.mime.as_deref(), Some("image/png"));
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] if the file cannot be read, is empty, or has more than [`LARGEST_FILE`] bytes.
pub fn media_file(path: impl AsRef<Path>) -> Result<Part, Error> {
    let path = path.as_ref();
    let bytes = read(path)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(from_bytes(&bytes, name))
}

/// Reads an image of this machine.
///
/// # Errors
/// As [`media_file`], and if its first bytes are those of no image.
pub fn image_file(path: impl AsRef<Path>) -> Result<Media, Error> {
    let path = path.as_ref();
    let bytes = read(path)?;
    let found = media_type(&bytes);
    if !found.is_some_and(|mime| kind_of(mime) == MediaKind::Image) {
        let told = found.map_or_else(String::new, |mime| format!(", but `{mime}`"));
        return Err(fault(path, format!("is no image{told}"))
            .with_hint("images are told by their first bytes: PNG, JPEG, GIF, WebP and others"));
    }
    match from_bytes(&bytes, None) {
        Part::Image(media) => Ok(media),
        _ => Err(fault(path, "is no image".to_owned())),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let unreadable = |error: std::io::Error| fault(path, format!("cannot be read: {error}"));
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(fault(path, format!("has more than {LARGEST_FILE} bytes")));
    }
    if bytes.is_empty() {
        return Err(fault(path, "is empty"));
    }
    Ok(bytes)
}

fn fault(path: &Path, what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidRequest, format!("{} {what}", path.display()))
}

/// A fetcher, and whether providers use it unless they say otherwise.
#[cfg(all(feature = "config", feature = "http"))]
type Fetching = (std::sync::Arc<dyn tollbridge_core::Fetch>, bool);

/// Makes the fetcher that a configuration describes, and says whether providers use it unless they say otherwise.
#[cfg(all(feature = "config", feature = "http"))]
pub(crate) fn configured(
    media: &tollbridge_config::MediaConfig,
    providers: &[(tollbridge_core::Registration, tollbridge_core::ProviderSettings)],
) -> Result<Option<Fetching>, Error> {
    if !providers.iter().any(|(_, settings)| settings.fetch_media.unwrap_or(media.fetch)) {
        return Ok(None);
    }
    let mut options = tollbridge_transport::FetchOptions::default();
    options.hosts.clone_from(&media.hosts);
    for network in &media.networks {
        options.networks.add(network)?;
    }
    (options.max_bytes, options.timeout) = (media.max_bytes, media.timeout);
    (options.redirects, options.parallel) = (media.redirects, media.parallel);
    Ok(Some((std::sync::Arc::new(tollbridge_transport::Fetcher::new(options)?), media.fetch)))
}
