use std::io::{self, Read};

use brotli_decompressor::Decompressor;
use bytes::Bytes;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, StatusCode, header};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use tollbridge::core::VendorError;
use tollbridge::{Error, ErrorKind};

/// What a body may be compressed with, for the header `accept-encoding` of a refusal.
pub(crate) const TAKEN: &str = "gzip, deflate, zstd, br";

/// One way to compress a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Gzip,
    Deflate,
    Zstd,
    Brotli,
}

/// Reads how a body is compressed: the way that came first stands first.
///
/// # Errors
/// 415 for a way that is not known, or more of them than anybody needs.
pub(crate) fn encodings(headers: &HeaderMap) -> Result<Vec<Encoding>, Error> {
    let mut encodings = Vec::new();
    for value in headers.get_all(header::CONTENT_ENCODING) {
        for word in String::from_utf8_lossy(value.as_bytes()).split(',') {
            encodings.push(match word.trim().to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Encoding::Gzip,
                "deflate" => Encoding::Deflate,
                "zstd" => Encoding::Zstd,
                "br" => Encoding::Brotli,
                other => return Err(unknown(&format!("`{}`", other.escape_debug()))),
            });
        }
    }
    if encodings.len() > MOST { Err(unknown("so many encodings")) } else { Ok(encodings) }
}

/// Undoes what a client did to its body. No step makes more than `limit` bytes.
///
/// # Errors
/// 400 if the body is not what its header says; whatever `too_large` makes if it holds more.
pub(crate) async fn decode(
    body: Bytes,
    encodings: Vec<Encoding>,
    limit: usize,
    too_large: fn(usize) -> Error,
) -> Result<Bytes, Error> {
    if encodings.is_empty() {
        return Ok(body);
    }
    // A large body takes longer than other calls may wait for this thread.
    let decoding = tokio::task::spawn_blocking(move || {
        encodings.into_iter().rev().try_fold(body, |body, encoding| step(&body, encoding, limit, too_large))
    });
    decoding.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Unknown, "an internal error; see the server's log")))
}

fn step(body: &[u8], encoding: Encoding, limit: usize, too_large: fn(usize) -> Error) -> Result<Bytes, Error> {
    let mut decoded = Vec::new();
    let read = match encoding {
        Encoding::Gzip => within(MultiGzDecoder::new(body), limit, &mut decoded),
        Encoding::Deflate if is_zlib(body) => {
            let mut decoder = ZlibDecoder::new(body);
            within(&mut decoder, limit, &mut decoded).and_then(|()| ended(decoder.get_ref(), &decoded, limit))
        }
        // Some clients leave out the frame that the name stands for.
        Encoding::Deflate => {
            let mut decoder = DeflateDecoder::new(body);
            within(&mut decoder, limit, &mut decoded).and_then(|()| ended(decoder.get_ref(), &decoded, limit))
        }
        Encoding::Zstd => zstd(body, limit, &mut decoded),
        Encoding::Brotli => within(Decompressor::new(body, 4096), limit, &mut decoded),
    };
    match read {
        Ok(()) if decoded.len() > limit => Err(too_large(limit)),
        Ok(()) => Ok(decoded.into()),
        Err(error) => {
            let name = format!("{encoding:?}").to_ascii_lowercase();
            Err(Error::invalid("content-encoding", format!("the body is not the {name} that its header says: {error}"))
                .with_hint("send `content-encoding` only with a body that was compressed so"))
        }
    }
}

/// Reads to the end, or to the first byte beyond the limit.
fn within(decoder: impl Read, limit: usize, decoded: &mut Vec<u8>) -> io::Result<()> {
    decoder.take(limit as u64 + 1).read_to_end(decoded).map(drop)
}

fn ended(rest: &[u8], decoded: &[u8], limit: usize) -> io::Result<()> {
    if rest.is_empty() || decoded.len() > limit { Ok(()) } else { Err(io::Error::other("something follows its end")) }
}

fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [method, flags, ..] if method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]) % 31 == 0)
}

/// Reads one frame after the other.
fn zstd(mut body: &[u8], limit: usize, decoded: &mut Vec<u8>) -> io::Result<()> {
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(WINDOW);
    loop {
        decoder.reset(&mut body).map_err(io::Error::other)?;
        while !decoder.is_finished() {
            decoder.decode_blocks(&mut body, BlockDecodingStrategy::UptoBlocks(1)).map_err(io::Error::other)?;
            (&mut decoder).take((limit + 1 - decoded.len()) as u64).read_to_end(decoded)?;
            if decoded.len() > limit {
                return Ok(());
            }
        }
        let told = decoder.get_checksum_from_data();
        if told.is_some() && told != decoder.get_calculated_checksum() {
            return Err(io::Error::other("its checksum is another"));
        }
        if body.is_empty() {
            return Ok(());
        }
    }
}

fn unknown(what: &str) -> Error {
    // The status is the protocol's own for this; no kind of error stands for it alone.
    let mut vendor = VendorError::default();
    vendor.status = Some(StatusCode::UNSUPPORTED_MEDIA_TYPE.as_u16());
    Error::new(ErrorKind::InvalidRequest, format!("a body of {what} cannot be read"))
        .with_path("content-encoding")
        .with_hint(format!("compress it with one of {TAKEN}, or not at all"))
        .with_vendor(vendor)
}

/// How often a body may be compressed over again.
const MOST: usize = 3;

/// The largest window that zstd may have in HTTP, by RFC 9659.
const WINDOW: u64 = 8 << 20;
