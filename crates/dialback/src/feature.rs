use xmpp_stream::{ElementBuilder, Features, StreamHeader};
use xmpp_tls_core::ns;

/// What a peer says about its support of dialback (XEP-0220 section 2.4).
///
/// Saying nothing does not prove that it has none: streams before version 1.0 have no features.
///
/// ```
/// use xmpp_dialback::Support;
/// use xmpp_stream::{Features, StreamHeader};
///
/// let header = Support::declare(StreamHeader::new());
/// assert_eq!(Support::of(&header, None), Support::Dialback);
/// let features = Features::builder().feature(Support::feature()).build()?;
/// assert_eq!(Support::of(&header, Some(&features)), Support::DialbackAndErrors);
/// # Ok::<(), xmpp_stream::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Support {
    /// Nothing was said.
    NotAdvertised,
    /// The header declares the namespace, or the feature stands without `<errors/>`.
    Dialback,
    /// Dialback errors too, which is what makes further targets on one stream possible (section 2.6.2).
    DialbackAndErrors,
}

impl Support {
    /// What the header and, if they came, the features say. Both count only as far as their stream is
    /// protected.
    ///
    /// ```
    /// use xmpp_dialback::Support;
    /// use xmpp_stream::StreamHeader;
    ///
    /// assert_eq!(Support::of(&StreamHeader::new(), None), Support::NotAdvertised);
    /// ```
    pub fn of(header: &StreamHeader, features: Option<&Features>) -> Self {
        let feature = features.and_then(|features| features.get(ns::DIALBACK_FEATURE, "dialback"));
        match feature {
            Some(feature) => {
                let mut children = feature.children();
                match children.any(|child| child.is(ns::DIALBACK_FEATURE, "errors")) {
                    true => Support::DialbackAndErrors,
                    false => Support::Dialback,
                }
            }
            None => match header.declarations().any(|(_, namespace)| namespace == ns::DIALBACK) {
                true => Support::Dialback,
                false => Support::NotAdvertised,
            },
        }
    }

    /// Whether the peer understands `type='error'`.
    ///
    /// ```
    /// use xmpp_dialback::Support;
    ///
    /// assert!(!Support::Dialback.errors());
    /// ```
    pub fn errors(self) -> bool {
        match self {
            Support::DialbackAndErrors => true,
            Support::Dialback | Support::NotAdvertised => false,
        }
    }

    /// Declares the prefix `db` on a header that is to be sent, before and after TLS. Some servers know
    /// dialback elements only by that prefix.
    ///
    /// ```
    /// use xmpp_dialback::Support;
    /// use xmpp_stream::StreamHeader;
    ///
    /// let header = Support::declare(StreamHeader::new());
    /// assert!(header.declarations().any(|declared| declared == ("db", "jabber:server:dialback")));
    /// ```
    pub fn declare(header: StreamHeader) -> StreamHeader {
        header.with_declaration("db", ns::DIALBACK)
    }

    /// The feature to offer. This crate understands dialback errors, and must say so.
    ///
    /// ```
    /// use xmpp_dialback::Support;
    ///
    /// assert_eq!(
    ///     Support::feature().build()?.as_str(),
    ///     "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>",
    /// );
    /// # Ok::<(), xmpp_stream::Error>(())
    /// ```
    pub fn feature() -> ElementBuilder {
        ElementBuilder::new(ns::DIALBACK_FEATURE, "dialback").child(ElementBuilder::new(ns::DIALBACK_FEATURE, "errors"))
    }
}
