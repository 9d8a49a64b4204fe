//! SASL EXTERNAL on the wire (RFC 6120 section 6.4, XEP-0178 section 3).

use xmpp_identity::external::{Failure, InitialResponse};
use xmpp_stream::{Element, ElementBuilder, Error};
use xmpp_tls_core::{Domain, ns};

pub(super) const MECHANISM: &str = "EXTERNAL";

/// Our domain is named, for receivers that want it (XEP-0178 section 3, step 10).
pub(super) fn auth(local: &Domain) -> Result<Element, Error> {
    ElementBuilder::new(ns::SASL, "auth")
        .attribute("mechanism", MECHANISM)
        .text(InitialResponse::encode(Some(local.as_str())))
        .build()
}

pub(super) fn response(local: &Domain) -> Result<Element, Error> {
    let text = InitialResponse::encode(Some(local.as_str()));
    ElementBuilder::new(ns::SASL, "response").text(text).build()
}

/// A challenge with nothing in it, for a peer that sent no initial response (RFC 6120 section 6.4.2).
pub(super) fn challenge() -> Result<Element, Error> {
    ElementBuilder::new(ns::SASL, "challenge").build()
}

pub(super) fn success() -> Result<Element, Error> {
    ElementBuilder::new(ns::SASL, "success").build()
}

pub(super) fn failure(condition: &str) -> Result<Element, Error> {
    ElementBuilder::new(ns::SASL, "failure")
        .child(ElementBuilder::new(ns::SASL, condition))
        .build()
}

/// What the initiating server says.
pub(super) enum Request {
    Auth(InitialResponse),
    Response(InitialResponse),
    /// The condition to answer with.
    Bad(&'static str),
}

impl Request {
    pub(super) fn read(element: &Element) -> Self {
        let decoded = |request: fn(InitialResponse) -> Request| {
            InitialResponse::decode(&element.text())
                .map_or_else(|failure: Failure| Request::Bad(failure.condition()), request)
        };
        match (element.name(), element.attribute("mechanism").as_deref()) {
            ("auth", Some(MECHANISM)) => decoded(Request::Auth),
            ("auth", Some(_)) => Request::Bad("invalid-mechanism"),
            ("response", _) => decoded(Request::Response),
            ("abort", _) => Request::Bad("aborted"),
            _ => Request::Bad("malformed-request"),
        }
    }
}

/// The condition in a `<failure/>`, for people.
pub(super) fn condition(failure: &Element) -> String {
    let known = failure
        .children()
        .find(|child| child.namespace() == ns::SASL && child.name() != "text");
    let name = known.map(|child| child.name().to_owned()).unwrap_or_default();
    name.chars().take(64).collect()
}
