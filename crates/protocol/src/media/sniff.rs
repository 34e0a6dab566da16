/// How many of the first bytes of a medium are looked at.
pub const HEAD: usize = 4096;

/// Tells the type of a medium by its first bytes, of which [`HEAD`] are enough.
///
/// Text has no signature and is `None`, as is what nothing is known of. A container of several types
/// is told as the most common one of them, such as `video/mp4` or `application/zip`.
///
/// ```
/// use tollbridge_protocol::media_type;
/// assert_eq!(media_type(b"\xff\xd8\xff\xe0\0\x10JFIF"), Some("image/jpeg"));
/// assert_eq!(media_type(b"%PDF-1.7\n"), Some("application/pdf"));
/// assert_eq!(media_type(b"a,b\n1,2\n"), None);
/// ```
pub fn media_type(bytes: &[u8]) -> Option<&'static str> {
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    let fixed = SIGNATURES.iter().find(|(place, signature, _)| at(head, *place, signature));
    if let Some((_, _, mime)) = fixed {
        return Some(mime);
    }
    None.or_else(|| riff(head))
        .or_else(|| iso(head))
        .or_else(|| bitmap(head))
        .or_else(|| matroska(head))
        .or_else(|| zip(head))
        .or_else(|| mpeg_audio(head))
        .or_else(|| at(head, 188, b"G").then_some("video/mp2t").filter(|_| at(head, 0, b"G") && at(head, 376, b"G")))
        .or_else(|| svg(head))
        .or_else(|| pdf(head))
}

/// Says whether bytes hold a signature at a place.
fn at(bytes: &[u8], place: usize, signature: &[u8]) -> bool {
    bytes.get(place..).is_some_and(|rest| rest.starts_with(signature))
}

/// What stands at a fixed place, is long enough to be no accident, and is no text.
const SIGNATURES: &[(usize, &[u8], &str)] = &[
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (0, b"II+\0", "image/tiff"),
    (0, b"MM\0+", "image/tiff"),
    (0, b"\0\0\x01\0", "image/x-icon"),
    (0, b"8BPS\0", "image/vnd.adobe.photoshop"),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
    (0, b"\x1f\x8b\x08", "application/gzip"),
    (0, b"ID3\x02", "audio/mpeg"),
    (0, b"ID3\x03", "audio/mpeg"),
    (0, b"ID3\x04", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS\0", "audio/ogg"),
    (0, b"#!AMR", "audio/amr"),
    (0, b"MThd\0\0\0\x06", "audio/midi"),
    (0, b"FLV\x01", "video/x-flv"),
    (0, b"\0\0\x01\xba", "video/mpeg"),
    (0, b"\0\0\x01\xb3", "video/mpeg"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-wmv"),
];

/// What old office documents are stored in.
pub(crate) const OLE: &str = "application/x-ole-storage";

fn riff(head: &[u8]) -> Option<&'static str> {
    if at(head, 0, b"FORM") && (at(head, 8, b"AIFF") || at(head, 8, b"AIFC")) {
        return Some("audio/aiff");
    }
    match head.get(8..12).filter(|_| at(head, 0, b"RIFF"))? {
        b"WEBP" => Some("image/webp"),
        b"WAVE" => Some("audio/wav"),
        b"AVI " => Some("video/x-msvideo"),
        _ => None,
    }
}

/// Reads the brands of a file of the ISO family: HEIC, AVIF, MP4, QuickTime.
fn iso(head: &[u8]) -> Option<&'static str> {
    if !at(head, 4, b"ftyp") {
        // Old QuickTime files begin with their contents.
        let is_movie = [&b"moov"[..], b"mdat", b"wide"].iter().any(|atom| at(head, 4, atom)) && at(head, 0, b"\0");
        return is_movie.then_some("video/quicktime");
    }
    let length: [u8; 4] = head.get(..4)?.try_into().ok()?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX).min(256);
    let box_end = length.min(head.len());
    // The major brand says it, unless it only names the family; then one of the compatible ones does.
    let compatible = head.get(16..box_end).unwrap_or_default().chunks_exact(4);
    let brands = head.get(8..12).into_iter().chain(compatible);
    let told = brands.filter_map(|brand| match brand {
        b"avif" | b"avis" => Some("image/avif"),
        b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" => Some("image/heic"),
        b"mif1" | b"msf1" => Some("image/heif"),
        b"qt  " => Some("video/quicktime"),
        b"M4A " | b"M4B " | b"F4A " => Some("audio/mp4"),
        [b'3', b'g', b'p' | b'2', _] => Some("video/3gpp"),
        _ => None,
    });
    let mut found = None;
    for mime in told {
        match found {
            None | Some("image/heif") => found = Some(mime),
            Some(_) => break,
        }
    }
    // A film may name sound among what it is compatible with; only the major brand makes it sound.
    let is_major = |brand: &[u8]| at(head, 8, brand);
    match found {
        Some("audio/mp4") if !(is_major(b"M4A ") || is_major(b"M4B ") || is_major(b"F4A ")) => Some("video/mp4"),
        Some("video/3gpp") if !is_major(b"3g") => Some("video/mp4"),
        Some(mime) => Some(mime),
        None => Some("video/mp4"),
    }
}

/// A bitmap has but two letters for a signature, so its header must make sense too.
fn bitmap(head: &[u8]) -> Option<&'static str> {
    let header = head.get(14..18)?;
    let known = [12, 40, 52, 56, 64, 108, 124].iter().any(|size: &u32| header == size.to_le_bytes());
    (at(head, 0, b"BM") && at(head, 6, b"\0\0\0\0") && known).then_some("image/bmp")
}

fn matroska(head: &[u8]) -> Option<&'static str> {
    let start = head.get(..64).unwrap_or(head);
    let says = |word: &[u8]| memchr::memmem::find(start, word).is_some();
    match at(head, 0, b"\x1a\x45\xdf\xa3") {
        true if says(b"webm") => Some("video/webm"),
        true => Some("video/x-matroska"),
        false => None,
    }
}

/// Tells office documents by the folders in their archive.
fn zip(head: &[u8]) -> Option<&'static str> {
    if !at(head, 0, b"PK\x03\x04") {
        return None;
    }
    let says = |word: &str| memchr::memmem::find(head, word.as_bytes()).is_some();
    let kinds = [
        ("word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
        ("mimetypeapplication/epub+zip", "application/epub+zip"),
        ("mimetypeapplication/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text"),
        ("mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "application/vnd.oasis.opendocument.spreadsheet"),
        ("mimetypeapplication/vnd.oasis.opendocument.presentation", "application/vnd.oasis.opendocument.presentation"),
    ];
    let found = kinds.iter().find(|(folder, _)| says(folder));
    Some(found.map_or("application/zip", |(_, mime)| mime))
}

/// Tells a frame of MP3 or AAC by its header, whose fields must make sense.
fn mpeg_audio(head: &[u8]) -> Option<&'static str> {
    let [0xff, second, third, ..] = head else { return None };
    match (second & 0xf6, second & 0xe0, third) {
        (0xf0, ..) => Some("audio/aac"),
        // The mark of text in UTF-16.
        _ if *second == 0xfe => None,
        // Not the reserved version, layer, bit rate or sampling rate.
        (_, 0xe0, third)
            if second & 0x18 != 0x08 && second & 0x06 != 0 && third & 0xf0 != 0xf0 && third & 0x0c != 0x0c =>
        {
            Some("audio/mpeg")
        }
        _ => None,
    }
}

/// Tells SVG, which is text, by its first element.
fn svg(head: &[u8]) -> Option<&'static str> {
    let mut rest = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    loop {
        let end = match rest {
            [b'<', b'?', ..] => b"?>".as_slice(),
            [b'<', b'!', b'-', b'-', ..] => b"-->",
            [b'<', b'!', ..] => b">",
            _ => break,
        };
        rest = rest.get(memchr::memmem::find(rest, end)? + end.len()..)?.trim_ascii_start();
    }
    let name = rest.get(..4)?.eq_ignore_ascii_case(b"<svg");
    let ends = rest.get(4).is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'));
    (name && ends).then_some("image/svg+xml")
}

/// A PDF may have some bytes before its header.
fn pdf(head: &[u8]) -> Option<&'static str> {
    let start = head.get(..1024).unwrap_or(head);
    let place = memchr::memmem::find(start, b"%PDF-")?;
    // What is before it must be no text that speaks of one.
    let before = start.get(..place)?;
    let blank = before.strip_prefix(b"\xef\xbb\xbf").unwrap_or(before).trim_ascii().is_empty();
    (blank || std::str::from_utf8(before).is_err()).then_some("application/pdf")
}
