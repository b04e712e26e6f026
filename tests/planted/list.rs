//! The bugs: a name, and what they change in which source.

/// A bug to be planted.
pub struct Bug {
    pub name: &'static str,
    /// File, the text that stands there once, and what is put in its place.
    pub changes: &'static [(&'static str, &'static str, &'static str)],
}

const ROOM: &str = "src/service/room.rs";
const WRITER: &str = "src/service/writer.rs";
const ENGINE: &str = "src/engine/mod.rs";
const APPLY: &str = "src/engine/state/apply.rs";
const TIMERS: &str = "src/engine/timers.rs";
const PRESS: &str = "src/engine/decide/press.rs";
const WORK: &str = "src/notify/outbox/work.rs";

/// Everything that is planted.
pub const BUGS: &[Bug] = &[
    Bug {
        name: "answers go out before the commit",
        changes: &[(
            ROOM,
            "        if let Err(error) = self.commit() {",
            "        for order in pending.drain(..) {
            (order.answer)(Ok(order.decided), Some(self.engine.state()));
        }
        if let Err(error) = self.commit() {",
        )],
    },
    Bug {
        name: "pushes go out before the commit",
        changes: &[(
            ROOM,
            "        self.sign_the_day_that_ended();",
            "        self.feed.committed(self.engine.state(), &self.events);
        self.sign_the_day_that_ended();",
        )],
    },
    Bug {
        name: "what a failed commit held is answered as done",
        changes: &[(
            ROOM,
            "                (order.answer)(Err(failed.clone()), None);",
            "                (order.answer)(Ok(order.decided), Some(self.engine.state()));",
        )],
    },
    Bug {
        name: "a commit that failed counts as done",
        changes: &[(
            WRITER,
            "        match self.journal.append(self.tail.epoch, expected, frames)? {",
            "        let done = self.journal.append(self.tail.epoch, expected, frames);
        let end = frames.last().map_or(self.tail, Frame::tail);
        match done.unwrap_or(Appended::Durable(end)) {",
        )],
    },
    Bug {
        name: "another writer of the log is not noticed",
        changes: &[(
            WRITER,
            "            Appended::Conflict { tail } => Err(CommitError::Conflict { expected, found: tail.seq }),",
            "            Appended::Conflict { .. } => {
                self.tail = frames.last().map_or(self.tail, Frame::tail);
                Ok(Kept::Durable)
            }",
        )],
    },
    Bug {
        name: "timers are not armed again after a start",
        changes: &[(
            TIMERS,
            "        for call in state.calls() {
            timers.arm(state, Watch::Call(call.id));
        }
",
            "",
        )],
    },
    Bug {
        name: "what fell due while the server was down is not told",
        changes: &[(
            TIMERS,
            "            timers.arm(state, Watch::Call(call.id));
        }
        for timer",
            "            let watch = Watch::Call(call.id);
            if timers.due_of(state, watch).is_none_or(|at| at >= now) {
                timers.arm(state, watch);
            }
        }
        for timer",
        )],
    },
    Bug {
        name: "after an outage the least urgent comes first",
        changes: &[(TIMERS, "self.overdue.pop_first()?", "self.overdue.pop_last()?")],
    },
    Bug {
        name: "a deadline is a millisecond off",
        changes: &[(
            TIMERS,
            "        Some((at, Step::Clock {",
            "        Some((at.plus(1), Step::Clock {",
        )],
    },
    Bug {
        name: "a call that waits does not rise",
        changes: &[(
            TIMERS,
            "clocks.chain(aging.flatten())",
            "clocks.chain(aging.flatten().filter(|_| false))",
        )],
    },
    Bug {
        name: "a unit that went silent keeps its calls",
        changes: &[(
            TIMERS,
            "                Link::Lost { at } => Some(at.plus(state.rules()?.unit_silent_ms)),",
            "                Link::Lost { .. } => None,",
        )],
    },
    Bug {
        name: "a closed call still escalates",
        changes: &[
            (
                TIMERS,
                "    if call.closed.is_some() {
        return None;
    }
",
                "",
            ),
            (
                APPLY,
                "        for run in &mut call.clocks {
            run.stop(closing.at);
        }
",
                "",
            ),
        ],
    },
    Bug {
        name: "an escalation is told twice",
        changes: &[(
            ENGINE,
            "                        if call.is_canary() {",
            "                        events.push(events[0].clone());
                        if call.is_canary() {",
        )],
    },
    Bug {
        name: "the ladder falls silent at its top",
        changes: &[(
            "src/domain/clock.rs",
            "            Some((self.rung_at, Point::Repeat(self.repeats + 1)))",
            "            None",
        )],
    },
    Bug {
        name: "a wall clock that is set moves deadlines",
        changes: &[(
            APPLY,
            "            Event::ClockStepped { .. }
            | Event::WorkShed { .. }",
            "            Event::ClockStepped { by_ms } => {
                for run in self.calls.values_mut().flat_map(|call| &mut call.clocks) {
                    run.rung_at = UtcMs(run.rung_at.0.saturating_add_signed(*by_ms));
                }
            }
            Event::WorkShed { .. }",
        )],
    },
    Bug {
        name: "timers of an older generation go on after reopening",
        changes: &[(
            APPLY,
            "        call.clocks.clear();
        start_clocks(call, &self.books[book], at);",
            "        for run in &mut call.clocks {
            run.stopped_at = None;
        }",
        )],
    },
    Bug {
        name: "a withdrawn acknowledgement leaves the clock stopped",
        changes: &[(APPLY, "                run.resume(at, rules.withdrawn_left_ms_min);", "")],
    },
    Bug {
        name: "a claim stops the clock",
        changes: &[(
            APPLY,
            "                call.claim = Some(Claim { who: by.who.clone(), since: at, stale: false });",
            "                call.claim = Some(Claim { who: by.who.clone(), since: at, stale: false });
                for run in &mut call.clocks {
                    run.stop(at);
                }",
        )],
    },
    Bug {
        name: "a duplicate is thrown away",
        changes: &[(
            APPLY,
            "            Event::CallLinked { primary, .. } => call.primary = Some(*primary),",
            "            Event::CallLinked { .. } => {
                let id = call.id;
                let call = self.calls.remove(&id)?;
                self.queue.remove(&call);
            }",
        )],
    },
    Bug {
        name: "the queue forgets priorities",
        changes: &[(
            "src/engine/queue.rs",
            "        (call.priority(), call.received_at, call.id)",
            "        (Priority::MOST_URGENT, call.received_at, call.id)",
        )],
    },
    Bug {
        name: "keys are forgotten after a minute and a half",
        changes: &[(APPLY, "ago(rules.key_kept_ms)", "ago(rules.key_kept_ms / 1_000)")],
    },
    Bug {
        name: "a snapshot that lost the keys is believed",
        changes: &[
            (
                "src/journal/replay.rs",
                "    if stamp != Some(manifest.digest) {",
                "    if false {",
            ),
            (
                "src/engine/state/load.rs",
                "        let mut state = rest?;",
                "        let mut state = rest?;
        state.keys = crate::engine::Keys::default();",
            ),
        ],
    },
    Bug {
        name: "a notice caught by a crash is not sent again",
        changes: &[(
            WORK,
            "                if posted.contains_key(&notice.id) {",
            "                if posted.contains_key(&notice.id) || state.at.since(notice.intended_at) > 2_000 {",
        )],
    },
    Bug {
        name: "a notice that is tried again gets another number",
        changes: &[(
            WORK,
            "            notice: self.notice,",
            "            notice: self.notice + 1_000_000 * u64::from(self.attempts),",
        )],
    },
    Bug {
        name: "nobody is decided for the second rung",
        changes: &[(
            WORK,
            "            if !telling.planned {",
            "            if !telling.planned && telling.rung != 1 {",
        )],
    },
    Bug {
        name: "who she is stands in a push to the room",
        changes: &[(
            "src/net/feed.rs",
            "        assignment: None,",
            "        assignment: call
            .and_then(|call| convert::assignment(call, &call.units.first()?.unit))
            .map(Box::new),",
        )],
    },
    Bug {
        name: "a unit is told of a call it is not on",
        changes: &[
            (
                "src/net/feed.rs",
                "    let own = event.unit() == Some(callsign);",
                "    let own = event.unit().is_some();",
            ),
            (
                "src/net/feed.rs",
                "        assignment: shown.and_then(|call| convert::assignment(call, callsign)).map(Box::new),",
                "        assignment: shown
            .and_then(|call| convert::assignment(call, &call.units.first()?.unit))
            .map(Box::new),",
            ),
        ],
    },
    Bug {
        name: "a call is refused while many wait",
        changes: &[(
            "src/engine/decide.rs",
            "        Command::PlaceCall { received_at, call } => Ok(place(state, now, *received_at, call, by)),",
            "        Command::PlaceCall { received_at, call } => {
            if state.queue().len() > 8 {
                return Err(Rejection::NotAllowed(\"so many calls\"));
            }
            Ok(place(state, now, *received_at, call, by))
        }",
        )],
    },
    Bug {
        name: "her number stands in a line of the server's log",
        changes: &[(
            "src/net/convert.rs",
            "            name: text(&placed.name),",
            "            name: {
                tracing::trace!(\"a call by {:?}\", placed.name);
                text(&placed.name)
            },",
        )],
    },
    Bug {
        name: "safety timers are not armed again after a start",
        changes: &[(
            TIMERS,
            "        for timer in state.timers() {
            timers.arm(state, Watch::Call(timer.call));
        }
",
            "",
        )],
    },
    Bug {
        name: "who says that she is safe is not heard",
        changes: &[(
            PRESS,
            "            Ok(Decision::of(Event::SafetyTimerStopped { call: timer.call, joined: None }))",
            "            Ok(Decision { events: Vec::new(), ..Decision::of(Event::SafetyTimerStopped { call: timer.call, joined: None }) })",
        )],
    },
    Bug {
        name: "the other PIN stops a safety timer as hers does",
        changes: &[(
            PRESS,
            "        _ if forced => Ok(",
            "        Pressed::Timer(timer) if forced => {
            Ok(Decision::of(Event::SafetyTimerStopped { call: timer.call, joined: None }))
        }
        _ if forced => Ok(",
        )],
    },
    Bug {
        name: "trails are kept a day longer than the rules say",
        changes: &[(
            "src/engine/state.rs",
            "UtcMs::of_day(day + 1).plus(kept_ms)",
            "UtcMs::of_day(day + 2).plus(kept_ms)",
        )],
    },
];
