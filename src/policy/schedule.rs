use super::{Evaluation, Outcome, Policy, Rule};
use pki_types::UnixTime;
use std::collections::BTreeMap;
use std::fmt;
use xmpp_tls_core::Domain;

/// When a stricter policy takes effect, and when it is tried out before: the "test days" of the statement
/// of 2014, and the date after which there is no way back.
///
/// Times are wall clock times, told by the caller. Windows include their beginning and exclude their end;
/// where several cover a moment the one added last counts.
///
/// ```
/// use pki_types::UnixTime;
/// use std::time::Duration;
/// use xmpp_tls::policy::{Policy, Schedule};
///
/// let day = |number: u64| UnixTime::since_unix_epoch(Duration::from_secs(number * 86_400));
/// let schedule = Schedule::new(Policy::default())
///     .rehearse(Policy::modern(), day(100), None)          // who would be refused?
///     .enforce(Policy::modern(), day(130), Some(day(131))) // a test day
///     .enforce(Policy::modern(), day(160), None);          // for good
/// assert_eq!(schedule.enforced(day(120)), &Policy::default());
/// assert_eq!(schedule.rehearsed(day(120)), Some(&Policy::modern()));
/// assert_eq!(schedule.enforced(day(130)), &Policy::modern());
/// ```
#[derive(Debug, Clone)]
pub struct Schedule {
    base: Policy,
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
struct Step {
    policy: Policy,
    from: UnixTime,
    until: Option<UnixTime>,
    enforced: bool,
}

impl Step {
    fn covers(&self, now: UnixTime) -> bool {
        now >= self.from && self.until.is_none_or(|until| now < until)
    }
}

impl Schedule {
    /// This policy, whenever nothing else is said.
    pub fn new(base: Policy) -> Self {
        Schedule {
            base,
            steps: Vec::new(),
        }
    }

    /// Enforces `policy` in a window of time.
    pub fn enforce(self, policy: Policy, from: UnixTime, until: Option<UnixTime>) -> Self {
        self.with(policy, from, until, true)
    }

    /// Rehearses `policy` in a window of time: connections are evaluated by it and go on.
    pub fn rehearse(self, policy: Policy, from: UnixTime, until: Option<UnixTime>) -> Self {
        self.with(policy, from, until, false)
    }

    fn with(mut self, policy: Policy, from: UnixTime, until: Option<UnixTime>, enforced: bool) -> Self {
        self.steps.push(Step {
            policy,
            from,
            until,
            enforced,
        });
        self
    }

    /// The policy for connections that begin now.
    pub fn enforced(&self, now: UnixTime) -> &Policy {
        self.step(now, true).unwrap_or(&self.base)
    }

    /// The policy that is tried out now, to be given to [`Rehearsal::record`] with each report.
    pub fn rehearsed(&self, now: UnixTime) -> Option<&Policy> {
        self.step(now, false)
    }

    fn step(&self, now: UnixTime, enforced: bool) -> Option<&Policy> {
        let steps = self.steps.iter().rev();
        steps
            .filter(|step| step.enforced == enforced)
            .find(|step| step.covers(now))
            .map(|step| &step.policy)
    }
}

/// How many connections a rehearsed policy would have refused, by peer and by rule.
///
/// ```
/// # fn example(report: &xmpp_tls::security::SecurityReport) {
/// use xmpp_tls::policy::{Policy, Rehearsal};
///
/// let mut rehearsal = Rehearsal::default();
/// if let Some(domain) = report.domain() {
///     rehearsal.record(domain, &Policy::modern().evaluate(report));
/// }
/// println!("{rehearsal}");
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Rehearsal {
    peers: BTreeMap<Domain, Tally>,
    overflow: u64,
}

/// What was counted of one peer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Tally {
    /// Connections evaluated.
    pub connections: u64,
    /// Connections that would have been refused.
    pub refused: u64,
    /// By which rules. A connection counts once for each rule that it violates.
    pub violations: BTreeMap<Rule, u64>,
}

impl Rehearsal {
    /// Peers that are told apart; the connections of any more are counted together.
    pub const MAX_PEERS: usize = 10_000;

    /// Counts one connection.
    pub fn record(&mut self, peer: &Domain, evaluation: &Evaluation) {
        if !self.peers.contains_key(peer) {
            if self.peers.len() >= Self::MAX_PEERS {
                self.overflow = self.overflow.saturating_add(1);
                return;
            }
            self.peers.insert(peer.clone(), Tally::default());
        }
        let Some(tally) = self.peers.get_mut(peer) else { return };
        tally.connections = tally.connections.saturating_add(1);
        if !evaluation.is_satisfied() {
            tally.refused = tally.refused.saturating_add(1);
        }
        for finding in evaluation.findings() {
            if let Outcome::Violated(_) = finding.outcome {
                let count = tally.violations.entry(finding.rule).or_default();
                *count = count.saturating_add(1);
            }
        }
    }

    /// Every peer seen, in alphabetical order.
    pub fn peers(&self) -> impl Iterator<Item = (&Domain, &Tally)> {
        self.peers.iter()
    }

    /// Connections of peers beyond [`MAX_PEERS`](Self::MAX_PEERS), which were not evaluated.
    pub fn not_counted(&self) -> u64 {
        self.overflow
    }
}

/// One line for each peer that would have been refused.
impl fmt::Display for Rehearsal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (peer, tally) in self.peers().filter(|(_, tally)| tally.refused > 0) {
            let rules = tally
                .violations
                .iter()
                .map(|(rule, count)| format!("{} {count}", rule.code()));
            let rules = rules.collect::<Vec<_>>().join(", ");
            writeln!(
                f,
                "{peer}: {} of {} refused ({rules})",
                tally.refused, tally.connections
            )?;
        }
        match self.overflow {
            0 => Ok(()),
            more => writeln!(f, "{more} connections of other peers were not counted"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(second: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(second))
    }

    #[test]
    fn windows_begin_where_they_say_and_end_before_they_say() {
        let schedule = Schedule::new(Policy::default())
            .rehearse(Policy::modern(), at(10), Some(at(40)))
            .enforce(Policy::modern(), at(20), Some(at(30)))
            .enforce(Policy::modern(), at(40), None);
        for (second, strict, rehearsed) in [
            (0, false, false),
            (9, false, false),
            (10, false, true),
            (19, false, true),
            (20, true, true),
            (29, true, true),
            (30, false, true),
            (39, false, true),
            (40, true, false),
            (1000, true, false),
        ] {
            assert_eq!(*schedule.enforced(at(second)) == Policy::modern(), strict, "{second}");
            assert_eq!(schedule.rehearsed(at(second)).is_some(), rehearsed, "{second}");
        }
    }

    #[test]
    fn of_two_windows_the_one_added_last_counts() {
        let schedule = Schedule::new(Policy::modern())
            .enforce(Policy::default(), at(0), None)
            .enforce(Policy::modern(), at(5), Some(at(6)));
        assert_eq!(*schedule.enforced(at(5)), Policy::modern());
        assert_eq!(*schedule.enforced(at(6)), Policy::default());
    }

    #[test]
    fn peers_are_bounded_and_nothing_is_lost_silently() {
        let mut rehearsal = Rehearsal::default();
        let evaluation = Evaluation::refusing(Rule::Version);
        for number in 0..Rehearsal::MAX_PEERS + 3 {
            rehearsal.record(&format!("a{number}.example").parse().unwrap(), &evaluation);
        }
        let known: Domain = "a0.example".parse().unwrap();
        rehearsal.record(&known, &evaluation);
        assert_eq!(rehearsal.peers().count(), Rehearsal::MAX_PEERS);
        assert_eq!(rehearsal.not_counted(), 3);
        let text = rehearsal.to_string();
        assert!(text.starts_with("a0.example: 2 of 2 refused (version 2)\n"), "{text}");
        assert!(text.ends_with("3 connections of other peers were not counted\n"));
    }
}
