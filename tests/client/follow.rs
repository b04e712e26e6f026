//! Following what happens: snapshots, pushes, resuming, and being slow.

use crate::script::{connected, house, push, quick, snapshot, soon, welcome};
use fifteen::client::{Client, ClientConfig, Update};
use fifteen::protocol::{Hello, Request, Role};

fn seq(update: Option<Update>) -> u64 {
    match update.expect("the flow goes on") {
        Update::Push(push) => push.seq,
        Update::Snapshot(page) => page.seq,
    }
}

#[tokio::test]
async fn snapshot_comes_first_and_then_the_pushes_after_it() {
    let (client, _house, mut guest) = connected(quick()).await;
    let follow = tokio::spawn(async move { (client.pushes().await.unwrap(), client) });
    guest.subscribed(false).await;
    guest.say(push(9)).await;
    guest.say(snapshot(10, 1, 1)).await;
    guest.say(push(11)).await;
    let (mut updates, _client) = soon(follow).await.unwrap();
    let first = soon(updates.next()).await;
    assert_eq!(first, Some(Update::Snapshot(snapshot(10, 1, 1))));
    assert_eq!(seq(soon(updates.next()).await), 11);
}

#[tokio::test]
async fn what_was_missed_is_asked_for_on_coming_back() {
    let (client, mut house, mut guest) = connected(quick()).await;
    let follow = tokio::spawn(async move { (client.pushes().await.unwrap(), client) });
    guest.subscribed(false).await;
    guest.say(snapshot(10, 1, 1)).await;
    guest.say(push(12)).await;
    let (mut updates, _client) = soon(follow).await.unwrap();
    assert_eq!(seq(soon(updates.next()).await), 10);
    assert_eq!(seq(soon(updates.next()).await), 12);
    drop(guest);
    let (mut guest, hello) = house.welcome_guest().await;
    assert_eq!((hello.last_seq, hello.node), (Some(12), Some(77)));
    guest.subscribed(true).await;
    guest.say(push(13)).await;
    assert_eq!(seq(soon(updates.next()).await), 13);
}

#[tokio::test]
async fn link_lost_between_two_pages_starts_from_a_fresh_snapshot() {
    let (client, mut house, mut guest) = connected(quick()).await;
    let follow = tokio::spawn(async move { (client.pushes().await.unwrap(), client) });
    guest.subscribed(false).await;
    guest.say(snapshot(10, 1, 2)).await;
    let (mut updates, _client) = soon(follow).await.unwrap();
    assert_eq!(seq(soon(updates.next()).await), 10);
    drop(guest);
    let (_guest, hello) = house.welcome_guest().await;
    assert_eq!(hello.last_seq, None);
}

#[tokio::test]
async fn hello_of_an_earlier_life_resumes_without_a_snapshot() {
    let (door, mut house) = house();
    let mut hello = Hello::new(Role::Operator, "Sana");
    (hello.last_seq, hello.node) = (Some(40), Some(77));
    let client = tokio::spawn(Client::connect_with(door, hello, quick()));
    let (mut guest, hello) = house.welcome_guest().await;
    assert_eq!(hello.last_seq, Some(40));
    let client = soon(client).await.unwrap().unwrap();
    let follow = tokio::spawn(async move { (client.pushes().await.unwrap(), client) });
    guest.subscribed(true).await;
    guest.say(push(41)).await;
    let (mut updates, _client) = soon(follow).await.unwrap();
    assert_eq!(seq(soon(updates.next()).await), 41);
}

#[tokio::test]
async fn slow_reader_gets_a_fresh_snapshot_instead_of_a_gap() {
    let config = ClientConfig { updates_max: 2, ..quick() };
    let (client, _house, mut guest) = connected(config).await;
    let follow = tokio::spawn(async move { (client.pushes().await.unwrap(), client) });
    guest.subscribed(false).await;
    guest.say(snapshot(1, 1, 1)).await;
    for seq in 2..=9 {
        guest.say(push(seq)).await;
    }
    let (mut updates, _client) = soon(follow).await.unwrap();
    // Wait until the client has surely met the bound: its pong follows all of these.
    guest.say(fifteen::protocol::Ping { id: Some(1) }).await;
    guest.expect_pong(1).await;
    assert_eq!(seq(soon(updates.next()).await), 1);
    assert_eq!(seq(soon(updates.next()).await), 2);
    guest.subscribed(false).await;
    guest.say(snapshot(9, 1, 1)).await;
    guest.say(push(10)).await;
    let fresh = soon(updates.next()).await;
    assert_eq!(fresh, Some(Update::Snapshot(snapshot(9, 1, 1))));
    assert_eq!(seq(soon(updates.next()).await), 10);
}

#[tokio::test]
async fn answers_come_while_nobody_reads_the_pushes() {
    let config = ClientConfig { updates_max: 1, ..quick() };
    let (client, _house, mut guest) = connected(config).await;
    let asking = client.clone();
    let follow = tokio::spawn(async move { client.pushes().await.unwrap() });
    guest.subscribed(false).await;
    guest.say(snapshot(1, 1, 1)).await;
    let _unread = soon(follow).await.unwrap();
    for seq in 2..=50 {
        guest.say(push(seq)).await;
    }
    let asked =
        tokio::spawn(async move { asking.request(fifteen::protocol::Claim { call: 1 }).await });
    let id = guest.request().await.id;
    guest.done(id).await;
    soon(asked).await.unwrap().unwrap();
}

#[tokio::test]
async fn dropped_reader_ends_the_subscription() {
    let (client, _house, mut guest) = connected(quick()).await;
    let follow = tokio::spawn(async move { (client.pushes().await.unwrap(), client) });
    guest.subscribed(false).await;
    guest.say(snapshot(1, 1, 1)).await;
    let (updates, _client) = soon(follow).await.unwrap();
    drop(updates);
    guest.say(push(2)).await;
    let frame = guest.request().await;
    assert!(matches!(frame.request, Request::Unsubscribe(_)));
}

#[tokio::test]
async fn later_reader_never_inherits_the_place_of_an_earlier_one() {
    let (client, mut house, mut guest) = connected(quick()).await;
    let asking = client.clone();
    let follow = tokio::spawn(async move { asking.pushes().await.unwrap() });
    guest.subscribed(false).await;
    guest.say(snapshot(5, 1, 1)).await;
    drop(soon(follow).await.unwrap());
    drop(guest);
    let (mut guest, hello) = house.welcome_guest().await;
    assert_eq!(hello.last_seq, Some(5), "the earlier reader's place");
    let follow = tokio::spawn(async move { (client.pushes().await.unwrap(), client) });
    guest.subscribed(true).await;
    guest.subscribed(false).await;
    guest.say(snapshot(6, 1, 1)).await;
    let (mut updates, _client) = soon(follow).await.unwrap();
    assert_eq!(seq(soon(updates.next()).await), 6);
}

#[tokio::test]
async fn place_in_another_log_is_never_resumed_from() {
    let (client, mut house, mut guest) = connected(quick()).await;
    let follow = tokio::spawn(async move { (client.pushes().await.unwrap(), client) });
    guest.subscribed(false).await;
    guest.say(snapshot(900, 1, 1)).await;
    let (mut updates, _client) = soon(follow).await.unwrap();
    assert_eq!(seq(soon(updates.next()).await), 900);
    drop(guest);
    // The server comes back with another log, and the link is lost again before its snapshot.
    let (mut guest, _) = house.guest().await;
    let mut other = welcome(60_000);
    other.node = 78;
    guest.say(other.clone()).await;
    guest.subscribed(false).await;
    drop(guest);
    let (mut guest, hello) = house.guest().await;
    assert_eq!((hello.last_seq, hello.node), (None, Some(78)));
    guest.say(other).await;
    guest.subscribed(false).await;
    guest.say(snapshot(3, 1, 1)).await;
    assert_eq!(seq(soon(updates.next()).await), 3);
}
