//! Gives each medium of a request its own type, kind and form, or refuses it.

use std::borrow::Cow;

use tollbridge_core::{Error, Loss};
use tollbridge_types::{ChatRequest, Media, MediaKind, MediaSource, Part, Text};

use super::rules::{Addresses, MediaRules, TextForm};
use super::{base64, extension_type, kind_of, label, media_type, sniff, word_of};

/// Makes every medium of a request what its bytes are, in a form that a vendor takes.
///
/// A label that the bytes belie is corrected, an image in a document's place is an image, a text file is text, base64
/// without `data:` is bytes. A request in which nothing changes is borrowed.
///
/// # Errors
/// [`InvalidRequest`](tollbridge_core::ErrorKind::InvalidRequest) with the place of a medium that the rules do not
/// take, and what they do take.
pub fn fit_media<'r>(
    request: &'r ChatRequest,
    rules: &MediaRules<'_>,
    losses: &mut Vec<Loss>,
) -> Result<Cow<'r, ChatRequest>, Error> {
    let changes = changes(request, rules, losses)?;
    if changes.is_empty() {
        return Ok(Cow::Borrowed(request));
    }
    let mut fitted = request.clone();
    for (place, number, part) in changes {
        if let Some(slot) = fitted.messages.get_mut(place).and_then(|message| message.parts.get_mut(number)) {
            *slot = part;
        }
    }
    Ok(Cow::Owned(fitted))
}

/// Lists the parts that change, each by the places of its message and of itself.
pub(crate) fn changes(
    request: &ChatRequest,
    rules: &MediaRules<'_>,
    losses: &mut Vec<Loss>,
) -> Result<Vec<(usize, usize, Part)>, Error> {
    let mut fit = Fit { rules, losses, images: 0 };
    let mut changes = Vec::new();
    for (place, message) in request.messages.iter().enumerate() {
        for (number, part) in message.parts.iter().enumerate() {
            let path = format!("messages[{place}].parts[{number}]");
            if let Some(part) = fit.part(part, &path)? {
                changes.push((place, number, part));
            }
        }
    }
    Ok(changes)
}

struct Fit<'a> {
    rules: &'a MediaRules<'a>,
    losses: &'a mut Vec<Loss>,
    images: usize,
}

impl Fit<'_> {
    /// Returns what a part becomes, if it changes.
    fn part(&mut self, part: &Part, path: &str) -> Result<Option<Part>, Error> {
        let Part::ToolResult(result) = part else {
            return match part.as_media() {
                Some((kind, media)) => self.medium(kind, media, path),
                None => Ok(None),
            };
        };
        let mut content: Option<Vec<Part>> = None;
        for (place, inner) in result.content.iter().enumerate() {
            if let Some(changed) = self.part(inner, &format!("{path}.content[{place}]"))? {
                let parts = content.get_or_insert_with(|| result.content.clone());
                if let Some(slot) = parts.get_mut(place) {
                    *slot = changed;
                }
            }
        }
        Ok(content.map(|content| {
            let mut result = result.clone();
            result.content = content;
            Part::ToolResult(result)
        }))
    }

    fn medium(&mut self, kind: MediaKind, media: &Media, path: &str) -> Result<Option<Part>, Error> {
        let own = match Seen::of(kind, media, path) {
            Ok(own) => own,
            Err(_) if self.rules.untouched => return Ok(None),
            Err(error) => return Err(error),
        };
        if own.kind == MediaKind::Image {
            self.images += 1;
            if let Some(most) = self.rules.max_images.filter(|most| self.images > *most) {
                let message = format!("{} takes at most {most} images in a request", self.rules.vendor);
                return Err(Error::invalid(path, message).with_hint("send fewer images"));
            }
        }
        let changed = match &own.data {
            Data::Bytes(data) if own.is_text() => return self.text(kind, media, &own, data, path),
            Data::Bytes(data) => {
                if let Some(placeholder) = self.refused(&own, data, path)? {
                    return Ok(Some(placeholder));
                }
                let same = matches!(&media.source, MediaSource::Base64(old) if old == data);
                (!same).then(|| MediaSource::Base64(data.clone().into_owned()))
            }
            Data::Address(url) => {
                if let Some(placeholder) = self.refused_address(&own, media, url, path)? {
                    return Ok(Some(placeholder));
                }
                None
            }
            Data::Words(words) => {
                let is_part = matches!(self.rules.text(), TextForm::Part) && kind == MediaKind::Document;
                let is_part = is_part && !self.rules.untouched;
                return Ok(is_part.then(|| self.words(media, words, path)));
            }
            Data::Elsewhere => {
                return match self.rules.of(own.kind).is_none() {
                    true => self.nothing_of(own.kind, path).map(Some),
                    false => Ok(None),
                };
            }
        };
        // The type of an address matters only to who must be told it.
        let told =
            matches!(own.data, Data::Bytes(_)) || matches!(self.rules.of(own.kind).addresses, Addresses::Typed(..));
        let mime = if told { own.mime.map(|mime| self.name(mime)) } else { media.mime.clone() };
        if self.rules.untouched || changed.is_none() && own.kind == kind && mime == media.mime {
            return Ok(None);
        }
        let source = changed.unwrap_or_else(|| media.source.clone());
        Ok(Some(Part::of_media(own.kind, with_source(media, source, mime))))
    }

    /// Returns the vendor's own name of a type.
    fn name(&self, mime: String) -> String {
        let own = self.rules.names.iter().find(|(usual, _)| *usual == mime);
        own.map_or(mime, |(_, own)| (*own).to_owned())
    }

    /// Puts a text file into the form that the vendor has for one.
    fn text(
        &mut self,
        kind: MediaKind,
        media: &Media,
        own: &Seen<'_>,
        data: &str,
        path: &str,
    ) -> Result<Option<Part>, Error> {
        if self.rules.untouched {
            return Ok(None);
        }
        let mime = own.mime.as_deref().unwrap_or("text/plain");
        if let TextForm::Bytes(types) = self.rules.text() {
            let nearest = types.iter().find(|known| **known == mime).or_else(|| types.first());
            let nearest = nearest.map(|known| (*known).to_owned());
            let same = matches!(&media.source, MediaSource::Base64(old) if old == data);
            if same && nearest == media.mime && kind == MediaKind::Document {
                return Ok(None);
            }
            let source = MediaSource::Base64(data.to_owned());
            return Ok(Some(Part::Document(with_source(media, source, nearest))));
        }
        let words = decoded_text(data).ok_or_else(|| {
            Error::invalid(path, format!("the bytes of the `{mime}` document are not text in UTF-8"))
                .with_hint("send the text in UTF-8, or label it as what it is")
        })?;
        Ok(Some(match self.rules.text() {
            TextForm::Part => self.words(media, &words, path),
            _ => Part::Document(with_source(media, MediaSource::Text(words), own.mime.clone())),
        }))
    }

    /// Makes a document a part of text.
    fn words(&mut self, media: &Media, words: &str, path: &str) -> Part {
        self.losses.push(Loss::adapted(path, "the document is sent as text"));
        let mut text = Text::default();
        words.clone_into(&mut text.text);
        text.signature.clone_from(&media.signature);
        text.extras = media.extras.clone();
        Part::Text(text)
    }

    fn refused(&mut self, own: &Seen<'_>, data: &str, path: &str) -> Result<Option<Part>, Error> {
        let types = self.rules.of(own.kind);
        if types.is_none() {
            return self.nothing_of(own.kind, path).map(Some);
        }
        let word = word_of(own.kind);
        if let (Some(known), Some(mime)) = (types.list(), own.mime.as_deref())
            && !known.iter().any(|known| label::is(known, mime))
        {
            let message = format!("the {word} is `{mime}`, which {} does not take", self.rules.vendor);
            return Err(Error::invalid(path, message).with_hint(format!("send one of these: {}", known.join(", "))));
        }
        let length = base64::length(data);
        if let Some(most) = types.max_bytes.filter(|most| length > *most) {
            let message = format!("the {word} has {length} bytes, and {} takes at most {most}", self.rules.vendor);
            return Err(Error::invalid(path, message).with_hint(format!("send a smaller {word}")));
        }
        Ok(None)
    }

    fn refused_address(&mut self, own: &Seen<'_>, media: &Media, url: &str, path: &str) -> Result<Option<Part>, Error> {
        if self.rules.of(own.kind).is_none() {
            return self.nothing_of(own.kind, path).map(Some);
        }
        let judged =
            self.rules.untouched && (!is_web(url) || matches!(self.rules.of(own.kind).addresses, Addresses::Any));
        if judged || takes_address(self.rules, own.kind, media, url) {
            return Ok(None);
        }
        let (vendor, word) = (self.rules.vendor, word_of(own.kind));
        let told = match (is_web(url), &own.mime) {
            (false, _) => format!("the address of the {word} is none that {vendor} can read"),
            (true, Some(mime))
                if matches!(self.rules.of(own.kind).addresses, Addresses::Web(_) | Addresses::Typed(..)) =>
            {
                format!("{vendor} takes no `{mime}` by its address")
            }
            (true, _) => format!("{vendor} takes the bytes of this {word}, not its address"),
        };
        Err(Error::invalid(path, told).with_hint(match is_web(url) {
            true => "send it as a data: URL or base64, or let it be fetched: `media.fetch = true`",
            false => "send it as a data: URL or base64",
        }))
    }

    /// Refuses a kind of which the vendor takes nothing, or puts a word in its place.
    fn nothing_of(&mut self, kind: MediaKind, path: &str) -> Result<Part, Error> {
        let (vendor, word) = (self.rules.vendor, word_of(kind));
        if self.rules.placeholders {
            let placeholder = match kind {
                MediaKind::Audio => "<audio>",
                MediaKind::Video => "<video>",
                MediaKind::Document => "<document>",
                _ => "<image>",
            };
            self.losses.push(Loss::adapted(path, format!("{vendor} takes no {word}: sent as `{placeholder}`")));
            return Ok(Part::text(placeholder));
        }
        let kinds = [MediaKind::Image, MediaKind::Document, MediaKind::Audio, MediaKind::Video];
        let taken: Vec<_> =
            kinds.iter().filter(|kind| !self.rules.of(**kind).is_none()).map(|kind| word_of(*kind)).collect();
        let hint = match taken.as_slice() {
            [] => "send its content as text".to_owned(),
            taken => format!("send its content as text, or as one of these: {}", taken.join(", ")),
        };
        Err(Error::invalid(path, format!("{vendor} takes no {word}")).with_hint(hint))
    }
}

/// What a medium turned out to be.
struct Seen<'m> {
    kind: MediaKind,
    mime: Option<String>,
    data: Data<'m>,
}

enum Data<'m> {
    /// Base64 in the standard form.
    Bytes(Cow<'m, str>),
    Address(&'m str),
    Words(&'m str),
    /// In a vendor's own store.
    Elsewhere,
}

impl<'m> Seen<'m> {
    fn of(kind: MediaKind, media: &'m Media, path: &str) -> Result<Self, Error> {
        let label = media.mime.as_deref().and_then(label::neat);
        let found = match &media.source {
            MediaSource::Base64(data) => Self::of_bytes(kind, media, label, data, path)?,
            MediaSource::Url(url) => match inline(url) {
                Some((inner, data)) => {
                    let label = inner.as_deref().and_then(label::neat).or(label);
                    Self { kind, mime: None, data: Data::Bytes(data.into()) }.told(kind, media, label)
                }
                None if is_bare(url) => Self::of_bytes(kind, media, label, url, path)?,
                None => {
                    let (kind, mime) = address_type(kind, media, url);
                    Self { kind, mime, data: Data::Address(url) }
                }
            },
            MediaSource::Text(words) => Self { kind, mime: label, data: Data::Words(words) },
            _ => Self { kind, mime: label, data: Data::Elsewhere },
        };
        Ok(found)
    }

    fn of_bytes(
        kind: MediaKind,
        media: &Media,
        label: Option<String>,
        data: &'m str,
        path: &str,
    ) -> Result<Self, Error> {
        // Clients that mean well send the whole `data:` URL.
        let (label, data) = match inline(data) {
            Some((inner, data)) => (inner.as_deref().and_then(label::neat).or(label), Cow::Owned(data)),
            None => {
                let data = base64::standard(data).ok_or_else(|| {
                    let message = format!("the data of the {} are not base64", word_of(kind));
                    Error::invalid(path, message).with_hint("send the bytes as base64")
                })?;
                (label, data)
            }
        };
        Ok(Self { kind, mime: None, data: Data::Bytes(data) }.told(kind, media, label))
    }

    /// Finds type and kind of the bytes.
    fn told(mut self, kind: MediaKind, media: &Media, label: Option<String>) -> Self {
        let Data::Bytes(data) = &self.data else { return self };
        let head = base64::head(data);
        let name = media.name.as_deref().and_then(extension_type);
        self.mime = match (media_type(&head), label) {
            (Some(found), Some(label)) if label::may_be(found, &label) => Some(label),
            (Some(found), _) => match name.filter(|name| label::may_be(found, name)) {
                Some(name) => Some(name.to_owned()),
                None => Some(found.to_owned()),
            },
            (None, Some(label)) => Some(label),
            (None, None) if is_text(&head) => {
                Some(name.filter(|name| label::is_text(name)).unwrap_or("text/plain").to_owned())
            }
            // What the name says of bytes that say nothing.
            (None, None) => name.map(str::to_owned).filter(|name| !label::is_text(name)),
        };
        self.kind = self.mime.as_deref().map_or(kind, kind_of);
        self
    }

    fn is_text(&self) -> bool {
        self.mime.as_deref().is_some_and(label::is_text)
    }
}

/// Finds the type of a medium by its bytes and name, and returns its kind.
pub(crate) fn tell(media: &mut Media) -> MediaKind {
    let Ok(Seen { kind, mime, .. }) = Seen::of(MediaKind::Document, media, "") else { return MediaKind::Document };
    media.mime = mime;
    kind
}

/// Returns the kind and type of what is at an address, as far as its label and its name tell.
pub(crate) fn address_type(kind: MediaKind, media: &Media, url: &str) -> (MediaKind, Option<String>) {
    let label = media.mime.as_deref().and_then(label::neat);
    let mime = label.or_else(|| extension_type(url).map(str::to_owned));
    let sure = mime.as_deref().filter(|mime| SURE.iter().any(|start| mime.starts_with(start)));
    (sure.map_or(kind, kind_of), mime)
}

/// Says whether a vendor reads an address itself.
pub(crate) fn takes_address(rules: &MediaRules<'_>, kind: MediaKind, media: &Media, url: &str) -> bool {
    let (_, mime) = address_type(kind, media, url);
    let listed = |types: &[&str]| mime.as_deref().map(|mime| types.iter().any(|known| label::is(known, mime)));
    match rules.of(kind).addresses {
        Addresses::None => false,
        Addresses::Any => has_scheme(url),
        Addresses::Starting(starts) => starts.iter().any(|start| url.starts_with(start)),
        Addresses::Web(types) => is_web(url) && listed(types) != Some(false),
        Addresses::Typed(types, starts) => {
            starts.iter().any(|start| url.starts_with(start))
                || url.starts_with("https://") && listed(types) == Some(true)
        }
    }
}

/// Says whether an address can be fetched by anybody.
pub(crate) fn is_web(url: &str) -> bool {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
}

pub(crate) fn has_scheme(url: &str) -> bool {
    url.split_once(':').is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

/// Says whether the text in an address's place is bytes.
fn is_bare(url: &str) -> bool {
    if has_scheme(url) || !base64::looks_bare(url) {
        return false;
    }
    let start = url.get(..sniff::HEAD).unwrap_or(url);
    let head = base64::standard(start.get(..start.len() / 4 * 4).unwrap_or(start)).map(|data| base64::head(&data));
    head.is_some_and(|head| media_type(&head).is_some())
}

/// Reads a `data:` URL: its label, and its data in standard base64.
fn inline(url: &str) -> Option<(Option<String>, String)> {
    let (scheme, rest) = url.split_at_checked("data:".len())?;
    if !scheme.eq_ignore_ascii_case("data:") {
        return None;
    }
    let (head, data) = rest.split_once(',')?;
    let mut words = head.split(';').map(str::trim);
    let label = words.next().filter(|label| !label.is_empty()).map(str::to_owned);
    let data = match words.any(|word| word.eq_ignore_ascii_case("base64")) {
        true => base64::standard(data)?.into_owned(),
        false => base64::encode(&percent_decoded(data)),
    };
    // Without a label it is text, by the rule of such URLs.
    Some((label, data))
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while let Some(byte) = bytes.get(place) {
        let digits = bytes.get(place + 1..place + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match digits.filter(|_| *byte == b'%').and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(value) => {
                decoded.push(value);
                place += 3;
            }
            None => {
                decoded.push(*byte);
                place += 1;
            }
        }
    }
    decoded
}

/// Says whether the beginning of a file is text.
fn is_text(head: &[u8]) -> bool {
    let whole = match std::str::from_utf8(head) {
        Ok(text) => Some(text),
        // The last character may be cut off.
        Err(error) if error.error_len().is_none() && head.len() >= sniff::HEAD => {
            head.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok())
        }
        Err(_) => None,
    };
    let odd = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t' | '\u{c}' | '\u{1b}');
    !head.is_empty() && whole.is_some_and(|text| !text.contains(odd))
}

/// Reads text, in UTF-8 or, if it says so itself, UTF-16.
fn decoded_text(data: &str) -> Option<String> {
    let bytes = base64::decode(data)?;
    let wide = |little: bool| {
        let units = bytes.get(2..)?.chunks_exact(2).map(|pair| match (pair, little) {
            ([low, high], true) | ([high, low], false) => u16::from_be_bytes([*high, *low]),
            _ => 0,
        });
        String::from_utf16(&units.collect::<Vec<_>>()).ok()
    };
    match bytes.as_slice() {
        [0xff, 0xfe, ..] => wide(true),
        [0xfe, 0xff, ..] => wide(false),
        [0xef, 0xbb, 0xbf, rest @ ..] => std::str::from_utf8(rest).ok().map(str::to_owned),
        _ => String::from_utf8(bytes).ok(),
    }
}

fn with_source(media: &Media, source: MediaSource, mime: Option<String>) -> Media {
    let mut changed = Media::new(source);
    changed.mime = mime;
    changed.name.clone_from(&media.name);
    changed.detail.clone_from(&media.detail);
    changed.signature.clone_from(&media.signature);
    changed.extras = media.extras.clone();
    changed
}

/// Types of which a file's extension is a sure sign.
const SURE: &[&str] = &["image/", "application/pdf"];
