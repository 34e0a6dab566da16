use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use tollbridge_core::{Error, ErrorKind, Secret};
use tollbridge_usage::event::{Event, EventBus, Payload, Post, Signer, Trace, Webhook};

use crate::examples;

const SECRET: &str = "whsec_c2l4dGVlbiBieXRlcyBvZiBrZXk=";

/// Fails so many times, and then takes everything.
#[derive(Default)]
struct Receiver {
    failures: AtomicUsize,
    requests: Mutex<Vec<Request>>,
}

/// Headers, body, and when it came.
type Request = (BTreeMap<&'static str, String>, Vec<u8>, Instant);

impl Receiver {
    fn failing(failures: usize) -> Arc<Self> {
        Arc::new(Self { failures: AtomicUsize::new(failures), ..Self::default() })
    }
}

#[async_trait]
impl Post for Receiver {
    async fn post(&self, _: &str, headers: &[(&'static str, String)], body: &[u8]) -> Result<u16, Error> {
        let headers = headers.iter().cloned().collect();
        self.requests.lock().unwrap().push((headers, body.to_vec(), Instant::now()));
        let failing = self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match failing {
            Ok(left) if left % 2 == 0 => Ok(503),
            Ok(_) => Err(Error::new(ErrorKind::Network, "refused")),
            Err(_) => Ok(204),
        }
    }
}

fn webhook() -> Webhook {
    Webhook::new("https://example.com/hook", &Secret::new(SECRET)).unwrap()
}

/// Runs a webhook over what is published and no more.
async fn run(webhook: Webhook, receiver: &Arc<Receiver>, payloads: Vec<Payload>) {
    let bus = EventBus::new();
    let subscription = bus.subscribe(100);
    for payload in payloads {
        bus.publish(Trace::of_call("call-1", None), || payload);
    }
    subscription.closer().close();
    let post: Arc<dyn Post> = Arc::<Receiver>::clone(receiver);
    webhook.run(subscription, post, Arc::new(|| examples::AT_MS)).await;
}

#[tokio::test(start_paused = true)]
async fn what_fails_twice_comes_across_signed() {
    let (webhook, receiver) = (webhook(), Receiver::failing(2));
    let counts = webhook.counts();
    run(webhook, &receiver, vec![examples::started()]).await;
    assert_eq!((counts.delivered(), counts.failed(), counts.missed()), (1, 0, 0));
    let requests = receiver.requests.lock().unwrap();
    assert_eq!(requests.len(), 3);
    let signer = Signer::new(&Secret::new(SECRET)).unwrap();
    for (headers, body, _) in &*requests {
        assert_eq!(headers["webhook-id"], requests[0].0["webhook-id"], "one id for all attempts");
        let timestamp = headers["webhook-timestamp"].parse().unwrap();
        assert_eq!(timestamp, examples::AT_MS / 1000);
        assert!(signer.verify(&headers["webhook-id"], timestamp, body, &headers["webhook-signature"]));
        assert!(!signer.verify(&headers["webhook-id"], timestamp + 1, body, &headers["webhook-signature"]));
    }
    let waits: Vec<_> = requests.windows(2).map(|pair| pair[1].2 - pair[0].2).collect();
    for (wait, least) in waits.iter().zip([1000, 2000]) {
        let least = Duration::from_millis(least);
        assert!(*wait >= least && *wait <= least * 3 / 2 + Duration::from_millis(2), "{waits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_never_comes_across_is_counted_and_left() {
    let (webhook, receiver) = (webhook().retry(3, Duration::from_millis(10)), Receiver::failing(3));
    let counts = webhook.counts();
    run(webhook, &receiver, vec![examples::started(), examples::completed()]).await;
    assert_eq!((counts.delivered(), counts.failed()), (1, 1));
    assert_eq!(receiver.requests.lock().unwrap().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn only_the_types_that_were_asked_for_are_sent() {
    let (webhook, receiver) = (webhook().only(["MODEL_CALL_COMPLETED"]), Receiver::failing(0));
    run(webhook, &receiver, vec![examples::started(), examples::completed(), examples::started()]).await;
    let requests = receiver.requests.lock().unwrap();
    assert_eq!(requests.len(), 1);
    assert!(String::from_utf8_lossy(&requests[0].1).contains(r#""type":"MODEL_CALL_COMPLETED""#));
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_reaches_its_threshold_reaches_the_webhook() {
    let (webhook, receiver, bus) = (webhook().only(["BUDGET_ALERT"]), Receiver::failing(0), EventBus::new());
    let (subscription, alerts) = (bus.subscribe(100), bus.clone());
    let budgets = examples::research();
    budgets.on_alert(move |alert| alerts.publish(Trace::of_gateway(), || Payload::BudgetAlert(alert.into())));
    examples::spend(&budgets, 10);
    examples::spend(&budgets, 2);
    subscription.closer().close();
    let post: Arc<dyn Post> = Arc::<Receiver>::clone(&receiver);
    webhook.run(subscription, post, Arc::new(|| examples::AT_MS)).await;
    let requests = receiver.requests.lock().unwrap();
    assert_eq!(requests.len(), 1, "one alert at 80 per cent");
    let event: Event = serde_json::from_slice(&requests[0].1).unwrap();
    let Payload::BudgetAlert(alert) = event.payload else { panic!("another type") };
    assert_eq!((alert.level.as_str(), alert.threshold, alert.value.as_deref()), ("warning", Some(80), Some("physics")));
}

#[test]
fn the_signature_is_that_of_standard_webhooks() {
    // By `printf '%s' 'msg_1.1614265330.{"test": 1}' | openssl dgst -sha256 -hmac 'sixteen bytes of key' -binary | base64`.
    let signer = Signer::new(&Secret::new(SECRET)).unwrap();
    let signature = signer.sign("msg_1", 1_614_265_330, br#"{"test": 1}"#);
    assert_eq!(signature, "v1,0qYEAE+KKKzQ2YlYgPJ38wcxND+rPyLbVo28YopUtKE=");
    let rotated = format!("v1,AAAA v2,x {signature}");
    assert!(signer.verify("msg_1", 1_614_265_330, br#"{"test": 1}"#, &rotated));
    assert!(!signer.verify("msg_1", 1_614_265_330, br#"{"test": 1}"#, "v1,AAAA nonsense"));
    assert_eq!(format!("{signer:?}"), "Signer(***)");
}

#[test]
fn what_is_wrong_with_a_webhook_is_told_without_its_secret() {
    let problem = |url: &str, secret: &str| Webhook::new(url, &Secret::new(secret)).unwrap_err().to_string();
    assert_eq!(problem("ftp://x", SECRET), "the webhook's `url` is not of http or https");
    let hint = "make one with `openssl rand -base64 32` and write `whsec_` before it";
    assert_eq!(problem("https://x", "short"), format!("the webhook's `secret` is shorter than 16 bytes; {hint}"));
    assert_eq!(
        problem("https://x", "whsec_?"),
        format!("the webhook's `secret` is not base64 behind `whsec_`; {hint}")
    );
    let shown = format!("{:?}", Webhook::new("https://x/T0P-SECRET", &Secret::new(SECRET)).unwrap());
    assert!(!shown.contains("T0P-SECRET") && !shown.contains("whsec"));
}
