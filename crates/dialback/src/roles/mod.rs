//! The roles of XEP-0220 section 2, each on one stream, and the task and verdict that go between the two
//! halves of the receiving server.

pub(crate) mod authoritative;
pub(crate) mod originating;
pub(crate) mod receiving;
pub(crate) mod verdict;
pub(crate) mod verifying;
