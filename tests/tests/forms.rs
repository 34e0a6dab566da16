//! Forms go through the gateway while they arrive, with only their model changed.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::Method;
use tollbridge::core::RequestBody;
use tollbridge_gateway::Options;
use tollbridge_tests::{Answered, Bench};

const PATH: &str = "/v1/audio/transcriptions";
const FORM: [(&str, &str); 1] = [("content-type", "multipart/form-data; boundary=\"edge\"")];

fn text(name: &str, value: &str) -> String {
    format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

fn file(bytes: &str) -> String {
    format!(
        "--edge\r\ncontent-disposition: form-data; name=file; filename=\"model.mp3\"\r\n\
         Content-Type: audio/mpeg\r\n\r\n{bytes}\r\n"
    )
}

fn pieces(form: &str, size: usize) -> RequestBody {
    let pieces: Vec<_> = form.as_bytes().chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    RequestBody::Stream(stream::iter(pieces).boxed(), None)
}

async fn send(bench: &Bench, body: RequestBody) -> Answered {
    Answered::read(bench.open_body(Method::POST, PATH, &FORM, body).await.unwrap()).await.unwrap()
}

#[tokio::test]
async fn every_byte_but_the_model_arrives_wherever_the_model_stands() {
    let bench = Bench::start().await.unwrap();
    let sound = "\u{0}\r\n--edgy\r\n\u{fe}".repeat(50_000);
    for fields in [
        [text("model", "openai/whisper"), file(&sound), text("language", "en")],
        [file(&sound), text("prompt", "name=\"model\""), text("model", "openai/whisper")],
    ] {
        let form = format!("{}--edge--\r\n", fields.concat());
        for size in [1009, 65_536, form.len()] {
            let answer = send(&bench, pieces(&form, size)).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let received = bench.openai.requests().pop().unwrap();
            assert!(received.body == form.replace("openai/whisper", "whisper"), "another form arrived");
            assert_eq!(received.header("content-type"), Some(FORM[0].1));
        }
        // With a length, as most clients send it.
        let answer = bench.send_with(Method::POST, PATH, &FORM, form.clone()).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let received = bench.openai.requests().pop().unwrap();
        assert!(received.body == form.replace("openai/whisper", "whisper"), "another form arrived");
    }
}

#[tokio::test]
async fn a_form_is_passed_on_before_its_end_is_there() {
    let bench = Bench::start().await.unwrap();
    let start = format!("{}{}", text("model", "openai/whisper"), "--edge\r\nContent-Disposition: form-data");
    // The rest never comes: only a gateway that passes on what it has makes the upstream see a request at all.
    let body = stream::iter([Ok(Bytes::from(start))]).chain(stream::pending()).boxed();
    let call = bench.open_body(Method::POST, PATH, &FORM, RequestBody::Stream(body, None));
    let reached = async {
        while bench.openai.connections() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = call => panic!("half a form was answered"),
        () = reached => {}
    }
}

#[tokio::test]
async fn a_form_that_is_too_large_is_refused_with_and_without_a_length() {
    let mut options = Options::default();
    options.body_limit = 100_000;
    let bench = Bench::with(options).await.unwrap();
    let form = format!("{}{}--edge--\r\n", text("model", "openai/whisper"), file(&"x".repeat(200_000)));
    for body in [RequestBody::from(Bytes::from(form.clone())), pieces(&form, 5000)] {
        let answer = send(&bench, body).await;
        assert_eq!(answer.status, 413, "{}", answer.text());
        assert!(answer.text().contains("larger than 100000 bytes"), "{}", answer.text());
    }
}

#[tokio::test]
async fn what_is_no_form_or_names_no_model_is_refused() {
    let bench = Bench::start().await.unwrap();
    let bodies = [
        (String::new(), "not the form"),
        ("{}".to_owned(), "not the form"),
        (format!("{}--edge--\r\n", file("x")), "no field `model`"),
        (format!("{}--edge--\r\n", text("model", "")), "no field `model`"),
        (file("x"), "no field `model`"),
    ];
    for (form, told) in bodies {
        let answer = send(&bench, pieces(&form, 7)).await;
        assert_eq!(answer.status, 400, "{form}");
        assert!(answer.json()["error"]["message"].as_str().unwrap().contains(told), "{form}: {}", answer.text());
    }
    assert!(bench.openai.requests().is_empty());
}
