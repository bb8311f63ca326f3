//! What memory a reader takes: an allocator that counts, for the fuzz tests.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// What a reader of a few kilobytes may take at once. A damaged length claims up to two gigabytes.
pub const LIMIT: isize = 8 << 20;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

fn count(bytes: isize) {
    // A thread that ends may free when its counters are gone.
    let _ = LIVE.try_with(|live| {
        live.set(live.get() + bytes);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(live.get())));
    });
}

// SAFETY: every call goes to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // The old block lives until the new one is there.
        count(size as isize);
        count(-(layout.size() as isize));
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs `work` and fails if this thread takes more than [`LIMIT`] at any moment of it. What C libraries take is not seen.
pub fn bounded<T>(work: impl FnOnce() -> T) -> T {
    let before = LIVE.get();
    PEAK.set(before);
    let result = work();
    let taken = PEAK.get() - before;
    assert!(taken < LIMIT, "{taken} bytes at once");
    result
}

#[test]
fn a_claimed_gigabyte_is_seen() {
    let taken = std::panic::catch_unwind(|| bounded(|| Vec::<u8>::with_capacity(1 << 30).capacity()));
    assert!(taken.is_err());
    assert_eq!(bounded(|| vec![1u8; 1 << 20].len()), 1 << 20);
}
