//! How the link to the server is, since when, and what time it is there.
//!
//! The console shows spans against the room's time, never against its own clock: the server says its time with each
//! welcome and each health answer, and between them the machine's monotonic time carries it on. A drill's time runs
//! faster; how much is learned from two such stamps.

use crate::protocol::Welcome;

/// No answer for so long to a question about the server's health: it hangs, or the way to it is cut, ms.
const SILENT_MS: u64 = 12_000;
/// How often its health is asked for, ms. The connection's own heartbeats need up to 45 s to find a dead peer.
const HEALTH_EVERY_MS: u64 = 5_000;
/// Stamps nearer than this say nothing about a drill's rate, ms.
const RATE_SPAN_MS: u64 = 2_000;

/// The link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Not connected yet.
    Connecting,
    /// The server hears us.
    Up,
    /// It is connected and answers nothing.
    Silent,
    /// It is gone.
    Down {
        /// Attempts that failed.
        attempts: u32,
        /// Why.
        why: String,
    },
    /// It is gone for good.
    Ended {
        /// Why.
        why: String,
    },
}

/// The link and the room's time.
#[derive(Debug, Clone)]
pub struct Link {
    state: State,
    /// Monotonic ms of this console: when the state began, when the server was last heard.
    since: u64,
    heard: u64,
    asked_at: Option<u64>,
    next_health: u64,
    time: RoomTime,
    /// The whole server is a drill.
    pub drill: bool,
    /// One of the two logs has failed.
    pub degraded: bool,
    /// No log takes anything.
    pub spilling: bool,
    /// What is wrong there, in its words.
    pub problems: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
struct RoomTime {
    room: u64,
    own: u64,
    rate: f64,
}

impl RoomTime {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "spans of a session, far below 2^52 ms"
    )]
    fn at(&self, own: u64) -> u64 {
        self.room + (own.saturating_sub(self.own) as f64 * self.rate) as u64
    }
}

impl Default for Link {
    fn default() -> Self {
        Self {
            state: State::Connecting,
            since: 0,
            heard: 0,
            asked_at: None,
            next_health: 0,
            time: RoomTime { room: 0, own: 0, rate: 1.0 },
            drill: false,
            degraded: false,
            spilling: false,
            problems: Vec::new(),
        }
    }
}

impl Link {
    /// The server welcomed us.
    pub fn up(&mut self, welcome: &Welcome, own: u64) {
        self.turn(State::Up, own);
        self.heard = own;
        self.asked_at = None;
        self.next_health = own;
        self.drill = welcome.drill;
        self.degraded = welcome.degraded;
        self.spilling = welcome.spilling;
        self.time = RoomTime { room: welcome.now_at, own, rate: 1.0 };
    }

    /// It is gone.
    pub fn down(&mut self, attempts: u32, why: String, own: u64) {
        let since = self.since;
        let known = matches!(self.state, State::Down { .. } | State::Silent);
        self.turn(State::Down { attempts, why }, own);
        if known {
            self.since = since;
        }
    }

    /// It is gone for good.
    pub fn ended(&mut self, why: String, own: u64) {
        self.turn(State::Ended { why }, own);
    }

    fn turn(&mut self, state: State, own: u64) {
        self.state = state;
        self.since = own;
    }

    /// Whether `event` says that the room's disks take nothing any more, or do again.
    pub fn hears_of_disks(&mut self, event: &str) -> Option<bool> {
        self.spilling = match event {
            "spill_began" => true,
            "spill_merged" => false,
            _ => return None,
        };
        Some(self.spilling)
    }

    /// Something came from the server.
    pub fn hear(&mut self, own: u64) {
        self.heard = own;
        self.asked_at = None;
        if self.state == State::Silent {
            self.turn(State::Up, own);
        }
    }

    /// The server said what time it is there. Stamps of a server that is no drill only correct the offset.
    pub fn stamp(&mut self, room: u64, own: u64) {
        let (before, apart) = (self.time, own.saturating_sub(self.time.own));
        let mut rate = before.rate;
        if self.drill && apart >= RATE_SPAN_MS {
            #[expect(clippy::cast_precision_loss, reason = "spans of a session, far below 2^52 ms")]
            let measured = room.saturating_sub(before.room) as f64 / apart as f64;
            rate = measured.clamp(0.1, 10_000.0);
        }
        self.time = RoomTime { room, own, rate };
    }

    /// Whether its health is to be asked for now; counts as asked then.
    pub fn health_is_due(&mut self, own: u64) -> bool {
        let due = matches!(self.state, State::Up | State::Silent) && own >= self.next_health;
        if due {
            self.next_health = own + HEALTH_EVERY_MS;
            self.asked_at.get_or_insert(own);
        }
        due
    }

    /// Time passed: a server that answers nothing is silent.
    pub fn tick(&mut self, own: u64) {
        let unanswered = self.asked_at.is_some_and(|asked| own >= asked + SILENT_MS);
        if self.state == State::Up && unanswered {
            let heard = self.heard;
            self.turn(State::Silent, heard);
        }
    }

    /// The state.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Whether what the screen shows is what the room is now.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        matches!(self.state, State::Up)
    }

    /// For how long it has been so, ms of this console.
    #[must_use]
    pub const fn age(&self, own: u64) -> u64 {
        own.saturating_sub(self.since)
    }

    /// Room time, ms since 1970 UTC. While the server is lost it goes on by our own clock.
    #[must_use]
    pub fn room_time(&self, own: u64) -> u64 {
        self.time.at(own)
    }

    /// How the server is not there, in its own words; none when it is.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        match &self.state {
            State::Up => None,
            State::Connecting => Some("not connected yet"),
            State::Silent => Some("the server answers nothing"),
            State::Down { why, .. } | State::Ended { why } => Some(why),
        }
    }

    /// Why nothing can be asked now; none when it can.
    #[must_use]
    pub fn refuses(&self, own: u64) -> Option<String> {
        let age = super::text::span(self.age(own));
        match &self.state {
            State::Up => None,
            State::Connecting => Some("not connected yet".into()),
            State::Silent => Some(format!("the server has answered nothing for {age}")),
            State::Down { why, .. } => Some(format!("no link for {age} ({why})")),
            State::Ended { why } => Some(format!("the link has ended ({why}); start again")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn welcome(now_at: u64, drill: bool) -> Welcome {
        Welcome {
            version: 1,
            server: "test".into(),
            node: 1,
            seq: 0,
            now_at,
            heartbeat_ms: 15_000,
            drill,
            degraded: false,
            spilling: false,
            room: "room".into(),
            zone: "Asia/Karachi".into(),
            token: None,
            token_ends_at: None,
            deflate: false,
        }
    }

    #[test]
    fn room_time_goes_on_from_the_welcome_and_is_put_right_by_stamps() {
        let mut link = Link::default();
        link.up(&welcome(1_000_000, false), 50);
        assert_eq!(link.room_time(1_050), 1_001_000);
        link.stamp(1_010_500, 10_050);
        assert_eq!(link.room_time(11_050), 1_011_500, "a stamp of a real room changes no rate");
    }

    #[test]
    fn a_drills_time_runs_as_fast_as_its_stamps_say() {
        let mut link = Link::default();
        link.up(&welcome(0, true), 0);
        link.stamp(600_000, 10_000);
        assert_eq!(link.room_time(11_000), 660_000);
    }

    #[test]
    fn a_server_that_answers_nothing_is_silent_and_an_answer_brings_it_back() {
        let mut link = Link::default();
        link.up(&welcome(0, false), 0);
        assert!(link.health_is_due(0));
        link.tick(SILENT_MS - 1);
        assert!(link.is_up());
        link.tick(SILENT_MS);
        assert_eq!(link.state(), &State::Silent);
        assert_eq!(link.age(SILENT_MS), SILENT_MS, "counted from when it was last heard");
        link.hear(SILENT_MS + 5);
        assert!(link.is_up());
    }

    #[test]
    fn the_age_of_a_lost_link_counts_from_its_loss_over_every_attempt() {
        let mut link = Link::default();
        link.up(&welcome(0, false), 0);
        link.down(0, "cut".into(), 1_000);
        link.down(3, "refused".into(), 9_000);
        assert_eq!(link.age(10_000), 9_000);
        assert!(link.refuses(10_000).unwrap().contains("refused"));
    }
}
