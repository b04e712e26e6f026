//! The ways to people, simulated: what the outbox posts goes out after a while, or fails.

use crate::dice::Dice;
use crate::plan::Fault;
use crate::seen::{HERS, Notice, Seen};
use fifteen::domain::UtcMs;
use fifteen::net::WireFeed;
use fifteen::notify::{Clerk, Letter, Matter, Outcome, Post, Sent, Unsent};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::sleep;

/// The senders of one server; they die with it.
pub struct SimPost {
    pub clerk: Arc<Clerk<WireFeed>>,
    pub alive: Arc<AtomicBool>,
    pub seen: Seen,
    pub failing: Arc<AtomicBool>,
    pub dice: Mutex<Dice>,
    pub forgotten: Arc<Mutex<BTreeSet<u64>>>,
}

impl SimPost {
    pub fn fails(faults: &BTreeSet<Fault>) -> Arc<AtomicBool> {
        Arc::new(AtomicBool::new(faults.contains(&Fault::Channels)))
    }
}

impl Post for SimPost {
    fn post(&self, letter: Letter, channel: &str, attempts: u32, _: UtcMs) -> Result<(), Unsent> {
        let mut dice = {
            let mut dice = self.dice.lock().unwrap();
            Dice::of(dice.number(), "letter")
        };
        if format!("{letter:?}").contains(HERS) {
            self.seen.wrong("a notice says who she is");
        }
        let Matter::Escalation(matter) = &letter.matter else {
            return Ok(());
        };
        let notice = Notice {
            escalation: matter.escalation,
            person: letter.person.to_string(),
            channel: channel.to_owned(),
        };
        let (number, channel) = (letter.notice, channel.to_owned());
        let (clerk, alive, seen) =
            (Arc::clone(&self.clerk), Arc::clone(&self.alive), self.seen.clone());
        let (failing, forgotten) = (Arc::clone(&self.failing), Arc::clone(&self.forgotten));
        tokio::task::spawn_local(async move {
            let mut attempt = attempts;
            loop {
                sleep(Duration::from_millis(dice.wait_ms(3_000))).await;
                let gone = forgotten.lock().unwrap().remove(&number);
                if gone || !alive.load(Ordering::Relaxed) {
                    return;
                }
                attempt += 1;
                let fails = failing.load(Ordering::Relaxed) && dice.once_in(3);
                let problem = "the far end did not take it".to_owned();
                let outcome = match (fails, attempt >= 4) {
                    (false, _) => Outcome::Delivered,
                    (true, true) => Outcome::GaveUp { problem },
                    (true, false) => Outcome::Again { problem, next_at: UtcMs(0) },
                };
                // It leaves now; that it left is recorded later, if the server still lives.
                if !fails {
                    seen.book().sent.entry(number).or_default().push(notice.clone());
                }
                sleep(Duration::from_millis(dice.wait_ms(400))).await;
                if !alive.load(Ordering::Relaxed) {
                    return;
                }
                let again = matches!(outcome, Outcome::Again { .. });
                let sent = Sent {
                    notice: number,
                    person: notice.person.as_str().into(),
                    channel: channel.as_str().into(),
                    attempt,
                    outcome,
                };
                clerk.record(&sent).await;
                if !again {
                    return;
                }
                sleep(Duration::from_secs(5)).await;
            }
        });
        Ok(())
    }

    fn forget(&self, notice: u64) {
        self.forgotten.lock().unwrap().insert(notice);
    }
}
