//! Asking, being answered, losing the link and coming back.

use crate::script::{Guest, connected, house, quick, soon, welcome};
use fifteen::client::{Client, ClientConfig, ClientError, Connect, Link};
use fifteen::protocol::{
    AddNote, Claim, ClientMessage, Code, Dropped, Health, Hello, Ping, Refused, Rejection, Role,
    Subscribe, TakeSnapshot,
};
use serde_json::json;

#[tokio::test]
async fn answers_find_their_requests_in_any_order() {
    let (client, _house, mut guest) = connected(quick()).await;
    let other = client.clone();
    let first = tokio::spawn(async move { client.request(Claim { call: 1 }).await });
    let one = guest.request().await;
    let second = tokio::spawn(async move { other.request(Claim { call: 2 }).await });
    let two = guest.request().await;
    guest.done(two.id).await;
    guest.done(one.id).await;
    assert_eq!(soon(first).await.unwrap().unwrap().id, one.id);
    assert_eq!(soon(second).await.unwrap().unwrap().id, two.id);
}

#[tokio::test]
async fn client_speaks_over_tcp() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let hello = Hello::new(Role::Operator, "Sana");
    let client = tokio::spawn(async move {
        let client = Client::connect(addr, hello).await.unwrap();
        client.request(Claim { call: 1 }).await.unwrap()
    });
    let (stream, _) = soon(listener.accept()).await.unwrap();
    let mut guest = Guest::new(stream);
    let heard = guest.heard().await;
    assert!(matches!(heard, ClientMessage::Hello(hello) if hello.who == "Sana"));
    guest.say(welcome(60_000)).await;
    let id = guest.request().await.id;
    guest.done(id).await;
    assert_eq!(soon(client).await.unwrap().id, id);
}

#[tokio::test]
async fn rejection_is_an_answer_and_the_connection_goes_on() {
    let (client, _house, mut guest) = connected(quick()).await;
    let asking = client.clone();
    let asked = tokio::spawn(async move { asking.request(Claim { call: 1 }).await });
    let id = guest.request().await.id;
    let (code, text, field) = (Code::UnknownCall, "no call 1".to_owned(), None);
    guest.say(Rejection { id, code, text, field, drill: false }).await;
    let error = soon(asked).await.unwrap().unwrap_err();
    assert!(matches!(error, ClientError::Rejected(no) if no.code == Code::UnknownCall));
    assert!(client.welcome().is_some());
}

#[tokio::test]
async fn command_carries_a_key_and_a_query_none() {
    let (client, _house, mut guest) = connected(quick()).await;
    let asked = client.clone();
    tokio::spawn(async move { asked.request(Claim { call: 1 }).await });
    assert!(guest.request().await.key.is_some());
    tokio::spawn(async move { client.request(Health {}).await });
    assert!(guest.request().await.key.is_none());
}

#[tokio::test]
async fn unanswered_command_is_sent_again_under_its_key() {
    let (client, mut house, mut guest) = connected(quick()).await;
    let asked = tokio::spawn(async move { client.request(Claim { call: 1 }).await });
    let first = guest.request().await;
    drop(guest);
    let (mut guest, hello) = house.welcome_guest().await;
    assert_eq!(hello.node, Some(77));
    let again = guest.request().await;
    assert_eq!(again, first);
    guest.done(again.id).await;
    soon(asked).await.unwrap().unwrap();
}

#[tokio::test]
async fn command_given_up_is_not_sent_again() {
    let (client, mut house, mut guest) = connected(quick()).await;
    let asking = client.clone();
    let asked = tokio::spawn(async move { asking.request(Claim { call: 1 }).await });
    guest.request().await;
    asked.abort();
    let _ = asked.await;
    drop(guest);
    let (mut guest, _) = house.welcome_guest().await;
    tokio::spawn(async move { client.request(Claim { call: 2 }).await });
    let next = guest.request().await;
    assert_eq!(next.request, Claim { call: 2 }.into());
}

#[tokio::test]
async fn upkeep_cut_off_is_reported_and_not_repeated() {
    let (client, mut house, mut guest) = connected(quick()).await;
    let asking = client.clone();
    let asked = tokio::spawn(async move { asking.request(TakeSnapshot {}).await });
    guest.request().await;
    drop(guest);
    let error = soon(asked).await.unwrap().unwrap_err();
    assert!(matches!(error, ClientError::Lost { .. }), "{error}");
    let _ = house.welcome_guest().await;
}

#[tokio::test]
async fn request_made_while_the_link_is_down_waits_for_it() {
    let (client, mut house, guest) = connected(quick()).await;
    let mut link = client.link();
    drop(guest);
    soon(link.wait_for(|link| matches!(link, Link::Down { .. }))).await.unwrap();
    let asked = tokio::spawn(async move { client.request(Claim { call: 1 }).await });
    let (mut guest, _) = house.welcome_guest().await;
    let id = guest.request().await.id;
    guest.done(id).await;
    soon(asked).await.unwrap().unwrap();
}

#[tokio::test]
async fn silent_server_is_left_for_a_new_connection() {
    let (door, mut house) = house();
    let hello = Hello::new(Role::Operator, "Sana");
    let client = tokio::spawn(Client::connect_with(door, hello, quick()));
    let (mut guest, _) = house.guest().await;
    guest.say(welcome(20)).await;
    let client = soon(client).await.unwrap().unwrap();
    guest.expect_ping().await;
    let mut link = client.link();
    let lost = soon(link.wait_for(|link| matches!(link, Link::Down { .. }))).await;
    let Link::Down { why, .. } = lost.unwrap().clone() else { panic!("not down") };
    assert!(why.contains("nothing heard"), "{why}");
    let _ = house.welcome_guest().await;
}

#[tokio::test]
async fn ping_is_answered_with_its_number() {
    let (_client, _house, mut guest) = connected(quick()).await;
    guest.say(Ping { id: Some(5) }).await;
    guest.expect_pong(5).await;
}

#[tokio::test]
async fn refused_hello_is_an_error_at_once() {
    let (door, mut house) = house();
    let hello = Hello::new(Role::Operator, "Sana");
    let config = ClientConfig { patient: true, ..quick() };
    let client = tokio::spawn(Client::connect_with(door, hello, config));
    let (mut guest, _) = house.guest().await;
    let (code, text) = (Code::BadToken, "wrong token".to_owned());
    guest.say(Refused { code, text }).await;
    let error = soon(client).await.unwrap().unwrap_err();
    assert!(matches!(error, ClientError::Refused(no) if no.code == Code::BadToken));
}

#[tokio::test]
async fn refusal_on_coming_back_ends_the_client_and_answers_everyone() {
    let (client, mut house, mut guest) = connected(quick()).await;
    let asking = client.clone();
    let asked = tokio::spawn(async move { asking.request(Claim { call: 1 }).await });
    guest.request().await;
    drop(guest);
    let (mut guest, _) = house.guest().await;
    let (code, text) = (Code::BadToken, "the token has changed".to_owned());
    guest.say(Refused { code, text }).await;
    let error = soon(asked).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("the token has changed"), "{error}");
    let error = soon(client.request(Health {})).await.unwrap_err();
    assert!(matches!(error, ClientError::Closed { .. }), "{error}");
}

#[tokio::test]
async fn busy_server_is_tried_again() {
    let (client, mut house, guest) = connected(quick()).await;
    drop(guest);
    let (mut guest, _) = house.guest().await;
    let (code, text) = (Code::ShuttingDown, "restarting".to_owned());
    guest.say(Refused { code, text }).await;
    let _guest = house.welcome_guest().await;
    soon(client.link().wait_for(|link| matches!(link, Link::Up { .. }))).await.unwrap();
}

#[tokio::test]
async fn replaced_client_does_not_fight_its_successor() {
    let (client, _house, mut guest) = connected(quick()).await;
    let (code, text) = (Code::Replaced, "connected elsewhere".to_owned());
    guest.say(Dropped { code, text }).await;
    let mut link = client.link();
    soon(link.wait_for(|link| matches!(link, Link::Ended { .. }))).await.unwrap();
}

#[tokio::test]
async fn message_of_a_newer_server_is_passed_over() {
    let (_client, _house, mut guest) = connected(quick()).await;
    let unknown = rmp_serde::to_vec_named(&json!({"type": "weather"})).unwrap();
    guest.say_bytes(unknown.into()).await;
    guest.say(Ping { id: Some(6) }).await;
    guest.expect_pong(6).await;
}

#[tokio::test]
async fn garbage_costs_the_connection_only() {
    let (client, mut house, mut guest) = connected(quick()).await;
    guest.say_bytes(vec![0xc1; 30].into()).await;
    let (mut guest, _) = house.welcome_guest().await;
    let asked = tokio::spawn(async move { client.request(Health {}).await });
    let id = guest.request().await.id;
    guest.done(id).await;
    soon(asked).await.unwrap().unwrap();
}

#[tokio::test]
async fn request_too_large_for_a_frame_is_never_sent() {
    let (client, _house, _guest) = connected(quick()).await;
    let text = "x".repeat(70_000);
    let error = client.request(AddNote { call: 1, text }).await.unwrap_err();
    assert!(matches!(error, ClientError::TooLarge { max: 65_536, .. }));
}

#[tokio::test]
async fn subscribing_by_hand_is_refused_here() {
    let (client, _house, _guest) = connected(quick()).await;
    let error = client.request(Subscribe {}).await.unwrap_err();
    assert!(matches!(error, ClientError::UsePushes));
}

#[tokio::test]
async fn no_more_requests_are_taken_than_may_be_in_flight() {
    let config = ClientConfig { in_flight_max: 2, ..quick() };
    let (client, _house, mut guest) = connected(config).await;
    let mut asked = Vec::new();
    for call in 1..=6 {
        let client = client.clone();
        asked.push(tokio::spawn(async move { client.request(Claim { call }).await }));
    }
    let (one, two) = (guest.request().await, guest.request().await);
    guest.say(Ping { id: Some(9) }).await;
    // The pong comes before any third request: there was no room for one.
    guest.expect_pong(9).await;
    for frame in [one, two] {
        guest.done(frame.id).await;
    }
    for _ in 3..=6 {
        let id = guest.request().await.id;
        guest.done(id).await;
    }
    for asked in asked {
        soon(asked).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn connection_ends_with_the_last_handle() {
    let (client, _house, mut guest) = connected(quick()).await;
    let other = client.clone();
    drop(client);
    guest.say(Ping { id: Some(1) }).await;
    guest.expect_pong(1).await;
    drop(other);
    assert!(guest.hung_up().await);
}

/// A transport that fails as often as it is told to.
struct Stubborn<C> {
    failures: u32,
    then: C,
}

impl<C: Connect> Connect for Stubborn<C> {
    type Io = C::Io;

    async fn connect(&mut self) -> std::io::Result<C::Io> {
        match self.failures.checked_sub(1) {
            Some(left) => {
                self.failures = left;
                Err(std::io::ErrorKind::ConnectionRefused.into())
            }
            None => self.then.connect().await,
        }
    }
}

#[tokio::test]
async fn unreachable_server_is_an_error_unless_the_client_is_patient() {
    let hello = Hello::new(Role::Unit, "Alpha-1");
    let (then, _house) = house();
    let transport = Stubborn { failures: 1, then };
    let error = Client::connect_with(transport, hello.clone(), quick()).await;
    assert!(matches!(error.unwrap_err(), ClientError::Io(_)));
    let (then, mut patient_house) = crate::script::house();
    let transport = Stubborn { failures: 4, then };
    let config = ClientConfig { patient: true, ..quick() };
    let client = tokio::spawn(Client::connect_with(transport, hello, config));
    let _guest = patient_house.welcome_guest().await;
    assert!(soon(client).await.unwrap().is_ok());
}
