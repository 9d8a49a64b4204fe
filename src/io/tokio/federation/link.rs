//! A stream of either direction.

use crate::federation::{
    Event, Incoming, Method, Outgoing, Pair, StreamNumber, Verdict, VerificationFailure, VerifyTask,
};
use crate::ledger::Sighting;
use crate::security::{SecurityReport, Tried};
use crate::session::Session;
use pki_types::CertificateDer;
use std::sync::Arc;
use std::time::{Duration, Instant};
use xmpp_stream::{Element, StreamError};
use xmpp_tls_core::{Engine, deadline};

/// How long a stream that we accepted may be silent: who vanishes without a word must not keep its place.
const IDLE_ACCEPTED: Duration = Duration::from_secs(3600);
/// How long a stream that we opened may be without use.
const IDLE: Duration = Duration::from_secs(600);
/// The same where it was opened to verify claims.
const IDLE_VERIFICATION: Duration = Duration::from_secs(20);

/// What both directions have in common here.
pub(super) trait Link: Engine<Event = Event, Error = crate::Error> + Send {
    fn session(&self) -> &Session;
    fn number(&self) -> StreamNumber;
    /// The pair that we opened it for.
    fn opened_for(&self) -> Option<&Pair>;
    fn send(&mut self, stanza: &Element) -> Result<(), crate::Error>;
    fn may_send(&self, pair: &Pair) -> bool;
    fn is_bidi(&self) -> bool;
    fn report(&self) -> Option<&Arc<SecurityReport>>;
    fn tried(&self) -> &[Tried];
    /// What the ledger is told of a pair of the peer's.
    fn sighting(&self, pair: &Pair, by: Method) -> Option<Sighting>;
    /// When it is closed for want of use; `used` was the last.
    fn idle(&self, used: Instant) -> Instant;
    fn conclude(&mut self, verdict: Verdict, now: Instant) -> Result<(), crate::Error>;
    /// Asks; the verdict if that is not possible.
    fn verify(&mut self, task: VerifyTask, shown: Option<&CertificateDer<'_>>, now: Instant) -> Option<Verdict>;
    fn close(&mut self, now: Instant) -> Result<(), crate::Error>;
    fn close_with(&mut self, error: &StreamError, now: Instant) -> Result<(), crate::Error>;
    /// What became of the claims that the peer was asked about.
    fn end(self, failure: &VerificationFailure) -> Vec<Verdict>;
}

macro_rules! same_for_both {
    ($link:ident) => {
        fn session(&self) -> &Session {
            $link::session(self)
        }
        fn number(&self) -> StreamNumber {
            $link::number(self)
        }
        fn send(&mut self, stanza: &Element) -> Result<(), crate::Error> {
            $link::send(self, stanza)
        }
        fn may_send(&self, pair: &Pair) -> bool {
            $link::may_send(self, pair)
        }
        fn tried(&self) -> &[Tried] {
            $link::tried(self)
        }
        fn sighting(&self, pair: &Pair, by: Method) -> Option<Sighting> {
            $link::sighting(self, pair, by)
        }
        fn is_bidi(&self) -> bool {
            $link::is_bidi(self)
        }
        fn report(&self) -> Option<&Arc<SecurityReport>> {
            $link::report(self)
        }
        fn conclude(&mut self, verdict: Verdict, now: Instant) -> Result<(), crate::Error> {
            $link::conclude(self, verdict, now)
        }
        fn close(&mut self, now: Instant) -> Result<(), crate::Error> {
            $link::close(self, now)
        }
        fn close_with(&mut self, error: &StreamError, now: Instant) -> Result<(), crate::Error> {
            $link::close_with(self, error, now)
        }
    };
}

impl Link for Outgoing {
    same_for_both!(Outgoing);

    fn opened_for(&self) -> Option<&Pair> {
        Some(self.pair())
    }

    fn idle(&self, used: Instant) -> Instant {
        match self.is_for_verification() {
            // White space of the peer's is no use.
            true => deadline(used, IDLE_VERIFICATION),
            false => deadline(used.max(Outgoing::last_heard(self)), IDLE),
        }
    }

    fn verify(&mut self, task: VerifyTask, shown: Option<&CertificateDer<'_>>, now: Instant) -> Option<Verdict> {
        let refused = Outgoing::verify(self, task, shown, now).err()?;
        Some(refused.task.fail(VerificationFailure::Busy))
    }

    fn end(self, failure: &VerificationFailure) -> Vec<Verdict> {
        Outgoing::end(self, failure)
    }
}

impl Link for Incoming {
    same_for_both!(Incoming);

    fn opened_for(&self) -> Option<&Pair> {
        None
    }

    fn idle(&self, _used: Instant) -> Instant {
        deadline(Incoming::last_heard(self), IDLE_ACCEPTED)
    }

    /// Nobody is asked on a stream that the peer opened.
    fn verify(&mut self, task: VerifyTask, _: Option<&CertificateDer<'_>>, _: Instant) -> Option<Verdict> {
        Some(task.fail(VerificationFailure::NoConnection))
    }

    fn end(self, _: &VerificationFailure) -> Vec<Verdict> {
        Vec::new()
    }
}
