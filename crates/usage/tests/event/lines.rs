use std::fs;

use tollbridge_usage::event::{Event, EventBus, JsonLines, Trace};

use crate::examples;

#[test]
fn every_event_is_a_line_and_nothing_is_lost_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    fs::write(&path, r#"{"cut": "by a cra"#).unwrap();
    let bus = EventBus::new();
    let lines = JsonLines::start(&path, bus.subscribe(10_000)).unwrap();
    for _ in 0..2_000 {
        bus.publish(Trace::of_call("call-1", None), examples::completed);
    }
    let written = lines.finish().unwrap();
    assert_eq!((written.lines, written.missed), (2_000, 0));
    let text = fs::read_to_string(&path).unwrap();
    let events = text.lines().skip(1).map(|line| serde_json::from_str::<Event>(line).unwrap().seq);
    assert!(events.eq(1..=2_000));
    assert!(!bus.is_watched());
}

#[test]
fn a_file_that_cannot_be_opened_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let bus = EventBus::new();
    JsonLines::start(folder.path(), bus.subscribe(1)).unwrap_err();
    assert!(!bus.is_watched());
}
