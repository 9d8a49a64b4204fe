//! The counter counts, in a binary of its own.

use std::hint::black_box;
use xmpp_tls_testkit::alloc_counter::{Allocations, measure_least};

xmpp_tls_testkit::count_allocations!();

#[test]
fn it_counts_allocations_and_reallocations() {
    assert_eq!(
        measure_least(ALLOCATOR, 20, || black_box(1 + 1)),
        Allocations { count: 0, bytes: 0 }
    );
    assert_eq!(
        measure_least(ALLOCATOR, 20, || black_box(Box::new([0u8; 64]))),
        Allocations { count: 1, bytes: 64 }
    );
    let grown = measure_least(ALLOCATOR, 20, || {
        let mut text = String::with_capacity(8);
        text.push_str(black_box("12345678"));
        text.push('9');
        text
    });
    assert_eq!(grown.count, 2, "{grown:?}");
}
