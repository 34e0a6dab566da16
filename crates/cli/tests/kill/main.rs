//! The ledger against what was answered, after the gateway was killed at random moments.
//!
//! `TOLLBRIDGE_KILLS` says how many times, 200 by default; `TOLLBRIDGE_KILL_SEED` repeats the choices of a run.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test needs and cannot have fails it"
)]

mod call;
mod gateway;
mod random;
mod rows;
mod verdict;
mod world;

use std::sync::Arc;
use std::time::Duration;

use call::Call;
use gateway::Gateway;
use random::Random;
use tokio::task::JoinSet;
use world::{Events, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answered_call_is_in_the_ledger_once_however_often_the_gateway_dies() {
    let kills = std::env::var("TOLLBRIDGE_KILLS").map_or(200, |kills| kills.parse().unwrap());
    let world = World::start(&[]).await;
    // Two lanes: for a part of the time two gateways share the directory, and outlive each other.
    let second = kills * 2 / 5;
    let mut random = Random::seeded();
    let lanes = [(random.split(), kills - second), (random.split(), second)];
    let lanes: Vec<_> = lanes.map(|(random, kills)| tokio::spawn(lane(Arc::clone(&world), random, kills))).into();
    for lane in lanes {
        lane.await.unwrap();
    }
    stop_amid_calls(&world, random.split()).await;
    verdict::check(&world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_settings_agree_as_well() {
    for setting in ["usage.durability=strict", "usage.on_leave=drain", "usage.content=true"] {
        let world = World::start(&["--set", setting]).await;
        let mut random = Random::seeded();
        lane(Arc::clone(&world), random.split(), 10).await;
        stop_amid_calls(&world, random.split()).await;
        verdict::check(&world);
    }
}

#[tokio::test]
async fn a_locked_database_holds_up_no_call_and_loses_nothing() {
    let world = World::start(&[]).await;
    let mut random = Random::seeded();
    let gateway = Gateway::listening(&world).await;
    world.answered_calls(&gateway, &mut random, 10).await;
    let lock = rusqlite::Connection::open(world.database()).unwrap();
    lock.busy_timeout(Duration::from_secs(60)).unwrap();
    lock.execute_batch("BEGIN EXCLUSIVE").unwrap();
    world.answered_calls(&gateway, &mut random, 20).await;
    gateway.kill().await;
    let gateway = Gateway::listening(&world).await;
    world.answered_calls(&gateway, &mut random, 20).await;
    lock.execute_batch("COMMIT").unwrap();
    assert_eq!(gateway.terminate().await, Some(0));
    verdict::check(&world);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_holds_up_no_call_and_loses_nothing() {
    // With the second limit the journal still has room when the database has none.
    for limit in [0, 100_000] {
        let world = World::start(&[]).await;
        let mut random = Random::seeded();
        let gateway = Gateway::listening(&world).await;
        world.answered_calls(&gateway, &mut random, 10).await;
        gateway.limit_files(Some(limit));
        world.answered_calls(&gateway, &mut random, 40).await;
        gateway.limit_files(None);
        world.answered_calls(&gateway, &mut random, 10).await;
        assert_eq!(gateway.terminate().await, Some(0));
        verdict::check(&world);
    }
}

#[tokio::test]
async fn a_call_that_outlasts_the_stop_is_recorded_with_what_it_told() {
    for (setting, leaves_after) in [("cancel", None), ("drain", None), ("drain", Some(2))] {
        let on_leave = format!("usage.on_leave={setting}");
        let world = World::start(&["--set", "server.drain_timeout=10ms", "--set", &on_leave]).await;
        let gateway = Gateway::listening(&world).await;
        world.upstreams.iter().for_each(|upstream| upstream.script(["stall-after:4"]).unwrap());
        let events = Arc::new(Events::until(3));
        let making = tokio::spawn({
            let (world, events, url) = (Arc::clone(&world), Arc::clone(&events), gateway.url());
            async move { world.make(Call::stream(0, leaves_after), &url, &events).await }
        });
        events.reached().await;
        assert_eq!(gateway.terminate().await, Some(0));
        making.await.unwrap();
        verdict::check(&world);
        let rows = rows::of(&world);
        assert!(matches!(rows.as_slice(), [row] if row.status == "cancelled"), "{rows:?}");
        assert!(rows[0].usage.is_some_and(|(input, output)| input > 0 && output > 0), "{rows:?}");
    }
}

/// Starts the gateway and kills it amid calls so many times, and sometimes before it serves any.
async fn lane(world: Arc<World>, mut random: Random, kills: usize) {
    let mut killed = 0;
    while killed < kills {
        let mut gateway = Gateway::start(&world);
        if random.below(8) == 0 {
            // It dies while it starts.
            let moment = Duration::from_micros(random.below(START));
            let _ = tokio::time::timeout(moment, gateway.listens()).await;
            gateway.kill().await;
            continue;
        }
        gateway.listens().await;
        world.script(&mut random);
        let events = Arc::new(Events::until(random.below(EVENTS)));
        let mut calls = JoinSet::new();
        for _ in 0..random.between(4, 24) {
            let (world, events) = (Arc::clone(&world), Arc::clone(&events));
            let (call, url) = (world.next_call(&mut random), gateway.url());
            calls.spawn(async move { world.make(call, &url, &events).await });
        }
        tokio::select! {
            () = events.reached() => {}
            () = async { while calls.join_next().await.is_some() {} } => {}
        }
        gateway.kill().await;
        killed += 1;
        while calls.join_next().await.is_some() {}
    }
}

/// Stops a last gateway by a signal while it answers: it lets them end.
async fn stop_amid_calls(world: &Arc<World>, mut random: Random) {
    let gateway = Gateway::listening(world).await;
    world.script(&mut random);
    let events = Arc::new(Events::until(20));
    let mut calls = JoinSet::new();
    for _ in 0..40 {
        let (world, events) = (Arc::clone(world), Arc::clone(&events));
        let (call, url) = (world.next_call(&mut random), gateway.url());
        calls.spawn(async move { world.make(call, &url, &events).await });
    }
    events.reached().await;
    assert_eq!(gateway.terminate().await, Some(0));
    while calls.join_next().await.is_some() {}
}

/// How many events there are at most until a gateway is killed.
const EVENTS: u64 = 250;
/// How long a start takes at most, in microseconds, of those that are killed while they start.
const START: u64 = 150_000;
