use crate::config::Protection;
use std::time::Duration;

/// What has to hold before a domain counts as proved.
///
/// ```
/// use xmpp_dialback::{Requirement, Settings};
///
/// assert_eq!(Settings::default().requirement(), Requirement::Encryption);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Requirement {
    /// A certificate that proves it: claims without one are answered with `not-authorized`, and nobody is
    /// asked.
    Certificate,
    /// Dialback on encrypted streams, where certificates do not do.
    Encryption,
    /// Dialback also in clear. Only by [`Settings::dangerous_allow_clear`].
    Nothing,
}

/// How dialback is done on a stream.
///
/// ```
/// use std::time::Duration;
/// use xmpp_dialback::{Limits, Settings};
///
/// let mut limits = Limits::default();
/// limits.answer_within = Duration::from_secs(10);
/// let settings = Settings::default().with_limits(limits).requiring_certificates();
/// assert_eq!(settings.limits().answer_within, Duration::from_secs(10));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    requirement: Requirement,
    limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            requirement: Requirement::Encryption,
            limits: Limits::default(),
        }
    }
}

impl Settings {
    /// Claims count only with a certificate that proves them.
    ///
    /// ```
    /// use xmpp_dialback::*;
    ///
    /// assert_eq!(Settings::default().requiring_certificates().requirement(), Requirement::Certificate);
    /// ```
    pub fn requiring_certificates(mut self) -> Self {
        self.requirement = Requirement::Certificate;
        self
    }

    /// Dialback also on streams in clear, where everybody on the path can claim every domain for as long
    /// as he is there, and read and change what is sent.
    ///
    /// ```
    /// use xmpp_dialback::*;
    ///
    /// assert_eq!(Settings::default().dangerous_allow_clear().requirement(), Requirement::Nothing);
    /// ```
    pub fn dangerous_allow_clear(mut self) -> Self {
        self.requirement = Requirement::Nothing;
        self
    }

    /// With other limits.
    ///
    /// ```
    /// use xmpp_dialback::{Limits, Settings};
    ///
    /// let mut limits = Limits::default();
    /// limits.pairs = 1;
    /// assert_eq!(Settings::default().with_limits(limits).limits().pairs, 1);
    /// ```
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What has to hold.
    ///
    /// ```
    /// use xmpp_dialback::*;
    ///
    /// assert_eq!(Settings::default().requirement(), Requirement::Encryption);
    /// ```
    pub fn requirement(&self) -> Requirement {
        self.requirement
    }

    /// The limits.
    ///
    /// ```
    /// use xmpp_dialback::*;
    ///
    /// assert_eq!(Settings::default().limits(), &Limits::default());
    /// ```
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether dialback may be spoken on such a stream at all.
    ///
    /// ```
    /// use xmpp_dialback::{Protection, Settings};
    ///
    /// assert!(Settings::default().allows(Protection::Tls));
    /// assert!(Settings::default().dangerous_allow_clear().allows(Protection::Clear));
    /// ```
    pub fn allows(&self, protection: Protection) -> bool {
        match (self.requirement, protection) {
            (_, Protection::Tls) | (Requirement::Nothing, Protection::Clear) => true,
            (Requirement::Certificate | Requirement::Encryption, Protection::Clear) => false,
        }
    }
}

/// Bounds of one stream. All of them are finite, and 0 means none at all.
///
/// ```
/// use xmpp_dialback::Limits;
///
/// let mut limits = Limits::default();
/// assert_eq!(limits.pending_claims, 32);
/// limits.pending_claims = 8;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Claims of a peer that are being verified: each may cost a connection to elsewhere. More are answered
    /// with `resource-constraint`. 32 by default.
    pub pending_claims: usize,
    /// Claims of a peer that cost a connection to elsewhere in vain, until its stream is closed: otherwise
    /// one true claim would be a licence to have us knock on any number of doors. 32 by default.
    pub failed_claims: usize,
    /// Pairs authenticated on a stream, and pairs that we may use it for: hosts of many domains use one
    /// connection for all of them. 1000 by default.
    pub pairs: usize,
    /// Questions of ours that are open on a stream, of either kind. As many verifications without an answer
    /// are remembered beyond their time. 128 by default.
    pub open_questions: usize,
    /// How long a question of ours waits for its answer. 30 seconds by default.
    pub answer_within: Duration,
    /// How long a peer's claim waits to be verified: finding its server, connecting, TLS and asking
    /// together. 60 seconds by default.
    pub verify_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            pending_claims: 32,
            failed_claims: 32,
            pairs: 1000,
            open_questions: 128,
            answer_within: Duration::from_secs(30),
            verify_within: Duration::from_secs(60),
        }
    }
}
