//! A list of calls in an order that is kept as calls change: the board, and the missed calls. A change costs two binary
//! searches and one move in memory, so ten thousand waiting calls are no burden; only a new filter or order sorts all.

use super::command_line::{Filter, SortBy};
use super::text;
use crate::protocol::{CallSummary, ClockSummary, Stage};

/// What list it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Every call.
    Board,
    /// Calls whose line was cut, and call-backs due.
    Missed,
}

/// A part of the list, with a heading of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// Nobody is on it.
    Waiting,
    /// Somebody is.
    Active,
    /// It has ended.
    Closed,
    /// She has to be rung back.
    Due,
    /// She was.
    RungBack,
}

impl Section {
    /// Its heading.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Active => "ACTIVE",
            Self::Closed => "CLOSED",
            Self::Due => "CALL BACK",
            Self::RungBack => "RUNG BACK",
        }
    }
}

/// Where a call stands: a total order that ends in the id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    section: Section,
    words: Box<str>,
    first: u64,
    second: u64,
    call: u64,
}

/// A line on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// A section begins, with so many calls.
    Heading(Section, usize),
    /// The call with this id.
    Call(u64),
}

/// The list.
#[derive(Debug, Clone)]
pub struct CallList {
    which: Which,
    me: String,
    sort: SortBy,
    reversed: bool,
    filter: Filter,
    order: Vec<Place>,
    /// None follows the first call.
    cursor: Option<u64>,
    /// Where the cursor's call stood last, for when it leaves.
    index: usize,
    /// First line shown.
    top: usize,
}

impl CallList {
    /// An empty list for operator `me`.
    #[must_use]
    pub fn new(which: Which, me: impl Into<String>) -> Self {
        let (order, filter) = (Vec::new(), Filter::default());
        let sort = SortBy::Queue;
        Self {
            which,
            me: me.into(),
            sort,
            reversed: false,
            filter,
            order,
            cursor: None,
            index: 0,
            top: 0,
        }
    }

    /// A call changed from `before` to `after`; none where it was not known or is forgotten.
    pub fn changed(&mut self, before: Option<&CallSummary>, after: Option<&CallSummary>) {
        let (old, new) =
            (before.and_then(|it| self.place(it)), after.and_then(|it| self.place(it)));
        if old == new {
            return;
        }
        if let Some(at) = old.and_then(|old| self.order.binary_search(&old).ok()) {
            self.order.remove(at);
        }
        if let Some(new) = new
            && let Err(at) = self.order.binary_search(&new)
        {
            self.order.insert(at, new);
        }
        self.settle_cursor();
    }

    /// Everything changed.
    pub fn rebuild<'a>(&mut self, calls: impl Iterator<Item = &'a CallSummary>) {
        self.order = calls.filter_map(|call| self.place(call)).collect();
        self.order.sort_unstable();
        self.settle_cursor();
    }

    /// The cursor keeps its call; when that leaves, it goes to the one that took its place.
    fn settle_cursor(&mut self) {
        let Some(call) = self.cursor else { return };
        match self.order.iter().position(|place| place.call == call) {
            Some(index) => self.index = index,
            None => {
                self.index = self.index.min(self.order.len().saturating_sub(1));
                self.cursor = self.order.get(self.index).map(|place| place.call);
            }
        }
    }

    fn place(&self, call: &CallSummary) -> Option<Place> {
        let section = self.section(call)?;
        if !self.shows(call) {
            return None;
        }
        let deadline = urgent(self.which, call).map_or(u64::MAX, |clock| clock.limit_at);
        let age = call.received_at;
        let mut words = Box::<str>::default();
        let (first, second) = match (self.sort, section) {
            (_, Section::Due | Section::RungBack) => (deadline, age),
            (SortBy::Queue, Section::Closed) | (SortBy::Clock, Section::Closed) => {
                (u64::MAX - call.closed_at.unwrap_or(age), age)
            }
            (SortBy::Queue, Section::Waiting) => (u64::from(call.priority), age),
            (SortBy::Queue | SortBy::Clock, _) => (deadline, age),
            (SortBy::Age, _) => (age, 0),
            (SortBy::Priority, _) => (u64::from(call.priority), deadline),
            (SortBy::Stage, _) => (stage_number(call.stage), deadline),
            (SortBy::District, _) => {
                words = call.district.to_lowercase().into();
                (u64::from(call.priority), age)
            }
            (SortBy::Kind, _) => {
                words = call.kind.to_lowercase().into();
                (u64::from(call.priority), age)
            }
        };
        let (first, second) = if self.reversed && self.which == Which::Board {
            (u64::MAX - first, u64::MAX - second)
        } else {
            (first, second)
        };
        Some(Place { section, words, first, second, call: call.call })
    }

    fn section(&self, call: &CallSummary) -> Option<Section> {
        match self.which {
            Which::Board => Some(match call.stage {
                Stage::Waiting => Section::Waiting,
                Stage::Closed => Section::Closed,
                _ => Section::Active,
            }),
            Which::Missed if call.stage == Stage::Closed => None,
            Which::Missed => match callback(call) {
                Some(clock) if clock.stopped_at.is_none() => Some(Section::Due),
                Some(_) => Some(Section::RungBack),
                None => call.flags.dropped.then_some(Section::Due),
            },
        }
    }

    fn shows(&self, call: &CallSummary) -> bool {
        let filter = &self.filter;
        if self.which == Which::Missed || *filter == Filter::default() {
            return true;
        }
        let same = |wanted: &Option<String>, word: &str| {
            wanted.as_ref().is_none_or(|wanted| {
                wanted.eq_ignore_ascii_case(word)
                    || !wanted.is_ascii() && wanted.to_lowercase() == word.to_lowercase()
            })
        };
        same(&filter.district, &call.district)
            && same(&filter.kind, &call.kind)
            && filter.priority.is_none_or(|wanted| wanted == call.priority)
            && filter.stage.is_none_or(|wanted| wanted == call.stage)
            && filter
                .unit
                .as_ref()
                .is_none_or(|wanted| call.units.iter().any(|it| it.unit == *wanted))
            && (!filter.mine || call.claim.as_ref().is_some_and(|claim| claim.who == self.me))
            && filter.words.iter().all(|word| mentions(call, word))
    }

    /// Sorts otherwise.
    pub fn sort_by<'a>(
        &mut self,
        sort: SortBy,
        reversed: bool,
        calls: impl Iterator<Item = &'a CallSummary>,
    ) {
        (self.sort, self.reversed) = (sort, reversed);
        self.rebuild(calls);
    }

    /// Shows others.
    pub fn filter_by<'a>(&mut self, filter: Filter, calls: impl Iterator<Item = &'a CallSummary>) {
        self.filter = filter;
        self.rebuild(calls);
    }

    /// What it is sorted by, and whether the other way round.
    #[must_use]
    pub const fn sort(&self) -> (SortBy, bool) {
        (self.sort, self.reversed)
    }

    /// What it shows.
    #[must_use]
    pub const fn filter(&self) -> &Filter {
        &self.filter
    }

    /// How many calls it shows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether it shows none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The call under the cursor.
    #[must_use]
    pub fn selected(&self) -> Option<u64> {
        self.cursor.or_else(|| self.order.first().map(|place| place.call))
    }

    /// Moves the cursor by so many calls, and says whether it moved.
    pub fn step(&mut self, by: isize) {
        let last = self.order.len().saturating_sub(1);
        let from = if self.cursor.is_some() { self.index } else { 0 };
        self.go_to(from.saturating_add_signed(by).min(last));
    }

    /// To the first call, and stays with whatever is first.
    pub fn first(&mut self) {
        (self.cursor, self.index, self.top) = (None, 0, 0);
    }

    /// To the last call.
    pub fn last(&mut self) {
        self.go_to(self.order.len().saturating_sub(1));
    }

    /// To the beginning of the next section (or of the one before), around the ends.
    pub fn section_step(&mut self, forward: bool) {
        let starts: Vec<usize> = self.sections().iter().map(|(_, start, _)| *start).collect();
        let here = starts.iter().rposition(|start| *start <= self.index).unwrap_or(0);
        let here = if self.cursor.is_none() { 0 } else { here };
        let count = starts.len();
        if count > 0 {
            let to = if forward { (here + 1) % count } else { (here + count - 1) % count };
            self.go_to(starts[to]);
        }
    }

    /// Puts the cursor on a call, if it is shown.
    pub fn select(&mut self, call: u64) {
        if let Some(index) = self.order.iter().position(|place| place.call == call) {
            self.go_to(index);
        }
    }

    fn go_to(&mut self, index: usize) {
        self.index = index;
        self.cursor = self.order.get(index).map(|place| place.call);
    }

    /// The sections that are not empty: where each starts in the order, and how many calls it has.
    fn sections(&self) -> Vec<(Section, usize, usize)> {
        let (mut found, mut start) = (Vec::new(), 0);
        while let Some(place) = self.order.get(start) {
            let section = place.section;
            let length = self.order[start..].partition_point(|place| place.section <= section);
            found.push((section, start, length));
            start += length;
        }
        found
    }

    /// Scrolls so that the cursor is within `height` lines.
    pub fn keep_in_view(&mut self, height: usize) {
        let sections = self.sections();
        let lines = self.order.len() + sections.len();
        let at = if self.cursor.is_some() { self.index } else { 0 };
        let headings = sections.iter().filter(|(_, start, _)| *start <= at).count();
        let line = at + headings;
        let first_of_section = sections.iter().any(|(_, start, _)| *start == at);
        // The heading of a section is shown with its first call.
        let upper = line - usize::from(first_of_section && line > 0).min(line);
        self.top = self.top.min(upper);
        if height > 0 && line >= self.top + height {
            self.top = line + 1 - height;
        }
        self.top = self.top.min(lines.saturating_sub(height));
    }

    /// The lines from the first shown on, `height` of them at most.
    #[must_use]
    pub fn lines(&self, height: usize) -> Vec<Line> {
        let sections = self.sections();
        let (mut lines, mut number) = (Vec::with_capacity(height), 0);
        for (section, start, length) in sections {
            let from = self.top.saturating_sub(number);
            if from == 0 && lines.len() < height {
                lines.push(Line::Heading(section, length));
            }
            let skip = from.saturating_sub(1).min(length);
            let shown = self.order[start + skip..start + length].iter();
            let room = height - lines.len();
            lines.extend(shown.take(room).map(|place| Line::Call(place.call)));
            number += length + 1;
        }
        lines
    }

    /// The ids in order; for tests and for the command line's completion.
    pub fn ids(&self) -> impl Iterator<Item = u64> {
        self.order.iter().map(|place| place.call)
    }

    /// How far down the first shown line is, and how many lines there are.
    #[must_use]
    pub fn scrolled(&self) -> (usize, usize) {
        (self.top, self.order.len() + self.sections().len())
    }
}

/// The clock that counts in this list: for missed calls the call-back's.
#[must_use]
pub fn urgent(which: Which, call: &CallSummary) -> Option<&ClockSummary> {
    match which {
        Which::Board => text::most_urgent(&call.clocks),
        Which::Missed => callback(call),
    }
}

fn callback(call: &CallSummary) -> Option<&ClockSummary> {
    // A name of the configuration: the shipped one, and whatever a room calls it that says so.
    call.clocks
        .iter()
        .find(|clock| clock.clock.contains("callback") || clock.clock.contains("call-back"))
}

const fn stage_number(stage: Stage) -> u64 {
    match stage {
        Stage::Waiting => 0,
        Stage::Dispatched => 1,
        Stage::Acknowledged => 2,
        Stage::EnRoute => 3,
        Stage::OnScene => 4,
        Stage::Closed => 5,
    }
}

/// Whether what the board shows of the call holds the word, in capitals or not.
fn mentions(call: &CallSummary, word: &str) -> bool {
    let number = word.starts_with(|c: char| c.is_ascii_digit());
    (number && call.call.to_string().starts_with(word))
        || holds(&call.kind, word)
        || holds(&call.district, word)
        || holds(&text::flags_short(call.flags), word)
        || holds(call.stage.as_str(), word)
        || call.claim.as_ref().is_some_and(|claim| holds(&claim.who, word))
        || call.units.iter().any(|unit| holds(&unit.unit, word))
        || call.disposition.as_deref().is_some_and(|it| holds(it, word))
}

/// With every letter typed each word is looked for in each call: plain letters are compared where they stand.
fn holds(text: &str, word: &str) -> bool {
    if word.is_empty() {
        return true;
    }
    if text.is_ascii() && word.is_ascii() {
        let mut places = text.as_bytes().windows(word.len());
        return places.any(|place| place.eq_ignore_ascii_case(word.as_bytes()));
    }
    text.to_lowercase().contains(&word.to_lowercase())
}
