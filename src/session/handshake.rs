//! From the first octet of TLS to what the gate lets pass.

use super::role::Protection;
use super::stream::OpenStream;
use super::{Event, Session, State, gate};
use crate::error::ErrorKind;
use crate::security::{SecurityReport, TlsStart};
use crate::tls::{PeerCheck, TlsEngine, TlsError, TlsState};
use bytes::BytesMut;
use std::time::Instant;
use xmpp_starttls::{SecuredStream, UpgradeToken};
use xmpp_tls_core::{Output, Side, deadline};

pub(super) struct Handshake {
    /// `None`: direct TLS.
    pub(super) token: Option<UpgradeToken>,
    pub(super) tls: Box<dyn TlsEngine>,
    /// What is asked about the peer's certificate; `None`: nothing.
    pub(super) check: Option<PeerCheck>,
    pub(super) plaintext: BytesMut,
    /// TLS failed; reported once what came before it is dealt with.
    pub(super) broken: Option<ErrorKind>,
    pub(super) deadline: Instant,
    /// White space may still come in front of the first octet of TLS, to be dropped.
    pub(super) whitespace: bool,
}

impl Handshake {
    /// Takes what came. A failure is kept: what came before it may have finished the handshake.
    pub(super) fn handle_input(&mut self, data: &[u8], outgoing: &mut BytesMut) {
        if self.broken.is_some() {
            return;
        }
        let data = self.tls_part_of(data);
        let read = self.tls.read_tls(data, &mut self.plaintext);
        // Also after an error: the peer is owed an alert.
        let read = self.tls.write_tls(outgoing).and(read);
        let early = self.tls.state() == TlsState::Handshaking && !self.plaintext.is_empty();
        self.broken = read.err().or(early.then_some(TlsError::EarlyData)).map(ErrorKind::from);
    }

    /// See [`Policy::whitespace_behind_starttls`](crate::policy::Policy::whitespace_behind_starttls).
    fn tls_part_of<'d>(&mut self, data: &'d [u8]) -> &'d [u8] {
        let xml_space = |octet: &u8| matches!(octet, b' ' | b'\t' | b'\r' | b'\n');
        let behind = data.iter().position(|octet| !xml_space(octet)).unwrap_or(data.len());
        let tls = if self.whitespace {
            data.get(behind..).unwrap_or_default()
        } else {
            data
        };
        self.whitespace &= tls.is_empty();
        tls
    }
}

impl Session {
    pub(super) fn start_tls(&mut self, token: Option<UpgradeToken>) -> Result<(), ErrorKind> {
        let (mut tls, check) = self.role.start_tls(token.is_none(), self.clock.wall_at(self.now))?;
        tls.write_tls(&mut self.outgoing)?;
        let deadline = deadline(self.now, self.role.policy().timeouts.tls);
        let whitespace =
            token.is_some() && self.role.side() == Side::Receiving && self.role.policy().whitespace_behind_starttls;
        self.state = State::Handshaking(Box::new(Handshake {
            token,
            tls,
            check,
            plaintext: BytesMut::new(),
            broken: None,
            deadline,
            whitespace,
        }));
        Ok(())
    }

    /// The handshake is done: whether it is good enough is for the gate to say.
    pub(super) fn finish_handshake(&mut self) -> Result<Option<Output<Event>>, ErrorKind> {
        let State::Handshaking(handshake) = std::mem::replace(&mut self.state, State::Finishing) else {
            return Err(ErrorKind::ApiMisuse("no handshake to finish"));
        };
        let Handshake {
            token,
            mut tls,
            check,
            plaintext,
            broken,
            ..
        } = *handshake;
        let Some(session) = tls.take_session() else {
            return Err(ErrorKind::Tls(TlsError::Misconfigured(
                "the TLS engine tells no facts".to_owned(),
            )));
        };
        // Asked again about the chain that the finished handshake has: whatever the engine did with the
        // answer before, this is the one that counts.
        let verdict = check.and_then(|check| match session.resumed {
            false => Some(check.settle(&session.peer_chain)),
            true => check.verdict_of_resumed(&session.peer_chain),
        });
        let (start, offer, stream) = match token {
            Some(token) => (
                TlsStart::StartTls {
                    offered: token.offered(),
                },
                Some(token.clear_offer().clone()),
                token.secured(session.facts),
            ),
            None => (
                TlsStart::DirectTls,
                None,
                SecuredStream::direct_tls(self.role.kind(), self.role.side(), session.facts),
            ),
        };
        self.role.learn_domain(&session);
        let unnamed = self.role.is_unnamed();
        let candidate = gate::Candidate {
            tls,
            stream,
            unnamed,
            report: SecurityReport::of_tls(&self.role, (start, offer), session, verdict),
            plaintext,
            broken,
        };
        let secured = gate::pass(self.role.policy(), candidate)?;
        let report = secured.report.clone();
        match unnamed {
            true => self.unnamed = Some(report.clone()),
            false => self.report = Some(report.clone()),
        }
        let limits = self.role.policy().limits_before_authentication.clone();
        let stream = OpenStream::inside_tls(
            self.role.side(),
            secured,
            self.role.initial_header(Protection::Tls),
            limits,
            &self.role.policy().timeouts,
            self.now,
        );
        self.state = State::Streaming(Box::new(stream));
        Ok((!unnamed).then_some(Output::Event(Event::Secured(report))))
    }
}
