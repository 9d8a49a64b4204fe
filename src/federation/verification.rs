//! Claims of others, on a stream that we opened.

use super::event::Event;
use super::outgoing::{Outgoing, State};
use pki_types::CertificateDer;
use std::time::Instant;
use xmpp_dialback::{CertificateComparison, NotAsked, Verdict, VerificationFailure, VerifyTask};

impl State {
    /// Whether others' claims can be asked about.
    fn is_ready(self) -> bool {
        match self {
            State::Verifying { ready } => ready,
            // While EXTERNAL is under way nothing else is said.
            State::Opening | State::External | State::Restarting => false,
            State::Dialback | State::Settled => true,
        }
    }
}

impl Outgoing {
    /// Has a claim verified by the server at the other end, as soon as the stream can: [`Event::Verdict`] answers.
    /// `shown` is the certificate that the server showed on the stream of the claim
    /// ([`SecurityReport::peer_certificate`](crate::security::SecurityReport::peer_certificate)): where the one at the other end of this stream shows the same, and it
    /// names the domain, nobody has to be asked (XEP-0344 section 2.6).
    ///
    /// # Errors
    ///
    /// The task comes back if it is about another domain or too much is being asked.
    pub fn verify(
        &mut self,
        task: VerifyTask,
        shown: Option<&CertificateDer<'_>>,
        now: Instant,
    ) -> Result<(), Box<NotAsked>> {
        self.core.now = self.core.now.max(now);
        let comparison = self.compare(&task, shown);
        let Some(dialback) = self.core.dialback.as_mut().filter(|_| self.state.is_ready()) else {
            return self.queue(task, shown);
        };
        let task = match dialback.same_certificate(task, comparison) {
            Ok(verdict) => {
                self.core.push(Event::Verdict(verdict));
                return Ok(());
            }
            Err(task) => task,
        };
        let request = dialback.verify(task, now)?;
        // A stream that cannot be written to has ended, or is about to: `end` tells what became of the question.
        drop(self.core.session.send_dialback(&request.into()));
        Ok(())
    }

    /// The stream is not ready yet.
    fn queue(&mut self, task: VerifyTask, shown: Option<&CertificateDer<'_>>) -> Result<(), Box<NotAsked>> {
        let max = self.core.config.limits().open_questions;
        let error = if *task.domain() != self.pair.receiving {
            let (expected, found) = (task.domain().clone(), self.pair.receiving.clone());
            xmpp_dialback::ApiMisuse::WrongDomain { expected, found }.into()
        } else if self.tasks.len() >= max {
            let what = xmpp_dialback::Bound::OpenVerifications;
            xmpp_dialback::Error::Limit { what, max }
        } else {
            self.tasks.push((task, shown.map(|shown| shown.clone().into_owned())));
            return Ok(());
        };
        Err(Box::new(NotAsked::new(task, error)))
    }

    fn compare(&self, task: &VerifyTask, shown: Option<&CertificateDer<'_>>) -> CertificateComparison {
        let theirs = self.core.session.report().and_then(|report| report.peer_certificate());
        if theirs.is_none() || theirs != shown {
            return CertificateComparison::Different;
        }
        let verdict = self.core.session.verdict_on(task.domain(), self.core.now);
        match verdict.is_some_and(|verdict| verdict.identity.matched().is_some()) {
            false => CertificateComparison::SameForAnotherName,
            true => CertificateComparison::SameAndNamesDomain,
        }
    }

    /// The stream is over: what became of the claims that it was asked about, `failure` where there is no answer.
    pub fn end(self, failure: &VerificationFailure) -> Vec<Verdict> {
        let asked = self.core.dialback.map(|dialback| dialback.end(failure).verdicts);
        let waiting = self.tasks.into_iter().map(|(task, _)| task.fail(failure.clone()));
        asked.into_iter().flatten().chain(waiting).collect()
    }

    pub(super) fn ask_what_waits(&mut self) {
        if !self.state.is_ready() {
            return;
        }
        for (task, shown) in std::mem::take(&mut self.tasks) {
            if let Err(not_asked) = self.verify(task, shown.as_ref(), self.core.now) {
                let verdict = not_asked.task.fail(VerificationFailure::Busy);
                self.core.push(Event::Verdict(verdict));
            }
        }
    }
}
