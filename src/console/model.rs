//! All that the console knows: the room as the server shows it, and where the operator is in it. Pure data; what
//! happens to it is in `update`, how it looks in `view`.

use super::bell::Bell;
use super::command_line::{CommandLine, Context, Pane};
use super::draft::Draft;
use super::form::Form;
use super::keys::{Keys, Stroke};
use super::link::Link;
use super::list::{CallList, Which};
use super::new_call::{NewCall, Words};
use super::room::Room;
use super::theme::Theme;
use super::watch::Watch;
use crate::protocol::{
    CallDetails, CallSummary, Earlier, HealthStatus, Key, Recommendation, Role, Room as RoomWords,
    TimelineLine,
};
use jiff::tz::TimeZone;

/// What the tabs count, as of the last tick.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it; `late` of them have missed a limit")]
pub struct Counts {
    pub waiting: usize,
    pub late: usize,
    pub due: usize,
    pub due_late: usize,
    pub units: usize,
    pub free: usize,
    pub escalations: usize,
}

/// The smallest terminal it is drawn in.
pub const SIZE_MIN: (u16, u16) = (80, 24);

/// The console.
#[derive(Debug)]
pub struct Model {
    /// The operator's name and role.
    pub me: String,
    /// What this session may ask.
    pub role: Role,
    /// The keys in force.
    pub keys: Keys,
    /// What things look like.
    pub theme: Theme,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// Monotonic ms of this console, as of the last message.
    pub own: u64,
    /// The link, and the room's time.
    pub link: Link,
    /// The room's zone.
    pub zone: TimeZone,
    /// The room's words, once asked.
    pub words: RoomWords,
    /// The room as the server shows it.
    pub room: Room,
    /// Every call, in order.
    pub board: CallList,
    /// The missed calls, in order.
    pub missed: CallList,
    /// What the tabs count.
    pub counts: Counts,
    /// The pane that has the keys.
    pub pane: Pane,
    /// The call that is open.
    pub open: Option<OpenCall>,
    /// Where the cursor is in the panes of units and escalations.
    pub unit: Cursor<String>,
    /// The same.
    pub escalation: Cursor<u64>,
    /// What lies over the pane and has the keys.
    pub over: Option<Over>,
    /// A new call being taken. Kept while something else is looked at.
    pub new_call: Option<NewCall>,
    /// Further unfinished calls, of consoles that are gone.
    pub drafts: Vec<Draft>,
    /// The `:` and `/` line.
    pub line: CommandLine,
    /// What the board showed before something was typed after `/`.
    pub filter_before: Option<super::command_line::Filter>,
    /// The bell.
    pub bell: Bell,
    /// What was said last.
    pub said: Option<Said>,
    /// The first stroke of two.
    pub strokes: Vec<Stroke>,
    /// Commands sent and not answered.
    pub asked: u32,
    /// How the server is, as it said last.
    pub health: Option<HealthStatus>,
    /// When `quit` was pressed once.
    pub quitting: Option<u64>,
    /// The next key nothing was asked under; its absence only delays.
    pub fresh_key: Option<Key>,
    /// Numbers the forms, so that an answer finds its own.
    pub forms: u64,
    /// It is a supervisor's watch: what is on the screen is said to be seen.
    pub watch: Option<Watch>,
}

/// What lies over the pane.
#[derive(Debug)]
pub enum Over {
    /// Help, scrolled by so many lines.
    Help(u16),
    /// A form, and what it is for.
    Form(Box<OpenForm>),
    /// A choice of one unit out of a ranking, or of one thing out of a few.
    Pick(Pick),
    /// The new call's form has the keys.
    NewCall,
}

/// A form being filled in.
#[derive(Debug)]
pub struct OpenForm {
    /// Its number.
    pub number: u64,
    /// The fields.
    pub form: Form,
    /// What it asks when it is sent.
    pub asks: super::actions::Asks,
    /// It was sent and is not answered.
    pub sent: bool,
}

/// A short list to choose from by one key.
#[derive(Debug)]
pub struct Pick {
    /// What is chosen.
    pub title: String,
    /// The words, and what is said beside each.
    pub choices: Vec<(String, String)>,
    /// The one under the cursor.
    pub at: usize,
    /// What is done with it.
    pub then: super::actions::Picked,
}

/// The call that is open.
#[derive(Debug)]
pub struct OpenCall {
    /// Its id.
    pub call: u64,
    /// The sealed part, once it came.
    pub details: Option<Box<CallDetails>>,
    /// Why there is none.
    pub failed: Option<String>,
    /// What happened since it was read, from the pushes.
    pub since: Vec<TimelineLine>,
    /// Whom to send, once asked.
    pub recommended: Option<Vec<Recommendation>>,
    /// Earlier calls, once asked.
    pub earlier: Option<Earlier>,
    /// When the claim's next beat is due, console ms.
    pub beat_at: u64,
    /// Lines scrolled in the facts and in the story.
    pub scroll: [u16; 2],
    /// Up and down scroll the story.
    pub story: bool,
    /// The details have to be read again (a note was added), console ms.
    pub reread_at: Option<u64>,
}

impl OpenCall {
    /// Just opened.
    #[must_use]
    pub const fn new(call: u64, own: u64) -> Self {
        Self {
            call,
            details: None,
            failed: None,
            since: Vec::new(),
            recommended: None,
            earlier: None,
            beat_at: own,
            scroll: [0, 0],
            story: true,
            reread_at: None,
        }
    }
}

/// A cursor on a thing of its own name.
#[derive(Debug, Clone)]
pub struct Cursor<T> {
    /// What it is on; none: the first.
    pub on: Option<T>,
    /// First line shown.
    pub top: usize,
}

impl<T> Default for Cursor<T> {
    fn default() -> Self {
        Self { on: None, top: 0 }
    }
}

impl<T: PartialEq + Clone> Cursor<T> {
    /// Where it is among `all`.
    #[must_use]
    pub fn index(&self, all: &[T]) -> usize {
        let on = self.on.as_ref();
        on.and_then(|on| all.iter().position(|it| it == on)).unwrap_or(0)
    }

    /// Moves it.
    pub fn step(&mut self, all: &[T], by: isize) {
        let last = all.len().saturating_sub(1);
        let to = self.index(all).saturating_add_signed(by).min(last);
        self.on = all.get(to).cloned();
    }

    /// Scrolls so that it is within `height` lines.
    pub fn keep_in_view(&mut self, all: &[T], height: usize) {
        let at = self.index(all);
        self.top = self.top.min(at);
        if height > 0 && at >= self.top + height {
            self.top = at + 1 - height;
        }
        self.top = self.top.min(all.len().saturating_sub(height));
    }
}

/// A line for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The words.
    pub text: String,
    /// It was refused or failed.
    pub bad: bool,
    /// When, console ms.
    pub at: u64,
}

impl Model {
    /// A console of an operator, before anything came from the server.
    #[must_use]
    pub fn new(me: impl Into<String>, role: Role, keys: Keys, theme: Theme) -> Self {
        let me = me.into();
        Self {
            board: CallList::new(Which::Board, me.clone()),
            missed: CallList::new(Which::Missed, me.clone()),
            me,
            role,
            keys,
            theme,
            size: SIZE_MIN,
            own: 0,
            link: Link::default(),
            zone: TimeZone::UTC,
            words: RoomWords {
                name: String::new(),
                zone: String::new(),
                kinds: Vec::new(),
                districts: Vec::new(),
                dispositions: Vec::new(),
                clocks: Vec::new(),
                ladders: Vec::new(),
            },
            room: Room::default(),
            counts: Counts::default(),
            pane: Pane::Board,
            open: None,
            unit: Cursor::default(),
            escalation: Cursor::default(),
            over: None,
            new_call: None,
            drafts: Vec::new(),
            line: CommandLine::new(),
            filter_before: None,
            bell: Bell::default(),
            said: None,
            strokes: Vec::new(),
            asked: 0,
            health: None,
            quitting: None,
            fresh_key: None,
            forms: 0,
            watch: None,
        }
    }

    /// The same as a supervisor's watch: on the escalations, and what stands there is seen.
    #[must_use]
    pub fn watching(self) -> Self {
        Self { pane: Pane::Escalations, watch: Some(Watch::default()), ..self }
    }

    /// Room time, ms since 1970 UTC.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.link.room_time(self.own)
    }

    /// The call that keys are about: the open one in its pane, else the one under the cursor.
    #[must_use]
    pub fn call_at_hand(&self) -> Option<u64> {
        match self.pane {
            Pane::Call => self.open.as_ref().map(|open| open.call),
            Pane::Board => self.board.selected(),
            Pane::Missed => self.missed.selected(),
            Pane::Escalations => self.escalation_at_hand().map(|it| it.call),
            Pane::Units => self.unit_at_hand().and_then(|unit| unit.calls.first().copied()),
            Pane::Report | Pane::Health => None,
        }
    }

    /// The summary of the open call, as the room has it now.
    #[must_use]
    pub fn open_summary(&self) -> Option<&CallSummary> {
        let open = self.open.as_ref()?;
        let known = self.room.call(open.call);
        known.or_else(|| open.details.as_ref().map(|details| &*details.summary))
    }

    /// Ids of the escalations, in the order of their pane: what waits for somebody first, the highest rung and of it the
    /// longest untaken on top; then the others, latest first.
    #[must_use]
    pub fn escalation_ids(&self) -> Vec<u64> {
        use std::cmp::Reverse;
        let all = self.room.escalations();
        let (mut waiting, others): (Vec<_>, Vec<_>) = all.partition(|it| self.escalation_waits(it));
        waiting.sort_by_key(|it| (Reverse(it.rung), it.told_at, it.escalation));
        waiting.into_iter().chain(others).map(|it| it.escalation).collect()
    }

    /// Nobody took it, and its clock still runs.
    #[must_use]
    pub fn escalation_waits(&self, escalation: &crate::protocol::Escalation) -> bool {
        let running = self.room.call(escalation.call).is_none_or(|call| {
            call.generation == escalation.generation
                && call.clocks.iter().any(|clock| {
                    clock.clock == escalation.clock
                        && clock.unit == escalation.unit
                        && clock.stopped_at.is_none()
                })
        });
        escalation.taken_at.is_none() && running
    }

    /// The escalation under the cursor.
    #[must_use]
    pub fn escalation_at_hand(&self) -> Option<&crate::protocol::Escalation> {
        let ids = self.escalation_ids();
        let id = *ids.get(self.escalation.index(&ids))?;
        self.room.escalations().find(|it| it.escalation == id)
    }

    /// Callsigns, in the order of their pane: in danger, on a call, free, out of service; then by callsign.
    #[must_use]
    pub fn callsigns(&self) -> Vec<String> {
        use crate::protocol::UnitStatus;
        let mut units: Vec<_> = self.room.units().collect();
        units.sort_by_key(|unit| match unit.status {
            _ if unit.panic.is_some() => 0,
            UnitStatus::Available | UnitStatus::Clear => 2,
            UnitStatus::OutOfService | UnitStatus::SignedOff => 3,
            _ => 1,
        });
        units.into_iter().map(|unit| unit.unit.clone()).collect()
    }

    /// The unit under the cursor.
    #[must_use]
    pub fn unit_at_hand(&self) -> Option<&crate::protocol::UnitSummary> {
        let all = self.callsigns();
        self.room.unit(all.get(self.unit.index(&all))?)
    }

    /// Counts for the tabs. Walks every call, so it is done once a second and not with every push.
    #[must_use]
    pub fn count(&self) -> Counts {
        use crate::protocol::{Stage, UnitStatus};
        let now = self.now();
        let mut counts = Counts::default();
        for call in self.room.calls().filter(|call| call.stage != Stage::Closed) {
            let urgent = super::list::urgent(Which::Board, call);
            let late = urgent.is_some_and(|clock| clock.limit_at < now);
            counts.late += usize::from(late);
            counts.waiting += usize::from(call.stage == Stage::Waiting);
            let due = super::list::urgent(Which::Missed, call).filter(|it| it.stopped_at.is_none());
            counts.due += usize::from(due.is_some());
            counts.due_late += usize::from(due.is_some_and(|clock| clock.limit_at < now));
        }
        for unit in self.room.units() {
            counts.units += 1;
            let free = matches!(unit.status, UnitStatus::Available | UnitStatus::Clear);
            counts.free += usize::from(free);
        }
        counts.escalations = self.room.escalations().filter(|it| self.escalation_waits(it)).count();
        counts
    }

    /// What the command line may name.
    #[must_use]
    pub fn context(&self) -> Context {
        let names = |of: &mut dyn Iterator<Item = &String>| of.cloned().collect::<Vec<_>>();
        Context {
            call: self.call_at_hand(),
            calls: self.board.ids().collect(),
            units: self.room.units().map(|unit| unit.unit.clone()).collect(),
            dispositions: names(&mut self.words.dispositions.iter().map(|it| &it.name)),
            districts: names(&mut self.words.districts.iter().map(|it| &it.name)),
            kinds: names(&mut self.words.kinds.iter().map(|it| &it.name)),
            clocks: names(&mut self.words.clocks.iter().map(|it| &it.name)),
        }
    }

    /// The words that the new call's form offers.
    #[must_use]
    pub fn form_words(&self) -> Words {
        let kinds = self.words.kinds.iter();
        let districts = self.words.districts.iter();
        Words {
            kinds: kinds.map(|kind| (kind.name.clone(), kind.priority)).collect(),
            districts: districts.map(|it| (it.name.clone(), it.tehsils.clone())).collect(),
        }
    }

    /// The office of a clock's rung, as the room's ladder names it.
    #[must_use]
    pub fn office(&self, clock: &str, rung: u32) -> Option<&str> {
        let rule = self.words.clocks.iter().find(|rule| rule.name == clock)?;
        let ladder = self.words.ladders.iter().find(|ladder| ladder.name == rule.ladder)?;
        let index = usize::try_from(rung).ok()?.checked_sub(1)?;
        ladder.rungs.get(index).map(String::as_str)
    }

    /// How long a clock's limit is, and from when on it warns, ms.
    #[must_use]
    pub fn limit(&self, clock: &crate::protocol::ClockSummary, call: &CallSummary) -> (u64, u64) {
        let rule = self.words.clocks.iter().find(|rule| rule.name == clock.clock);
        let whole = clock.limit_at.saturating_sub(call.received_at).max(1);
        let limit = rule.map_or(whole, |rule| rule.limit_ms.max(1));
        let warn = rule.and_then(|rule| rule.warn_ms.first().copied());
        (limit, warn.unwrap_or(limit / 3 * 2))
    }

    /// What is in front of everything: units in danger whose call is not claimed by anybody, then the others.
    #[must_use]
    pub fn panics(&self) -> Vec<(&str, u64)> {
        self.room.panics().map(|(unit, call)| (&*unit.unit, call)).collect()
    }

    /// The calls whose telephone line rings, the one that has waited longest first.
    #[must_use]
    pub fn ringing(&self) -> Vec<&CallSummary> {
        let mut ringing: Vec<_> = self.room.calls().filter(|call| call.ringing).collect();
        ringing.sort_by_key(|call| (call.received_at, call.call));
        ringing
    }
}
