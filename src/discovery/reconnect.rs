use std::time::Duration;

/// How long to wait before connecting again (RFC 6120 section 3.3): a random time, up to a bound that doubles
/// with each failure. A server that comes back is not met by all of its clients in the same second.
///
/// ```
/// use std::time::Duration;
/// use xmpp_tls::discovery::Reconnect;
///
/// let mut reconnect = Reconnect::new();
/// # let random = 17;
/// let wait = reconnect.after_failure(random); // any random number
/// assert!(wait <= Duration::from_secs(60));
/// reconnect.succeeded();
/// ```
#[derive(Debug, Clone, Default)]
pub struct Reconnect {
    failures: u32,
}

impl Reconnect {
    /// The bound for the first wait.
    pub const FIRST: Duration = Duration::from_secs(60);

    /// The bound that is not exceeded: 16 minutes.
    pub const LONGEST: Duration = Duration::from_secs(16 * 60);

    /// Nothing has failed yet.
    pub fn new() -> Self {
        Reconnect::default()
    }

    /// The wait after a connection failed or was lost.
    pub fn after_failure(&mut self, random: u64) -> Duration {
        let bound = Self::FIRST
            .saturating_mul(1 << self.failures.min(16))
            .min(Self::LONGEST);
        self.failures = self.failures.saturating_add(1);
        let milliseconds = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(random % (milliseconds + 1))
    }

    /// A stream was opened and the login succeeded.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn res_07_the_first_wait_is_any_time_within_a_minute() {
        let waits: Vec<_> = (0..61)
            .map(|second| Reconnect::new().after_failure(second * 1000))
            .collect();
        assert_eq!((waits[0], waits[60]), (Duration::ZERO, Duration::from_secs(60)));
        assert!(waits.is_sorted());
    }

    #[test]
    fn res_08_the_bound_doubles_up_to_a_cap() {
        let mut reconnect = Reconnect::new();
        let mut bounds = Vec::new();
        for _ in 0..40 {
            let mut next = reconnect.clone();
            let bound = (0..=Reconnect::LONGEST.as_secs())
                .rev()
                .map(|seconds| (seconds, reconnect.clone().after_failure(seconds * 1000)))
                .find(|(seconds, wait)| wait.as_secs() == *seconds);
            bounds.push(bound.unwrap().0);
            next.after_failure(0);
            reconnect = next;
        }
        assert_eq!(bounds[..6], [60, 120, 240, 480, 960, 960]);
        assert_eq!(bounds[39], 960);
        reconnect.succeeded();
        assert!(reconnect.after_failure(u64::MAX) <= Reconnect::FIRST);
    }
}
