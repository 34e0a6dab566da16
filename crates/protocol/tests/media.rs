//! Media are told by their bytes, and go to each vendor in the form that it has for them, or nowhere.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test needs and cannot have fails it")]

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use tollbridge_core::{Error, Operation, Request};
use tollbridge_profiles::{Book, Profile};
use tollbridge_protocol::media::{Fetched, HEAD, addresses_to_fetch, with_fetched};
use tollbridge_protocol::openai::{Chat, Quirks};
use tollbridge_protocol::{ChatCodec, MediaRules, codec, extension_type, fit_media, media_type, translate};
use tollbridge_types::{ChatRequest, Media, Message, Part, Role};

static COMPATIBLE: Chat = Chat::new(Quirks::COMPATIBLE);
static MISTRAL: Chat = Chat::new(Quirks::MISTRAL);

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0";
const PDF: &[u8] = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n";
const MP3: &[u8] = b"ID3\x04\0\0\0\0\0#TSSE";

fn b64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn data(label: &str, bytes: &[u8]) -> String {
    format!("data:{label};base64,{}", b64(bytes))
}

/// How each protocol's clients send bytes under a label, in the place of an image or of a file.
fn clients(label: &str, bytes: &[u8]) -> Vec<(&'static str, &'static dyn ChatCodec, Value)> {
    let chat = |part: Value| json!({"model": "m", "messages": [{"role": "user", "content": [part]}]});
    let responses = |part: Value| json!({"model": "m", "input": [{"role": "user", "content": [part]}]});
    let claude = |block: &str| {
        let source = json!({"type": "base64", "media_type": label, "data": b64(bytes)});
        json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [{"type": block, "source": source}]}]})
    };
    let url = data(label, bytes);
    vec![
        ("chat, image", codec::OPENAI_CHAT, chat(json!({"type": "image_url", "image_url": {"url": url}}))),
        ("chat, bare image", codec::OPENAI_CHAT, chat(json!({"type": "image_url", "image_url": url}))),
        ("chat, file", codec::OPENAI_CHAT, chat(json!({"type": "file", "file": {"filename": "a", "file_data": url}}))),
        ("responses, image", codec::OPENAI_RESPONSES, responses(json!({"type": "input_image", "image_url": url}))),
        (
            "responses, file",
            codec::OPENAI_RESPONSES,
            responses(json!({"type": "input_file", "filename": "a", "file_data": url})),
        ),
        ("messages, image", codec::ANTHROPIC_MESSAGES, claude("image")),
        ("messages, document", codec::ANTHROPIC_MESSAGES, claude("document")),
        (
            "gemini",
            codec::GEMINI_GENERATE,
            json!({"contents": [{"role": "user", "parts": [{"inlineData": {"mimeType": label, "data": b64(bytes)}}]}]}),
        ),
    ]
}

fn sent(from: &dyn ChatCodec, to: &dyn ChatCodec, body: &Value) -> Result<Value, Error> {
    let body = Bytes::from(body.to_string());
    let request = Request::from_wire(Operation::Chat, from.protocol(), "m", body);
    Ok(serde_json::from_slice(&translate::request(&request, to, false)?.body).unwrap())
}

/// The first part of the last message, as a vendor gets it.
fn part(to: &dyn ChatCodec, body: &Value) -> Value {
    let place = match to.protocol().as_str() {
        "gemini.generate" => "/contents/0/parts/0",
        "openai.responses" => "/input/0/content/0",
        "ollama.chat" => "/messages/0",
        _ => "/messages/0/content/0",
    };
    body.pointer(place).cloned().unwrap_or_else(|| panic!("{place} of {body}"))
}

#[test]
fn types_are_told_by_the_first_bytes() {
    let ftyp = |brands: &[u8]| [&b"\0\0\0\x18ftyp"[..], brands].concat();
    let zip = |names: &str| [b"PK\x03\x04\x14\0\0\0\x08\0", names.as_bytes()].concat();
    let bmp = [b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0".as_slice(), &40_u32.to_le_bytes()].concat();
    let word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    let excel = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    let table: Vec<(Vec<u8>, Option<&str>)> = vec![
        (PNG.to_vec(), Some("image/png")),
        (JPEG.to_vec(), Some("image/jpeg")),
        (b"GIF89a\x01\0".to_vec(), Some("image/gif")),
        (b"RIFF\x24\0\0\0WEBPVP8 ".to_vec(), Some("image/webp")),
        (bmp, Some("image/bmp")),
        (b"II*\0\x08\0\0\0".to_vec(), Some("image/tiff")),
        (b"MM\0*\0\0\0\x08".to_vec(), Some("image/tiff")),
        (ftyp(b"heic\0\0\0\0mif1heic"), Some("image/heic")),
        (ftyp(b"mif1\0\0\0\0mif1heic"), Some("image/heic")),
        (ftyp(b"mif1\0\0\0\0mif1miaf"), Some("image/heif")),
        (ftyp(b"avif\0\0\0\0avifmif1"), Some("image/avif")),
        (b"<svg/>".to_vec(), Some("image/svg+xml")),
        (b"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<!-- a > b -->\n<SVG width='1'>".to_vec(), Some("image/svg+xml")),
        (b"<svgx>".to_vec(), None),
        (b"<html><svg/></html>".to_vec(), None),
        (PDF.to_vec(), Some("application/pdf")),
        (b"\n\n%PDF-1.7".to_vec(), Some("application/pdf")),
        (b"a text that speaks of %PDF-1.7".to_vec(), None),
        (zip("[Content_Types].xml..word/document.xml"), Some(word)),
        (zip("_rels/.rels..xl/workbook.xml"), Some(excel)),
        (zip("a.txt"), Some("application/zip")),
        (b"RIFF\x24\0\0\0WAVEfmt ".to_vec(), Some("audio/wav")),
        (MP3.to_vec(), Some("audio/mpeg")),
        (b"\xff\xfb\x90\x64\0".to_vec(), Some("audio/mpeg")),
        (b"\xff\xf1\x50\x80".to_vec(), Some("audio/aac")),
        (b"\xff\xfe\x61\0\x62\0".to_vec(), None),
        (b"OggS\0\x02".to_vec(), Some("audio/ogg")),
        (b"fLaC\0\0\0\x22".to_vec(), Some("audio/flac")),
        (b"FORM\0\0\0\0AIFF".to_vec(), Some("audio/aiff")),
        (ftyp(b"M4A \0\0\0\0M4A mp42"), Some("audio/mp4")),
        (ftyp(b"isom\0\0\0\0isommp41"), Some("video/mp4")),
        (ftyp(b"mp42\0\0\0\0M4A mp42"), Some("video/mp4")),
        (ftyp(b"qt  \0\0\0\0qt  "), Some("video/quicktime")),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm".to_vec(), Some("video/webm")),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x88matroska".to_vec(), Some("video/x-matroska")),
        (b"{\\rtf1".to_vec(), Some("application/rtf")),
        (b"BMW, Audi and others".to_vec(), None),
        (b"GIF is a format".to_vec(), None),
        (b"{\"a\": 1}".to_vec(), None),
        (b"\x89PN".to_vec(), None),
        (Vec::new(), None),
    ];
    for (bytes, mime) in table {
        assert_eq!(media_type(&bytes), mime, "{:?}", String::from_utf8_lossy(&bytes));
    }
    assert_eq!(extension_type("https://h.example/a.b/c.JPG?x=/y.png#z"), Some("image/jpeg"));
    assert_eq!(extension_type("https://h.example/png"), None);
}

#[test]
fn a_wrong_label_is_put_right_in_every_protocol_and_place() {
    // The report's own, and its siblings.
    for label in [
        "image/jpg",
        "image/png",
        "IMAGE/JPEG",
        "application/octet-stream",
        "application/pdf",
        "text/plain",
        "x",
        "image/*",
    ] {
        for (name, from, body) in clients(label, JPEG) {
            let told = format!("{name}, {label}");
            if from.protocol() != codec::ANTHROPIC_MESSAGES.protocol() {
                let body = sent(from, codec::ANTHROPIC_MESSAGES, &body).unwrap();
                let part = part(codec::ANTHROPIC_MESSAGES, &body);
                let source = json!({"type": "base64", "media_type": "image/jpeg", "data": b64(JPEG)});
                assert_eq!(part, json!({"type": "image", "source": source}), "{told}");
            }
            if from.protocol() != codec::GEMINI_GENERATE.protocol() {
                let part = part(codec::GEMINI_GENERATE, &sent(from, codec::GEMINI_GENERATE, &body).unwrap());
                assert_eq!(part["inlineData"]["mimeType"], "image/jpeg", "{told}");
            }
            let image = &part(codec::BEDROCK_CONVERSE, &sent(from, codec::BEDROCK_CONVERSE, &body).unwrap())["image"];
            assert_eq!(image["format"], "jpeg", "{told}");
            let image = part(codec::OLLAMA_CHAT, &sent(from, codec::OLLAMA_CHAT, &body).unwrap());
            assert_eq!(image["images"], json!([b64(JPEG)]), "{told}");
            for to in [codec::COHERE_CHAT, &MISTRAL, &COMPATIBLE, codec::OPENAI_CHAT] {
                if from.protocol() != to.protocol() {
                    let image = part(to, &sent(from, to, &body).unwrap());
                    assert_eq!(image["image_url"]["url"], data("image/jpeg", JPEG), "{told}");
                }
            }
        }
    }
}

#[test]
fn what_a_vendor_does_not_take_is_refused_with_its_place_and_what_is_taken() {
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".as_slice();
    let docx = b"PK\x03\x04\x14\0\0\0\x08\0word/document.xml".as_slice();
    for (label, bytes) in
        [("image/svg+xml", b"<svg/>".as_slice()), ("image/png", heic), ("image/tiff", b"II*\0"), ("image/bmp", b"?")]
    {
        for (name, from, body) in clients(label, bytes) {
            for to in [codec::ANTHROPIC_MESSAGES, codec::BEDROCK_CONVERSE, codec::COHERE_CHAT, codec::OPENAI_RESPONSES]
            {
                if from.protocol() == to.protocol() {
                    continue;
                }
                let error = sent(from, to, &body).unwrap_err();
                assert!(error.message().contains("which"), "{name}, {label}: {error}");
                assert_eq!(error.hint(), Some("send one of these: image/jpeg, image/png, image/gif, image/webp"));
                let place = match from.protocol().as_str() {
                    "gemini.generate" => "contents[0].parts[0]",
                    "openai.responses" => "input[0]",
                    _ => "messages[0].content[0]",
                };
                assert!(error.path().is_some_and(|path| path.starts_with(place)), "{name}: {error:?}");
            }
        }
    }
    let told = |to: &dyn ChatCodec, bytes: &[u8]| {
        let (_, from, body) = clients("application/octet-stream", bytes).remove(7);
        let error = sent(from, to, &body).unwrap_err();
        format!("{}\n  {}", error.message(), error.hint().unwrap_or_default())
    };
    let all = [
        told(codec::ANTHROPIC_MESSAGES, docx),
        told(codec::ANTHROPIC_MESSAGES, MP3),
        told(codec::OPENAI_CHAT, docx),
        told(codec::OPENAI_CHAT, b"\0\0\0\x18ftypisom\0\0\0\0isommp41"),
        told(codec::OPENAI_CHAT, b"OggS\0\x02"),
        told(codec::COHERE_CHAT, PDF),
        told(codec::OLLAMA_CHAT, PDF),
        told(codec::BEDROCK_CONVERSE, b"FORM\0\0\0\0AIFF"),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn a_text_file_is_text_wherever_it_comes_from_and_goes() {
    for (label, text) in [
        ("text/plain", "hello"),
        ("text/csv", "a,b\n1,ü\n"),
        ("text/markdown; charset=utf-8", "# hi"),
        ("text/html", "<p>hi</p>"),
        ("application/json", "{\"a\": 1}"),
        ("application/x-yaml", "a: 1"),
        ("text/x-python", "print(1)"),
        ("application/octet-stream", "plain words"),
    ] {
        for (name, from, body) in clients(label, text.as_bytes()) {
            let told = format!("{name}, {label}");
            let titled = ["chat, file", "responses, file"].contains(&name);
            if from.protocol() != codec::ANTHROPIC_MESSAGES.protocol() {
                let block = part(codec::ANTHROPIC_MESSAGES, &sent(from, codec::ANTHROPIC_MESSAGES, &body).unwrap());
                let mut wanted =
                    json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": text}});
                if titled {
                    wanted["title"] = json!("a");
                }
                assert_eq!(block, wanted, "{told}");
            }
            for to in [codec::OPENAI_CHAT, codec::COHERE_CHAT, codec::OLLAMA_CHAT, &MISTRAL, &COMPATIBLE] {
                if from.protocol() != to.protocol() {
                    let body = sent(from, to, &body).unwrap();
                    assert_eq!(body["messages"][0]["content"], text, "{told}: {body}");
                }
            }
            let document =
                &part(codec::BEDROCK_CONVERSE, &sent(from, codec::BEDROCK_CONVERSE, &body).unwrap())["document"];
            assert_eq!(document["source"]["bytes"], b64(text.as_bytes()), "{told}");
            let format = match label {
                "text/csv" => "csv",
                "text/html" => "html",
                "text/markdown; charset=utf-8" => "md",
                _ => "txt",
            };
            assert_eq!(document["format"], format, "{told}");
            if from.protocol() != codec::GEMINI_GENERATE.protocol() {
                let part = part(codec::GEMINI_GENERATE, &sent(from, codec::GEMINI_GENERATE, &body).unwrap());
                // Google refuses JSON and the like by their own names.
                assert!(part["inlineData"]["mimeType"].as_str().unwrap().starts_with("text/"), "{told}: {part}");
            }
        }
    }
}

#[test]
fn text_is_read_as_people_save_it_and_what_is_none_is_refused() {
    let file = |bytes: &[u8]| {
        let body = clients("text/plain", bytes).remove(2).2;
        sent(codec::OPENAI_CHAT, codec::ANTHROPIC_MESSAGES, &body)
            .map(|body| part(codec::ANTHROPIC_MESSAGES, &body)["source"]["data"].clone())
    };
    assert_eq!(file(b"\xef\xbb\xbfhi").unwrap(), "hi");
    assert_eq!(file(b"\xff\xfeh\0i\0").unwrap(), "hi");
    assert_eq!(file(b"\xfe\xff\0h\0i").unwrap(), "hi");
    let error = file(b"caf\xe9").unwrap_err();
    assert_eq!(error.message(), "the bytes of the `text/plain` document are not text in UTF-8");
    assert_eq!(error.path(), Some("messages[0].content[0]"));
}

#[test]
fn a_pdf_is_a_document_and_sound_is_sound_whatever_part_they_come_in() {
    for label in ["application/pdf", "image/png", "application/octet-stream", "text/plain"] {
        for (name, from, body) in clients(label, PDF) {
            let told = format!("{name}, {label}");
            if from.protocol() != codec::ANTHROPIC_MESSAGES.protocol() {
                let block = part(codec::ANTHROPIC_MESSAGES, &sent(from, codec::ANTHROPIC_MESSAGES, &body).unwrap());
                assert_eq!(block["type"], "document", "{told}");
                assert_eq!(block["source"]["media_type"], "application/pdf", "{told}");
            }
            if from.protocol() != codec::OPENAI_CHAT.protocol() {
                let block = part(codec::OPENAI_CHAT, &sent(from, codec::OPENAI_CHAT, &body).unwrap());
                assert_eq!(block["file"]["file_data"], data("application/pdf", PDF), "{told}");
            }
            let block = part(&MISTRAL, &sent(codec::ANTHROPIC_MESSAGES, &MISTRAL, &clients(label, PDF)[6].2).unwrap());
            assert_eq!(block["document_url"], data("application/pdf", PDF), "{told}");
        }
    }
    for (name, from, body) in clients("application/octet-stream", MP3) {
        if from.protocol() != codec::OPENAI_CHAT.protocol() {
            let block = part(codec::OPENAI_CHAT, &sent(from, codec::OPENAI_CHAT, &body).unwrap());
            assert_eq!(block["input_audio"], json!({"data": b64(MP3), "format": "mp3"}), "{name}");
        }
        let block = part(codec::BEDROCK_CONVERSE, &sent(from, codec::BEDROCK_CONVERSE, &body).unwrap());
        assert_eq!(block["audio"]["format"], "mp3", "{name}");
    }
}

#[test]
fn bytes_are_read_in_every_spelling() {
    let image = |url: &str| {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]});
        sent(codec::OPENAI_CHAT, codec::ANTHROPIC_MESSAGES, &body)
            .map(|body| part(codec::ANTHROPIC_MESSAGES, &body)["source"].clone())
    };
    let jpeg = [JPEG, &[0xfb, 0xff, 0xfe, 0x00]].concat();
    let wanted = json!({"type": "base64", "media_type": "image/jpeg", "data": b64(&jpeg)});
    let lines =
        b64(&jpeg).as_bytes().chunks(4).map(|line| String::from_utf8_lossy(line).into_owned()).collect::<Vec<_>>();
    let (bare, safe) = (b64(&jpeg), URL_SAFE_NO_PAD.encode(&jpeg));
    for url in [
        bare.clone(),
        safe.clone(),
        format!("data:image/jpeg;base64,{safe}"),
        format!("DATA:image/jpeg;name=a.jpg;BASE64,{bare}"),
        format!("data:;base64,{bare}"),
        format!("data:image/png;base64,{}", lines.join("\r\n")),
        format!("data:image/png;base64, {bare} "),
    ] {
        assert_eq!(image(&url).unwrap(), wanted, "{url}");
    }
    let escaped: String = jpeg.iter().map(|byte| format!("%{byte:02X}")).collect();
    assert_eq!(image(&format!("data:image/jpeg,{escaped}")).unwrap(), wanted);
    for broken in [
        "data:image/png;base64,!!!!",
        "data:image/png;base64,aGk",
        "data:image/png;base64,aGkxx",
        "data:image/png;base64,a=Gk",
    ] {
        let outcome = image(broken);
        match broken {
            // Only the padding is missing.
            "data:image/png;base64,aGk" => assert_eq!(outcome.unwrap()["data"], "aGk="),
            _ => assert_eq!(outcome.unwrap_err().message(), "the data of the image are not base64", "{broken}"),
        }
    }
    // Google's own clients write the alphabet of URLs.
    let body = json!({"contents": [{"parts": [{"inline_data": {"mime_type": "image/jpeg", "data": safe}}]}]});
    let body = sent(codec::GEMINI_GENERATE, codec::ANTHROPIC_MESSAGES, &body).unwrap();
    assert_eq!(part(codec::ANTHROPIC_MESSAGES, &body)["source"], wanted);
    // A file's data without a label, and a data URL in the place of data.
    let body = json!({"model": "m", "messages": [{"role": "user", "content": [{"type": "file", "file": {"file_data": b64(PDF)}}]}]});
    let body = sent(codec::OPENAI_CHAT, codec::ANTHROPIC_MESSAGES, &body).unwrap();
    assert_eq!(part(codec::ANTHROPIC_MESSAGES, &body)["source"]["media_type"], "application/pdf");
    let source = json!({"type": "base64", "media_type": "image/png", "data": data("image/png", JPEG)});
    let body = json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [{"type": "image", "source": source}]}]});
    let body = sent(codec::ANTHROPIC_MESSAGES, codec::GEMINI_GENERATE, &body).unwrap();
    assert_eq!(part(codec::GEMINI_GENERATE, &body)["inlineData"], json!({"mimeType": "image/jpeg", "data": b64(JPEG)}));
}

#[test]
fn tools_return_media_in_each_vendors_way() {
    let block = |label: &str, bytes: &[u8]| json!({"type": "image", "source": {"type": "base64", "media_type": label, "data": b64(bytes)}});
    let result = |id: &str, content: Value| json!({"type": "tool_result", "tool_use_id": id, "content": content});
    let body = json!({"model": "m", "max_tokens": 9, "messages": [
        {"role": "user", "content": "look"},
        {"role": "assistant", "content": [
            {"type": "tool_use", "id": "toolu_a", "name": "shot", "input": {}},
            {"type": "tool_use", "id": "toolu_b", "name": "read", "input": {}},
        ]},
        {"role": "user", "content": [
            result("toolu_a", json!([{"type": "text", "text": "a"}, block("image/png", JPEG)])),
            result("toolu_b", json!([block("text/csv", b"x,y")])),
        ]},
    ]});
    let mut told = String::new();
    for to in [
        codec::OPENAI_CHAT,
        codec::OPENAI_RESPONSES,
        codec::GEMINI_GENERATE,
        codec::BEDROCK_CONVERSE,
        codec::COHERE_CHAT,
        codec::OLLAMA_CHAT,
        &MISTRAL,
    ] {
        let body = sent(codec::ANTHROPIC_MESSAGES, to, &body).unwrap();
        let messages = ["messages", "contents", "input"].iter().find_map(|name| body.get(name)).unwrap();
        let last: Vec<_> = messages.as_array().unwrap().iter().skip(2).collect();
        told.push_str(&format!("{}\n{}\n", to.protocol(), serde_json::to_string_pretty(&last).unwrap()));
    }
    insta::assert_snapshot!(told);
    let svg = json!({"model": "m", "max_tokens": 9, "messages": [
        {"role": "user", "content": "look"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_a", "name": "shot", "input": {}}]},
        {"role": "user", "content": [result("toolu_a", json!([{"type": "text", "text": "a"}, block("image/png", b"<svg/>")]))]},
    ]});
    let error = sent(codec::ANTHROPIC_MESSAGES, codec::OPENAI_CHAT, &svg).unwrap_err();
    assert_eq!(error.path(), Some("messages[2].content[0].content[1]"));
}

#[test]
fn google_returns_media_within_responses() {
    let body = json!({"contents": [
        {"role": "user", "parts": [{"text": "look"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "shot", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "shot", "response": {"image": {"$ref": "a.png"}},
            "parts": [{"inlineData": {"mimeType": "image/jpeg", "displayName": "a.png", "data": b64(PNG)}}]}}]},
    ]});
    let claude = sent(codec::GEMINI_GENERATE, codec::ANTHROPIC_MESSAGES, &body).unwrap();
    let image = claude.pointer("/messages/2/content/0/content/1").unwrap();
    assert_eq!(image["source"], json!({"type": "base64", "media_type": "image/png", "data": b64(PNG)}));
    let typed = codec::GEMINI_GENERATE.decode_request(body.to_string().as_bytes()).unwrap();
    let target = tollbridge_protocol::Target::new("m", false);
    let again = codec::GEMINI_GENERATE.encode_request(&typed, &target, &mut Vec::new()).unwrap();
    let again: Value = serde_json::from_slice(&again).unwrap();
    assert_eq!(again["contents"][2], body["contents"][2]);
}

#[test]
fn documents_keep_what_two_vendors_share() {
    let titled = json!({"type": "document", "title": "t", "context": "c", "citations": {"enabled": true},
        "source": {"type": "content", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]}});
    let body = json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [titled, titled]}]});
    let bedrock = sent(codec::ANTHROPIC_MESSAGES, codec::BEDROCK_CONVERSE, &body).unwrap();
    // Names are unique, and there are words beside the documents: Bedrock refuses the request otherwise.
    insta::assert_snapshot!(serde_json::to_string_pretty(&bedrock["messages"]).unwrap());
    let typed = codec::ANTHROPIC_MESSAGES.decode_request(body.to_string().as_bytes()).unwrap();
    let target = tollbridge_protocol::Target::new("m", false);
    let again = codec::ANTHROPIC_MESSAGES.encode_request(&typed, &target, &mut Vec::new()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&again).unwrap()["messages"], body["messages"]);
}

#[test]
fn an_address_goes_where_it_is_read_and_nowhere_else() {
    let chat = |part: Value| json!({"model": "m", "messages": [{"role": "user", "content": [part]}]});
    let image = |url: &str| chat(json!({"type": "image_url", "image_url": {"url": url}}));
    let to = |to: &dyn ChatCodec, body: &Value| sent(codec::OPENAI_CHAT, to, body).map(|body| part(to, &body));
    let web = image("https://h.example/a.png");
    assert_eq!(
        to(codec::ANTHROPIC_MESSAGES, &web).unwrap()["source"],
        json!({"type": "url", "url": "https://h.example/a.png"})
    );
    let file = json!({"fileData": {"mimeType": "image/png", "fileUri": "https://h.example/a.png"}});
    assert_eq!(to(codec::GEMINI_GENERATE, &web).unwrap(), file);
    assert_eq!(to(codec::ANTHROPIC_MESSAGES, &image("https://h.example/a.pdf")).unwrap()["type"], "document");
    for url in ["https://h.example/picture", "http://h.example/a.png", "https://h.example/a.svg"] {
        let error = to(codec::GEMINI_GENERATE, &image(url)).unwrap_err();
        assert!(error.hint().unwrap().contains("media.fetch"), "{url}: {error}");
    }
    for url in ["file:///etc/passwd", "/etc/passwd", "gs://b/a.png", "s3://b/a.png", "a.png", ""] {
        let error = to(codec::ANTHROPIC_MESSAGES, &image(url)).unwrap_err();
        assert_eq!(error.message(), "the address of the image is none that Anthropic can read", "{url}");
        assert_eq!(error.hint(), Some("send it as a data: URL or base64"), "{url}");
    }
    assert_eq!(
        to(codec::BEDROCK_CONVERSE, &image("s3://b/a.png")).unwrap()["image"]["source"]["s3Location"]["uri"],
        "s3://b/a.png"
    );
    let video = chat(json!({"type": "video_url", "video_url": {"url": "https://youtu.be/x"}}));
    assert_eq!(to(codec::GEMINI_GENERATE, &video).unwrap(), json!({"fileData": {"fileUri": "https://youtu.be/x"}}));
    let document =
        chat(json!({"type": "document_url", "document_url": "https://h.example/a.pdf", "document_name": "a"}));
    assert_eq!(to(codec::ANTHROPIC_MESSAGES, &document).unwrap()["title"], "a");
}

#[test]
fn fetched_bytes_take_the_place_of_their_address_and_are_told_by_themselves() {
    let image = |url: &str| Part::Image(Media::url(url));
    let (first, second) = ("https://h.example/a.png", "http://h.example/b");
    let parts =
        vec![image(first), image(second), image(first), image("s3://b/a.png"), image("https://h.example/c.pdf")];
    let request = ChatRequest::new("m").message(Message::new(Role::User, parts));
    let found = addresses_to_fetch(&request, &MediaRules::OLLAMA);
    let urls: Vec<_> = found.iter().map(|address| (address.path.as_str(), address.url.as_str())).collect();
    assert_eq!(
        urls,
        [
            ("messages[0].parts[0]", first),
            ("messages[0].parts[1]", second),
            // Its bytes will stand there twice, and count twice.
            ("messages[0].parts[2]", first),
            ("messages[0].parts[4]", "https://h.example/c.pdf")
        ]
    );
    assert_eq!(addresses_to_fetch(&request, &MediaRules::ANTHROPIC), []);
    assert_eq!(addresses_to_fetch(&request, &MediaRules::ONLY_TEXT), []);
    let fetched = [
        Fetched::new(first, Bytes::from_static(JPEG), Some("text/html".to_owned())),
        Fetched::new(second, Bytes::from_static(b"hello"), Some("text/plain; charset=utf-8".to_owned())),
    ];
    let fetched = with_fetched(request, &fetched);
    let Some([Part::Image(first), Part::Document(second), Part::Image(again), ..]) = fetched.messages[0].parts.get(..)
    else {
        panic!("{fetched:?}");
    };
    assert_eq!((first.mime.as_deref(), second.mime.as_deref()), (Some("image/jpeg"), Some("text/plain")));
    assert_eq!(first, again);
}

#[test]
fn a_request_that_is_right_is_not_copied() {
    let body = clients("image/png", PNG).remove(0).2;
    let request = codec::OPENAI_CHAT.decode_request(body.to_string().as_bytes()).unwrap();
    let fitted = fit_media(&request, &MediaRules::ANTHROPIC, &mut Vec::new()).unwrap();
    assert!(matches!(fitted, std::borrow::Cow::Borrowed(_)));
}

#[test]
fn the_same_protocol_passes_as_it_came() {
    for (name, from, body) in clients("image/jpg", b"<svg/>") {
        let body = body.to_string();
        let request = Request::from_wire(Operation::Chat, from.protocol(), "m", Bytes::from(body.clone()));
        assert_eq!(translate::request(&request, from, false).unwrap().body, body, "{name}");
    }
}

/// A profile with these rules of media.
fn profile(media: &Value) -> Profile {
    let rule = json!({"rule": [{"about": "a test's", "source": "here", "models": ["m"], "media": media}]});
    Book::default().with("test", rule).unwrap().profile("v", "p", "m", None)
}

fn fitted(
    from: &dyn ChatCodec,
    to: &dyn ChatCodec,
    body: &Value,
    media: &Value,
) -> Result<(Value, Vec<String>), Error> {
    let request = Request::from_wire(Operation::Chat, from.protocol(), "m", Bytes::from(body.to_string()));
    let encoded = translate::request_for(&request, to, &profile(media), false)?;
    let told = encoded.losses.iter().map(|loss| format!("{}: {}", loss.path, loss.reason)).collect();
    Ok((serde_json::from_slice(&encoded.body).unwrap(), told))
}

#[test]
fn a_model_that_reads_only_text_gets_no_image_in_any_protocol() {
    for (name, from, body) in clients("image/png", PNG) {
        for to in [
            codec::OPENAI_CHAT,
            codec::OPENAI_RESPONSES,
            codec::ANTHROPIC_MESSAGES,
            codec::GEMINI_GENERATE,
            &COMPATIBLE,
        ] {
            let told = format!("{name} → {}", to.protocol());
            let error = fitted(from, to, &body, &json!({"image": []})).unwrap_err();
            assert!(error.message().ends_with("takes no image"), "{told}: {error}");
            assert!(error.path().is_some_and(|path| path.contains("[0]")), "{told}: {error:?}");
            // Flattened, the rest of a body of the vendor's own stays as it was.
            let flat = json!({"image": [], "unsupported": "flatten"});
            if from.protocol() == to.protocol() && !name.contains("image") {
                continue;
            }
            let (flat, losses) = fitted(from, to, &body, &flat).unwrap();
            assert!(flat.to_string().contains("<image>") && !flat.to_string().contains("iVBOR"), "{told}: {flat}");
            assert!(losses.iter().any(|loss| loss.contains("`<image>`")), "{told}: {losses:?}");
        }
    }
}

#[test]
fn numbers_and_addresses_of_a_model_hold_in_its_vendors_own_protocol_too() {
    let image = |url: &str| json!({"type": "image_url", "image_url": {"url": url}});
    let body = |parts: Value| json!({"model": "m", "messages": [{"role": "user", "content": parts}]});
    let (one, web) = (data("image/png", PNG), "https://h.example/a.png");
    let own = |parts: Value, media: Value| fitted(codec::OPENAI_CHAT, codec::OPENAI_CHAT, &body(parts), &media);
    let error = own(json!([image(&one), image(&one)]), json!({"images": 1})).unwrap_err();
    assert_eq!(
        (error.message(), error.path()),
        ("the vendor takes at most 1 images in a request", Some("messages[0].content[1]"))
    );
    let error = own(json!([image(&one)]), json!({"image_bytes": 9})).unwrap_err();
    assert_eq!(error.message(), "the image has 16 bytes, and the vendor takes at most 9");
    let error = own(json!([image(web)]), json!({"urls": false})).unwrap_err();
    assert_eq!(error.message(), "the vendor takes the bytes of this image, not its address");
    let error = own(json!([image(&data("image/png", JPEG))]), json!({"image": ["image/png"]})).unwrap_err();
    assert_eq!(error.hint(), Some("send one of these: image/png"));
    // What is taken passes byte for byte, and so does what cannot be read.
    for parts in [
        json!([image(&one)]),
        json!([image("nonsense")]),
        json!([image("data:image/png;base64,!!")]),
        json!([{"type": "image_url"}]),
    ] {
        let (passed, _) = own(parts.clone(), json!({"image": ["image/png"], "images": 1})).unwrap();
        assert_eq!(passed, body(parts));
    }
}

fn labels() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("image/png".to_owned()),
        Just("application/octet-stream".to_owned()),
        Just("text/plain".to_owned()),
        Just("application/pdf".to_owned()),
        "[a-z*]{0,5}/?[a-z;= ]{0,8}",
    ]
}

fn beginnings() -> impl Strategy<Value = Vec<u8>> {
    let known = prop_oneof![
        Just(PNG.to_vec()),
        Just(b"RIFF".to_vec()),
        Just(b"\0\0\xff\xffftyp".to_vec()),
        Just(b"PK\x03\x04".to_vec()),
        Just(b"<?xml".to_vec()),
        Just(b"\xff\xfb".to_vec()),
        Just(b"BM".to_vec()),
        Just(Vec::new()),
    ];
    (known, prop::collection::vec(any::<u8>(), 0..64)).prop_map(|(start, rest)| [start, rest].concat())
}

proptest! {
    #[test]
    fn any_bytes_have_a_type_or_none(bytes in beginnings()) {
        let found = media_type(&bytes);
        // What stands behind the first bytes does not matter.
        let mut longer = bytes.clone();
        longer.resize(HEAD, 0);
        let padded = media_type(&longer);
        longer.extend_from_slice(b"%PDF-1.4 <svg/> word/ xl/");
        prop_assert_eq!(media_type(&longer), padded);
        prop_assert!(found.is_none_or(|mime| mime.contains('/')));
    }

    #[test]
    fn any_medium_is_sent_or_refused(label in labels(), bytes in beginnings(), text in "\\PC{0,40}") {
        for (_, from, body) in clients(&label, &bytes) {
            for to in [codec::OPENAI_CHAT, codec::OPENAI_RESPONSES, codec::ANTHROPIC_MESSAGES, codec::GEMINI_GENERATE, codec::BEDROCK_CONVERSE, codec::COHERE_CHAT, codec::OLLAMA_CHAT, &MISTRAL, &COMPATIBLE] {
                if let Err(error) = sent(from, to, &body) {
                    prop_assert!(error.path().is_some() && error.hint().is_some(), "{}", error);
                }
            }
        }
        let body = json!({"model": "m", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": text}}, {"type": "file", "file": {"file_data": text}}]}]});
        let _ = sent(codec::OPENAI_CHAT, codec::ANTHROPIC_MESSAGES, &body);
    }
}
