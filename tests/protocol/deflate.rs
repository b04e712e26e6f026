//! A compressed link: what goes in comes out, whatever the pieces, and no more of it at once than may be.

use bytes::BytesMut;
use fifteen::protocol::{Deflater, FrameError, Inflater};
use proptest::prelude::*;

/// Enough for what these tests send at once.
const PLENTY: usize = 1 << 20;

fn packed(deflater: &mut Deflater, plain: &[u8]) -> BytesMut {
    let mut packed = BytesMut::new();
    deflater.pack(&mut plain.into(), &mut packed);
    packed
}

fn why(error: FrameError) -> String {
    assert!(matches!(error, FrameError::NotDeflate { .. }), "{error}");
    error.to_string()
}

/// Bytes of a few values in runs, as text has them, or of all.
fn write() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(0..4u8, 0..20_000),
        proptest::collection::vec(any::<u8>(), 0..9_000),
        Just(b"unit_progressed".to_vec()),
        Just(Vec::new()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_written_is_read_whole_after_each_write(
        writes in proptest::collection::vec(write(), 1..12),
        piece in 1..3_000usize,
    ) {
        let (mut deflater, mut inflater) = (Deflater::new(), Inflater::new(PLENTY));
        for written in &writes {
            let (mut stream, mut read) = (BytesMut::new(), BytesMut::new());
            for piece in packed(&mut deflater, written).chunks(piece) {
                stream.extend_from_slice(piece);
                inflater.unpack(&mut stream, &mut read).unwrap();
            }
            prop_assert!(stream.is_empty());
            prop_assert_eq!(&read[..], &written[..]);
        }
    }

    #[test]
    fn rubbish_ends_in_an_error_or_in_nothing(rubbish in proptest::collection::vec(any::<u8>(), 0..500)) {
        let mut read = BytesMut::new();
        let _ = Inflater::new(PLENTY).unpack(&mut (&rubbish[..]).into(), &mut read);
    }
}

#[test]
fn what_is_said_again_costs_a_few_bytes() {
    let mut deflater = Deflater::new();
    let said =
        b"\x85\xa4type\xa4push\xa5event\xafunit_progressed\xa6status\xa8en_route\xa6linked\xc3";
    let first = packed(&mut deflater, said).len();
    let again = packed(&mut deflater, said).len();
    assert!(again < 24 && again < first / 3, "{first} bytes, then {again}");
}

#[test]
fn few_bytes_that_stand_for_many_are_not_held_at_once() {
    let most = 64 * 1_024;
    let mut bomb = packed(&mut Deflater::new(), &vec![0; 64 << 20]);
    assert!(bomb.len() < 128 * 1_024, "{} bytes for 64 MiB", bomb.len());
    let (mut inflater, mut read, mut all) = (Inflater::new(most), BytesMut::new(), 0);
    loop {
        inflater.unpack(&mut bomb, &mut read).unwrap();
        assert!(read.len() < most + 4_096, "{} bytes held", read.len());
        if read.is_empty() {
            break;
        }
        all += read.len();
        read.clear();
    }
    assert_eq!(all, 64 << 20);
}

#[test]
fn what_is_no_stream_is_named() {
    let mut read = BytesMut::new();
    // A block of a type that there is none of (RFC 1951, section 3.2.3).
    let error = Inflater::new(PLENTY).unpack(&mut (&[0b111_u8][..]).into(), &mut read).unwrap_err();
    assert!(why(error).contains("no DEFLATE stream"));
    // The last block of a stream, empty and stored, and a byte behind it.
    let ended = [0x01, 0x00, 0x00, 0xff, 0xff, 0x00];
    let error = Inflater::new(PLENTY).unpack(&mut (&ended[..]).into(), &mut read).unwrap_err();
    assert!(why(error).contains("behind its end"));
    // The same, when the byte comes later.
    let mut inflater = Inflater::new(PLENTY);
    inflater.unpack(&mut (&ended[..5]).into(), &mut read).unwrap();
    let error = inflater.unpack(&mut (&ended[5..]).into(), &mut read).unwrap_err();
    assert!(why(error).contains("behind its end"));
}
