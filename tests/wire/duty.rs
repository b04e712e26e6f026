//! What units and the room say to each other, the panic button, who was told, and what the room
//! is configured to, over real sockets.

use super::peer::{Peer, call_from, duty};
use super::server::Room;
use fifteen::protocol::{
    AssignUnit, Code, DescribeCall, Escalate, Escalation, Hello, ListEarlier, ListEscalations,
    MarkRead, Panic, Place, PlaceCall, ReplyBody, Role, SeeEscalation, SendMessage, ShowRoom,
    Source, TakeEscalation,
};

fn say(unit: Option<&str>, text: &str) -> SendMessage {
    SendMessage { unit: unit.map(Into::into), call: None, text: text.into() }
}

async fn escalations(peer: &mut Peer, list: ListEscalations) -> (Vec<Escalation>, Option<u64>) {
    match peer.ask(list).await.unwrap().body {
        ReplyBody::Escalations(page) => (page.escalations, page.next),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn messages_reach_the_unit_and_the_room_and_nobody_else() {
    let room = Room::new(&[]);
    let server = room.serve();
    let mut desk = Peer::operator(server.address).await;
    desk.subscribe().await;
    desk.page().await;
    let mut unit = Peer::greeted(server.address, Role::Unit, "Alpha-1").await;
    unit.ask(duty("Alpha-1")).await.unwrap();
    let mut other = Peer::greeted(server.address, Role::Unit, "Bravo-2").await;
    other.ask(duty("Bravo-2")).await.unwrap();
    for peer in [&mut unit, &mut other] {
        peer.subscribe().await;
        peer.page().await;
    }
    let first = unit.done(say(None, "which gate?")).await.seq.unwrap();
    let heard = desk.pushes_up_to(first).await.pop().unwrap().message.unwrap();
    assert_eq!((&*heard.text, heard.to_room, &*heard.unit), ("which gate?", true, "Alpha-1"));
    let second = desk.done(say(Some("Alpha-1"), "the blue one")).await.seq.unwrap();
    let heard = unit.pushes_up_to(second).await.pop().unwrap().message.unwrap();
    assert_eq!((&*heard.text, heard.to_room), ("the blue one", false));
    let third = desk.done(say(Some("Bravo-2"), "stand by")).await.seq.unwrap();
    let seen = other.pushes_up_to(third).await;
    let texts: Vec<_> = seen.iter().filter_map(|push| push.message.as_ref()).collect();
    assert_eq!(texts.len(), 1, "the other unit hears its own messages only");
    assert_eq!(texts[0].text, "stand by");

    // Who connects later finds what is unread; who read it is done with it.
    let mut late = Peer::operator(server.address).await;
    late.subscribe().await;
    assert_eq!(late.page().await.messages.len(), 1);
    let upto_seq = third;
    late.done(MarkRead { unit: Some("Alpha-1".into()), upto_seq }).await;
    let mut later = Peer::operator(server.address).await;
    later.subscribe().await;
    assert!(later.page().await.messages.is_empty());
    let mut again = Peer::greeted(server.address, Role::Unit, "Alpha-1").await;
    again.subscribe().await;
    let page = again.page().await;
    assert_eq!(page.messages.iter().map(|it| &*it.text).collect::<Vec<_>>(), ["the blue one"]);
    server.stop().await;
}

#[tokio::test]
async fn a_panic_button_is_a_call_in_front_of_everything() {
    let room = Room::new(&[]);
    let server = room.serve();
    let mut desk = Peer::operator(server.address).await;
    desk.subscribe().await;
    desk.page().await;
    let mut unit = Peer::greeted(server.address, Role::Unit, "Alpha-1").await;
    unit.ask(duty("Alpha-1")).await.unwrap();
    let pressed = unit.ask(Panic { lat: Some(31.5), lon: Some(74.3), unit: None }).await.unwrap();
    let ReplyBody::CallPlaced(placed) = &pressed.body else { panic!("{pressed:?}") };
    assert_eq!((placed.priority, placed.durable), (1, true));
    let pushes = desk.pushes_up_to(pressed.seq.unwrap()).await;
    let alarm = pushes.last().unwrap();
    assert_eq!(alarm.event, "unit_panicked");
    assert_eq!(alarm.unit.as_ref().unwrap().panic, Some(placed.call));
    assert_eq!(alarm.call.as_ref().unwrap().kind, "officer in danger");
    // A point that is none does not cost the alarm; a crew unknown here is heard too.
    let mut stranger = Peer::greeted(server.address, Role::Unit, "Ghost-9").await;
    let odd = Panic { lat: Some(991.0), lon: None, unit: None };
    assert!(matches!(stranger.ask(odd).await.unwrap().body, ReplyBody::CallPlaced(_)));
    let other = Panic { unit: Some("Alpha-1".into()), ..Panic::default() };
    assert_eq!(stranger.rejected(other).await.code, Code::NotAllowed);
    server.stop().await;
}

#[tokio::test]
async fn escalations_are_listed_latest_first_in_pages_and_seen_and_taken_by_name() {
    let room = Room::new(&[]);
    let server = room.serve();
    let mut desk = Peer::operator(server.address).await;
    let mut calls = Vec::new();
    for _ in 0..3 {
        let call = desk.place(call_from("Kasur")).await;
        desk.done(Escalate { call, clock: Some("acknowledge".into()), reason: None }).await;
        calls.push(call);
    }
    let mut chief = Peer::greeted(server.address, Role::Supervisor, "Nadia").await;
    chief.subscribe().await;
    chief.page().await;
    let two = ListEscalations { limit: Some(2), ..ListEscalations::default() };
    let (page, next) = escalations(&mut chief, two.clone()).await;
    assert_eq!(page.iter().map(|it| it.call).collect::<Vec<_>>(), [calls[2], calls[1]]);
    let (rest, end) = escalations(&mut chief, ListEscalations { after: next, ..two }).await;
    assert_eq!((rest[0].call, rest.len(), end), (calls[0], 1, None));
    assert_eq!((rest[0].rung, &*rest[0].office), (1, "cell in-charge"));

    let escalation = rest[0].escalation;
    let seen = chief.done(SeeEscalation { escalation }).await.seq.unwrap();
    let push = chief.pushes_up_to(seen).await.pop().unwrap();
    let shown = push.escalation.unwrap();
    assert_eq!((push.event.as_str(), &*shown.seen[0].who), ("escalation_seen", "Nadia"));
    let take =
        TakeEscalation { call: calls[0], clock: "acknowledge".into(), rung: Some(1), office: None };
    let taken = chief.done(take).await.seq.unwrap();
    let shown = chief.pushes_up_to(taken).await.pop().unwrap().escalation.unwrap();
    assert_eq!(shown.taken_by.as_deref(), Some("Nadia"));
    assert_eq!(shown.escalation, escalation);
    let unknown = chief.rejected(SeeEscalation { escalation: 1 }).await;
    assert_eq!(unknown.code, Code::UnknownEscalation);
    server.stop().await;
}

#[tokio::test]
async fn earlier_calls_of_a_number_say_nothing_of_who_she_is() {
    let room = Room::new(&[]);
    let server = room.serve();
    let mut desk = Peer::operator(server.address).await;
    let placed = PlaceCall {
        number: Some("0300 1234567".into()),
        name: Some("Ayesha".into()),
        ..call_from("Kasur")
    };
    let first = desk.place(placed.clone()).await;
    let second = desk.place(placed).await;
    let asked = ListEarlier { number: Some("+923001234567".into()), ..ListEarlier::default() };
    let reply = desk.ask(asked).await.unwrap();
    let ReplyBody::Earlier(earlier) = &reply.body else { panic!("{reply:?}") };
    let ids: Vec<_> = earlier.same_caller.iter().map(|call| call.call).collect();
    assert_eq!(ids, [second, first]);
    assert!(!serde_json::to_string(&reply).unwrap().contains("Ayesha"));
    let of_call = ListEarlier { call: Some(first), ..ListEarlier::default() };
    let ReplyBody::Earlier(earlier) = desk.ask(of_call).await.unwrap().body else { panic!() };
    assert_eq!(earlier.same_caller.len(), 1, "the others, not itself");
    assert_eq!((earlier.caller.calls, earlier.caller.open, earlier.place.calls), (1, 1, 0));
    assert_eq!((earlier.raise, earlier.proposed), (1, Some(2)));
    assert_eq!(earlier.why, ["1 other call of hers open (+4)"]);
    let unknown = ListEarlier { call: Some(99), ..ListEarlier::default() };
    assert_eq!(desk.rejected(unknown).await.code, Code::UnknownCall);
    server.stop().await;
}

#[tokio::test]
async fn a_client_learns_the_words_of_the_room() {
    let room = Room::new(&[]);
    let server = room.serve();
    let hello = Hello::new(Role::Unit, "Alpha-1");
    let (mut unit, welcome) = Peer::welcomed(server.address, hello).await;
    assert_eq!((&*welcome.room, &*welcome.zone), ("Women's cell", "Asia/Karachi"));
    let ReplyBody::Room(words) = unit.ask(ShowRoom {}).await.unwrap().body else { panic!() };
    assert_eq!(words.districts.len(), 36);
    assert!(words.districts.iter().any(|it| it.name == "Lahore" && !it.tehsils.is_empty()));
    assert!(words.dispositions.iter().any(|it| it.name == "hoax" && it.guarded));
    let turnout = words.clocks.iter().find(|it| it.name == "turnout").unwrap();
    assert_eq!((turnout.limit_ms, turnout.of_unit, &*turnout.ladder), (90_000, true, "room"));
    assert_eq!(words.ladders[0].rungs[3], "DIG Operations");
    server.stop().await;
}

#[tokio::test]
async fn what_is_learned_of_a_call_is_known_to_the_room_and_to_the_unit_on_its_way() {
    let room = Room::new(&[]);
    let server = room.serve();
    let mut desk = Peer::operator(server.address).await;
    let call = desk.place(PlaceCall::new(Source::PhoneLine, "", "unknown")).await;
    let mut unit = Peer::greeted(server.address, Role::Unit, "Alpha-1").await;
    unit.done(duty("Alpha-1")).await;
    desk.done(AssignUnit { call, unit: "Alpha-1".into() }).await;
    unit.subscribe().await;
    unit.page().await;
    let place = Some(Place { words: Some("Blue gate".into()), ..Place::default() });
    let said = DescribeCall {
        call,
        kind: Some("threat".into()),
        district: Some("Gulberg".into()),
        name: Some("Ayesha".into()),
        place,
        ..DescribeCall::default()
    };
    let at = desk.done(said).await.seq.unwrap();
    let push = unit.pushes_up_to(at).await.pop().unwrap();
    let sent = push.assignment.unwrap();
    assert_eq!(sent.place.unwrap().words.as_deref(), Some("Blue gate"));
    let shown = desk.show(call).await;
    assert_eq!((&*shown.summary.kind, &*shown.summary.district), ("threat", "Gulberg"));
    assert_eq!(shown.name.as_deref(), Some("Ayesha"));
    let told = &shown.timeline.iter().find(|line| line.event == "call_described").unwrap().text;
    assert_eq!(told, "learned: kind threat, district Gulberg, name, place");
    assert!(!server.log().contains("Ayesha") && !server.log().contains("Blue gate"));
    let bad = DescribeCall {
        call,
        place: Some(Place { lat: Some(99.0), ..Place::default() }),
        ..DescribeCall::default()
    };
    assert!(desk.rejected(bad).await.text.contains("lat"));
    server.stop().await;
}
