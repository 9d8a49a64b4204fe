//! Counts allocations.
//!
//! A binary that wants to count declares it once, with [`count_allocations!`](crate::count_allocations):
//! no other binary pays for it. The counting allocator is `stats_alloc`: it needs no `unsafe` here,
//! has no dependencies, and passes `realloc` through, so the program under measurement behaves as it
//! does without (crates that install themselves by being linked turn every growth of a `Vec` into a
//! copy).
//!
//! The count is of the whole process: give it a test binary or a bench of its own, or use
//! [`measure_least`], which other threads can only make larger.

pub use stats_alloc;

/// What happened while a closure ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Allocations {
    /// Fresh allocations and reallocations.
    pub count: usize,
    /// Bytes asked for by them.
    pub bytes: usize,
}

/// Makes this binary count its allocations, and defines `ALLOCATOR` to read them from.
///
/// ```
/// xmpp_tls_testkit::count_allocations!();
///
/// # fn main() {
/// use xmpp_tls_testkit::alloc_counter;
/// let (_, counted) = alloc_counter::measure(ALLOCATOR, || std::hint::black_box(vec![0u8; 100]));
/// assert_eq!((counted.count, counted.bytes), (1, 100));
/// # }
/// ```
#[macro_export]
macro_rules! count_allocations {
    () => {
        #[global_allocator]
        static ALLOCATOR: &$crate::alloc_counter::stats_alloc::StatsAlloc<std::alloc::System> =
            &$crate::alloc_counter::stats_alloc::INSTRUMENTED_SYSTEM;
    };
}

/// Runs `work` once and counts.
pub fn measure<T>(
    allocator: &stats_alloc::StatsAlloc<std::alloc::System>,
    work: impl FnOnce() -> T,
) -> (T, Allocations) {
    let region = stats_alloc::Region::new(allocator);
    let value = work();
    let stats = region.change();
    let bytes = stats.bytes_allocated;
    (
        value,
        Allocations {
            count: stats.allocations + stats.reallocations,
            bytes,
        },
    )
}

/// Runs `work` `times` times and returns the least count: warm-up and other threads only add.
pub fn measure_least<T>(
    allocator: &stats_alloc::StatsAlloc<std::alloc::System>,
    times: usize,
    mut work: impl FnMut() -> T,
) -> Allocations {
    (0..times.max(1))
        .map(|_| measure(allocator, &mut work).1)
        .min()
        .expect("at least one run")
}
