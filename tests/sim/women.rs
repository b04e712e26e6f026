//! Women with the SOS page: they press, or set a safety timer and walk, say where they are, take it back with one PIN
//! or the other, or say nothing any more. A phone asks until it is answered.

use crate::dice::Dice;
use crate::people::Town;
use crate::seen::{HERS, Receipt, Typed};
use fifteen::domain::{
    Actor, Answer, Command, Fix, Flags, Key, NewCall, Order, PinProof, Place, Point, Press,
    Priority, Rejection, Role, Sealed, Source, UtcMs,
};
use std::time::Duration;
use tokio::time::sleep;

const OWN: PinProof = PinProof([1; 32]);
const FORCED: PinProof = PinProof([2; 32]);
const WRONG: PinProof = PinProof([3; 32]);
/// When the first byte was read is when the room hears of it, here.
const NOW: UtcMs = UtcMs(u64::MAX);

pub async fn women(town: Town) {
    let mut dice = Dice::of(town.plan.seed, "women");
    let mut out = tokio::task::JoinSet::new();
    while !town.is_quiet() {
        town.rest(dice.wait_ms(town.plan.call_every_ms * 3)).await;
        out.spawn(Woman::new(town.clone(), Dice::of(dice.number(), "woman")).walk());
    }
    while out.join_next().await.is_some() {}
}

struct Woman {
    town: Town,
    dice: Dice,
    device: Option<Key>,
}

impl Woman {
    fn new(town: Town, mut dice: Dice) -> Self {
        let device = (!dice.once_in(8)).then(|| Key(dice.key()));
        Self { town, dice, device }
    }

    async fn walk(mut self) {
        let presses = if self.dice.once_in(4) { 2 } else { 1 };
        for _ in 0..presses {
            let key = Key(self.dice.key());
            let Some(call) = self.press(key).await else { return };
            for n in 1..=self.dice.below(5) {
                self.town.rest(self.dice.wait_ms(3 * 60_000)).await;
                self.follow(key, u32::try_from(n).unwrap()).await;
            }
            match self.dice.below(8) {
                0 => self.types(key, call, WRONG).await,
                1..=3 => self.types(key, call, OWN).await,
                4 => self.types(key, call, FORCED).await,
                5 => {
                    self.types(key, call, OWN).await;
                    self.types(key, call, FORCED).await;
                }
                _ => {}
            }
            self.town.rest(self.dice.wait_ms(10 * 60_000)).await;
        }
    }

    fn call(&mut self) -> NewCall {
        let point = Point::from_degrees(31.5, 74.3, 20);
        let words = Some(format!("{HERS} street 9").into());
        let press = Press { device: self.device, cancel: Some(OWN), duress: Some(FORCED) };
        let silent = self.dice.once_in(5);
        let priority = if self.dice.once_in(6) { Priority::new(2) } else { None };
        NewCall {
            source: Source::App,
            line: Some("sos".into()),
            district: "Lahore".into(),
            kind: "sos".into(),
            priority: priority.unwrap_or(Priority::MOST_URGENT),
            flags: Flags { sos: true, silent, unsafe_to_ring_back: silent, ..Flags::default() },
            sealed: Sealed {
                number: Some(format!("0300 {HERS}").into()),
                name: None,
                place: Some(Place { point, words }),
                note: None,
                press: Some(Box::new(press)),
            },
        }
    }

    async fn press(&mut self, key: Key) -> Option<u64> {
        let call = Box::new(self.call());
        let after_ms = self.dice.span(30_000, 40 * 60_000);
        let command = if self.dice.once_in(2) {
            Command::PlaceCall { received_at: NOW, call }
        } else {
            Command::SetSafetyTimer { received_at: NOW, after_ms, call }
        };
        let mut number = None;
        // Now and then the answer is lost on the phone itself.
        for _ in 0..if self.dice.once_in(5) { 2 } else { 1 } {
            match self.ask(Some(key), command.clone()).await {
                Ok((Answer::CallPlaced(call), seq)) => {
                    let receipt = Receipt { key: key.0, seq, call: call.0 };
                    self.town.seen.book().receipts.push(receipt);
                    if *number.get_or_insert(call.0) != call.0 {
                        self.town.seen.wrong(format!("one press became two calls, one {call}"));
                    }
                }
                other => {
                    self.town.seen.wrong(format!("a press was answered with {other:?}"));
                    return None;
                }
            }
        }
        number
    }

    async fn follow(&mut self, press: Key, n: u32) {
        let point = Point::from_degrees(31.5 + f64::from(n) / 100.0, 74.3, 9).unwrap();
        let fixes = vec![Fix { n, point, taken_at: NOW }];
        match self.ask(None, Command::FollowCaller { press, fixes }).await {
            Ok((Answer::Done, _))
            | Err(
                Rejection::CallClosed(_) | Rejection::UnknownPress | Rejection::IdentityErased(_),
            ) => {}
            other => self.town.seen.wrong(format!("a trail was answered with {other:?}")),
        }
    }

    async fn types(&mut self, press: Key, call: u64, proof: PinProof) {
        match self.ask(None, Command::CancelPress { press, proof }).await {
            Ok((Answer::Done, seq)) if proof != WRONG => {
                self.town.seen.book().typed.push(Typed { call, seq, forced: proof == FORCED });
            }
            Ok((Answer::WrongPin, _)) if proof == WRONG => {}
            Err(Rejection::CallClosed(_) | Rejection::UnknownPress) => {}
            other => self.town.seen.wrong(format!("a PIN was answered with {other:?}")),
        }
    }

    /// Until there is an answer, after waits that grow.
    async fn ask(
        &mut self,
        key: Option<Key>,
        command: Command,
    ) -> Result<(Answer, u64), Rejection> {
        let order = Order { by: Actor::new("sos page", Role::Intake), key, command };
        for tries in 0.. {
            match self.town.net.page(order.clone()).await {
                Some(Ok(accepted)) => return Ok((accepted.answer, accepted.seq)),
                Some(Err(rejection)) => return Err(rejection),
                None => {
                    let most = (500 << tries.min(5)).min(12_000);
                    sleep(Duration::from_millis(self.dice.span(most / 2, most))).await;
                }
            }
        }
        unreachable!("a phone asks for ever")
    }
}
