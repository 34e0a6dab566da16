use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;

use tollbridge_usage::budget::SystemClock;
use tollbridge_usage::event::{EventBus, Trace};

use crate::examples;

#[test]
fn chains_are_numbered_from_one_and_arrive_in_order() {
    let bus = EventBus::new();
    let mut listener = bus.subscribe(10_000);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for number in 0..500 {
                    let task = format!("task-{}", number % 7);
                    bus.publish(Trace::of_call("call", Some(&task)), examples::started);
                }
            });
        }
    });
    let (mut last, mut ids) = (BTreeMap::new(), Vec::new());
    while let Some(item) = listener.try_next() {
        let seq = last.entry(item.event.trace_id.clone()).or_insert(0);
        *seq += 1;
        assert_eq!((item.event.seq, item.missed), (*seq, 0));
        ids.push(item.event.id.clone());
    }
    assert_eq!((last.len(), last.values().sum::<u64>()), (7, 4000));
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4000);
}

#[test]
fn who_is_too_slow_is_told_how_much_was_missed() {
    let bus = EventBus::new();
    let (mut slow, mut quick) = (bus.subscribe(2), bus.subscribe(100));
    let publish = || bus.publish(Trace::of_call("call", None), examples::started);
    (0..5).for_each(|_| publish());
    let taken: Vec<_> = std::iter::from_fn(|| slow.try_next()).map(|item| (item.event.seq, item.missed)).collect();
    assert_eq!(taken, [(1, 0), (2, 0)]);
    publish();
    let item = slow.try_next().unwrap();
    assert_eq!((item.event.seq, item.missed, slow.missed()), (6, 3, 3));
    assert_eq!(std::iter::from_fn(|| quick.try_next()).count(), 6);
}

#[test]
fn nothing_is_made_while_nobody_listens() {
    let bus = EventBus::new();
    bus.publish(Trace::of_gateway(), || panic!("made for nobody"));
    drop(bus.subscribe(1));
    assert!(!bus.is_watched());
    bus.publish(Trace::of_gateway(), || panic!("made for nobody"));
}

#[test]
fn a_closed_subscription_still_gives_what_waits() {
    let bus = EventBus::new();
    let mut listener = bus.subscribe(10);
    bus.publish(Trace::of_gateway(), examples::started);
    listener.closer().close();
    listener.closer().close();
    bus.publish(Trace::of_gateway(), examples::started);
    assert_eq!(listener.blocking_next().unwrap().event.seq, 1);
    assert!(listener.blocking_next().is_none());
}

#[test]
fn chains_go_on_where_they_ended_before() {
    let ended = |trace: &str| if trace == "trace-task-1" { 41 } else { 0 };
    let bus = EventBus::resuming(Arc::new(SystemClock::new()), ended);
    let mut listener = bus.subscribe(10);
    for task in ["task-1", "task-2", "task-1"] {
        bus.publish(Trace::of_call("call", Some(task)), examples::started);
    }
    let seqs: Vec<_> = std::iter::from_fn(|| listener.try_next()).map(|item| item.event.seq).collect();
    assert_eq!(seqs, [42, 1, 43]);
}
