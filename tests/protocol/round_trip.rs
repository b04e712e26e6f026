//! What is written is read again as it was, whatever the library can say.

use crate::dream::Dream;
use fifteen::protocol::{
    ClientMessage, Code, FrameCodec, Hello, Key, ListEarlier, Ping, PlaceCall, Pong, Reply,
    ReplyBody, Request, RequestFrame, Role, SendMessage, ServerMessage, Source,
};
use proptest::prelude::*;
use serde::Deserialize;
use tokio_util::codec::{Decoder, Encoder};

/// Every message of a client, dreamt from `seed`.
fn client_messages(seed: u64) -> Vec<ClientMessage> {
    let mut dream = Dream::new(seed);
    let mut hello = Hello::deserialize(&mut dream).unwrap();
    hello.version = fifteen::protocol::VERSION;
    let mut messages = vec![
        ClientMessage::Hello(hello),
        ClientMessage::Ping(Ping::deserialize(&mut dream).unwrap()),
        ClientMessage::Pong(Pong::deserialize(&mut dream).unwrap()),
    ];
    for name in Request::NAMES {
        messages.push(ClientMessage::Request(RequestFrame {
            id: u64::deserialize(&mut dream).unwrap(),
            key: Option::<Key>::deserialize(&mut dream).unwrap(),
            request: Request::read_as(name, &mut dream).unwrap().unwrap(),
        }));
    }
    messages
}

/// Every message of a server, and a reply with every body, dreamt from `seed`.
fn server_messages(seed: u64) -> Vec<ServerMessage> {
    let mut dream = Dream::new(seed);
    let mut messages: Vec<_> = ReplyBody::NAMES
        .iter()
        .map(|name| {
            ServerMessage::Reply(Reply {
                id: u64::deserialize(&mut dream).unwrap(),
                seq: Option::deserialize(&mut dream).unwrap(),
                repeated: bool::deserialize(&mut dream).unwrap(),
                drill: bool::deserialize(&mut dream).unwrap(),
                durable: bool::deserialize(&mut dream).unwrap(),
                body: ReplyBody::read_as(name, &mut dream).unwrap().unwrap(),
            })
        })
        .collect();
    for name in ServerMessage::NAMES.iter().filter(|name| **name != "reply") {
        messages.push(ServerMessage::read_as(name, &mut dream).unwrap().unwrap());
    }
    messages
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_client_message_comes_back_as_it_was(seed: u64) {
        for message in client_messages(seed) {
            let frame = message.encode();
            prop_assert_eq!(&ClientMessage::decode(&frame).unwrap(), &message);
            prop_assert_eq!(ClientMessage::decode(&frame).unwrap().encode(), frame);
        }
    }

    #[test]
    fn every_server_message_comes_back_as_it_was(seed: u64) {
        for message in server_messages(seed) {
            let frame = message.encode();
            prop_assert_eq!(&ServerMessage::decode(&frame).unwrap(), &message);
        }
    }

    #[test]
    fn frames_come_back_whole_however_the_bytes_are_cut(seed: u64, cuts in prop::collection::vec(1_usize..200, 1..50)) {
        let messages = client_messages(seed);
        let (mut sender, mut receiver) = (FrameCodec::for_client(), FrameCodec::for_server());
        let mut sent = bytes::BytesMut::new();
        for message in &messages {
            sender.encode(message.encode(), &mut sent).unwrap();
        }
        let (mut stream, mut received) = (bytes::BytesMut::new(), Vec::new());
        for cut in cuts.iter().cycle() {
            if sent.is_empty() {
                break;
            }
            stream.extend_from_slice(&sent.split_to((*cut).min(sent.len())));
            while let Some(frame) = receiver.decode(&mut stream).unwrap() {
                received.push(ClientMessage::decode(&frame).unwrap());
            }
        }
        prop_assert_eq!(received, messages);
    }
}

#[test]
fn number_and_key_survive_at_their_largest() {
    let message = ClientMessage::Request(RequestFrame {
        id: u64::MAX,
        key: Some(Key([0xff; 16])),
        request: PlaceCall::new(Source::PhoneLine, "Gulberg", "assault").into(),
    });
    assert_eq!(ClientMessage::decode(&message.encode()).unwrap(), message);
}

#[test]
fn order_of_names_does_not_matter_and_unknown_ones_are_passed_over() {
    let frame = rmp_serde::to_vec_named(&serde_json::json!({
        "unit": "Alpha-1", "later": {"than": ["this", null]}, "call": 7, "id": 3, "type": "assign_unit"
    }));
    let message = ClientMessage::decode(&frame.unwrap()).unwrap();
    let ClientMessage::Request(frame) = message else { panic!("{message:?}") };
    assert_eq!((frame.id, frame.key), (3, None));
    let Request::AssignUnit(assign) = frame.request else { panic!("{:?}", frame.request) };
    assert_eq!((assign.call, assign.unit.as_str()), (7, "Alpha-1"));
}

#[test]
fn nil_counts_as_left_out() {
    let frame = rmp_serde::to_vec_named(&serde_json::json!({
        "type": "place_call", "id": 1, "key": null, "source": "app", "district": "Gulberg", "kind": "assault",
        "silent": null, "place": {"lat": 31, "lon": 74.5, "words": null}, "priority": null
    }));
    let Ok(ClientMessage::Request(frame)) = ClientMessage::decode(&frame.unwrap()) else {
        panic!("not a request")
    };
    let Request::PlaceCall(placed) = frame.request else { panic!("{:?}", frame.request) };
    assert!(!placed.silent);
    assert_eq!(placed.place.unwrap().lat, Some(31.0));
}

#[test]
fn code_of_a_newer_server_is_kept() {
    assert_eq!(Code::from("on_strike"), Code::Other("on_strike".to_owned()));
    assert_eq!(Code::from("on_strike").as_str(), "on_strike");
    for word in Code::WORDS {
        assert!(!matches!(Code::from(*word), Code::Other(_)), "{word} is known");
    }
}

#[test]
fn nothing_sealed_is_printed() {
    let mut placed = PlaceCall::new(Source::App, "Gulberg", "assault");
    placed.number = Some("0300".to_owned());
    placed.name = Some("Ayesha".to_owned());
    placed.note = Some("behind the mosque".to_owned());
    let message = ClientMessage::Request(RequestFrame { id: 1, key: None, request: placed.into() });
    let hello = ClientMessage::Hello(Hello::new(Role::Operator, "Sana").with_token("open sesame"));
    let earlier = ListEarlier { number: Some("0300".to_owned()), ..ListEarlier::default() };
    let said = SendMessage { unit: None, call: None, text: "behind the mosque".to_owned() };
    let heard = fifteen::protocol::Message {
        seq: 1,
        at: 1,
        unit: "Alpha-1".to_owned(),
        to_room: true,
        who: "Alpha-1".to_owned(),
        call: None,
        read: false,
        text: "Ayesha is safe".to_owned(),
    };
    let printed = format!("{message:?} {hello:?} {earlier:?} {said:?} {heard:?}");
    for sealed in ["0300", "Ayesha", "mosque", "sesame"] {
        assert!(!printed.contains(sealed), "{printed}");
    }
}
