//! Virtual time.

use std::time::{Duration, Instant};

/// A clock that moves only when it is told to.
///
/// ```
/// use std::time::Duration;
/// use xmpp_tls_testkit::Clock;
///
/// let mut clock = Clock::new();
/// let start = clock.now();
/// clock.advance(Duration::from_secs(3600));
/// assert_eq!(clock.now() - start, Duration::from_secs(3600));
/// assert_eq!(clock.elapsed(), Duration::from_secs(3600));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
    now: Instant,
}

impl Clock {
    /// A clock at an arbitrary start.
    pub fn new() -> Self {
        #[allow(
            clippy::disallowed_methods,
            reason = "there is no other way to get a first Instant; its value is irrelevant"
        )]
        let start = Instant::now();
        Clock { start, now: start }
    }

    /// The current instant.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// How far the clock has moved since it was made.
    pub fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// An instant as an offset from the start: what a failed test can print.
    pub fn offset(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.start)
    }

    /// Moves the clock forward.
    pub fn advance(&mut self, by: Duration) {
        self.now += by;
    }

    /// Moves the clock to `instant`, never backwards.
    pub fn advance_to(&mut self, instant: Instant) {
        self.now = self.now.max(instant);
    }
}

impl Default for Clock {
    fn default() -> Self {
        Clock::new()
    }
}
