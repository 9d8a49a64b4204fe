use std::fmt;
use xmpp_dialback::{Method, Pair};

/// A method of authentication that was tried between two servers, and what came of it.
///
/// A report says what the certificate is worth. What the servers did with it afterwards, inside the stream, is told by
/// [`Incoming::tried`](crate::federation::Incoming::tried) and [`Outgoing::tried`](crate::federation::Outgoing::tried), and
/// goes into a [`View`](super::View) by [`with_tried`](super::View::with_tried).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tried {
    /// The pair of domains: the originating one is proved to the receiving one.
    pub pair: Pair,
    /// By what. Where it failed, [`Method::Dialback`] is any kind of dialback.
    pub method: Method,
    /// Why it did not work, in words; `None`: it did.
    pub failure: Option<String>,
}

impl Tried {
    pub(crate) fn new(pair: Pair, method: Method, failure: Option<String>) -> Self {
        Tried { pair, method, failure }
    }

    /// Whether it proved the originating domain.
    pub fn succeeded(&self) -> bool {
        self.failure.is_none()
    }
}

/// `capulet.example to montague.example: yes, by SASL EXTERNAL`.
impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.failure {
            None => write!(f, "{}: yes, by {}", self.pair, self.method),
            Some(why) => write!(f, "{}: not by {}: {why}", self.pair, self.method),
        }
    }
}
