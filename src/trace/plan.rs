//! Turns rows into commands in the order of their stamps.
//!
//! At one instant: received, acknowledged, en route, on scene, closed, over all rows, ties by the
//! order of the rows. Rows come in the order of their receipt; later stamps wait in a heap, so
//! memory grows with the rows that have stamps to come. A stamp before its own receipt is never
//! sent: the call is not there yet.

use super::{DISPOSITION, Row, TraceError, actor};
use crate::domain::bounds::{NOTE_BYTES_MAX, cut};
use crate::domain::{CallId, Callsign, Command, NewCall, Order, Progress, SealedText, UtcMs};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::iter::Peekable;

/// What a stamp says, in the order in which stamps of one instant count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stamp {
    /// The call was received.
    Received,
    /// A unit acknowledged.
    Acknowledged,
    /// A unit rolled.
    EnRoute,
    /// A unit arrived.
    OnScene,
    /// The call was closed.
    Closed,
}

/// What becomes of a stamp. It follows from the row alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It counts.
    Accepted,
    /// An earlier status after a later one: it changes nothing.
    Stale,
    /// It lies before the receipt: rejected.
    BeforeReceipt,
    /// It lies after the close: rejected.
    AfterClose,
}

/// The stamps of a row after its receipt, in order, and what becomes of each.
pub fn judge(row: &Row) -> impl Iterator<Item = (UtcMs, Stamp, Verdict)> {
    let mut stamps = [
        (row.acknowledged_at, Stamp::Acknowledged),
        (row.en_route_at, Stamp::EnRoute),
        (row.on_scene_at, Stamp::OnScene),
        (row.closed_at, Stamp::Closed),
    ];
    stamps.sort_unstable();
    let received_at = row.received_at;
    let mut furthest = Stamp::Received;
    stamps.into_iter().filter_map(|(at, stamp)| Some((at?, stamp))).map(move |(at, stamp)| {
        let verdict = if at < received_at {
            Verdict::BeforeReceipt
        } else if furthest == Stamp::Closed {
            Verdict::AfterClose
        } else if stamp < furthest {
            Verdict::Stale
        } else {
            furthest = stamp;
            Verdict::Accepted
        };
        (at, stamp, verdict)
    })
}

/// What is asked of the room at a stamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Take the call.
    Place(Box<NewCall>),
    /// Record what the row's own unit reported by radio.
    Report(Callsign, Progress),
    /// Close the call, with the agency's own word as the remark.
    Close(Option<SealedText>),
}

/// A command at its instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// When.
    pub at: UtcMs,
    /// Of which row, from 0.
    pub row: u64,
    /// Line of that row in the file.
    pub line: u64,
    /// What will become of it; never [`Verdict::BeforeReceipt`].
    pub verdict: Verdict,
    /// What is asked.
    pub ask: Ask,
    /// Nothing more comes of this row.
    pub last: bool,
}

impl Planned {
    /// The order to send; `call` is the number the row's call was given, and not asked for when
    /// this places it.
    #[must_use]
    pub fn order(self, call: CallId) -> Order {
        let command = match self.ask {
            Ask::Place(call) => Command::PlaceCall { received_at: self.at, call },
            Ask::Report(unit, progress) => {
                Command::ReportProgress { call, unit, progress, by_radio: true }
            }
            Ask::Close(remark) => {
                Command::CloseCall { call, disposition: DISPOSITION.into(), remark }
            }
        };
        Order { by: actor(), key: None, command }
    }
}

/// The commands of a trace, in order. Ends after the first error of the rows.
pub struct Plan<I: Iterator> {
    rows: Peekable<I>,
    rows_read: u64,
    before_receipt: u64,
    heap: BinaryHeap<Reverse<(UtcMs, Stamp, u64, Verdict)>>,
    pending: HashMap<u64, Pending>,
    now: UtcMs,
    failed: bool,
}

/// What is still to be said of a row.
struct Pending {
    line: u64,
    unit: Callsign,
    call: Option<Box<NewCall>>,
    remark: Option<SealedText>,
    left: u8,
}

impl<I: Iterator<Item = Result<Row, TraceError>>> Plan<I> {
    /// Plans `rows`, which are in the order of their receipt, as [`super::Reader`] gives them.
    pub fn new(rows: I) -> Self {
        Self {
            rows: rows.peekable(),
            rows_read: 0,
            before_receipt: 0,
            heap: BinaryHeap::new(),
            pending: HashMap::new(),
            now: UtcMs(0),
            failed: false,
        }
    }

    /// Stamps left out so far because they lie before their call's receipt.
    #[must_use]
    pub fn before_receipt(&self) -> u64 {
        self.before_receipt
    }

    /// Rows read so far.
    #[must_use]
    pub fn rows_read(&self) -> u64 {
        self.rows_read
    }

    /// Takes in every row received at or before the next stamp.
    fn read_ahead(&mut self) -> Result<(), TraceError> {
        loop {
            let next = self.heap.peek().map(|Reverse((at, ..))| *at);
            let read = self.rows.next_if(|row| match row {
                Ok(row) => next.is_none_or(|at| row.received_at <= at),
                Err(_) => true,
            });
            match read.transpose()? {
                Some(row) => self.take_in(row),
                None => return Ok(()),
            }
        }
    }

    fn take_in(&mut self, row: Row) {
        assert!(row.received_at >= self.now, "rows come in the order of their receipt");
        let number = self.rows_read;
        self.rows_read += 1;
        let mut left = 1;
        let mut push = |at, stamp, verdict| self.heap.push(Reverse((at, stamp, number, verdict)));
        push(row.received_at, Stamp::Received, Verdict::Accepted);
        for (at, stamp, verdict) in judge(&row) {
            if verdict == Verdict::BeforeReceipt {
                self.before_receipt += 1;
            } else {
                push(at, stamp, verdict);
                left += 1;
            }
        }
        let remark = (!row.disposition.is_empty())
            .then(|| SealedText(cut(&row.disposition, NOTE_BYTES_MAX).0.into()));
        let pending = Pending {
            line: row.line,
            unit: row.call_ref,
            call: Some(Box::new(row.call)),
            remark,
            left,
        };
        self.pending.insert(number, pending);
    }

    fn pop(&mut self) -> Option<Planned> {
        let Reverse((at, stamp, row, verdict)) = self.heap.pop()?;
        self.now = at;
        let pending = self.pending.get_mut(&row).expect("a row with stamps to come is pending");
        pending.left -= 1;
        let report = |progress| Ask::Report(pending.unit.clone(), progress);
        let ask = match stamp {
            Stamp::Received => Ask::Place(pending.call.take().expect("a call is received once")),
            Stamp::Acknowledged => report(Progress::Acknowledged),
            Stamp::EnRoute => report(Progress::EnRoute),
            Stamp::OnScene => report(Progress::OnScene),
            Stamp::Closed => Ask::Close(pending.remark.take()),
        };
        let (line, last) = (pending.line, pending.left == 0);
        if last {
            self.pending.remove(&row);
        }
        Some(Planned { at, row, line, verdict, ask, last })
    }
}

impl<I: Iterator<Item = Result<Row, TraceError>>> Iterator for Plan<I> {
    type Item = Result<Planned, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        match self.read_ahead() {
            Ok(()) => self.pop().map(Ok),
            Err(error) => {
                self.failed = true;
                Some(Err(error))
            }
        }
    }
}
