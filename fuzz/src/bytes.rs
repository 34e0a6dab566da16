//! What must hold for everything that is not a chat.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::OnceLock;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::value::RawValue;
use tollbridge_core::{Error, ErrorKind, Frame};
use tollbridge_protocol::{
    CountCodec, EmbedCodec, ErrorCodec, FrameDecoder, Framing, ModelsCodec, ReplyContext, RerankCodec, Target,
    count as count_codec, embed as embed_codec, errors as errors_codec, frame_kind, models as models_codec,
    multipart as form, peek as peek_at, rerank as rerank_codec,
};
use tollbridge_types::Protocol;

const FRAMINGS: [Framing; 4] = [Framing::Sse, Framing::JsonArray, Framing::JsonLines, Framing::AwsEventStream];

pub(crate) fn assert_json(body: &[u8], what: &str) {
    if let Err(error) = serde_json::from_slice::<&RawValue>(body) {
        panic!("{what}: wrote what is no JSON: {error}\n{}", String::from_utf8_lossy(body));
    }
}

/// Holds two values to be equal, and shows the first lines in which they are not.
pub(crate) fn assert_same<T: PartialEq + Debug>(before: &T, after: &T, what: &str) {
    if before == after {
        return;
    }
    let (before, after) = (format!("{before:#?}"), format!("{after:#?}"));
    let same = before.lines().zip(after.lines()).take_while(|(before, after)| before == after).count();
    let shown = |text: &str| text.lines().skip(same.saturating_sub(4)).take(8).collect::<Vec<_>>().join("\n");
    panic!("{what}\nbefore:\n{}\nafter:\n{}", shown(&before), shown(&after));
}

/// Takes the places of the cuts from the end of the data: pairs of bytes, and last how many there are.
pub(crate) fn split(data: &[u8]) -> (&[u8], Vec<&[u8]>) {
    let Some((count, rest)) = data.split_last() else { return (data, vec![data]) };
    let pairs = usize::from(count % 16).min(rest.len() / 2);
    let (bytes, cuts) = rest.split_at(rest.len() - 2 * pairs);
    let place = |pair: &[u8]| (usize::from(pair[0]) << 8 | usize::from(pair[1])) % (bytes.len() + 1);
    let mut cuts: Vec<usize> = cuts.chunks_exact(2).map(place).collect();
    cuts.sort_unstable();
    let mut chunks = Vec::new();
    let mut start = 0;
    for cut in cuts {
        chunks.push(&bytes[start..cut]);
        start = cut;
    }
    chunks.push(&bytes[start..]);
    (bytes, chunks)
}

/// Frames hold every byte once, in order, wherever the network cuts.
pub(crate) fn framing(data: &[u8]) {
    let (bytes, chunks) = split(data);
    FRAMINGS.iter().for_each(|framing| in_frames(*framing, bytes, &chunks));
    let mended = mended(bytes);
    let mut rest = mended.as_slice();
    let same = |chunk: &&[u8]| rest.split_off(..chunk.len()).unwrap_or_default();
    let chunks: Vec<&[u8]> = chunks.iter().map(same).collect();
    in_frames(Framing::AwsEventStream, &mended, &chunks);
}

/// Puts right the checksums of binary messages, which no fuzzer would guess.
fn mended(bytes: &[u8]) -> Vec<u8> {
    let mut mended = bytes.to_vec();
    let mut at = 0;
    while let Some(message) = mended.get_mut(at..).filter(|rest| rest.len() >= 16) {
        let total = message.first_chunk().map_or(0, |total| u32::from_be_bytes(*total) as usize);
        let sum = crc32fast::hash(&message[..8]);
        message[8..12].copy_from_slice(&sum.to_be_bytes());
        if !(16..=message.len()).contains(&total) {
            break;
        }
        let sum = crc32fast::hash(&message[..total - 4]);
        message[total - 4..total].copy_from_slice(&sum.to_be_bytes());
        at += total;
    }
    mended
}

fn in_frames(framing: Framing, bytes: &[u8], chunks: &[&[u8]]) {
    let read = |chunks: &[&[u8]]| {
        let mut decoder = FrameDecoder::new(framing);
        let mut frames = Vec::new();
        let mut outcome = chunks.iter().try_for_each(|chunk| decoder.push(chunk, &mut frames));
        if outcome.is_ok() {
            outcome = decoder.finish(&mut frames);
        }
        (frames, outcome.map_err(|error| error.to_string()))
    };
    let whole = read(&[bytes]);
    assert_same(&whole, &read(chunks), "the pieces change the frames");
    let raw: Vec<u8> = whole.0.iter().flat_map(|frame| frame.raw.to_vec()).collect();
    assert!(bytes.starts_with(&raw), "{framing:?}: the frames hold other bytes");
    assert!(framing != Framing::Sse || raw.len() == bytes.len(), "bytes are lost");
    // The words of a binary error stand in a header, and are made JSON.
    let most = |raw: usize| if framing == Framing::AwsEventStream { 6 * raw + 16 } else { raw };
    for frame in &whole.0 {
        assert!(frame.data.len() <= most(frame.raw.len()), "a frame's data is longer than the frame");
        kinds(frame);
    }
}

fn kinds(frame: &Frame) {
    for protocol in Protocol::ALL {
        frame_kind(*protocol, frame);
    }
}

/// A spliced body is the same but for the model and the wish for usage.
pub(crate) fn peek(data: &[u8]) {
    let Ok(peek) = peek_at(data) else { return };
    let body = Bytes::copy_from_slice(data);
    assert_eq!(peek.splice(&body, None, false), body);
    for usage in [false, true] {
        let spliced = peek.splice(&body, Some("other \"model\""), usage);
        assert_json(&spliced, "splice");
        let again = peek_at(&spliced).unwrap_or_else(|error| panic!("spliced into what cannot be read: {error}"));
        assert_eq!(again.model.as_deref(), Some("other \"model\""));
        assert_eq!(again.stream, peek.stream);
        assert_eq!(again.stream_usage, if usage { peek.stream_usage.or(Some(true)) } else { peek.stream_usage });
        assert_eq!(again.splice(&spliced, again.model.as_deref(), usage), spliced, "a second splice changes more");
        let others = |body: &[u8]| {
            let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(body).ok()?;
            let other = |(name, _): &(String, _)| name != "model" && (!usage || name != "stream_options");
            Some(fields.into_iter().filter(other).collect::<Vec<_>>())
        };
        assert_eq!(others(&body), others(&spliced), "the splice changed another field");
    }
}

/// Requests and replies of embeddings.
pub(crate) fn embed(codec: &dyn EmbedCodec, data: &[u8]) {
    let codecs = || Protocol::ALL.iter().filter_map(|protocol| embed_codec(*protocol));
    if let Ok(request) = codec.decode_request(data) {
        for to in codecs() {
            let mut losses = Vec::new();
            let Ok(body) = to.encode_request(&request, &Target::new(&request.model, false), &mut losses) else {
                continue;
            };
            assert_json(&body, "an embeddings request");
            // What the list shares is written for each of its texts.
            let shared = request.extras.iter().map(|(_, name, value)| name.len() + value.as_str().len() + 8);
            let each = 256 + shared.sum::<usize>() + 6 * request.model.len();
            assert!(body.len() <= 16 * data.len() + request.input.len() * each + 1024, "the request grew");
            let again = match to.decode_request(&body) {
                Err(error) if error.kind() == ErrorKind::Unsupported => continue,
                again => again,
            };
            let again = again.unwrap_or_else(|error| panic!("cannot read its own request: {error}"));
            assert_same(&again.input, &request.input, "the texts differ");
            if to.protocol() == codec.protocol() && losses.is_empty() {
                assert_eq!((again.dimensions, again.base64), (request.dimensions, request.base64));
                assert_eq!((again.user, again.extras), (request.user, request.extras.clone()));
                break;
            }
        }
    }
    if let Ok(reply) = codec.decode_reply(data) {
        for (to, base64) in codecs().flat_map(|to| [(to, false), (to, true)]) {
            let Ok(body) = to.encode_reply(&reply, base64, &ReplyContext::new("id", "model", 0)) else { continue };
            assert_json(&body, "an embeddings reply");
            assert!(body.len() <= 64 * data.len() + 1024, "the reply grew");
            let again = to.decode_reply(&body).unwrap_or_else(|error| panic!("cannot read its own reply: {error}"));
            assert_eq!(again.embeddings.len(), reply.embeddings.len());
        }
    }
}

/// Requests for a count of tokens, and counts.
pub(crate) fn count(codec: &dyn CountCodec, data: &[u8]) {
    if let Ok(request) = codec.decode_request(data) {
        for to in Protocol::ALL.iter().filter_map(|protocol| count_codec(*protocol)) {
            if let Ok(body) = to.encode_request(&request, &Target::new(&request.model, false), &mut Vec::new()) {
                assert_json(&body, "a request to count");
            }
        }
    }
    if let Ok(count) = codec.decode_reply(data) {
        let body = codec.encode_reply(&count);
        assert_json(&body, "a count");
        if let Ok(again) = codec.decode_reply(&body) {
            assert_eq!(again.input, count.input, "the count differs");
        }
    }
}

/// Requests to sort documents, and what was sorted.
pub(crate) fn rerank(codec: &dyn RerankCodec, data: &[u8]) {
    let codecs = || Protocol::ALL.iter().filter_map(|protocol| rerank_codec(*protocol));
    if let Ok(request) = codec.decode_request(data) {
        for to in codecs() {
            let body = to.encode_request(&request, &Target::new(&request.model, false), &mut Vec::new());
            assert_json(&body, "a request to sort");
            let again = to.decode_request(&body).unwrap_or_else(|error| panic!("cannot read its own request: {error}"));
            assert_eq!(again.documents.len(), request.documents.len());
        }
    }
    if let Ok(reply) = codec.decode_reply(data) {
        for to in codecs() {
            let body = to.encode_reply(&reply, &ReplyContext::new("id", "model", 0));
            assert_json(&body, "sorted documents");
            let again = to.decode_reply(&body).unwrap_or_else(|error| panic!("cannot read its own reply: {error}"));
            assert_eq!(again.results.len(), reply.results.len());
        }
    }
}

/// Forms: the first line is the boundary, and the rest the body. A replaced field is the only thing that changes.
pub(crate) fn multipart(data: &[u8]) {
    let place = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let Ok(boundary) = std::str::from_utf8(&data[..place]) else { return };
    let _ = form::boundary(boundary);
    let body = Bytes::copy_from_slice(data.get(place + 1..).unwrap_or_default());
    let Ok(Some(value)) = form::field(&body, boundary, "model") else { return };
    let changed = form::replace(&body, boundary, "model", "other")
        .unwrap_or_else(|error| panic!("a field that was found cannot be replaced: {error}"));
    assert_eq!(form::field(&changed, boundary, "model").ok().flatten().as_deref(), Some("other"));
    if std::str::from_utf8(&body).is_ok() {
        let back = form::replace(&changed, boundary, "model", &value).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(back, body, "more changed than the field");
    }
}

/// Lists of models.
pub(crate) fn models(codec: &dyn ModelsCodec, data: &[u8]) {
    let Ok(list) = codec.decode_reply(data) else { return };
    for to in Protocol::ALL.iter().filter_map(|protocol| models_codec(*protocol)) {
        let body = match to.encode_reply(&list) {
            Err(error) if error.kind() == ErrorKind::Unsupported => continue,
            body => body.unwrap_or_else(|error| panic!("a list cannot be written: {error}")),
        };
        assert_json(&body, "a list of models");
        assert!(body.len() <= 64 * data.len() + 1024, "the list grew");
        let again = to.decode_reply(&body).unwrap_or_else(|error| panic!("cannot read its own list: {error}"));
        let names = |list: &[tollbridge_types::ModelInfo]| list.iter().map(|one| one.id.clone()).collect::<Vec<_>>();
        assert_eq!(names(&list), names(&again), "{}: the names differ", to.protocol());
        for model in &list {
            assert_json(&to.encode_one(model), "a model");
        }
    }
}

/// A vendor's refusal, in every protocol's form. The first two bytes are the status.
pub(crate) fn errors(data: &[u8]) {
    let (status, body) = data.split_at_checked(2).unwrap_or((b"\0\0", data));
    let status = 100 + (u16::from(status[0]) << 8 | u16::from(status[1])) % 500;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(body.get(..body.len().min(32)).unwrap_or_default()) {
        headers.insert("retry-after", value.clone());
        headers.insert("retry-after-ms", value);
    }
    let body = Bytes::copy_from_slice(body);
    for codec in error_forms() {
        let error = codec.decode_error(status, &headers, &body);
        for to in error_forms() {
            let (status, written) = to.encode_error(&error, "request");
            assert_json(&written, "an error");
            assert!(status.is_client_error() || status.is_server_error(), "an error became {status}");
            assert!(written.len() <= 16 * body.len() + 1024, "the error grew");
            let again = to.decode_error(status, &HeaderMap::new(), &written);
            assert!(!again.message().is_empty(), "an error without words");
        }
    }
}

/// Returns one codec of each form of errors: most protocols share theirs with others.
fn error_forms() -> &'static [&'static dyn ErrorCodec] {
    static FORMS: OnceLock<Vec<&'static dyn ErrorCodec>> = OnceLock::new();
    FORMS.get_or_init(|| {
        let sample = Error::new(ErrorKind::RateLimit, "slow down").with_path("messages[0]");
        let codecs = Protocol::ALL.iter().map(|protocol| errors_codec(*protocol));
        let by_form: BTreeMap<_, _> = codecs.map(|codec| (codec.encode_error(&sample, "r").1, codec)).collect();
        by_form.into_values().collect()
    })
}
