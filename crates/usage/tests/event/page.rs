use std::fmt::Write;
use std::path::Path;

use crate::examples;

const ABOUT: &[(&str, &str)] = &[
    (
        "MODEL_CALL_STARTED",
        "A call came in. `model_alias` is what was asked for, `runtime_group` what it resolved to. `request_summary` is \
         empty unless content is on, and has the first 100 characters of the prompt.",
    ),
    ("MODEL_CALL_ATTEMPT", "One attempt at a vendor is over. `error_type` is null if it went well."),
    ("ARTIFACT_CREATED", "The whole answer was stored beside the events; only if content is on."),
    (
        "MODEL_CALL_COMPLETED",
        "The call has its answer. `cost_usd` is exact, digit by digit; it is 0 if `cost_unavailable`. A fallback always \
         has a reason. `response_summary` is empty unless content is on, and has at most 8192 bytes.",
    ),
    (
        "MODEL_CALL_FAILED",
        "The call has none. `error_type` is one of the stable kinds of error, such as `timeout`, `auth` or `budget`. \
         `limit_s` is the time limit that passed, in seconds.",
    ),
    (
        "BUDGET_ALERT",
        "A budget reached a threshold, or let in a call whose price is unknown (`cause` is `unpriced`). `level` is \
         `warning`, from 100 per cent on `error`. Each is told once in a window. Dollars are texts, tokens numbers.",
    ),
    (
        "COST_DISCREPANCY",
        "The vendor, or a gateway before it, reports a cost of an attempt that is more than 1 % away from what its usage \
         costs by our prices, or our price is in another currency. `computed_cost` is what is charged. Both are exact, \
         digit by digit.",
    ),
];

const HEAD: &str = "# Events

What happens to calls, as JSON that stays as it is: fields are added, never renamed or removed. The examples are made from the
code by a test, so they cannot be out of date.

- `trace_id` names the chain: all events of a task have one, or else those of a call. `seq` counts in it from 1 without gaps.
- `id` is a UUID of version 7, so that ids are in the order of time.
- Whoever reads keeps what it does not know: an event of a later version is written again with every field it had.
- What was said and answered is in no event unless content is on.

`usage.events` names a file that gets every event as a line, `usage.webhook` an address ([configuration](configuration.md)); a
program listens with `metering.events().subscribe(capacity)`.

A listener that is too slow misses events and is told how many; a call never waits for one. In a file of JSON lines a gap in
`seq` shows what was missed.

## Webhooks

An event is posted as JSON, with the headers of [Standard Webhooks](https://www.standardwebhooks.com): `webhook-id` (the id
of the event, the same at each attempt), `webhook-timestamp` (seconds since 1970) and `webhook-signature`, which is `v1,` and
the base64 of HMAC-SHA256 over `id.timestamp.body`. Check it over the bytes as they came, refuse timestamps that are more than
five minutes off, and ids that you have seen. Answer with 2xx; after anything else it is tried again, up to six attempts in all,
with waits of 1 s, 2 s, 4 s, 8 s and 16 s between them, each up to half longer. A secret that begins with `whsec_` is base64 of
the key.
";

#[test]
fn the_page_shows_what_is_sent() {
    let mut page = HEAD.to_owned();
    for event in examples::all() {
        let kind = event.payload.kind();
        let about = ABOUT.iter().find(|(name, _)| *name == kind).unwrap().1;
        let json = serde_json::to_string_pretty(&event).unwrap();
        write!(page, "\n## `{kind}`\n\n{about}\n\n```json\n{json}\n```\n").unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/events.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/events.md is not what is sent; run this test with UPDATE_DOCS=1");
}
