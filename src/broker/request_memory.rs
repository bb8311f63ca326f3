//! Memory for requests: `queued.max.request.bytes` (Kafka: `SimpleMemoryPool`, KIP-72). A connection whose request does
//! not fit is not read from until others are through, so a flood of producers waits in its sockets, not in the broker.
//!
//! Kafka's pool hands out what it does not have once; here the limit holds but for a single request above it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of requests that the broker may hold.
#[derive(Debug)]
pub struct RequestMemory {
    /// A permit is [`UNIT_BYTES`]. `None` without a limit.
    free: Option<Arc<Semaphore>>,
    units: u32,
}

/// Bytes are counted in units, so that a limit beyond 4 GiB fits a semaphore's permits.
const UNIT_BYTES: usize = 1024;

/// Bytes that are given back when this is dropped.
#[derive(Debug)]
pub struct Reservation(#[allow(dead_code)] Option<OwnedSemaphorePermit>);

impl RequestMemory {
    /// `limit_bytes` below 1 is no limit.
    pub fn new(limit_bytes: i64) -> Self {
        let units = match usize::try_from(limit_bytes) {
            Ok(limit) if limit > 0 => Some(units_of(limit)),
            _ => None,
        };
        Self {
            free: units.map(|units| Arc::new(Semaphore::new(units as usize))),
            units: units.unwrap_or(0),
        }
    }

    /// Waits, in the order of asking, until a request of `bytes` fits. One above the limit fits when it is alone.
    pub async fn reserve(&self, bytes: usize) -> Reservation {
        let Some(free) = &self.free else {
            return Reservation(None);
        };
        let units = units_of(bytes).min(self.units);
        // The semaphore is never closed.
        Reservation(free.clone().acquire_many_owned(units).await.ok())
    }
}

fn units_of(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::task::Poll;

    use super::*;

    #[tokio::test]
    async fn a_request_waits_until_it_fits_and_one_above_the_limit_until_it_is_alone() {
        let memory = RequestMemory::new(10 * 1024);
        let first = memory.reserve(6 * 1024).await;
        let mut second = std::pin::pin!(memory.reserve(5 * 1024));
        let mut huge = std::pin::pin!(memory.reserve(1 << 30));
        assert!(poll(second.as_mut()).is_pending());
        drop(first);
        let second = second.await;
        assert!(poll(huge.as_mut()).is_pending());
        drop(second);
        drop(huge.await);
        let unbounded = RequestMemory::new(-1);
        let _held = unbounded.reserve(usize::MAX).await;
        unbounded.reserve(usize::MAX).await;
    }

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
    }
}
