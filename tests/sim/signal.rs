//! A value that many wait on, and that wakes them in the order they came. The runtime's own watch
//! channel wakes them in an order drawn at random, and a seed must be the only chance there is.

use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

pub struct Signal<T> {
    value: Arc<Mutex<T>>,
    changed: Arc<Notify>,
}

impl<T> Clone for Signal<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), changed: Arc::clone(&self.changed) }
    }
}

impl<T: Copy> Signal<T> {
    pub fn new(value: T) -> Self {
        Self { value: Arc::new(Mutex::new(value)), changed: Arc::default() }
    }

    pub fn get(&self) -> T {
        *self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set(&self, value: T) {
        *self.value.lock().unwrap_or_else(PoisonError::into_inner) = value;
        self.changed.notify_waiters();
    }

    /// Resolves when the value is as `wanted`; at once if it is.
    pub async fn until(&self, wanted: impl Fn(T) -> bool) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if wanted(self.get()) {
                return;
            }
            changed.await;
        }
    }
}
