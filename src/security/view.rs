use super::line::Line;
use super::{SecurityReport, Text, Tried, Warning, warning};
use crate::ledger::Assessment;
use pki_types::UnixTime;
use std::fmt;
use std::time::Duration;
use xmpp_dialback::Method;
use xmpp_identity::{CertificateError, CertificateFacts};

/// A [`SecurityReport`] to be shown, with what the session could not know: the time, and what a ledger says.
///
/// Nothing here looks anything up. What is not given is not said.
///
/// ```
/// # fn example(report: &xmpp_tls::security::SecurityReport, now: xmpp_tls::pki_types::UnixTime,
/// #     ledger: &xmpp_tls::ledger::Ledger) -> Result<(), Box<dyn std::error::Error>> {
/// use xmpp_tls::ledger::Decision;
///
/// let decision = ledger.decide(report, now)?;
/// let mut view = report.view().at(now);
/// if let Decision::Compared(found) = &decision {
///     view = view.with_change(found);
/// }
/// for warning in view.warnings() {
///     eprintln!("{}: {warning}", warning.code());
/// }
/// println!("{}", view.text().width(80).coloured());
/// println!("{}", view.redacted().line());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct View<'a> {
    pub(super) report: &'a SecurityReport,
    pub(super) now: Option<UnixTime>,
    expiring_within: Duration,
    pub(super) change: Option<&'a Assessment>,
    pub(super) tried: &'a [Tried],
    pub(super) redacted: bool,
}

impl<'a> View<'a> {
    /// Certificates that end within this time are warned of, unless told otherwise: 14 days.
    pub const EXPIRING_WITHIN: Duration = Duration::from_secs(14 * 86_400);

    pub(super) fn new(report: &'a SecurityReport) -> Self {
        View {
            report,
            now: None,
            expiring_within: Self::EXPIRING_WITHIN,
            change: None,
            tried: &[],
            redacted: false,
        }
    }

    /// At this time: how long certificates are still valid is said.
    #[must_use]
    pub fn at(mut self, now: UnixTime) -> Self {
        self.now = Some(now);
        self
    }

    /// Warns of certificates that end within this time, instead of [`EXPIRING_WITHIN`](Self::EXPIRING_WITHIN).
    #[must_use]
    pub fn expiring_within(mut self, time: Duration) -> Self {
        self.expiring_within = time;
        self
    }

    /// With what a ledger says about this connection: what changed since the last one.
    #[must_use]
    pub fn with_change(mut self, found: &'a Assessment) -> Self {
        self.change = Some(found);
        self
    }

    /// With the methods of authentication that two servers tried inside the stream, as
    /// [`Incoming::tried`](crate::federation::Incoming::tried) and
    /// [`Outgoing::tried`](crate::federation::Outgoing::tried) tell them.
    #[must_use]
    pub fn with_tried(mut self, tried: &'a [Tried]) -> Self {
        self.tried = tried;
        self
    }

    /// Without network addresses, and without the localparts of addresses of users, in [`text`](Self::text) and
    /// [`line`](Self::line): for logs that others read. Domains stay. As data a report is never redacted.
    #[must_use]
    pub fn redacted(mut self) -> Self {
        self.redacted = true;
        self
    }

    /// What is weaker about the connection than it should be: what [`SecurityReport::warnings`] says, and what the time
    /// and the ledger say.
    pub fn warnings(&self) -> Vec<Warning> {
        let leaf = self.report.certificates().next().and_then(Result::ok);
        self.warnings_about(leaf.as_ref())
    }

    pub(super) fn warnings_about(&self, leaf: Option<&CertificateFacts>) -> Vec<Warning> {
        let validity = leaf
            .zip(self.now)
            .and_then(|(leaf, now)| warning::of_validity(leaf, now, self.expiring_within));
        let mut warnings = self.report.lasting_warnings(leaf);
        if self.is_proved_by_dialback() {
            for warning in &mut warnings {
                if *warning == Warning::NotAuthenticated {
                    *warning = Warning::DialbackAlone;
                }
            }
        }
        warnings.extend(validity);
        warnings.extend(self.change.into_iter().flat_map(warning::of_changes));
        warnings
    }

    /// Whether the peer's domain was proved to us, and by nothing better.
    pub(super) fn is_proved_by_dialback(&self) -> bool {
        let peer = self.report.remote_domain();
        let proofs = self.tried.iter().filter(|tried| tried.succeeded());
        let mut of_peer = proofs.filter(|tried| Some(&tried.pair.originating) == peer);
        of_peer.any(|tried| matches!(tried.method, Method::Dialback | Method::SameCertificate))
    }

    pub(super) fn certificates(&self) -> Vec<Result<CertificateFacts, CertificateError>> {
        self.report.certificates().collect()
    }

    /// For people.
    pub fn text(&self) -> Text<'_> {
        Text::new(self)
    }

    /// One line for a log, of `name=value` fields in a fixed order. Values with anything but letters, digits and common
    /// signs in them are in quotation marks, with `"` and `\` escaped.
    ///
    /// | field | what |
    /// |---|---|
    /// | `kind`, `side` | `c2s` or `s2s`; `initiating` or `receiving` |
    /// | `local`, `remote` | our domain and the peer's, where there is one |
    /// | `endpoint` | the host and port that the DNS named |
    /// | `protection` | [`Summary::code`](super::Summary::code) |
    /// | `tls`, `suite`, `group` | version, cipher suite, key exchange |
    /// | `start`, `handshake` | `starttls` or `direct`; [`Handshake::code`](super::Handshake::code) |
    /// | `matched` | the identifier that proved the peer |
    /// | `error` | why the certificate does not |
    /// | `tried` | each method that servers tried, as [`Method::code`](crate::dialback::Method::code), those in vain with `!` before them, with commas |
    /// | `key`, `until` | SHA-256 of the peer's key (SubjectPublicKeyInfo), and until when the certificate is valid |
    /// | `stream` | the stream's id inside TLS |
    /// | `change` | the gravest change's [code](crate::ledger::Change::code) |
    /// | `warnings` | their codes, with commas |
    pub fn line(&self) -> impl fmt::Display + '_ {
        Line(self)
    }
}

/// As [`View::text`], without colour and of any width.
impl fmt::Display for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

impl SecurityReport {
    /// To be shown with what the session could not know.
    pub fn view(&self) -> View<'_> {
        View::new(self)
    }
}

impl fmt::Display for SecurityReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}
