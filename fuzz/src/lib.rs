//! The doors through which a stranger's bytes come in, each a function of bytes that must neither panic, nor hang, nor
//! take memory the bytes do not pay for. The fuzzer drives them with whatever finds new code; `cargo test` walks the
//! corpus it left, and changes it at random for a while.
//!
//! A door asserts more than survival where there is more to assert: what was read and written again reads the same.

mod room;

pub use room::{http, modem, sip};

use bytes::BytesMut;
use fifteen::client::Update;
use fifteen::config::Settings;
use fifteen::console::command_line::{self, Context};
use fifteen::console::keys::Keys;
use fifteen::console::theme::Theme;
use fifteen::console::{LinkNews, Model, Msg, update, view};
use fifteen::domain::{Point, Transition, UtcMs};
use fifteen::engine::State;
use fifteen::journal::{FRAME_BYTES_MAX, Frame};
use fifteen::map::Borders;
use fifteen::protocol::{ClientMessage, Deflater, FrameCodec, Inflater, Role, ServerMessage};
use fifteen::trace::Reader;
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde::Deserialize;
use std::io::Cursor;
use tokio_util::codec::Decoder;

/// What a door does with what comes through it.
pub type Door = fn(&[u8]);

/// Every door and its name; the corpus of each is `fuzz/corpus/NAME`.
pub const DOORS: &[(&str, Door)] = &[
    ("client_bytes", client_bytes),
    ("server_bytes", server_bytes),
    ("deflate", deflate),
    ("frame", frame),
    ("event", event),
    ("state", state),
    ("trace", trace),
    ("config", config),
    ("command_line", line),
    ("console", console),
    ("sms", sms),
    ("map", map),
    ("http", http),
    ("modem", modem),
    ("sip", sip),
];

/// Those that lead over sockets into a whole room: each input costs as much as many others.
pub const INTO_A_ROOM: &[&str] = &["http", "modem", "sip"];

/// A stream of bytes cut into frames. The first byte says in what pieces it arrives.
fn frames(bytes: &[u8], mut codec: FrameCodec, mut each: impl FnMut(&[u8])) {
    let Some((piece, bytes)) = bytes.split_first() else {
        return;
    };
    let mut stream = BytesMut::new();
    for piece in bytes.chunks(usize::from(*piece).max(1)) {
        stream.extend_from_slice(piece);
        while let Ok(Some(frame)) = codec.decode(&mut stream) {
            each(&frame);
        }
    }
    let _ = codec.decode_eof(&mut stream);
}

/// What a client sends a server.
pub fn client_bytes(bytes: &[u8]) {
    frames(bytes, FrameCodec::for_server(), |frame| match ClientMessage::decode(frame) {
        Ok(message) => {
            let again = ClientMessage::decode(&message.encode()).expect("our own bytes read");
            assert!(again == message, "a message changed on its way");
        }
        Err(error) => assert!(!error.text.is_empty()),
    });
}

/// What a server sends a client.
pub fn server_bytes(bytes: &[u8]) {
    frames(bytes, FrameCodec::for_client(), |frame| match ServerMessage::decode(frame) {
        // Encoded twice, not compared: a coordinate may be NaN, which is not even equal to itself.
        Ok(message) => {
            let once = message.encode();
            let again = ServerMessage::decode(&once).expect("our own bytes read");
            assert_eq!(again.encode(), once, "a message changed on its way");
        }
        Err(error) => assert!(!error.text.is_empty()),
    });
}

/// A compressed direction. The first byte says in what pieces it arrives. What it stood for, compressed anew, stands for
/// the same; however much that is, little of it is held at once.
pub fn deflate(bytes: &[u8]) {
    const HELD_BYTES_MAX: usize = 8 * 1_024;
    let Some((piece, bytes)) = bytes.split_first() else {
        return;
    };
    let (mut inflater, mut deflater) = (Inflater::new(HELD_BYTES_MAX), Deflater::new());
    let (mut packed, mut plain, mut all) = (BytesMut::new(), BytesMut::new(), Vec::new());
    let mut again = BytesMut::new();
    'pieces: for piece in bytes.chunks(usize::from(*piece).max(1)) {
        packed.extend_from_slice(piece);
        loop {
            let broken = inflater.unpack(&mut packed, &mut plain).is_err();
            assert!(plain.len() < 2 * HELD_BYTES_MAX, "{} bytes held", plain.len());
            if plain.is_empty() {
                break;
            }
            all.extend_from_slice(&plain);
            deflater.pack(&mut plain, &mut again);
            if broken || all.len() > 1 << 20 {
                break 'pieces;
            }
        }
    }
    let mut inflater = Inflater::new(usize::MAX);
    inflater.unpack(&mut again, &mut plain).expect("our own stream reads");
    assert!(again.is_empty() && plain[..] == all[..], "bytes changed on their way");
}

/// A frame of the log, as it stands on the disk. With its checksum made right, so that what is behind it is reached.
pub fn frame(bytes: &[u8]) {
    let _ = Frame::decode(bytes.to_vec());
    let mut mended = bytes.to_vec();
    if mended.len() > 4 {
        let body = mended.len() - 4;
        let crc = crc32c::crc32c(&mended[..body]);
        mended[body..].copy_from_slice(&crc.to_be_bytes());
    }
    if let Ok(frame) = Frame::decode(mended) {
        assert!(frame.bytes().len() <= FRAME_BYTES_MAX);
        assert_eq!(frame.records().count(), usize::from(frame.count()));
        assert_eq!(frame.records().map(|record| record.seq).last(), Some(frame.last_seq()));
        let _ = frame.follows(frame.first_seq() - 1, &frame.chain());
    }
}

/// Transitions of the log, one behind the other, folded into a room: whatever reads as an event can be applied.
pub fn event(bytes: &[u8]) {
    let mut rest = Cursor::new(bytes);
    let mut state = State::default();
    for at in 1..=64 {
        let mut reader = rmp_serde::Deserializer::new(&mut rest);
        let Ok(transition) = Transition::deserialize(&mut reader) else {
            break;
        };
        state.apply(UtcMs(at), &transition);
        let bytes = rmp_serde::to_vec(&transition).expect("every event has an encoding");
        let again: Transition = rmp_serde::from_slice(&bytes).expect("our own bytes read");
        // By its bytes: a coordinate may be NaN, which is not even equal to itself.
        assert_eq!(rmp_serde::to_vec(&again).ok(), Some(bytes));
    }
    let _ = state.digest();
}

/// A snapshot of the room.
pub fn state(bytes: &[u8]) {
    if let Ok((state, _)) = State::load(bytes) {
        let (again, digest) = State::load(&state.save()).expect("our own bytes read");
        assert_eq!((again.digest(), digest), (state.digest(), state.digest()));
    }
}

/// A recorded trace, plain or gzip.
pub fn trace(bytes: &[u8]) {
    let Ok(reader) = Reader::new("fuzz", Cursor::new(bytes.to_vec())) else {
        return;
    };
    let mut before = UtcMs(0);
    for row in reader.take(10_000) {
        match row {
            Ok(row) => {
                assert!(row.received_at >= before, "rows come in order or not at all");
                before = row.received_at;
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// A dispatch.toml.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Err(error) = Settings::parse(text, "fuzz") {
        assert!(error.to_string().starts_with("fuzz"), "{error}");
    }
}

/// What an operator types behind `:` or `/`.
pub fn line(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let context = Context {
        call: Some(7),
        calls: vec![7, 12, 120],
        units: vec!["CAR-1".into(), "CAR-12".into()],
        dispositions: vec!["helped".into(), "hoax".into()],
        districts: vec!["Lahore".into()],
        kinds: vec!["domestic violence".into()],
        clocks: vec!["acknowledge".into()],
    };
    if let Err(why) = command_line::parse(text, &context) {
        assert!(!why.is_empty());
    }
}

/// Keys, pastes, sizes and messages of a server, as they come to a console.
pub fn console(bytes: &[u8]) {
    let mut model = Model::new("sara", Role::Operator, Keys::default(), Theme::mono());
    let mut own_ms = 0;
    let mut rest = bytes;
    update(&mut model, Msg::Resize(80, 24), own_ms);
    for _ in 0..512 {
        let Some((what, after)) = rest.split_first() else {
            break;
        };
        rest = after;
        let msg = match what {
            0..=199 => match next_key(&mut rest) {
                Some(key) => Msg::Key(key),
                None => break,
            },
            200..=209 => {
                let text = String::from_utf8_lossy(taken(&mut rest, 40)).into_owned();
                Msg::Paste(text)
            }
            210..=219 => {
                let size = taken(&mut rest, 2);
                let side = |at: usize| u16::from(size.get(at).copied().unwrap_or(80)).max(1);
                Msg::Resize(side(0), side(1))
            }
            220..=229 => Msg::Tick,
            // A message of a server: its length, then its bytes.
            _ => {
                let length = usize::from(taken(&mut rest, 1).first().copied().unwrap_or(0)) * 8;
                match ServerMessage::decode(taken(&mut rest, length)) {
                    Ok(ServerMessage::Welcome(welcome)) => {
                        Msg::Link(LinkNews::Up(Box::new(welcome), TimeZone::UTC))
                    }
                    Ok(ServerMessage::Push(push)) => Msg::Pushed(Box::new(Update::Push(push))),
                    Ok(ServerMessage::Snapshot(snapshot)) => {
                        Msg::Pushed(Box::new(Update::Snapshot(snapshot)))
                    }
                    _ => Msg::Tick,
                }
            }
        };
        own_ms += 100;
        update(&mut model, msg, own_ms);
    }
    let (columns, rows) = model.size;
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a screen in memory");
    terminal.draw(|frame| view(&model, frame)).expect("a screen in memory draws");
    let cells = terminal.backend().buffer().content();
    let steers = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(
        !cells.iter().any(|cell| cell.symbol().chars().any(steers)),
        "words steer the terminal"
    );
}

fn taken<'a>(rest: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (taken, after) = rest.split_at(most.min(rest.len()));
    *rest = after;
    taken
}

fn next_key(rest: &mut &[u8]) -> Option<KeyEvent> {
    const NAMED: [KeyCode; 14] = [
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::Backspace,
        KeyCode::Delete,
    ];
    let code = match *taken(rest, 1).first()? {
        letter @ 0x20..=0x7e => KeyCode::Char(letter.into()),
        named @ 0..=0x1f => NAMED[usize::from(named) % NAMED.len()],
        _ => {
            let point = taken(rest, 3).iter().fold(0, |point, byte| point << 8 | u32::from(*byte));
            KeyCode::Char(char::from_u32(point)?)
        }
    };
    let modifiers = match code {
        KeyCode::Char('\u{1}'..='\u{8}') => KeyModifiers::CONTROL,
        _ => KeyModifiers::NONE,
    };
    Some(KeyEvent::new(code, modifiers))
}

/// A text message, read by the shipped words: what it says is on the globe, and in words that are there.
pub fn sms(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let room = Settings::shipped();
    let said = room.sms.meanings.read(&text);
    if let Some((lat, lon)) = said.point {
        assert!(Point::from_degrees(lat, lon, 0).is_some(), "{lat} {lon}");
    }
    assert!(said.place.is_none_or(|place| place.len() <= text.len() && !place.is_empty()));
}

/// The police's map of the districts.
pub fn map(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match Borders::parse(text, "name") {
        Ok(borders) => {
            let names: Vec<&str> = borders.names().collect();
            let lahore = Point::from_degrees(31.5, 74.3, 10).expect("on the globe");
            assert!(borders.district_of(lahore).is_none_or(|found| names.contains(&found)));
        }
        Err(problem) => assert!(!problem.is_empty()),
    }
}
