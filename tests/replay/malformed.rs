//! Every way a trace can be wrong is an error that says where, and what would be right.

use fifteen::trace::Reader;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use std::io::{Cursor, Write};
use std::path::Path;

const HEADER: &str = "call_ref,received_at,source,kind,priority,district,lat,lon,caller,acknowledged_at,unit,en_route_at,on_scene_at,closed_at,disposition";
const GOOD: &str = "A-1,2026-01-01T00:00:00.000Z,phone,FIGHT,1,NORTH,37.7,-122.4,555,2026-01-01T00:01:00.000Z,,,,2026-01-01T00:30:00.000Z,UTL";

/// What reading `bytes` as `t.csv` says.
fn error(bytes: impl Into<Vec<u8>>) -> String {
    match read(bytes) {
        Err(error) => error,
        Ok(rows) => panic!("{rows} rows were read, and an error was due"),
    }
}

fn read(bytes: impl Into<Vec<u8>>) -> Result<usize, String> {
    let rows = Reader::new("t.csv", Cursor::new(bytes.into())).map_err(|e| e.to_string())?;
    rows.collect::<Result<Vec<_>, _>>().map(|rows| rows.len()).map_err(|error| error.to_string())
}

/// Header, a good row on line 2, then [`GOOD`] as call B-2 with `field` replaced, on line 3.
fn third_line(field: &str, value: &str) -> String {
    let place = HEADER.split(',').position(|name| name == field).unwrap();
    let mut fields: Vec<&str> = GOOD.split(',').collect();
    fields[0] = "B-2";
    fields[place] = value;
    format!("{HEADER}\n{GOOD}\n{}\n", fields.join(","))
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

#[track_caller]
fn says(error: &str, words: &[&str]) {
    for word in words {
        assert!(error.contains(word), "{word:?} is not in {error:?}");
    }
}

#[test]
fn a_good_trace_is_read_plain_or_packed() {
    let text = third_line("kind", "\"FIGHT, \"\"LOUD\"\"\"");
    assert_eq!(read(text.clone()), Ok(2));
    assert_eq!(read(gzip(&text)), Ok(2));
    assert_eq!(read(text.replace('\n', "\r\n")), Ok(2));
    assert_eq!(read(format!("\u{feff}{}", text.trim_end())), Ok(2));
    assert_eq!(read(format!("{HEADER}\n")), Ok(0));
    let twice = [gzip(&format!("{HEADER}\n")), gzip(&format!("{GOOD}\n"))].concat();
    assert_eq!(read(twice), Ok(1), "gzip members follow one another");
}

#[test]
fn a_bad_field_is_named_with_file_line_and_column() {
    for (column, value, right) in [
        ("call_ref", "", "must be 1 to 96 bytes"),
        ("call_ref", " B-2", "without blanks"),
        ("call_ref", &"x".repeat(97), "must be 1 to 96 bytes"),
        ("received_at", "", "2026-01-31T23:59:59.000Z"),
        ("received_at", "yesterday", "2026-01-31T23:59:59.000Z"),
        ("received_at", "2026-01-01T05:00:00.000+05:00", "UTC"),
        ("source", "radio", "phone or text"),
        ("priority", "0", "1 (most urgent), 2, 3 or 4"),
        ("priority", "5", "1 (most urgent), 2, 3 or 4"),
        ("priority", "", "1 (most urgent), 2, 3 or 4"),
        ("priority", "1.0", "1 (most urgent), 2, 3 or 4"),
        ("lat", "91", "degrees from -90 to 90"),
        ("lat", "NaN", "degrees from -90 to 90"),
        ("lat", "", "both or neither"),
        ("lon", "-180.5", "degrees from -180 to 180"),
        ("lon", "west", "degrees from -180 to 180"),
        ("lon", "", "both or neither"),
        ("acknowledged_at", "2026-01-01", "2026-01-31T23:59:59.000Z"),
        ("en_route_at", "2026-02-30T00:00:00.000Z", "is no instant"),
        ("on_scene_at", "00:01:00", "is no instant"),
        ("closed_at", "2026-01-01T00:30:00.0001Z", "three digits"),
    ] {
        let named = format!("t.csv, line 3, column {column}: ");
        says(&error(third_line(column, value)), &[&named, right]);
        let dos = third_line(column, value).replace('\n', "\r\n");
        says(&error(dos), &[&named]);
        says(&error(gzip(&third_line(column, value))), &[&named]);
    }
}

#[test]
fn an_error_never_shows_where_somebody_is() {
    let told = error(third_line("lat", "137.123456"));
    assert!(!told.contains("137.123456"), "{told}");
}

#[test]
fn a_field_that_is_not_utf_8_is_named() {
    let mut bytes = third_line("kind", "?").into_bytes();
    let place = bytes.iter().rposition(|byte| *byte == b'?').unwrap();
    bytes[place] = 0xff;
    says(&error(bytes), &["t.csv, line 3, column kind: is not UTF-8"]);
}

#[test]
fn a_header_must_be_trace_v1() {
    says(&error(""), &["t.csv, line 1: the file is empty"]);
    let missing = HEADER.replace(",priority", "");
    says(&error(missing), &["t.csv, line 1, column priority: is missing from the header"]);
    let unknown = format!("{HEADER},colour\n");
    says(&error(unknown), &["t.csv, line 1, column colour: is not a column"]);
    let twice = format!("{HEADER},kind\n");
    says(&error(twice), &["t.csv, line 1, column kind: is there twice"]);
    says(&error(vec![0xff, 0xfe, 0, 1]), &["t.csv, line 1, column ", "is not a column"]);
}

#[test]
fn columns_may_stand_in_any_order() {
    let turn = |line: &str| line.split(',').rev().collect::<Vec<_>>().join(",");
    assert_eq!(read(format!("{}\n{}\n", turn(HEADER), turn(GOOD))), Ok(1));
    let short = format!("{}\n{}\n", turn(HEADER), "UTL,2026-01-01T00:30:00.000Z");
    says(&error(short), &["t.csv, line 2, column on_scene_at: is missing: the row has 2 fields"]);
}

#[test]
fn a_wrong_number_of_fields_is_named() {
    let few = format!("{HEADER}\n{GOOD}\nB-2,2026-01-01T00:00:00.000Z,phone\n");
    says(
        &error(few),
        &["t.csv, line 3, column kind: is missing: the row has 3 fields, the header 15"],
    );
    let many = format!("{HEADER}\n{GOOD},more\n");
    says(
        &error(many),
        &["t.csv, line 2, column disposition: more follows it: the row has 16 fields"],
    );
}

#[test]
fn a_row_out_of_order_is_named_with_the_row_before() {
    says(
        &error(third_line("received_at", "2025-12-31T23:59:59.999Z")),
        &[
            "t.csv, line 3, column received_at: 2025-12-31T23:59:59.999Z is before",
            "on line 2",
            "sorted by received_at",
        ],
    );
}

#[test]
fn a_call_that_is_there_twice_is_named() {
    says(
        &error(third_line("call_ref", "A-1")),
        &["t.csv, line 3, column call_ref: \"A-1\" was there before"],
    );
}

#[test]
fn lines_are_counted_as_an_editor_shows_them() {
    // An empty line, and a field over two lines, before the bad row.
    let text = format!(
        "{HEADER}\n\n{}\n\r\n{}\n",
        GOOD.replace("FIGHT", "\"FIGHT\nLOUD\""),
        GOOD.replace("A-1", "B-2").replace(",1,NORTH", ",9,NORTH")
    );
    says(&error(text.clone()), &["t.csv, line 6, column priority"]);
    let dos = text.replace("\r\n", "\n").replace('\n', "\r\n");
    says(&error(dos), &["t.csv, line 6, column priority"]);
    // A row over two lines is named by its first.
    let long = GOOD.replace("FIGHT,1", "\"FIGHT\nLOUD\",9");
    says(&error(format!("{HEADER}\n{long}\n")), &["t.csv, line 2, column priority"]);
}

#[test]
fn an_open_quotation_mark_swallows_nothing() {
    let open = GOOD.replace("UTL", "\"UTL");
    let next = GOOD.replace("A-1", "B-2");
    says(
        &error(format!("{HEADER}\n{open}\n{next}\n")),
        &["t.csv, line 2: a quotation mark opens a field and none closes it"],
    );
    let long = format!("{HEADER}\n{open}\n{}", format!("{next}\n").repeat(1_000));
    says(&error(long), &["t.csv, line 2: the row is longer than 65536 bytes"]);
}

#[test]
fn a_gzip_file_cut_short_or_damaged_is_named() {
    let rows: String = (0..200)
        .map(|number| format!("{}\n", GOOD.replace("A-1", &format!("A-{number:x}"))))
        .collect();
    let whole = gzip(&format!("{HEADER}\n{rows}"));
    assert_eq!(read(whole.clone()), Ok(200));
    for kept in [whole.len() - 1, whole.len() - 8, whole.len() / 2, 12, 3] {
        let told = error(&whole[..kept]);
        says(&told, &["t.csv, line ", "the file is cut short"]);
    }
    let told = error(&whole[..whole.len() - 1]);
    says(&told, &["t.csv, line 202: "]);
    let mut flipped = whole.clone();
    let end = flipped.len() - 6;
    flipped[end] ^= 1;
    says(&error(flipped), &["t.csv, line 202: ", "damaged"]);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let told = Reader::open(Path::new("no/such/trace.csv")).err().unwrap();
    says(&told.to_string(), &["cannot read no/such/trace.csv: "]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the bytes, reading ends, with rows or an error that names the file.
    #[test]
    fn no_bytes_make_it_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        at in any::<prop::sample::Index>(),
        packed in any::<bool>(),
    ) {
        let mut text = third_line("kind", "\"x\"").into_bytes();
        let at = at.index(text.len());
        let end = text.len().min(at + bytes.len() / 2);
        text.splice(at..end, bytes.iter().copied());
        for bytes in [bytes, text.clone(), {
            let mut packed_bytes = gzip(&String::from_utf8_lossy(&text));
            if packed {
                let place = at % packed_bytes.len();
                packed_bytes[place] ^= 0x10;
            }
            packed_bytes
        }] {
            if let Err(told) = read(bytes) {
                prop_assert!(told.contains("t.csv"), "{told}");
            }
        }
    }
}
