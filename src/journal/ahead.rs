//! Reading ahead: what an iterator gives, taken by a thread of its own while whoever wants it does something else.

use crossbeam_channel::bounded;
use std::panic::resume_unwind;
use std::thread::{Builder, Scope, ScopedJoinHandle};

/// Items handed over at once, for a hand-over costs more than most items.
const BATCH: usize = 256;
/// Batches that wait to be taken.
const BATCHES_MAX: usize = 4;

/// The same items in the same order. A panic of the thread is the panic of whoever comes to it.
pub(crate) fn ahead<'scope, I>(
    scope: &'scope Scope<'scope, '_>,
    mut items: I,
) -> impl Iterator<Item = I::Item> + use<'scope, I>
where
    I: Iterator<Item: Send> + Send + 'scope,
{
    let (hand_over, batches) = bounded::<Vec<_>>(BATCHES_MAX);
    let read = move || {
        loop {
            let batch: Vec<_> = items.by_ref().take(BATCH).collect();
            // An iterator that ended is asked nothing more.
            let ended = batch.len() < BATCH;
            if hand_over.send(batch).is_err() || ended {
                return;
            }
        }
    };
    let named = Builder::new().name("read-ahead".into());
    let mut thread = Some(named.spawn_scoped(scope, read).expect("a thread at the start"));
    let mut items = batches.into_iter().flatten();
    std::iter::from_fn(move || {
        let item = items.next();
        if item.is_none()
            && let Some(Err(panic)) = thread.take().map(ScopedJoinHandle::join)
        {
            resume_unwind(panic);
        }
        item
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_come_in_order_and_the_thread_ends_with_whoever_wants_them() {
        for count in [0, 1, BATCH - 1, BATCH, 10 * BATCH * BATCHES_MAX + 1] {
            // One that must not be asked again once it has ended.
            let mut asked = 0..=count;
            let items = std::iter::from_fn(|| {
                asked.next().expect("asked past its end").lt(&count).then_some(())
            });
            let read = std::thread::scope(|scope| ahead(scope, items).count());
            assert_eq!(read, count);
            let read = std::thread::scope(|scope| ahead(scope, 0..count).collect::<Vec<_>>());
            assert!(read.iter().copied().eq(0..count), "{count}");
        }
        let some: Vec<_> = std::thread::scope(|scope| ahead(scope, 0..).take(3).collect());
        assert_eq!(some, [0, 1, 2], "and it waits for no end");
    }

    #[test]
    #[should_panic(expected = "the fifth")]
    fn a_panic_is_no_end() {
        let items = (0..10).inspect(|item| assert!(*item < 5, "the fifth"));
        std::thread::scope(|scope| ahead(scope, items).count());
    }
}
