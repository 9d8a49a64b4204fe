//! What this crate accepts, quick-xml and rxml read to the same events; what they refuse, it refuses.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/stream/tests/common/differential.rs"]
#[allow(dead_code, reason = "the list of exceptions is for the tests")]
mod differential;

use differential::{difference, excused, ours, quick_xml, rxml};

fuzz_target!(|data: &[u8]| {
    let mine = ours(data);
    if let Some(found) = difference(&mine, &quick_xml(data)) {
        panic!("quick-xml: {found}");
    }
    let theirs = rxml(data);
    if let Some(found) = difference(&mine, &theirs)
        && excused(data, &theirs).is_none()
    {
        panic!("rxml: {found}");
    }
});
