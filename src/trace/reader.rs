//! Reads trace v1: CSV with a header, plain or gzip, one recorded call a row, sorted by receipt.
//!
//! Every row is whole and right, or an error that names file, line, column and what would be
//! right. It never panics, whatever the bytes, and never shows what a caller's number or place
//! was. A row is bounded ([`ROW_BYTES_MAX`]); of the rows read only 16 bytes each are kept, to
//! notice a `call_ref` that is there twice.

use crate::domain::{Callsign, NewCall, Place, Point, Priority, Sealed, Source, UtcMs};
use flate2::bufread::MultiGzDecoder;
use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, ErrorKind, Read};
use std::path::Path;

/// The columns of trace v1. A file has all of them, in any order.
pub const COLUMNS: [&str; 15] = [
    "call_ref",
    "received_at",
    "source",
    "kind",
    "priority",
    "district",
    "lat",
    "lon",
    "caller",
    "acknowledged_at",
    "en_route_at",
    "on_scene_at",
    "closed_at",
    "unit",
    "disposition",
];

/// The longest row, in bytes, line breaks included.
pub const ROW_BYTES_MAX: usize = 64 * 1024;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Why a trace could not be read. For whoever made the file.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file cannot be opened or read.
    #[error("cannot read {file}: {source}")]
    Unreadable {
        /// Which file.
        file: Box<str>,
        /// Why.
        source: std::io::Error,
    },
    /// A line is not as trace v1 says.
    #[error("{file}, line {line}, column {column}: {problem}")]
    Field {
        /// Which file.
        file: Box<str>,
        /// Which line, from 1, as an editor shows it.
        line: u64,
        /// Which column.
        column: Box<str>,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// The file breaks off or is damaged at a line.
    #[error("{file}, line {line}: {problem}")]
    Line {
        /// Which file.
        file: Box<str>,
        /// Which line, from 1, as an editor shows it.
        line: u64,
        /// What is wrong, and what would be right.
        problem: String,
    },
}

/// One recorded call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The line it begins on; 0 when it comes from no file.
    pub line: u64,
    /// The agency's own number; names the unit that reports this row's stamps.
    pub call_ref: Callsign,
    /// When the call was received.
    pub received_at: UtcMs,
    /// The call.
    pub call: NewCall,
    /// When the first unit acknowledged.
    pub acknowledged_at: Option<UtcMs>,
    /// When the first unit rolled.
    pub en_route_at: Option<UtcMs>,
    /// When the first unit arrived.
    pub on_scene_at: Option<UtcMs>,
    /// When the call was closed.
    pub closed_at: Option<UtcMs>,
    /// The unit, in the agency's words; the replay does not use it.
    pub unit: Box<str>,
    /// How it ended, in the agency's words.
    pub disposition: Box<str>,
}

/// What a whole trace amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scan {
    /// Its rows.
    pub rows: u64,
    /// Receipt of its first row and of its last; `None` without rows.
    pub received: Option<(UtcMs, UtcMs)>,
}

/// Reads a whole trace, so that a malformed line is found before anything is replayed.
///
/// # Errors
/// [`TraceError`], the first there is.
pub fn scan(path: &Path) -> Result<Scan, TraceError> {
    let mut scan = Scan { rows: 0, received: None };
    for row in Reader::open(path)? {
        let at = row?.received_at;
        scan.rows += 1;
        scan.received = Some((scan.received.map_or(at, |(first, _)| first), at));
    }
    Ok(scan)
}

/// The rows of a trace, one after the other. Ends after the first error.
pub struct Reader {
    file: Box<str>,
    csv: csv::Reader<Lines>,
    /// Where each of [`COLUMNS`] stands in this file.
    places: [usize; COLUMNS.len()],
    record: csv::ByteRecord,
    seen: HashSet<[u8; 16]>,
    before: Option<(u64, UtcMs)>,
    ended: bool,
}

impl Reader {
    /// Opens a trace and reads its header.
    ///
    /// # Errors
    /// [`TraceError`] when the file cannot be read or its header is not trace v1's.
    pub fn open(path: &Path) -> Result<Self, TraceError> {
        let name = path.display().to_string();
        match File::open(path) {
            Ok(file) => Self::new(&name, file),
            Err(source) => Err(TraceError::Unreadable { file: name.into(), source }),
        }
    }

    /// A trace from bytes, plain or gzip, called `file` in errors.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn new(file: &str, bytes: impl Read + Send + 'static) -> Result<Self, TraceError> {
        let unreadable = |source| TraceError::Unreadable { file: file.into(), source };
        let lines = Lines::new(plain(bytes).map_err(unreadable)?);
        let csv = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(lines);
        let mut reader = Self {
            file: file.into(),
            csv,
            places: [0; COLUMNS.len()],
            record: csv::ByteRecord::new(),
            seen: HashSet::new(),
            before: None,
            ended: false,
        };
        reader.header()?;
        Ok(reader)
    }

    fn header(&mut self) -> Result<(), TraceError> {
        if !self.read()? {
            let problem = format!("the file is empty; it begins with {}", COLUMNS.join(","));
            return Err(self.line_error(1, problem));
        }
        let mut places = [None; COLUMNS.len()];
        for (place, name) in self.record.iter().enumerate() {
            let name = String::from_utf8_lossy(name);
            // Spreadsheets mark UTF-8 with a byte order mark.
            let name = name.strip_prefix('\u{feff}').unwrap_or(&name);
            let Some(column) = COLUMNS.iter().position(|known| *known == name) else {
                let problem = format!("is not a column of trace v1: {}", COLUMNS.join(","));
                return Err(self.field_error(&shown(name), problem));
            };
            if places[column].replace(place).is_some() {
                return Err(self.field_error(name, "is there twice; once is right".into()));
            }
        }
        for (column, place) in places.into_iter().enumerate() {
            let Some(place) = place else {
                let problem =
                    format!("is missing from the header; trace v1 has {}", COLUMNS.join(","));
                return Err(self.field_error(COLUMNS[column], problem));
            };
            self.places[column] = place;
        }
        Ok(())
    }

    /// Reads the next record; false at the end of the file.
    fn read(&mut self) -> Result<bool, TraceError> {
        self.csv.get_mut().start_row();
        let read = self.csv.read_byte_record(&mut self.record);
        let lines = self.csv.get_ref();
        match read {
            Ok(true) if lines.ended && lines.quotes % 2 == 1 => {
                let problem = "a quotation mark opens a field and none closes it".to_owned();
                Err(self.line_error(lines.row_line, problem))
            }
            Ok(more) => Ok(more),
            Err(_) if lines.row_bytes > ROW_BYTES_MAX => {
                let problem = format!(
                    "the row is longer than {ROW_BYTES_MAX} bytes; is a quotation mark not closed?"
                );
                Err(self.line_error(lines.row_line, problem))
            }
            Err(error) => Err(self.broken(error)),
        }
    }

    fn broken(&self, error: csv::Error) -> TraceError {
        let lines = self.csv.get_ref();
        let line = lines.line + u64::from(lines.fresh);
        let csv::ErrorKind::Io(source) = error.into_kind() else {
            return self.line_error(line, "is not CSV".into());
        };
        match source.kind() {
            ErrorKind::UnexpectedEof => self.line_error(
                line,
                "the gzip data breaks off here; the file is cut short, copy it again".into(),
            ),
            ErrorKind::InvalidInput | ErrorKind::InvalidData => self.line_error(
                line,
                format!("the gzip data is damaged here ({source}); copy the file again"),
            ),
            _ => TraceError::Unreadable { file: self.file.clone(), source },
        }
    }

    fn line_error(&self, line: u64, problem: String) -> TraceError {
        TraceError::Line { file: self.file.clone(), line, problem }
    }

    fn field_error(&self, column: &str, problem: String) -> TraceError {
        TraceError::Field {
            file: self.file.clone(),
            line: self.csv.get_ref().row_line,
            column: column.into(),
            problem,
        }
    }

    fn row(&mut self) -> Result<Option<Row>, TraceError> {
        if !self.read()? {
            return Ok(None);
        }
        self.count_fields()?;
        let fields = Fields { record: &self.record, places: &self.places };
        let row = fields
            .row(self.csv.get_ref().row_line)
            .map_err(|(column, problem)| self.field_error(column, problem))?;
        self.check_order(&row)?;
        let mut mark = [0; 16];
        mark.copy_from_slice(&blake3::hash(row.call_ref.as_str().as_bytes()).as_bytes()[..16]);
        if !self.seen.insert(mark) {
            let problem =
                format!("{:?} was there before; each call has its own", row.call_ref.as_str());
            return Err(self.field_error("call_ref", problem));
        }
        Ok(Some(row))
    }

    fn count_fields(&self) -> Result<(), TraceError> {
        let (here, right) = (self.record.len(), COLUMNS.len());
        if here == right {
            return Ok(());
        }
        // The first column without a field; of a row too long, the last column there is.
        let place = here.min(right - 1);
        let column = self.places.iter().position(|other| *other == place);
        let problem = if here < right {
            format!("is missing: the row has {here} fields, the header {right}")
        } else {
            format!(
                "more follows it: the row has {here} fields, the header {right}; a field with a comma in it is put in quotation marks"
            )
        };
        Err(self.field_error(column.map_or("", |column| COLUMNS[column]), problem))
    }

    /// The order among rows of one instant is the file's own; trace v1 sorts them by `call_ref`,
    /// but nothing depends on it.
    fn check_order(&mut self, row: &Row) -> Result<(), TraceError> {
        if let Some((line, before)) = self.before
            && row.received_at < before
        {
            let problem = format!(
                "{} is before {before} on line {line}; rows are sorted by received_at, then call_ref",
                row.received_at
            );
            return Err(self.field_error("received_at", problem));
        }
        self.before = Some((row.line, row.received_at));
        Ok(())
    }
}

impl Iterator for Reader {
    type Item = Result<Row, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let row = self.row().transpose();
        self.ended = !matches!(row, Some(Ok(_)));
        row
    }
}

/// Unpacks gzip, known by its first two bytes.
fn plain(mut bytes: impl Read + Send + 'static) -> std::io::Result<Box<dyn BufRead + Send>> {
    let mut head = Vec::with_capacity(GZIP_MAGIC.len());
    bytes.by_ref().take(GZIP_MAGIC.len() as u64).read_to_end(&mut head)?;
    let packed = head == GZIP_MAGIC;
    let whole = BufReader::with_capacity(1 << 16, Cursor::new(head).chain(bytes));
    Ok(if packed {
        Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(whole)))
    } else {
        Box::new(whole)
    })
}

/// Hands out one line at a time, so that the line of a row is known whatever lies in it: the CSV
/// reader never holds more than the lines of the row it is reading.
struct Lines {
    inner: Box<dyn BufRead + Send>,
    /// The line of the last byte handed out.
    line: u64,
    /// The next byte begins a line.
    fresh: bool,
    /// The line the row began on.
    row_line: u64,
    row_found: bool,
    row_bytes: usize,
    quotes: usize,
    ended: bool,
}

impl Lines {
    fn new(inner: Box<dyn BufRead + Send>) -> Self {
        Self {
            inner,
            line: 0,
            fresh: true,
            row_line: 1,
            row_found: false,
            row_bytes: 0,
            quotes: 0,
            ended: false,
        }
    }

    fn start_row(&mut self) {
        (self.row_found, self.row_bytes, self.quotes) = (false, 0, 0);
    }
}

impl Read for Lines {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let ready = loop {
            match self.inner.fill_buf() {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                ready => break ready?,
            }
        };
        let most = ready.len().min(out.len());
        let end = ready[..most].iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(most, |end| end + 1);
        let piece = &ready[..taken];
        let Some(last) = piece.last() else {
            self.ended = ready.is_empty();
            return Ok(0);
        };
        self.line += u64::from(self.fresh);
        self.fresh = *last == b'\n';
        // An empty line between rows belongs to no row.
        if !self.row_found && !matches!(piece, b"\n" | b"\r\n") {
            (self.row_found, self.row_line) = (true, self.line);
        }
        self.row_bytes += taken;
        self.quotes += piece.iter().filter(|byte| **byte == b'"').count();
        if self.row_found && self.row_bytes > ROW_BYTES_MAX {
            return Err(ErrorKind::InvalidData.into());
        }
        if !self.row_found {
            self.row_bytes = 0;
        }
        out[..taken].copy_from_slice(piece);
        self.inner.consume(taken);
        Ok(taken)
    }
}

type Parsed<T> = Result<T, (&'static str, String)>;

struct Fields<'a> {
    record: &'a csv::ByteRecord,
    places: &'a [usize; COLUMNS.len()],
}

impl<'a> Fields<'a> {
    fn row(&self, line: u64) -> Parsed<Row> {
        let call_ref = self.call_ref()?;
        let received_at = self
            .stamp("received_at")?
            .ok_or_else(|| ("received_at", format!("is empty; {STAMP_FORM}")))?;
        let source = match self.text("source")? {
            "phone" => Source::PhoneLine,
            "text" => Source::App,
            other => {
                let problem = format!("{:?} is no source; phone or text", shown(other));
                return Err(("source", problem));
            }
        };
        let caller = self.text("caller")?;
        Ok(Row {
            line,
            call_ref,
            received_at,
            call: NewCall {
                source,
                line: (source == Source::App).then(|| "text".into()),
                district: self.text("district")?.into(),
                kind: self.text("kind")?.into(),
                priority: self.priority()?,
                flags: crate::domain::Flags::default(),
                sealed: Sealed {
                    number: (!caller.is_empty()).then(|| caller.into()),
                    place: self.point()?.map(|point| Place { point: Some(point), words: None }),
                    ..Sealed::default()
                },
            },
            acknowledged_at: self.stamp("acknowledged_at")?,
            en_route_at: self.stamp("en_route_at")?,
            on_scene_at: self.stamp("on_scene_at")?,
            closed_at: self.stamp("closed_at")?,
            unit: self.text("unit")?.into(),
            disposition: self.text("disposition")?.into(),
        })
    }

    fn text(&self, column: &'static str) -> Parsed<&'a str> {
        let place = COLUMNS.iter().position(|name| *name == column);
        let bytes = place.and_then(|place| self.record.get(self.places[place])).unwrap_or_default();
        std::str::from_utf8(bytes).map_err(|_| (column, "is not UTF-8; save the file so".into()))
    }

    fn call_ref(&self) -> Parsed<Callsign> {
        let text = self.text("call_ref")?;
        Callsign::new(text).filter(|call_ref| call_ref.as_str() == text).ok_or_else(|| {
            let most = crate::domain::bounds::NAME_BYTES_MAX;
            let problem = format!("must be 1 to {most} bytes without blanks at its ends");
            ("call_ref", problem)
        })
    }

    fn priority(&self) -> Parsed<Priority> {
        let text = self.text("priority")?;
        match text.as_bytes() {
            [digit @ b'1'..=b'4'] => Priority::new(digit - b'0'),
            _ => None,
        }
        .ok_or_else(|| {
            let problem = format!("{:?} is no priority; 1 (most urgent), 2, 3 or 4", shown(text));
            ("priority", problem)
        })
    }

    fn stamp(&self, column: &'static str) -> Parsed<Option<UtcMs>> {
        let text = self.text(column)?;
        if text.is_empty() {
            return Ok(None);
        }
        match parse_stamp(text.as_bytes()) {
            Some(stamp) => Ok(Some(stamp)),
            None => Err((column, format!("{:?} is no instant; {STAMP_FORM}", shown(text)))),
        }
    }

    fn point(&self) -> Parsed<Option<Point>> {
        let lat = self.degrees("lat", 90.0)?;
        let lon = self.degrees("lon", 180.0)?;
        match (lat, lon) {
            (None, None) => Ok(None),
            (Some(lat), Some(lon)) => Ok(Point::from_degrees(lat, lon, 0)),
            (Some(_), None) => Err(("lon", "is empty and lat is not; both or neither".into())),
            (None, Some(_)) => Err(("lat", "is empty and lon is not; both or neither".into())),
        }
    }

    /// What was there is not shown: it is where somebody is.
    fn degrees(&self, column: &'static str, most: f64) -> Parsed<Option<f64>> {
        let text = self.text(column)?;
        if text.is_empty() {
            return Ok(None);
        }
        match text.parse::<f64>() {
            Ok(degrees) if degrees.abs() <= most => Ok(Some(degrees)),
            _ => {
                let problem = format!("must be degrees from -{most} to {most}, or empty");
                Err((column, problem))
            }
        }
    }
}

const STAMP_FORM: &str =
    "UTC as in 2026-01-31T23:59:59.000Z, from 1970, at most three digits of a second";

/// `YYYY-MM-DDTHH:MM:SS[.mmm]Z`, from 1970.
fn parse_stamp(text: &[u8]) -> Option<UtcMs> {
    let (whole, rest) = text.split_at_checked(19)?;
    let fraction = match rest {
        b"Z" => &[],
        [b'.', digits @ .., b'Z'] if (1..=3).contains(&digits.len()) => digits,
        _ => return None,
    };
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if marks.iter().any(|(at, mark)| whole[*at] != *mark) {
        return None;
    }
    let pair = |at: usize| number(&whole[at..at + 2]).and_then(|number| i8::try_from(number).ok());
    let year = number(&whole[..4])?;
    let date = jiff::civil::Date::new(year, pair(5)?, pair(8)?).ok()?;
    let time = jiff::civil::Time::new(pair(11)?, pair(14)?, pair(17)?, 0).ok()?;
    let second = jiff::tz::Offset::UTC.to_timestamp(date.to_datetime(time)).ok()?.as_second();
    let digits = u32::try_from(fraction.len()).ok()?;
    let fraction = if fraction.is_empty() {
        0
    } else {
        u64::try_from(number(fraction)?).ok()? * 10_u64.pow(3 - digits)
    };
    Some(UtcMs(u64::try_from(second).ok()?.checked_mul(1_000)?.checked_add(fraction)?))
}

/// At most four decimal digits.
fn number(digits: &[u8]) -> Option<i16> {
    digits.iter().try_fold(0_i16, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + i16::from(digit - b'0'))
    })
}

/// What was there, short enough for a message.
fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::parse_stamp;
    use crate::domain::UtcMs;

    #[test]
    fn a_stamp_is_utc_to_the_millisecond() {
        let parsed = |text: &str| parse_stamp(text.as_bytes());
        assert_eq!(parsed("1970-01-01T00:00:00.000Z"), Some(UtcMs(0)));
        assert_eq!(parsed("2026-01-01T00:00:00.07Z"), Some(UtcMs(1_767_225_600_070)));
        assert_eq!(parsed("2024-02-29T23:59:59Z"), Some(UtcMs(1_709_251_199_000)));
        for wrong in [
            "2026-01-01T00:00:00.000",
            "2026-01-01 00:00:00.000Z",
            "2026-02-29T00:00:00.000Z",
            "2026-01-01T24:00:00.000Z",
            "2026-01-01T00:00:60.000Z",
            "2026-01-01T00:00:00.0000Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+05:00",
            "1969-12-31T23:59:59.999Z",
            "+026-01-01T00:00:00.000Z",
            "2026-01-01T00:00:00.-1Z",
            "é026-01-01T00:00:00.00Z",
        ] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }
}
