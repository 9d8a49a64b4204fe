//! One stream for both directions between two servers (XEP-0288): its feature and its request. What it
//! changes for dialback is in [`DialbackStream::enable_bidi`](crate::DialbackStream::enable_bidi).

use xmpp_stream::{Element, ElementBuilder, Features};

/// The namespace of the feature.
pub const FEATURE: &str = "urn:xmpp:features:bidi";
/// The namespace of the request, which is another one.
pub const REQUEST: &str = "urn:xmpp:bidi";

/// The feature that a receiving entity offers, before and after TLS (section 2.1).
///
/// ```
/// assert_eq!(xmpp_dialback::bidi::feature().build()?.as_str(), "<bidi xmlns='urn:xmpp:features:bidi'/>");
/// # Ok::<(), xmpp_stream::Error>(())
/// ```
pub fn feature() -> ElementBuilder {
    ElementBuilder::new(FEATURE, "bidi")
}

/// Whether it is offered.
///
/// ```
/// use xmpp_dialback::bidi;
/// use xmpp_stream::Features;
///
/// let features = Features::builder().feature(bidi::feature()).build()?;
/// assert!(bidi::is_offered(&features));
/// # Ok::<(), xmpp_stream::Error>(())
/// ```
pub fn is_offered(features: &Features) -> bool {
    features.offers(FEATURE, "bidi")
}

/// What an initiating entity sends behind TLS, before SASL or dialback; nothing answers it (section 2.2).
///
/// ```
/// assert_eq!(xmpp_dialback::bidi::request().build()?.as_str(), "<bidi xmlns='urn:xmpp:bidi'/>");
/// # Ok::<(), xmpp_stream::Error>(())
/// ```
pub fn request() -> ElementBuilder {
    ElementBuilder::new(REQUEST, "bidi")
}

/// Whether this is that request.
///
/// ```
/// use xmpp_dialback::bidi;
///
/// assert!(bidi::is_request(&bidi::request().build()?));
/// assert!(!bidi::is_request(&bidi::feature().build()?));
/// # Ok::<(), xmpp_stream::Error>(())
/// ```
pub fn is_request(element: &Element) -> bool {
    element.is(REQUEST, "bidi")
}
