//! Broken frames get a clear error each, and none of them a panic, a deep stack or a large allocation.

use bytes::{BufMut, Bytes, BytesMut};
use fifteen::protocol::{
    CLIENT_FRAME_BYTES_MAX, ClientMessage, Code, DEPTH_MAX, DecodeError, FrameCodec, FrameError,
    Hello, Role, ServerMessage,
};
use proptest::prelude::*;
use serde_json::json;
use tokio_util::codec::{Decoder, Encoder};

fn refused(value: &serde_json::Value) -> DecodeError {
    refused_bytes(&rmp_serde::to_vec_named(value).unwrap())
}

fn refused_bytes(frame: &[u8]) -> DecodeError {
    ClientMessage::decode(frame).expect_err("a broken frame was taken")
}

/// `{type: "claim", id: 9, x: <value>}`
fn claim_with(value: &[u8]) -> Vec<u8> {
    [b"\x83\xa4type\xa5claim\xa2id\x09\xa1x", value].concat()
}

#[test]
fn declared_length_beyond_the_bound_is_refused_before_a_byte_is_kept() {
    let mut stream = BytesMut::new();
    stream.put_u32(u32::MAX);
    let error = FrameCodec::for_server().decode(&mut stream).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a frame of 4294967295 bytes; at most 65536 may be sent this way"
    );
    assert!(stream.capacity() < 1024, "nothing was reserved for it");
}

#[test]
fn frame_at_the_bound_passes_and_one_byte_more_does_not() {
    let mut stream = BytesMut::new();
    let mut codec = FrameCodec::for_client();
    let full = Bytes::from(vec![0; CLIENT_FRAME_BYTES_MAX]);
    codec.encode(full.clone(), &mut stream).unwrap();
    assert_eq!(FrameCodec::for_server().decode(&mut stream).unwrap(), Some(full));
    let over = Bytes::from(vec![0; CLIENT_FRAME_BYTES_MAX + 1]);
    let error = codec.encode(over, &mut stream).unwrap_err();
    assert!(matches!(error, FrameError::TooLarge { len: 65537, max: 65536 }));
}

#[test]
fn empty_frame_is_refused() {
    let mut stream = BytesMut::from(&[0_u8; 4][..]);
    let error = FrameCodec::for_server().decode(&mut stream).unwrap_err();
    assert!(matches!(error, FrameError::Empty));
}

#[test]
fn stream_that_ends_inside_a_frame_is_an_error_and_one_that_ends_between_is_not() {
    let mut stream = BytesMut::from(&b"\x00\x00\x00\x05ab"[..]);
    let error = FrameCodec::for_server().decode_eof(&mut stream);
    assert!(matches!(error.unwrap_err(), FrameError::Truncated { have: 6 }));
    let ended = FrameCodec::for_server().decode_eof(&mut BytesMut::new());
    assert!(matches!(ended, Ok(None)));
}

#[test]
fn unknown_message_is_refused_by_name_and_number() {
    let error = refused(&json!({"type": "make_tea", "id": 7, "sugar": true}));
    assert_eq!(error.code, Code::UnknownMessage);
    assert!(error.text.contains("make_tea"), "{error}");
    assert_eq!(error.rejection().unwrap().id, 7);
}

#[test]
fn hello_of_another_version_is_told_both_versions_even_if_its_fields_changed() {
    let error = refused(&json!({"type": "hello", "version": 2, "role": {"new": "shape"}}));
    assert_eq!(error.code, Code::WrongVersion);
    assert!(error.text.contains('1') && error.text.contains('2'));
}

#[test]
fn wrong_field_is_named_and_the_request_can_still_be_answered() {
    for (fields, field) in [
        (json!({"id": 5, "type": "claim"}), "call"),
        (json!({"id": 5, "type": "claim", "call": "seven"}), "call"),
        (json!({"id": 5, "type": "claim", "call": -1}), "call"),
        (json!({"id": 5, "type": "claim", "call": 1.5}), "call"),
        (json!({"id": 5, "type": "claim", "call": 1, "key": "text"}), "key"),
        (json!({"id": 5, "type": "set_priority", "priority": 900, "call": 1}), "priority"),
        (json!({"id": 5, "type": "record_callback", "outcome": "bored", "call": 1}), "outcome"),
        (json!({"id": 5, "type": "sign_on", "unit": "A", "district": "B", "crew": [1]}), "crew"),
    ] {
        let error = refused(&fields);
        assert_eq!(error.code, Code::Malformed, "{fields}");
        assert_eq!(error.field.as_deref(), Some(field), "{fields} {error}");
        assert!(error.text.contains(field), "{error}");
        assert_eq!(error.rejection().unwrap().id, 5, "{fields}");
    }
}

#[test]
fn request_without_a_number_is_refused_and_cannot_be_answered() {
    let error = refused(&json!({"type": "claim", "call": 1}));
    assert_eq!(error.field.as_deref(), Some("id"));
    assert_eq!(error.rejection(), None);
}

#[test]
fn what_is_not_a_map_of_names_is_refused() {
    for frame in [
        &b""[..],
        b"\xc0",
        b"\x93\x01\x02\x03",
        b"\x05",
        b"\x81\x01\x02",
        b"\x81\xa2id\xff",
        b"\x82\xa4type\xa4ping\xa4type\xa4ping",
        b"\x81\xa4type\xa4ping\x00",
        b"\x81\xa4type\xa4pi",
        b"\x81\xa4type\xa2\xff\xfe",
        b"\x81\xa4type\xc1",
        b"\x80",
    ] {
        assert_eq!(refused_bytes(frame).code, Code::Malformed, "{frame:02x?}");
    }
}

#[test]
fn field_that_stands_twice_is_refused_and_named() {
    let frame = [b"\x85\xa4call\x01\xa4call\x02", &claim_with(b"\xc0")[1..]].concat();
    let error = refused_bytes(&frame);
    assert_eq!((error.code, error.id), (Code::Malformed, Some(9)));
    assert_eq!(error.field.as_deref(), Some("call"), "{}", error.text);
}

#[test]
fn deep_nesting_is_refused_without_recursion() {
    for opening in [&b"\x91"[..], b"\x81\xa1a", b"\xdc\x00\x01"] {
        let error = refused_bytes(&claim_with(&opening.repeat(20_000)));
        assert!(error.text.contains("nested too deep"), "{error}");
        assert_eq!(error.id, Some(9), "the number came before the flaw");
    }
    let shallow = [&b"\x91".repeat(DEPTH_MAX - 2)[..], b"\x01"].concat();
    let error = refused_bytes(&claim_with(&shallow));
    assert_eq!(error.field.as_deref(), Some("call"), "{error}");
}

#[test]
fn length_that_the_frame_does_not_hold_is_refused() {
    for value in [
        &b"\xdd\xff\xff\xff\xff"[..],
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x01",
        b"\xdc\xff\xff\x01",
    ] {
        let error = refused_bytes(&claim_with(value));
        assert_eq!((error.code, error.id), (Code::Malformed, Some(9)), "{value:02x?}");
    }
}

#[test]
fn value_of_any_kind_is_passed_over_in_an_unknown_field() {
    for value in [
        &b"\xd4\x01\x02"[..],
        b"\xc7\x02\x01ab",
        b"\xca\x00\x00\x00\x00",
        b"\xd0\x80",
        b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x90",
        b"\x80",
        b"\xc4\x01\xff",
    ] {
        let frame = [b"\x84\xa4call\x01", &claim_with(value)[1..]].concat();
        assert!(ClientMessage::decode(&frame).is_ok(), "{value:02x?}");
    }
}

#[test]
fn message_of_a_newer_server_is_told_apart_from_a_broken_one() {
    let frame = rmp_serde::to_vec_named(&json!({"type": "weather", "rain": true})).unwrap();
    let error = ServerMessage::decode(&frame).unwrap_err();
    assert_eq!(error.code, Code::UnknownMessage);
}

#[test]
fn error_quotes_little_of_what_was_sent() {
    let error = refused(&json!({"type": "x".repeat(60_000), "id": 1}));
    assert!(error.text.len() < 400);
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = ClientMessage::decode(&bytes);
        let _ = ServerMessage::decode(&bytes);
        let mut stream = BytesMut::from(&bytes[..]);
        let _ = FrameCodec::for_server().decode(&mut stream);
    }

    #[test]
    fn damaged_message_never_panics(at in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>()) {
        let hello = Hello::new(Role::Unit, "Alpha-1").with_token("secret");
        let frame = ClientMessage::Hello(hello).encode();
        let mut damaged = frame.to_vec();
        damaged[at.index(frame.len())] = byte;
        let _ = ClientMessage::decode(&damaged);
        let _ = ServerMessage::decode(&damaged);
        let cut = cut.index(frame.len());
        prop_assert!(ClientMessage::decode(&frame[..cut]).is_err(), "a part is not the whole");
    }
}
