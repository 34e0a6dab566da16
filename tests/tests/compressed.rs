//! Request bodies that come compressed are read as if they were not.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use http::Method;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::json;
use tollbridge_gateway::Options;
use tollbridge_tests::{Answered, Bench};

const CHAT: &str = "/v1/chat/completions";
const PLAIN: &str = r#"{"model":"openai/m","messages":[{"role":"user","content":"compressed"}]}"#;

/// The same body, compressed by another program.
const BROTLI: &str = "1b4700701c077693cf5daeac483f173142a5b7c85ed8d61679496bd33a2c5d7d3dc6ce58863ce598fa5a21446647a7acec3c51ccd03f97722caf21469080ffd677";

fn brotli() -> Vec<u8> {
    let digits = BROTLI.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn zlib(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn deflate(body: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn zstd(body: &[u8]) -> Vec<u8> {
    compress_to_vec(body, CompressionLevel::Fastest)
}

async fn post(bench: &Bench, path: &str, encoding: &str, body: Vec<u8>) -> Answered {
    bench.send_with(Method::POST, path, &[("content-encoding", encoding)], body).await.unwrap()
}

#[tokio::test]
async fn each_known_encoding_is_decoded_on_every_route() {
    let bench = Bench::start().await.unwrap();
    let plain = PLAIN.as_bytes();
    let twice = gzip(&zstd(plain));
    let two_frames = [zstd(&plain[..20]), zstd(&plain[20..])].concat();
    let two_members = [gzip(&plain[..20]), gzip(&plain[20..])].concat();
    for (encoding, body) in [
        ("gzip", gzip(plain)),
        ("GZIP", gzip(plain)),
        ("x-gzip", two_members),
        ("deflate", zlib(plain)),
        ("deflate", deflate(plain)),
        ("zstd", zstd(plain)),
        ("zstd", two_frames),
        ("br", brotli()),
        ("zstd, gzip", twice),
        ("identity", plain.to_vec()),
    ] {
        let answer = post(&bench, CHAT, encoding, body).await;
        assert_eq!(answer.status, 200, "{encoding}: {}", answer.text());
        let sent = bench.openai.requests().pop().unwrap();
        assert_eq!(sent.body, PLAIN.replace("openai/m", "m"), "{encoding}");
        assert!(!sent.headers.iter().any(|(name, _)| name == "content-encoding"), "{encoding}");
    }
    let messages = json!({"model": "openai/m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    let contents = json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]});
    for (path, body) in [
        ("/v1/messages", messages),
        ("/v1/responses", json!({"model": "openai/m", "input": "hi"})),
        ("/v1/embeddings", json!({"model": "openai/m", "input": ["hi"]})),
        ("/v1beta/models/openai/m:generateContent", contents),
    ] {
        let answer = post(&bench, path, "gzip", gzip(body.to_string().as_bytes())).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_form_may_be_compressed_too() {
    let bench = Bench::start().await.unwrap();
    let form = "--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nopenai/m\r\n--b\r\n\
                content-disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\n\r\nsound\r\n--b--\r\n";
    let headers = [("content-type", "multipart/form-data; boundary=b"), ("content-encoding", "gzip")];
    let path = "/v1/audio/transcriptions";
    let answer = bench.send_with(Method::POST, path, &headers, gzip(form.as_bytes())).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(bench.openai.requests().pop().unwrap().body, form.replace("openai/m", "m"));
}

#[tokio::test]
async fn an_unknown_encoding_is_415_and_names_what_is_taken() {
    let bench = Bench::start().await.unwrap();
    for (path, encoding) in [
        (CHAT, "snappy"),
        ("/v1/messages", "gzip, compress"),
        (CHAT, "gzip, gzip, gzip, gzip"),
        ("/v1beta/models/openai/m:generateContent", "lz4"),
    ] {
        let answer = post(&bench, path, encoding, PLAIN.into()).await;
        assert_eq!(answer.status, 415, "{encoding}: {}", answer.text());
        assert_eq!(answer.headers["accept-encoding"], "gzip, deflate, zstd, br", "{encoding}");
        assert!(answer.text().contains("compress it with one of"), "{}", answer.text());
    }
    assert!(bench.openai.requests().is_empty());
}

#[tokio::test]
async fn a_body_that_is_not_what_its_header_says_is_400() {
    let bench = Bench::start().await.unwrap();
    let plain = PLAIN.as_bytes();
    let cut = |body: Vec<u8>| body[..body.len() - 5].to_vec();
    let more = |body: Vec<u8>| [body, b"more".to_vec()].concat();
    let mut wrong_sum = gzip(plain);
    let place = wrong_sum.len() - 6;
    wrong_sum[place] ^= 1;
    // A window of 2 GiB, which nobody may make a gateway set aside.
    let window = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00].to_vec();
    for (encoding, body) in [
        ("gzip", plain.to_vec()),
        ("gzip", cut(gzip(plain))),
        ("gzip", more(gzip(plain))),
        ("gzip", wrong_sum),
        ("gzip", Vec::new()),
        ("deflate", plain.to_vec()),
        ("deflate", cut(zlib(plain))),
        ("deflate", more(zlib(plain))),
        ("zstd", plain.to_vec()),
        ("zstd", cut(zstd(plain))),
        ("zstd", more(zstd(plain))),
        ("zstd", window),
        ("br", plain.to_vec()),
        ("br", cut(brotli())),
        ("zstd", gzip(plain)),
    ] {
        let answer = post(&bench, CHAT, encoding, body.clone()).await;
        assert_eq!(answer.status, 400, "{encoding} {body:?}: {}", answer.text());
        assert_eq!(answer.json()["error"]["param"], "content-encoding", "{encoding}: {}", answer.text());
    }
    assert!(bench.openai.requests().is_empty());
}

#[tokio::test]
async fn the_limit_of_bodies_holds_for_what_they_decode_to() {
    let mut options = Options::default();
    options.body_limit = 100_000;
    let bench = Bench::with(options).await.unwrap();
    let body = |length: usize| PLAIN.replace("compressed", &"x".repeat(length)).into_bytes();
    for length in [200_000, 40_000_000] {
        for (encoding, body) in
            [("gzip", gzip(&body(length))), ("deflate", deflate(&body(length))), ("zstd", zstd(&body(length)))]
        {
            assert!(body.len() < 100_000, "{encoding} is to be a small body");
            let answer = post(&bench, CHAT, encoding, body).await;
            assert_eq!(answer.status, 413, "{encoding}: {}", answer.text());
        }
    }
    assert_eq!(post(&bench, CHAT, "gzip, zstd", zstd(&gzip(&body(99_000)))).await.status, 200);
}
