//! What is pushed, to whom, in which order; and coming back after the wire was cut.

use super::peer::{Peer, call_from, report, soon};
use super::proxy::Proxy;
use super::server::{Room, Server, until};
use fifteen::client::{Client, ClientConfig, Tcp, Update};
use fifteen::protocol::{
    AddNote, AssignUnit, Claim, CloseCall, Escalate, Hello, ListCalls, Place, PlaceCall, Push,
    RecommendUnits, ReleaseUnit, ReplyBody, ReportedStatus, Role, ServerMessage, SetPriority,
    ShowCall, Welcome,
};
use std::collections::{BTreeMap, BTreeSet};

/// A few events of every sort, made by `peer`; the last one's sequence.
async fn bustle(peer: &mut Peer, unit: &str) -> u64 {
    peer.sign_on(unit).await;
    let call = peer.place(call_from("Bustle")).await;
    peer.done(Claim { call }).await;
    peer.assign(call, unit).await;
    peer.done(report(call, Some(unit), ReportedStatus::OnScene)).await;
    // Who reads is recorded, and nobody's news.
    peer.show(call).await;
    peer.note(call, "on the spot").await;
    let disposition = "helped".into();
    let close = CloseCall { call, disposition, remark: None };
    peer.done(close).await.seq.unwrap()
}

/// What of a push does not depend on when it is told.
fn outline(pushes: &[Push]) -> Vec<(u64, u64, String)> {
    pushes.iter().map(|push| (push.seq, push.at, push.event.clone())).collect()
}

async fn subscribed(server: &Server, who: &str) -> (Peer, Welcome, u64) {
    let (mut peer, welcome) = Peer::welcomed(server.address, Hello::new(Role::Operator, who)).await;
    assert!(!peer.subscribe().await, "someone new gets a snapshot");
    let page = peer.page().await;
    (peer, welcome, page.seq)
}

fn back(welcome: &Welcome, last_seq: u64) -> Hello {
    Hello {
        last_seq: Some(last_seq),
        node: Some(welcome.node),
        ..Hello::new(Role::Operator, "Back")
    }
}

#[tokio::test]
async fn who_comes_back_gets_exactly_what_was_missed_in_order() {
    let room = Room::new(&[]);
    let server = room.serve();
    let proxy = Proxy::to(server.address).await;
    let mut busy = Peer::operator(server.address).await;
    let (mut witness, _, _) = subscribed(&server, "Witness").await;
    let (mut cut_off, welcome) =
        Peer::welcomed(proxy.address, Hello::new(Role::Operator, "Cut")).await;
    cut_off.subscribe().await;
    cut_off.page().await;
    let first = bustle(&mut busy, "Alpha-1").await;
    let before = witness.pushes_up_to(first).await;
    assert_eq!(outline(&cut_off.pushes_up_to(first).await), outline(&before));
    let named =
        |pushes: &[Push]| -> Vec<String> { pushes.iter().map(|push| push.event.clone()).collect() };
    assert_eq!(
        named(&before),
        [
            "unit_signed_on",
            "call_received",
            "call_claimed",
            "unit_assigned",
            "unit_progressed",
            "note_added",
            "call_closed"
        ]
    );
    proxy.cut();
    assert_eq!(cut_off.hear().await, None);
    let mut last = bustle(&mut busy, "Bravo-2").await;
    for number in 0..40 {
        last = bustle(&mut busy, &format!("Car-{number}")).await;
    }
    let missed = witness.pushes_up_to(last).await;
    // From every point, also from the middle of what was missed.
    for seen in [first, missed[3].seq, missed[100].seq, last] {
        let (mut peer, _) = Peer::welcomed(proxy.address, back(&welcome, seen)).await;
        assert!(peer.subscribe().await, "resumed");
        let next = bustle(&mut busy, "Again").await;
        let got = peer.pushes_up_to(next).await;
        let expected: Vec<Push> = (missed.iter().cloned())
            .chain(witness.pushes_up_to(next).await)
            .filter(|push| push.seq > seen)
            .collect();
        let (got, mut expected) = (outline(&got), outline(&expected));
        // Rounds of before, made while an earlier one of these came back.
        let between: Vec<_> = got.iter().filter(|it| !expected.contains(it)).cloned().collect();
        assert!(between.iter().all(|(seq, ..)| *seq > last && *seq < next));
        expected.extend(between);
        expected.sort();
        assert_eq!(got, expected);
    }
}

#[tokio::test]
async fn who_was_away_too_long_or_knows_another_log_gets_the_whole_room() {
    let room = Room::new(&[("resume_max = 65536", "resume_max = 10")]);
    let server = room.serve();
    let mut busy = Peer::operator(server.address).await;
    let (mut peer, welcome, seen) = subscribed(&server, "Away").await;
    let call = busy.place(call_from("Kasur")).await;
    let first = peer.push().await;
    for _ in 0..3 {
        bustle(&mut busy, "Alpha-1").await;
    }
    drop(peer);
    let other = Hello { node: Some(welcome.node ^ 1), ..back(&welcome, first.seq) };
    let nobody = Hello { node: None, ..back(&welcome, first.seq) };
    let ahead = back(&welcome, first.seq + 1_000_000);
    for hello in [back(&welcome, seen), back(&welcome, first.seq), other, nobody, ahead] {
        let (mut peer, _) = Peer::welcomed(server.address, hello).await;
        assert!(!peer.subscribe().await, "not resumed");
        let page = peer.page().await;
        assert_eq!((page.part, page.parts), (1, 1));
        assert!(page.calls.iter().any(|shown| shown.call == call));
        assert_eq!(page.units.len(), 1);
        let next = bustle(&mut busy, "Bravo-2").await;
        let pushes = peer.pushes_up_to(next).await;
        assert!(pushes.iter().all(|push| push.seq > page.seq));
        busy.done(fifteen::protocol::SignOff { unit: Some("Bravo-2".into()) }).await;
    }
}

#[tokio::test]
async fn snapshot_comes_in_pages_and_again_when_asked_again() {
    let room = Room::new(&[]);
    let server = room.serve();
    let mut busy = Peer::operator(server.address).await;
    for _ in 0..9 {
        for _ in 0..100 {
            busy.send(None, call_from("Many")).await;
        }
        for _ in 0..100 {
            busy.answer().await.1.unwrap();
        }
    }
    let mut peer = Peer::operator(server.address).await;
    for _ in 0..2 {
        assert!(!peer.subscribe().await);
        let mut calls = BTreeMap::new();
        for part in 1..=3 {
            let page = peer.page().await;
            assert_eq!((page.part, page.parts), (part, 3));
            calls.extend(page.calls.into_iter().map(|call| (call.call, page.seq)));
        }
        assert_eq!(calls.len(), 900);
        let call = busy.place(call_from("Last")).await;
        let push = peer.push().await;
        assert_eq!(push.call.unwrap().call, call);
        assert!(calls.values().all(|seq| *seq < push.seq));
        let disposition = "helped".into();
        let close = CloseCall { call, disposition, remark: None };
        busy.done(close).await;
        // Closed, and so in no snapshot any more.
        assert_eq!(peer.push().await.event, "call_closed");
    }
}

#[tokio::test]
async fn calls_with_many_units_are_cut_into_pages_that_arrive() {
    let room = Room::new(&[]);
    let server = room.serve();
    let mut busy = Peer::operator(server.address).await;
    let units: Vec<String> = (0..60).map(|number| format!("{number:0>96}")).collect();
    for unit in &units {
        busy.sign_on(unit).await;
    }
    // Together more than one frame may hold.
    let mut all = BTreeSet::new();
    for _ in 0..70 {
        let call = busy.place(call_from("Siege")).await;
        all.insert(call);
        for unit in &units {
            let unit = unit.clone();
            busy.send(None, AssignUnit { call, unit }).await;
        }
        for _ in &units {
            busy.answer().await.1.unwrap();
        }
    }
    assert!(!busy.subscribe().await);
    let (mut shown, mut parts) = (BTreeSet::new(), 1);
    let mut part = 0;
    while part < parts {
        let page = busy.page().await;
        (part, parts) = (page.part, page.parts);
        shown.extend(page.calls.iter().map(|call| call.call));
    }
    assert!(parts > 1, "more than one frame");
    assert_eq!(shown, all);
    let (mut listed, mut after, mut more) = (Vec::new(), None, true);
    while more {
        let limit = Some(400);
        let list = ListCalls { after: after.take(), limit, ..ListCalls::default() };
        let ReplyBody::Calls(page) = busy.done(list).await.body else {
            panic!("no calls");
        };
        listed.extend(page.calls.iter().map(|call| call.call));
        after = page.next;
        more = after.is_some();
    }
    assert_eq!(listed.len(), 70);
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), all);
}

#[tokio::test]
async fn restart_is_no_reason_to_miss_or_repeat_a_push() {
    // A canary is under way at every moment, and is never heard of.
    let canary = [("every = \"5m\"", "every = \"50s\""), ("limit = \"2s\"", "limit = \"40s\"")];
    let room = Room::new(&canary);
    let mut server = room.serve();
    let mut seen = None;
    for round in 0..4 {
        let mut busy = Peer::operator(server.address).await;
        let (mut peer, welcome) = match &seen {
            None => Peer::welcomed(server.address, Hello::new(Role::Operator, "Back")).await,
            Some((welcome, seq)) => Peer::welcomed(server.address, back(welcome, *seq)).await,
        };
        if let Some((before, _)) = &seen {
            let before: &Welcome = before;
            assert_eq!(welcome.node, before.node, "the same log");
        }
        let resumed = peer.subscribe().await;
        assert_eq!(resumed, round > 0, "all that happened since is still held");
        if !resumed {
            let page = peer.page().await;
            assert!(page.calls.is_empty(), "no canary");
        }
        let last = bustle(&mut busy, "Alpha-1").await;
        let pushes = peer.pushes_up_to(last).await;
        for push in &pushes {
            let about = push.call.is_some() || push.unit.is_some();
            assert!(about, "a push about nothing: {push:?}");
        }
        let closed = pushes.iter().filter(|push| push.event == "call_closed").count();
        assert_eq!(closed, 1, "one call a round: {pushes:?}");
        seen = Some((welcome, last));
        if round % 2 == 0 {
            server.kill();
        } else {
            server.stop().await;
        }
        server = room.serve();
    }
}

#[tokio::test]
async fn typed_client_follows_through_cuts_without_a_gap() {
    let room = Room::new(&[]);
    let server = room.serve();
    let proxy = Proxy::to(server.address).await;
    let mut busy = Peer::operator(server.address).await;
    let (mut witness, _, _) = subscribed(&server, "Witness").await;
    let config = ClientConfig { backoff_min_ms: 1, backoff_max_ms: 20, ..ClientConfig::default() };
    let transport = Tcp::new(proxy.address.to_string());
    let hello = Hello::new(Role::Operator, "Follower");
    let client = Client::connect_with(transport, hello, config).await.unwrap();
    let mut updates = client.pushes().await.unwrap();
    let first = soon("a snapshot", updates.next()).await;
    assert!(matches!(first, Some(Update::Snapshot(_))), "{first:?}");
    let (mut got, mut expected) = (Vec::new(), Vec::new());
    for round in 0..8 {
        if round % 2 == 1 {
            proxy.cut();
        }
        let last = bustle(&mut busy, &format!("Car-{round}")).await;
        expected.extend(outline(&witness.pushes_up_to(last).await));
        while got.last().is_none_or(|(seq, ..): &(u64, u64, String)| *seq < last) {
            match soon("an update", updates.next()).await {
                Some(Update::Push(push)) => got.extend(outline(&[push])),
                other => panic!("no push but {other:?}"),
            }
        }
    }
    assert_eq!(got, expected);
}

/// A call with identity, each text naming `mark`.
fn hers(mark: &str) -> PlaceCall {
    let mut call = call_from("Gulberg");
    call.number = Some(format!("{mark}-number"));
    call.name = Some(format!("{mark}-name"));
    call.note = Some(format!("{mark}-first-note"));
    call.place = Some(Place {
        lat: Some(31.5),
        lon: Some(74.3),
        accuracy_m: Some(10),
        words: Some(format!("{mark}-place")),
    });
    call
}

fn says(heard: &[u8], text: &str) -> bool {
    heard.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn nobody_hears_who_she_is_but_the_unit_that_is_sent() {
    let rules = [("limit = \"15m\"\nwarn = [\"10m\"]", "limit = \"600ms\"\nwarn = [\"300ms\"]")];
    let room = Room::new(&rules);
    let server = room.serve();
    let (mut operator, _, _) = subscribed(&server, "Sana").await;
    let mut units = Vec::new();
    for callsign in ["Alpha-1", "Bravo-2"] {
        let mut unit = Peer::greeted(server.address, Role::Unit, callsign).await;
        unit.sign_on(callsign).await;
        assert!(!unit.subscribe().await);
        let page = unit.page().await;
        assert_eq!((page.parts, page.calls.len(), page.units.len()), (1, 0, 1));
        units.push(unit);
    }
    // A unit that listens and is sent nowhere, and one that is not even signed on.
    for callsign in ["Idle-3", "Nobody-4"] {
        let mut unit = Peer::greeted(server.address, Role::Unit, callsign).await;
        if callsign == "Idle-3" {
            unit.sign_on(callsign).await;
        }
        unit.subscribe().await;
        unit.page().await;
        units.push(unit);
    }
    let mut calls = Vec::new();
    for mark in ["AYESHA", "BUSHRA", "CHAND"] {
        calls.push(operator.place(hers(mark)).await);
    }
    operator.assign(calls[0], "Alpha-1").await;
    operator.assign(calls[1], "Bravo-2").await;
    for (call, mark) in calls.iter().zip(["AYESHA", "BUSHRA", "CHAND"]) {
        let call = *call;
        operator.note(call, &format!("{mark}-second-note")).await;
        operator.done(SetPriority { call, priority: 1, reason: None }).await;
        operator.done(Escalate { call, clock: None, reason: None }).await;
        operator.done(Claim { call }).await;
    }
    operator.done(report(calls[1], Some("Bravo-2"), ReportedStatus::EnRoute)).await;
    // The clocks run out meanwhile; that too is pushed.
    until("an escalation", || async {
        let mut peer = Peer::operator(server.address).await;
        let listed = peer.calls("Gulberg").await;
        let of_chand = listed.iter().find(|call| call.call == calls[2])?;
        of_chand.clocks.iter().any(|clock| clock.rung >= 1).then_some(())
    })
    .await;
    operator.calls("Gulberg").await;
    operator.health().await;
    operator.done(RecommendUnits { call: calls[2], limit: None }).await;
    // Too late for the reader: rejected, and the text of the rejection names nothing sealed.
    let unknown = AddNote { call: 999, text: "AYESHA-lost-note".into() };
    operator.rejected(unknown).await;
    operator.done(ReleaseUnit { call: calls[0], unit: "Alpha-1".into(), reason: None }).await;
    operator.note(calls[0], "AYESHA-third-note").await;
    let remark = Some("BUSHRA-remark".to_owned());
    let close = CloseCall { call: calls[1], disposition: "helped".into(), remark };
    let last = operator.done(close).await.seq.unwrap();
    operator.pushes_up_to(last).await;

    // Everybody is asked something, and hears all that was pushed before the answer.
    for unit in &mut units {
        let mut answered = false;
        unit.send(None, ShowCall { call: calls[2], reason: None }).await;
        while !answered {
            match unit.hear().await.unwrap() {
                ServerMessage::Rejection(no) => {
                    assert_eq!(no.code.as_str(), "not_allowed", "{no}");
                    answered = true;
                }
                ServerMessage::Push(push) => {
                    assert_eq!(push.call, None, "{push:?}");
                    assert_eq!(push.escalation, None, "{push:?}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
    let [alpha, bravo, idle, nobody] = &units[..] else {
        panic!("four units");
    };
    for part in ["number", "name", "first-note", "place"] {
        assert!(says(&alpha.heard, &format!("AYESHA-{part}")), "the unit sent there needs {part}");
        assert!(says(&bravo.heard, &format!("BUSHRA-{part}")));
    }
    let others: [(&Peer, &[&str]); 4] = [
        (alpha, &["BUSHRA", "CHAND", "third-note", "Bravo-2", "Sana"]),
        (bravo, &["AYESHA", "CHAND", "remark", "Alpha-1", "Sana"]),
        (idle, &["AYESHA", "BUSHRA", "CHAND", "Alpha-1", "Bravo-2"]),
        (nobody, &["AYESHA", "BUSHRA", "CHAND", "Alpha-1", "Bravo-2"]),
    ];
    for (unit, texts) in others {
        for text in texts {
            assert!(!says(&unit.heard, text), "a unit heard {text}");
        }
    }
    for mark in ["AYESHA", "BUSHRA", "CHAND"] {
        assert!(!says(&operator.heard, mark), "a push, list or error says {mark}");
        assert!(!server.log().contains(mark), "the server's own log says {mark}");
    }
    assert!(says(&operator.heard, "escalated"));
}
