//! Peers that are broken, hostile, slow or many. Each is told what is wrong in clear words, none takes the server or
//! anybody else with it, and everything accepted is still there afterwards.

use super::peer::{Peer, call_from, duty, placed, report, soon};
use super::server::{Room, Server, until};
use fifteen::domain::Event;
use fifteen::journal::{Options, RecordRef, inspect};
use fifteen::protocol::{
    ALLOWED, AddNote, Archive, AssignUnit, Backup, CallbackOutcome, CheckIn, Claim, ClientMessage,
    CloseCall, Code, DescribeCall, Dropped, EraseIdentity, Escalate, Health, Hello, Key, LinkCall,
    ListCalls, ListEarlier, ListEscalations, ListUnits, MarkRead, Panic, Ping, Place,
    RecommendUnits, RecordCallback, Rejection, ReleaseClaim, ReleaseUnit, ReopenCall, Report,
    ReportPosition, ReportedStatus, Request, Role, SeeEscalation, SendMessage, ServerMessage,
    SetAvailable, SetOutOfService, SetPriority, ShowCall, ShowRoom, SignOff, Subscribe,
    TakeEscalation, TakeOver, TakeSnapshot, Unsubscribe,
};
use fifteen::service::decode;
use serde_json::json;
use std::collections::{BTreeSet, HashSet};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;

/// A server with one call that must outlive everything.
struct Scene {
    room: Room,
    server: Server,
    call: u64,
}

impl Scene {
    async fn new(changes: &[(&str, &str)]) -> Self {
        let room = Room::new(changes);
        let server = room.serve();
        let mut peer = Peer::operator(server.address).await;
        let call = peer.place(call_from("Kasur")).await;
        Self { room, server, call }
    }

    fn address(&self) -> SocketAddr {
        self.server.address
    }

    async fn operator(&self) -> Peer {
        Peer::operator(self.address()).await
    }

    async fn unit(&self, callsign: &str) -> Peer {
        let mut peer = Peer::greeted(self.address(), Role::Unit, callsign).await;
        peer.sign_on(callsign).await;
        peer
    }

    /// Up, with the call still there, and taking new ones.
    async fn is_well(&mut self) {
        self.server.assert_up();
        let mut peer = self.operator().await;
        let there = peer.calls("Kasur").await;
        assert_eq!(there.iter().map(|call| call.call).collect::<Vec<_>>(), [self.call]);
        assert_eq!(peer.show(self.call).await.summary.call, self.call);
        assert!(peer.place(call_from("Okara")).await > self.call);
    }
}

fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{text:?} does not say {word:?}");
    }
}

fn is(no: &Rejection, code: &str, words: &[&str]) {
    assert_eq!(no.code.as_str(), code, "{no}");
    says(&no.text, words);
}

/// `{type: "claim", id: 9, x: <value>}`, or without the id.
fn claim_with(id: bool, value: &[u8]) -> Vec<u8> {
    if id {
        [b"\x83\xa4type\xa5claim\xa2id\x09\xa1x", value].concat()
    } else {
        [b"\x82\xa4type\xa5claim\xa1x", value].concat()
    }
}

#[tokio::test]
async fn broken_frames_end_their_own_session_with_a_clear_word() {
    let mut scene = Scene::new(&[]).await;
    let framed = |frame: &[u8]| {
        let len = u32::try_from(frame.len()).unwrap();
        [&len.to_be_bytes()[..], frame].concat()
    };
    let mut noise = 88_172_645_463_325_252_u64;
    let random: Vec<u8> = (0..3_000)
        .map(|_| {
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            noise.to_le_bytes()[0]
        })
        .collect();
    let cases: Vec<(&str, Vec<u8>, Code, &[&str])> = vec![
        ("no length", vec![0; 4], Code::Malformed, &["empty frame"]),
        (
            "one byte too long",
            framed(&vec![0; 65_537]),
            Code::TooLarge,
            &["65537", "at most 65536"],
        ),
        ("four gigabytes", u32::MAX.to_be_bytes().to_vec(), Code::TooLarge, &["4294967295"]),
        ("random", framed(&random), Code::Malformed, &["not a message"]),
        ("no map", framed(b"\x93\x01\x02\x03"), Code::Malformed, &["map"]),
        ("no type", framed(b"\x80"), Code::Malformed, &["type"]),
        (
            "deep",
            framed(&claim_with(false, &b"\x91".repeat(30_000))),
            Code::Malformed,
            &["nested too deep"],
        ),
        (
            "array of billions",
            framed(&claim_with(false, b"\xdd\xff\xff\xff\xff")),
            Code::Malformed,
            &["more than the frame holds"],
        ),
        ("map of billions", framed(b"\xdf\xff\xff\xff\xff"), Code::Malformed, &["not a message"]),
        (
            "text of billions",
            framed(&claim_with(false, b"\xdb\xff\xff\xff\xff")),
            Code::Malformed,
            &["longer than the frame"],
        ),
        (
            "request without a number",
            framed(b"\x82\xa4type\xa5claim\xa4call\x01"),
            Code::Malformed,
            &["`id`"],
        ),
    ];
    for (what, bytes, code, words) in &cases {
        let mut peer = scene.operator().await;
        peer.say_raw(bytes).await;
        let Dropped { code: found, text } = peer.dropped().await;
        assert_eq!(found, *code, "{what}: {text}");
        says(&text, words);
        // The same before any hello.
        let mut peer = Peer::silent(scene.address()).await;
        peer.say_raw(bytes).await;
        let refused = peer.is_refused().await;
        assert_eq!(refused.code, *code, "{what}: {refused}");
        says(&refused.text, words);
    }
    scene.is_well().await;
}

#[tokio::test]
async fn frame_cut_off_by_the_end_of_the_stream_is_no_request() {
    let mut scene = Scene::new(&[]).await;
    let whole = |id: u8, peer: u8| {
        let request = json!({"type": "place_call", "id": id, "source": "app",
            "district": format!("Cut-{peer}"), "kind": "threat"});
        let frame = rmp_serde::to_vec_named(&request).unwrap();
        let len = u32::try_from(frame.len()).unwrap();
        [&len.to_be_bytes()[..], &frame].concat()
    };
    // One whole request and a part of a second one, then the end: orderly, and by falling silent for good.
    for (number, orderly) in [(1, true), (2, false)] {
        let second = whole(2, number);
        for cut in [1, 3, 4, 20, second.len() - 1] {
            let mut peer = scene.operator().await;
            peer.say_raw(&[&whole(1, number)[..], &second[..cut]].concat()).await;
            peer.answer().await.1.unwrap();
            if orderly {
                peer.hang_up().await;
                let dropped = peer.dropped().await;
                assert_eq!(dropped.code, Code::Malformed);
                says(&dropped.text, &["ended inside a frame"]);
            }
        }
        let mut peer = scene.operator().await;
        let calls = peer.calls(&format!("Cut-{number}")).await;
        assert_eq!(calls.len(), 5, "the whole ones and none of the others");
    }
    scene.is_well().await;
}

#[tokio::test]
async fn broken_request_with_a_number_is_rejected_and_the_session_lives_on() {
    let mut scene = Scene::new(&[]).await;
    let mut peer = scene.operator().await;
    for value in [
        b"\x91".repeat(20_000),
        b"\xdd\xff\xff\xff\xff".to_vec(),
        b"\xdf\xff\xff\xff\xff".to_vec(),
        b"\xc6\xff\xff\xff\xff".to_vec(),
    ] {
        peer.say_frame(&claim_with(true, &value)).await;
        let (id, answer) = peer.answer().await;
        let no = answer.unwrap_err();
        assert_eq!(id, 9);
        is(&no, "malformed", &["not a message"]);
    }
    let wrong = [
        (json!({"type": "claim", "id": 5}), "call"),
        (json!({"type": "claim", "id": 5, "call": "seven"}), "call"),
        (json!({"type": "claim", "id": 5, "call": -1}), "call"),
        (json!({"type": "claim", "id": 5, "call": 1, "key": "short"}), "key"),
        (json!({"type": "place_call", "id": 5, "district": "A", "kind": "b"}), "source"),
        (
            json!({"type": "place_call", "id": 5, "source": "pigeon", "district": "A", "kind": "b"}),
            "source",
        ),
        (json!({"type": "set_priority", "id": 5, "call": 1, "priority": 900}), "priority"),
    ];
    for (request, field) in wrong {
        peer.say_json(&request).await;
        let (id, answer) = peer.answer().await;
        let no = answer.unwrap_err();
        assert_eq!(id, 5);
        is(&no, "malformed", &[field]);
        assert_eq!(no.field.as_deref(), Some(field));
    }
    peer.health().await;
    scene.is_well().await;
}

#[tokio::test]
async fn unknown_message_is_rejected_by_name_and_unknown_fields_are_ignored() {
    let mut scene = Scene::new(&[]).await;
    let mut peer = scene.operator().await;
    peer.say_json(&json!({"type": "make_tea", "id": 77, "sugar": 2})).await;
    let (id, answer) = peer.answer().await;
    assert_eq!(id, 77);
    is(&answer.unwrap_err(), "unknown_message", &["make_tea"]);
    peer.say_json(
        &json!({"type": "claim", "id": 78, "call": scene.call, "mood": {"calm": [1, 2.5, null]}}),
    )
    .await;
    let (id, answer) = peer.answer().await;
    assert_eq!(id, 78);
    answer.unwrap();
    peer.say_json(&json!({"type": "make_tea"})).await;
    let dropped = peer.dropped().await;
    assert_eq!(dropped.code, Code::UnknownMessage);
    scene.is_well().await;
}

#[tokio::test]
async fn hello_must_come_first_once_in_time_and_in_this_version() {
    let mut scene =
        Scene::new(&[("handshake_limit = \"5s\"", "handshake_limit = \"400ms\"")]).await;
    let address = scene.address();
    let mut peer = Peer::silent(address).await;
    peer.say_json(
        &json!({"type": "hello", "version": 2, "role": {"of": "another shape"}, "who": 7}),
    )
    .await;
    let refused = peer.is_refused().await;
    assert_eq!(refused.code, Code::WrongVersion);
    says(&refused.text, &["version 1", "2"]);

    let mut peer = Peer::silent(address).await;
    peer.say_json(&json!({"type": "health", "id": 1})).await;
    let refused = peer.is_refused().await;
    assert_eq!(refused.code, Code::HelloExpected);
    says(&refused.text, &["hello", "health"]);

    let mut peer = Peer::silent(address).await;
    let refused = peer.is_refused().await;
    assert_eq!(refused.code, Code::HelloExpected);
    says(&refused.text, &["say hello first"]);

    let mut peer = scene.operator().await;
    peer.say(&ClientMessage::Hello(Hello::new(Role::Admin, "Sana"))).await;
    let dropped = peer.dropped().await;
    assert_eq!(dropped.code, Code::Malformed);
    says(&dropped.text, &["hello comes once"]);

    for who in ["", "   ", &"x".repeat(97)] {
        let refused = Peer::refused(address, Hello::new(Role::Operator, who)).await;
        assert_eq!(refused.code, Code::BadValue);
        says(&refused.text, &["who", "96"]);
    }
    scene.is_well().await;
}

/// One request of each name, about call 999, which there is not, and the unit that asks.
fn request_called(name: &str, dir: &str) -> Request {
    let call = 999;
    let unit = || Some("Alpha-1".to_owned());
    match name {
        "place_call" => call_from("Sahiwal").into(),
        "claim" => Claim { call }.into(),
        "release_claim" => ReleaseClaim { call }.into(),
        "take_over" => TakeOver { call }.into(),
        "assign_unit" => AssignUnit { call, unit: "Alpha-1".into() }.into(),
        "release_unit" => ReleaseUnit { call, unit: "Alpha-1".into(), reason: None }.into(),
        "report_status" => report(call, Some("Alpha-1"), ReportedStatus::Acknowledged).into(),
        "check_in" => CheckIn { call: Some(call), unit: unit() }.into(),
        "set_priority" => SetPriority { call, priority: 1, reason: None }.into(),
        "add_note" => AddNote { call, text: "hm".into() }.into(),
        "describe_call" => {
            DescribeCall { call, kind: Some("threat".into()), ..DescribeCall::default() }.into()
        }
        "link_call" => LinkCall { call, primary: 998 }.into(),
        "escalate" => Escalate { call, clock: None, reason: None }.into(),
        "record_callback" => {
            let outcome = CallbackOutcome::Reached;
            RecordCallback { call, outcome, note: None }.into()
        }
        "take_escalation" => {
            let clock = "acknowledge".into();
            TakeEscalation { call, clock, rung: None, office: None }.into()
        }
        "see_escalation" => SeeEscalation { escalation: 999_999 }.into(),
        "panic" => Panic { unit: unit(), lat: None, lon: None }.into(),
        "send_message" => SendMessage { unit: unit(), call: Some(call), text: "hm".into() }.into(),
        "mark_read" => MarkRead { unit: unit(), upto_seq: 999_999 }.into(),
        "list_earlier" => ListEarlier { call: Some(call), ..ListEarlier::default() }.into(),
        "list_escalations" => ListEscalations::default().into(),
        "show_room" => ShowRoom {}.into(),
        "close_call" => CloseCall { call, disposition: "helped".into(), remark: None }.into(),
        "reopen_call" => ReopenCall { call, reason: None }.into(),
        "sign_on" => duty("Alpha-1").into(),
        "sign_off" => SignOff { unit: unit() }.into(),
        "set_out_of_service" => SetOutOfService { unit: unit(), reason: "tyre".into() }.into(),
        "set_available" => SetAvailable { unit: unit() }.into(),
        "report_position" => {
            let (lat, lon) = (31.5, 74.3);
            ReportPosition { unit: unit(), lat, lon, accuracy_m: None, at: None }.into()
        }
        "list_calls" => ListCalls::default().into(),
        "show_call" => ShowCall { call, reason: None }.into(),
        "list_units" => ListUnits::default().into(),
        "recommend_units" => RecommendUnits { call, limit: None }.into(),
        "health" => Health {}.into(),
        "report" => Report::default().into(),
        "subscribe" => Subscribe {}.into(),
        "unsubscribe" => Unsubscribe {}.into(),
        "erase_identity" => {
            let (authority, reason) = ("a court".into(), "ordered".into());
            EraseIdentity { call, authority, reason }.into()
        }
        "backup" => Backup { dir: dir.to_owned() }.into(),
        "take_snapshot" => TakeSnapshot {}.into(),
        "archive" => Archive {}.into(),
        other => panic!("no request is made here for {other}"),
    }
}

#[tokio::test]
async fn every_role_is_held_to_its_list() {
    let mut scene = Scene::new(&[]).await;
    let names: BTreeSet<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
    let known: BTreeSet<&str> = Request::NAMES.iter().copied().collect();
    assert_eq!(names, known, "every request is on the list");
    let dir = scene.room.data().with_file_name("copy");
    let mut refused = 0;
    for role in Role::ALL {
        let mut peer = Peer::greeted(scene.address(), *role, "Alpha-1").await;
        for name in &names {
            let answer = peer.ask(request_called(name, dir.to_str().unwrap())).await;
            if role.allows(name) {
                let code = answer.as_ref().err().map(|no| no.code.clone());
                assert_ne!(code, Some(Code::NotAllowed), "{role} {name}: {answer:?}");
                assert_ne!(code, Some(Code::UnknownMessage), "{role} {name}: {answer:?}");
            } else {
                refused += 1;
                is(&answer.unwrap_err(), "not_allowed", &[name, role.as_str()]);
            }
        }
    }
    assert!(refused > 60, "{refused}");
    scene.is_well().await;
}

#[tokio::test]
async fn unit_speaks_for_itself_and_of_its_own_calls_only() {
    let mut scene = Scene::new(&[]).await;
    let mut operator = scene.operator().await;
    let mut alpha = scene.unit("Alpha-1").await;
    let _bravo = scene.unit("Bravo-2").await;
    let call = scene.call;
    operator.assign(call, "Bravo-2").await;
    let other = || Some("Bravo-2".to_owned());
    let (lat, lon) = (31.5, 74.3);
    let as_bravo: Vec<Request> = vec![
        duty("Bravo-2").into(),
        SignOff { unit: other() }.into(),
        SetOutOfService { unit: other(), reason: "tyre".into() }.into(),
        SetAvailable { unit: other() }.into(),
        ReportPosition { unit: other(), lat, lon, accuracy_m: None, at: None }.into(),
        report(call, Some("Bravo-2"), ReportedStatus::Acknowledged).into(),
        report(call, Some("Bravo-2"), ReportedStatus::Declined).into(),
        report(call, Some("Bravo-2"), ReportedStatus::Clear).into(),
        CheckIn { call: Some(call), unit: other() }.into(),
        Panic { unit: other(), lat: None, lon: None }.into(),
        SendMessage { unit: other(), call: None, text: "hm".into() }.into(),
        MarkRead { unit: other(), upto_seq: 1 }.into(),
    ];
    for request in as_bravo {
        is(&alpha.rejected(request).await, "not_allowed", &["another unit"]);
    }
    let no = alpha.rejected(ShowCall { call, reason: None }).await;
    is(&no, "not_allowed", &["not sent to"]);
    let no = alpha.rejected(AddNote { call, text: "hm".into() }).await;
    is(&no, "not_allowed", &["not on"]);
    let no = alpha.rejected(report(call, None, ReportedStatus::Acknowledged)).await;
    is(&no, "not_assigned", &["Alpha-1", &call.to_string()]);
    scene.is_well().await;
}

#[tokio::test]
async fn key_of_an_old_reading_opens_nothing_to_a_unit_that_left() {
    let mut scene = Scene::new(&[]).await;
    let mut operator = scene.operator().await;
    let mut alpha = scene.unit("Alpha-1").await;
    let call = scene.call;
    operator.assign(call, "Alpha-1").await;
    let (key, show) = (Some(Key([7; 16])), ShowCall { call, reason: None });
    alpha.ask_keyed(key, show.clone()).await.unwrap();
    alpha.ask_keyed(key, show.clone()).await.unwrap();
    let unit = "Alpha-1".into();
    operator.done(ReleaseUnit { call, unit, reason: None }).await;
    let no = alpha.ask_keyed(key, show.clone()).await.unwrap_err();
    is(&no, "not_allowed", &["not sent to"]);
    // An operator's key in a unit's hand opens nothing either.
    let key = Some(Key([8; 16]));
    operator.ask_keyed(key, show.clone()).await.unwrap();
    alpha.ask_keyed(key, show).await.unwrap_err();
    let story = operator.show(call).await.timeline;
    let read = story.iter().filter(|line| line.event == "call_opened").count();
    assert_eq!(read, 4, "every reading is recorded, this one too");
    scene.is_well().await;
}

#[tokio::test]
async fn rejections_say_what_is_wrong_and_what_to_do() {
    let mut scene = Scene::new(&[]).await;
    let mut peer = scene.operator().await;
    let call = scene.call;
    for name in Request::NAMES {
        let request = request_called(name, "/nowhere");
        let about = serde_json::to_value(&request).unwrap();
        let admins = *name == "erase_identity";
        if about["call"] == 999 && *name != "report_status" && !admins {
            let no = peer.rejected(request).await;
            is(&no, "unknown_call", &["999"]);
        }
    }
    let no = peer.rejected(AssignUnit { call, unit: "Ghost".into() }).await;
    is(&no, "unknown_unit", &["Ghost", "sign"]);
    peer.sign_on("Alpha-1").await;
    let no = peer.rejected(CheckIn { call: Some(call), unit: Some("Alpha-1".into()) }).await;
    is(&no, "not_assigned", &["Alpha-1"]);
    peer.assign(call, "Alpha-1").await;
    peer.done(report(call, Some("Alpha-1"), ReportedStatus::EnRoute)).await;
    let no = peer.rejected(report(call, Some("Alpha-1"), ReportedStatus::Acknowledged)).await;
    is(&no, "out_of_order", &["Alpha-1", "already en_route"]);
    let no = peer.rejected(CheckIn { call: Some(call), unit: Some("Alpha-1".into()) }).await;
    is(&no, "out_of_order", &["not on scene"]);
    let no = peer.rejected(CheckIn { call: None, unit: Some("Ghost".into()) }).await;
    is(&no, "bad_value", &["call", "say which"]);
    let no = peer.rejected(report(call, None, ReportedStatus::OnScene)).await;
    is(&no, "bad_value", &["unit", "say which"]);
    let no = peer.rejected(CloseCall { call, disposition: "gone".into(), remark: None }).await;
    is(&no, "wrong_disposition", &["gone", "helped", "hoax"]);
    let no = peer.rejected(Escalate { call, clock: Some("tea".into()), reason: None }).await;
    is(&no, "unknown_clock", &["tea", "acknowledge"]);
    let no = peer.rejected(LinkCall { call, primary: call }).await;
    is(&no, "link_cycle", &["same call"]);
    let no = peer.rejected(ReopenCall { call, reason: None }).await;
    is(&no, "call_open", &["is open"]);
    peer.done(Claim { call }).await;
    let mut other = Peer::greeted(scene.address(), Role::Operator, "Nadia").await;
    let no = other.rejected(Claim { call }).await;
    is(&no, "claimed", &["Sana", "take it over"]);
    let key = Some(Key([9; 16]));
    peer.ask_keyed(key, AddNote { call, text: "one".into() }).await.unwrap();
    let no = peer.ask_keyed(key, AddNote { call, text: "two".into() }).await.unwrap_err();
    is(&no, "key_reused", &["new key"]);
    let again = other.ask_keyed(key, AddNote { call, text: "one".into() }).await.unwrap();
    assert!(again.repeated);
    let closed = other.place(call_from("Closed")).await;
    let close = |call| CloseCall { call, disposition: "helped".into(), remark: None };
    other.done(close(closed)).await;
    let no = other.rejected(close(closed)).await;
    is(&no, "call_closed", &["reopen it first"]);
    scene.is_well().await;
}

#[tokio::test]
async fn impossible_values_are_rejected_but_never_cost_a_call() {
    let mut scene = Scene::new(&[]).await;
    let mut peer = scene.operator().await;
    let call = scene.call;
    for priority in [0, 5, 9, 255] {
        let no = peer.rejected(SetPriority { call, priority, reason: None }).await;
        is(&no, "bad_value", &["priority", &priority.to_string()]);
    }
    peer.sign_on("Alpha-1").await;
    let unit = || Some("Alpha-1".to_owned());
    for (lat, lon) in [(200.0, 74.0), (31.0, -180.5), (f64::NAN, 74.0), (31.0, f64::INFINITY)] {
        let position = ReportPosition { unit: unit(), lat, lon, accuracy_m: None, at: None };
        is(&peer.rejected(position).await, "bad_value", &["lat", "-90 to 90"]);
        let mut crew = duty("Bravo-2");
        (crew.lat, crew.lon) = (Some(lat), Some(lon));
        is(&peer.rejected(crew).await, "bad_value", &["globe"]);
    }
    let mut half = duty("Bravo-2");
    half.lat = Some(31.0);
    is(&peer.rejected(half).await, "bad_value", &["together"]);
    let clock = "acknowledge".to_owned();
    let take = TakeEscalation { call, clock, rung: Some(0), office: None };
    is(&peer.rejected(take).await, "bad_value", &["rungs count from 1"]);
    let long = "A".repeat(97);
    is(&peer.rejected(duty(&long)).await, "bad_value", &["callsign", "96"]);

    let mut odd = call_from("Odd");
    odd.priority = Some(9);
    odd.place = Some(Place {
        lat: Some(f64::NAN),
        lon: Some(999.0),
        accuracy_m: None,
        words: Some("behind the mill".into()),
    });
    let id = peer.place(odd).await;
    let shown = peer.show(id).await;
    assert_eq!(shown.summary.priority, 3, "that of its kind");
    let place = shown.place.unwrap();
    assert_eq!((place.lat, place.words.as_deref()), (None, Some("behind the mill")));
    scene.is_well().await;
}

#[tokio::test]
async fn overlong_text_is_cut_in_a_new_call_and_rejected_anywhere_else() {
    let mut scene = Scene::new(&[]).await;
    let mut peer = scene.operator().await;
    let (note, name) = ("ض".repeat(5_000), "n".repeat(300));
    let mut long = call_from(&name);
    long.kind = name.clone();
    long.line = Some(name.clone());
    long.name = Some(name.clone());
    long.number = Some(name.clone());
    long.note = Some(note.clone());
    long.place = Some(Place { words: Some(note.clone()), ..Place::default() });
    let id = peer.place(long).await;
    let shown = peer.show(id).await;
    assert_eq!(shown.notes[0].text, "ض".repeat(512), "cut at a character");
    assert_eq!(shown.place.unwrap().words.unwrap(), "ض".repeat(256));
    assert_eq!(shown.name.unwrap().len(), 96);
    assert_eq!(shown.summary.district.len(), 96);

    let call = scene.call;
    let reason = || Some("r".repeat(1_025));
    let too_long: Vec<(&str, Request)> = vec![
        ("note", AddNote { call, text: note }.into()),
        ("reason", SetPriority { call, priority: 1, reason: reason() }.into()),
        ("reason", ShowCall { call, reason: reason() }.into()),
        ("reason", Escalate { call, clock: None, reason: reason() }.into()),
        ("remark", CloseCall { call, disposition: "helped".into(), remark: reason() }.into()),
        ("note", RecordCallback { call, outcome: CallbackOutcome::Reached, note: reason() }.into()),
    ];
    for (field, request) in too_long {
        is(&peer.rejected(request).await, "too_large", &[field, "at most 1024"]);
    }
    let mut crowd = duty("Bus-1");
    crowd.crew = vec!["Hina".into(); 13];
    is(&peer.rejected(crowd).await, "too_large", &["crew", "12"]);
    let story = peer.show(call).await;
    assert!(story.notes.is_empty() && story.summary.priority == 3);
    let called_back = |line: &fifteen::protocol::TimelineLine| line.event == "callback_recorded";
    assert!(!story.timeline.iter().any(called_back), "no part of a rejected request is done");
    scene.is_well().await;
}

#[tokio::test]
async fn call_back_with_its_note_is_done_once_however_often_it_is_sent() {
    let mut scene = Scene::new(&[]).await;
    let mut peer = scene.operator().await;
    let call = scene.call;
    let rang = RecordCallback {
        call,
        outcome: CallbackOutcome::Reached,
        note: Some("she is safe".into()),
    };
    for round in 0..3 {
        let reply = peer.ask_keyed(Some(Key([5; 16])), rang.clone()).await.unwrap();
        assert_eq!(reply.repeated, round > 0);
    }
    let shown = peer.show(call).await;
    assert_eq!(shown.notes.len(), 1, "{:?}", shown.timeline);
    scene.is_well().await;
}

#[tokio::test]
async fn long_row_of_frames_is_dated_each_by_its_own_first_byte() {
    let mut scene = Scene::new(&[]).await;
    let mut peer = scene.operator().await;
    let frame = |id: u64| {
        let request = json!({"type": "place_call", "id": id, "source": "app", "district": "Row", "kind": "threat"});
        let frame = rmp_serde::to_vec_named(&request).unwrap();
        let len = u32::try_from(frame.len()).unwrap();
        [&len.to_be_bytes()[..], &frame].concat()
    };
    // Cut so that the server's buffer never runs empty: each part ends in the middle of a frame.
    let stream: Vec<u8> = (1..=10).flat_map(frame).collect();
    let each = frame(1).len();
    let (mut sent, mut received) = (0, Vec::new());
    for number in 1..=10 {
        let end = (number * each + each / 2).min(stream.len());
        peer.say_raw(&stream[sent..end]).await;
        sent = end;
        let (_, answer) = peer.answer().await;
        received.push(placed(&answer.unwrap()).received_at);
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    let span_ms = received[9] - received[0];
    assert!(span_ms >= 8 * 60, "received within {span_ms} ms: {received:?}");
    scene.is_well().await;
}

#[tokio::test]
async fn silent_peer_is_dropped_after_three_heartbeats_and_one_that_answers_is_not() {
    let mut scene = Scene::new(&[("heartbeat = \"15s\"", "heartbeat = \"300ms\"")]).await;
    let mut dead = scene.operator().await;
    let mut alive = scene.operator().await;
    let listening = tokio::spawn(async move {
        let mut pings = 0;
        while pings < 9 {
            match alive.hear_any().await {
                Some(ServerMessage::Ping(ping)) => {
                    pings += 1;
                    let pong = fifteen::protocol::Pong { id: ping.id };
                    alive.say(&ClientMessage::Pong(pong)).await;
                }
                other => panic!("no ping but {other:?}"),
            }
        }
        alive.health().await;
    });
    let mut pings = 0;
    let last = loop {
        match dead.hear_any().await {
            Some(ServerMessage::Ping(_)) => pings += 1,
            other => break other,
        }
    };
    assert!((2..=4).contains(&pings), "{pings} pings in three heartbeats");
    let Some(ServerMessage::Dropped(dropped)) = last else {
        panic!("no last word but {last:?}");
    };
    assert_eq!(dropped.code, Code::SilentPeer);
    says(&dropped.text, &["three heartbeats"]);
    assert_eq!(dead.hear_any().await, None);
    soon("the live one", listening).await.unwrap();
    scene.is_well().await;
}

/// An operator's connection that takes little in before its reader must read.
async fn narrow(address: SocketAddr) -> tokio::net::TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let requests = [
        ClientMessage::Hello(Hello::new(Role::Operator, "Sleepy")).encode(),
        ClientMessage::Request(fifteen::protocol::RequestFrame {
            id: 1,
            key: None,
            request: Subscribe {}.into(),
        })
        .encode(),
    ];
    for frame in requests {
        let len = u32::try_from(frame.len()).unwrap();
        stream.write_all(&len.to_be_bytes()).await.unwrap();
        stream.write_all(&frame).await.unwrap();
    }
    stream
}

/// Places `count` calls with long names; all are taken.
async fn flood(peer: &mut Peer, count: usize) {
    let call = call_from(&"F".repeat(96));
    for _ in 0..count / 100 {
        for _ in 0..100 {
            peer.send(None, call.clone()).await;
        }
        for _ in 0..100 {
            peer.answer().await.1.unwrap();
        }
    }
}

#[tokio::test]
async fn slow_reader_is_dropped_and_nobody_else_waits_for_it() {
    let rules = [
        ("push_backlog_max = 8192", "push_backlog_max = 1024"),
        ("heartbeat = \"15s\"", "heartbeat = \"3s\""),
    ];
    let mut scene = Scene::new(&rules).await;
    let mut busy = scene.operator().await;
    let mut reader = scene.operator().await;
    reader.subscribe().await;
    reader.page().await;
    until("one session ended", || async {
        (scene.operator().await.health().await.sessions == 3).then_some(())
    })
    .await;
    let mut slow = narrow(scene.address()).await;
    // It lives, and speaks; it only never reads.
    let speaking = tokio::spawn(async move {
        let ping = ClientMessage::Ping(Ping { id: None }).encode();
        let frame = [&u32::try_from(ping.len()).unwrap().to_be_bytes()[..], &ping].concat();
        while slow.write_all(&frame).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let reading = tokio::spawn(async move {
        let (mut calls, mut last) = (HashSet::new(), 0);
        while calls.len() < 10_000 {
            let push = reader.push().await;
            assert!(push.seq > last);
            last = push.seq;
            if push.event == "call_received" {
                assert!(calls.insert(push.call.unwrap().call));
            }
        }
    });
    flood(&mut busy, 10_000).await;
    soon("the end of the slow one", speaking).await.unwrap();
    soon("every push to the quick one", reading).await.unwrap();
    scene.is_well().await;
}

#[tokio::test]
async fn reader_that_wakes_up_too_late_is_told_that_it_was_slow() {
    let mut scene = Scene::new(&[("push_backlog_max = 8192", "push_backlog_max = 16")]).await;
    let mut slow = narrow(scene.address()).await;
    let mut busy = scene.operator().await;
    flood(&mut busy, 4_000).await;
    let mut bytes = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut slow, &mut bytes);
    soon("the end of the stream", read).await.unwrap();
    let (mut at, mut last) = (0, None);
    while at < bytes.len() {
        let len = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        last = Some(ServerMessage::decode(&bytes[at + 4..at + 4 + len]).unwrap());
        at += 4 + len;
    }
    let Some(ServerMessage::Dropped(dropped)) = last else {
        panic!("the last word was {last:?}");
    };
    assert_eq!(dropped.code, Code::SlowReader);
    says(&dropped.text, &["unread", "connect again"]);
    scene.is_well().await;
    // What was put off is on record.
    let data = scene.room.data();
    until("the shed pushes in the log", || async { (shed(&data, "pushes") > 0).then_some(()) })
        .await;
}

/// How much of `kind` the log says was shed.
pub(crate) fn shed(data: &Path, kind: &str) -> u64 {
    let mut shed = 0;
    inspect::dump(data, &Options::default(), 1, |seq, record| {
        let read = RecordRef { seq, at: record.at, schema: record.schema, body: &record.body };
        if let Event::WorkShed { what, count } = decode(read).unwrap().transition.event
            && &*what == kind
        {
            shed += count;
        }
        Ok(())
    })
    .unwrap();
    shed
}

#[tokio::test]
async fn three_hundred_requests_in_a_row_are_all_answered() {
    let mut scene = Scene::new(&[]).await;
    let mut peer = scene.operator().await;
    let mut waiting = HashSet::new();
    for number in 0..300_u16 {
        let mut key = [1; 16];
        key[..2].copy_from_slice(&number.to_be_bytes());
        waiting.insert(peer.send(Some(Key(key)), call_from("Row")).await);
    }
    let mut calls = BTreeSet::new();
    while !waiting.is_empty() {
        let (id, answer) = peer.answer().await;
        assert!(waiting.remove(&id), "answered twice: {id}");
        assert!(calls.insert(placed(&answer.unwrap()).call));
    }
    let listed: BTreeSet<u64> = peer.calls("Row").await.iter().map(|call| call.call).collect();
    assert_eq!(listed, calls);
    scene.is_well().await;
}

#[tokio::test]
async fn two_hundred_connections_at_once_all_place_their_call() {
    let mut scene = Scene::new(&[]).await;
    let address = scene.address();
    let mut placing = Vec::new();
    for number in 0..200 {
        placing.push(tokio::spawn(async move {
            let mut peer = Peer::greeted(address, Role::Intake, &format!("Line-{number}")).await;
            let call = peer.place(call_from("Crowd")).await;
            (peer, call)
        }));
    }
    let (mut peers, mut calls) = (Vec::new(), BTreeSet::new());
    for one in placing {
        let (peer, call) = soon("one of two hundred", one).await.unwrap();
        peers.push(peer);
        assert!(calls.insert(call));
    }
    let mut operator = scene.operator().await;
    assert!(operator.health().await.sessions >= 201);
    let listed: BTreeSet<u64> =
        operator.calls("Crowd").await.iter().map(|call| call.call).collect();
    assert_eq!(listed, calls);
    scene.is_well().await;
}

#[tokio::test]
async fn room_full_of_sessions_still_takes_intake() {
    let mut scene = Scene::new(&[("sessions_max = 4096", "sessions_max = 3")]).await;
    let mut inside = Vec::new();
    let refused = loop {
        let mut peer = Peer::silent(scene.address()).await;
        peer.say(&ClientMessage::Hello(Hello::new(Role::Operator, "Sana"))).await;
        match peer.hear().await {
            Some(ServerMessage::Welcome(_)) => inside.push(peer),
            Some(ServerMessage::Refused(refused)) => break refused,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused.code, Code::Busy);
    says(&refused.text, &["too many sessions", "calls are still taken"]);
    let mut intake = Peer::greeted(scene.address(), Role::Intake, "Line-1").await;
    intake.place(call_from("Full")).await;
    let left = inside.len();
    drop((inside, intake));
    assert!(left <= 3);
    until("a place is free", || async {
        let mut peer = Peer::silent(scene.address()).await;
        peer.say(&ClientMessage::Hello(Hello::new(Role::Operator, "Sana"))).await;
        matches!(peer.hear().await, Some(ServerMessage::Welcome(_))).then_some(())
    })
    .await;
    let well = scene.operator();
    drop(soon("the scene", well).await);
    scene.server.assert_up();
}
