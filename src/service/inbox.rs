//! What waits for the engine: put in one by one, taken out by many.
//!
//! Putting in and waking are two steps, so that all that came in one round of the network is there at once: a thread woken
//! by the first of sixty-four would commit that one alone while the others wait for the disk a second time. Its bounds
//! are the places that whoever puts in must hold ([`super::Handle`]).

use super::handle::Message;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

struct Inner<F> {
    waiting: Vec<Message<F>>,
    /// The engine sleeps until it is rung.
    asleep: bool,
    rung: bool,
    /// Ways in that are left.
    ways: usize,
    /// The engine is gone.
    closed: bool,
}

struct Shared<F> {
    inner: Mutex<Inner<F>>,
    bell: Condvar,
}

impl<F> Shared<F> {
    fn lock(&self) -> MutexGuard<'_, Inner<F>> {
        // Nothing is done under the lock that can panic halfway.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A way in.
pub(super) struct Way<F>(Arc<Shared<F>>);

/// A way in that keeps the engine from nothing.
pub(super) struct WeakWay<F>(Weak<Shared<F>>);

impl<F> Clone for WeakWay<F> {
    fn clone(&self) -> Self {
        Self(Weak::clone(&self.0))
    }
}

impl<F> WeakWay<F> {
    /// None when no way in is left.
    pub(super) fn upgrade(&self) -> Option<Way<F>> {
        let shared = self.0.upgrade()?;
        let mut inner = shared.lock();
        if inner.ways == 0 {
            return None;
        }
        inner.ways += 1;
        drop(inner);
        Some(Way(shared))
    }
}

/// The engine's end.
pub(super) struct Inbox<F> {
    shared: Arc<Shared<F>>,
    /// Taken out and not given out yet.
    taken: VecDeque<Message<F>>,
}

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    /// Something waits, or the time is up.
    Work,
    /// No way in is left.
    Alone,
}

pub(super) fn inbox<F>() -> (Way<F>, Inbox<F>) {
    let inner = Inner { waiting: Vec::new(), asleep: false, rung: false, ways: 1, closed: false };
    let shared = Arc::new(Shared { inner: Mutex::new(inner), bell: Condvar::new() });
    (Way(Arc::clone(&shared)), Inbox { shared, taken: VecDeque::new() })
}

impl<F> Way<F> {
    pub(super) fn weak(&self) -> WeakWay<F> {
        WeakWay(Arc::downgrade(&self.0))
    }

    /// Puts a message in and wakes nobody; gives it back when the engine is gone.
    pub(super) fn put(&self, message: Message<F>) -> Option<Message<F>> {
        let mut inner = self.0.lock();
        if inner.closed {
            return Some(message);
        }
        inner.waiting.push(message);
        None
    }

    /// Wakes the engine if it sleeps.
    pub(super) fn ring(&self) {
        let mut inner = self.0.lock();
        if inner.asleep && !inner.rung {
            inner.rung = true;
            drop(inner);
            self.0.bell.notify_one();
        }
    }
}

impl<F> Clone for Way<F> {
    fn clone(&self) -> Self {
        self.0.lock().ways += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<F> Drop for Way<F> {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        inner.ways -= 1;
        let last = inner.ways == 0;
        drop(inner);
        if last {
            self.0.bell.notify_one();
        }
    }
}

impl<F> Inbox<F> {
    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.taken.is_empty() && self.shared.lock().waiting.is_empty()
    }

    /// The next messages: half of what waits, but `least` of them if so many do, and `most` at most.
    pub(super) fn take(
        &mut self,
        least: usize,
        most: usize,
    ) -> impl Iterator<Item = Message<F>> + '_ {
        self.taken.extend(self.shared.lock().waiting.drain(..));
        let half = self.taken.len().div_ceil(2);
        let count = half.max(least).min(most).min(self.taken.len());
        self.taken.drain(..count)
    }

    /// Sleeps until something waits and it is rung, no way in is left, or the time is up.
    pub(super) fn wait(&self, limit: Option<Duration>) -> Woken {
        if !self.taken.is_empty() {
            return Woken::Work;
        }
        let mut inner = self.shared.lock();
        if !inner.waiting.is_empty() {
            return Woken::Work;
        }
        (inner.asleep, inner.rung) = (true, false);
        let sleeping = |inner: &mut Inner<F>| !inner.rung && inner.ways > 0;
        let mut inner = match limit {
            None => self.shared.bell.wait_while(inner, sleeping),
            Some(limit) => {
                let woken = self.shared.bell.wait_timeout_while(inner, limit, sleeping);
                woken.map(|(inner, _)| inner).map_err(|it| PoisonError::new(it.into_inner().0))
            }
        }
        .unwrap_or_else(PoisonError::into_inner);
        inner.asleep = false;
        if inner.ways == 0 && inner.waiting.is_empty() { Woken::Alone } else { Woken::Work }
    }
}

impl<F> Drop for Inbox<F> {
    /// Whoever waits for an answer learns from the dropped message that there is none.
    fn drop(&mut self) {
        let mut inner = self.shared.lock();
        inner.closed = true;
        let waiting = std::mem::take(&mut inner.waiting);
        drop(inner);
        drop(waiting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(way: &Way<()>, count: usize) {
        (0..count).for_each(|_| assert!(way.put(Message::Drain).is_none()));
    }

    #[test]
    fn half_of_what_waits_is_taken_and_no_fewer_than_the_least() {
        let (way, mut inbox) = inbox::<()>();
        put(&way, 100);
        assert_eq!(inbox.take(8, 30).count(), 30, "no more than the most");
        assert_eq!(inbox.take(8, 1_000).count(), 35, "half of seventy");
        assert_eq!(inbox.take(30, 1_000).count(), 30, "the least of thirty-five");
        put(&way, 1);
        assert_eq!(inbox.take(30, 1_000).count(), 6, "all, when fewer than the least wait");
        assert!(inbox.is_empty());
    }

    #[test]
    fn who_puts_in_wakes_nobody_until_it_rings() {
        let (way, mut inbox) = inbox::<()>();
        let engine = std::thread::spawn(move || {
            let woken = inbox.wait(None);
            (woken, inbox.take(8, 8).count())
        });
        while !way.0.lock().asleep {
            std::thread::yield_now();
        }
        put(&way, 3);
        assert!(way.0.lock().asleep && !way.0.lock().rung);
        way.ring();
        assert_eq!(engine.join().unwrap(), (Woken::Work, 3));
    }

    #[test]
    fn what_waits_is_not_slept_on() {
        let (way, inbox) = inbox::<()>();
        put(&way, 1);
        assert_eq!(inbox.wait(None), Woken::Work);
    }

    #[test]
    fn an_engine_left_alone_learns_it_and_one_that_is_gone_takes_nothing() {
        let (way, alone) = inbox::<()>();
        let weak = way.weak();
        let another = weak.upgrade().unwrap();
        drop(way);
        assert_eq!(alone.wait(Some(Duration::ZERO)), Woken::Work, "the time is up");
        drop(another);
        assert_eq!(alone.wait(None), Woken::Alone);
        assert!(weak.upgrade().is_none());
        let (way, gone) = inbox::<()>();
        drop(gone);
        assert!(way.put(Message::Drain).is_some());
    }
}
