//! What the patrol does about what it hears: the link, answers, and what the room tells it.

use super::news::PatrolNews;
use super::outbox::Entry;
use super::patrol::{Duty, Patrol};
use super::saying::Saying;
use crate::client::{ClientError, Link, Update};
use crate::protocol::{Code, Key, Reply, ReplyBody, UnitStatus, Welcome};

/// The pause after a room that has no time, ms.
const BUSY_PAUSE_MS: u64 = 2_000;

impl Patrol {
    pub(super) fn link_changed(&mut self) {
        let link = self.link.borrow_and_update().clone();
        match link {
            Link::Up(welcome) => self.came_up(welcome),
            Link::Down { why, .. } => {
                self.up = false;
                // Old news by the time the link is back.
                (self.moving, self.reading) = (None, None);
                if !std::mem::replace(&mut self.down_told, true) {
                    self.news.push_back(PatrolNews::Down { why });
                }
            }
            Link::Ended { why } => self.end(why),
        }
    }

    pub(super) fn end(&mut self, why: String) {
        (self.up, self.ended) = (false, true);
        self.news.push_back(PatrolNews::Ended { why });
    }

    pub(super) fn came_up(&mut self, welcome: Welcome) {
        let (was_up, was_at) = (std::mem::replace(&mut self.up, true), self.node);
        self.down_told = false;
        self.set_clock(welcome.now_at);
        self.node = Some(welcome.node);
        let other = was_at.is_some_and(|node| node != welcome.node);
        let put_back = matches!(self.duty, Duty::On(seq) if welcome.seq < seq);
        if other {
            self.told.another_log();
            self.positions.forget_sent();
        }
        if (other || put_back) && matches!(self.duty, Duty::On(_)) {
            self.duty = Duty::Wanted;
        }
        let node = welcome.node;
        if !was_up || other {
            self.news.push_back(PatrolNews::Up(Box::new(welcome)));
        }
        let of_another = |entry: &Entry| {
            !entry.saying.is_for_any_log() && entry.node.is_some_and(|meant| meant != node)
        };
        if self.outbox.iter().any(of_another) {
            let gone = self.outbox.set_aside("said to another log", of_another);
            self.forget(&gone);
            self.news.extend(gone.into_iter().map(PatrolNews::OtherLog));
        }
        if other {
            // Bound to the old log, and answered so.
            self.signing = None;
            self.rest_until = 0;
        }
    }

    pub(super) fn set_clock(&mut self, room_at: u64) {
        let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        let ahead_ms = signed(room_at).saturating_sub(signed((self.clock)()));
        if self.ahead_ms.replace(ahead_ms).is_none() {
            let fresh = self.outbox.iter().filter(|entry| !self.before.contains(&entry.key));
            let fresh = fresh.count();
            self.outbox.clock_was_wrong(fresh, ahead_ms);
        }
    }

    pub(super) fn signed_on(&mut self, answer: Result<Reply, ClientError>) {
        match answer {
            Ok(reply) => {
                self.duty = Duty::On(reply.seq.unwrap_or(0));
                self.news.push_back(PatrolNews::SignedOn);
            }
            Err(ClientError::Rejected(no)) if is_passing(&no.code) => self.rest(),
            Err(ClientError::Rejected(no)) => {
                self.duty = Duty::Off;
                let (code, text) = (no.code, no.text);
                self.news.push_back(PatrolNews::NotSignedOn { code, text });
            }
            // Another log, or no client any more: the link says which.
            Err(_) => self.rest(),
        }
    }

    pub(super) fn rest(&mut self) {
        self.rest_until = self.now() + BUSY_PAUSE_MS;
    }

    pub(super) fn answered(&mut self, key: Key, answer: Result<Reply, ClientError>) {
        let no = match answer {
            Ok(reply) => return self.sent(key, &reply),
            Err(ClientError::Rejected(no)) => no,
            // The link says what became of it; it stays in the outbox.
            Err(ClientError::OtherLog { .. } | ClientError::Closed { .. }) => {
                // Not before the link has said which log there is now.
                return self.rest();
            }
            Err(other) => {
                let text = other.to_string();
                return self.rejected(key, Code::TooLarge, text);
            }
        };
        let alarm =
            self.outbox.iter().any(|entry| entry.key == key && entry.saying.is_for_any_log());
        if is_passing(&no.code) {
            self.rest();
        } else if alarm && no.code == Code::UnknownUnit && self.duty != Duty::Off {
            // An alarm overtakes the sign-on as well; where the room does not know the unit yet, it comes right after.
            self.duty = Duty::Wanted;
            self.before.clear();
            self.rest();
        } else {
            self.rejected(key, no.code, no.text);
        }
    }

    pub(super) fn sent(&mut self, key: Key, reply: &Reply) {
        let Some(entry) = self.outbox.done(key) else { return };
        let off = entry.saying == Saying::SignOff;
        let placed = match &reply.body {
            ReplyBody::CallPlaced(placed) => Some(placed.call),
            _ => None,
        };
        let left = self.before.remove(&key);
        self.news.push_back(PatrolNews::Sent { entry, repeated: reply.repeated, placed });
        // A sign-off from before this program's own sign-on ends the duty of before.
        if off && !(left && self.duty == Duty::Wanted) {
            self.signed_off(false);
        }
    }

    pub(super) fn rejected(&mut self, key: Key, code: Code, text: String) {
        let Some(entry) = self.outbox.done(key) else { return };
        self.before.remove(&key);
        // The room was faster: it has no such unit any more.
        let off = entry.saying == Saying::SignOff && code == Code::UnknownUnit;
        self.news.push_back(PatrolNews::Rejected { entry, code, text });
        if off {
            self.signed_off(false);
        }
    }

    pub(super) fn signed_off(&mut self, by_room: bool) {
        if matches!(self.duty, Duty::On(_)) {
            self.duty = Duty::Off;
            self.told.keep_only(&[]);
            self.tell();
            self.news.push_back(PatrolNews::SignedOff { by_room });
        }
    }

    pub(super) fn updated(&mut self, update: Update) {
        let leaving = self.sending.as_ref().is_some_and(|(key, _)| {
            self.outbox.iter().any(|entry| entry.key == *key && entry.saying == Saying::SignOff)
        });
        let (unit, off) = match &update {
            Update::Snapshot(page) => {
                let unit = page.units.first();
                let gone = unit.is_none_or(|unit| unit.status == UnitStatus::SignedOff);
                // A page from before we signed on says nothing.
                let off = page.part == 1 && matches!(self.duty, Duty::On(seq) if page.seq >= seq);
                (unit, off && gone)
            }
            Update::Push(push) => {
                let after = matches!(self.duty, Duty::On(seq) if push.seq > seq);
                (push.unit.as_deref(), after && push.event == "unit_signed_off")
            }
        };
        if let Some(status) = unit.map(|unit| unit.status)
            && self.status.replace(status) != Some(status)
        {
            self.news.push_back(PatrolNews::Status(status));
        }
        if off && !leaving {
            return self.signed_off(true);
        }
        self.told.apply(update);
        if self.duty == Duty::Off {
            // A logged-out unit gets nothing.
            self.told.keep_only(&[]);
            self.told.news.clear();
        }
        self.tell();
    }

    pub(super) fn tell(&mut self) {
        self.news.extend(self.told.news.drain(..).map(PatrolNews::Told));
    }
}

/// Whether the same may be taken a moment later.
const fn is_passing(code: &Code) -> bool {
    matches!(code, Code::Busy | Code::JournalFailed | Code::ShuttingDown)
}
