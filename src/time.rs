//! The time as a session is told it.

use pki_types::UnixTime;
use std::time::Instant;

/// The moment a session begins: the monotonic clock for deadlines, and the wall clock for the
/// validity of certificates. Drivers read it with [`io::now`](crate::io::now); everything else gets
/// it as an argument.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// The monotonic clock.
    pub instant: Instant,
    /// The wall clock.
    pub wall: UnixTime,
}

impl Now {
    /// The wall clock when the monotonic clock shows `instant`.
    pub(crate) fn wall_at(&self, instant: Instant) -> UnixTime {
        let passed = instant.saturating_duration_since(self.instant);
        UnixTime::since_unix_epoch(std::time::Duration::from_secs(self.wall.as_secs()).saturating_add(passed))
    }
}
