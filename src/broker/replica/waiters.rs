//! Who waits for a partition to change (Kafka: `DelayedOperationPurgatory`). A waiter registers with every partition it
//! looks at, looks, and sleeps; whoever changes a partition wakes its waiters. Nobody polls.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Somebody who sleeps until a partition changes.
#[derive(Debug, Default)]
pub struct Waiter(Notify);

impl Waiter {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Returns at the next change since the last return, at once if there was one already.
    pub async fn changed(&self) {
        self.0.notified().await;
    }

    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// The waiters of one partition. Those who went away are dropped when the list would grow.
#[derive(Debug, Default)]
pub(in crate::broker) struct Waiters(Mutex<Vec<Weak<Waiter>>>);

impl Waiters {
    /// Wakes this waiter at the next change, once.
    pub(in crate::broker) fn add(&self, waiter: &Arc<Waiter>) {
        let mut list = self.0.lock();
        if list.len() == list.capacity() {
            list.retain(|w| w.strong_count() > 0);
        }
        list.push(Arc::downgrade(waiter));
    }

    pub(in crate::broker) fn wake_all(&self) {
        let woken = {
            let mut list = self.0.lock();
            if list.is_empty() {
                return;
            }
            std::mem::take(&mut *list)
        };
        woken.iter().filter_map(Weak::upgrade).for_each(|w| w.wake());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_before_the_sleep_is_not_missed() {
        let waiters = Waiters::default();
        let waiter = Waiter::new();
        waiters.add(&waiter);
        waiters.wake_all();
        waiter.changed().await;
    }

    #[test]
    fn waiters_that_left_are_forgotten() {
        let waiters = Waiters::default();
        for _ in 0..10_000 {
            waiters.add(&Waiter::new());
        }
        assert!(waiters.0.lock().len() < 100);
    }
}
