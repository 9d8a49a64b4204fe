//! Everything that weakens a default, in one place that a reviewer can search for.
//!
//! Each type here can be made in one way only, whose name says what is given up.

/// A stream may go on in clear text where TLS is not offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaintextAccepted(());

impl PlaintextAccepted {
    /// Anybody on the path can then read and change everything, passwords included, and need only
    /// remove the offer of TLS to get there.
    pub fn anybody_may_read_and_change_the_stream() -> Self {
        PlaintextAccepted(())
    }
}

/// A stream may go on although the server's certificate is not good for the domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnverifiedPeerAccepted(());

impl UnverifiedPeerAccepted {
    /// Anybody on the path can then be the server. For tools that inspect and never log in.
    pub fn anybody_may_be_the_peer() -> Self {
        UnverifiedPeerAccepted(())
    }
}
