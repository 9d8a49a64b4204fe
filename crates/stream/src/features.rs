use crate::builder::ElementBuilder;
use crate::child::{ChildElement, Children};
use crate::element::Element;
use crate::error::Error;
use crate::walk::Node;
use xmpp_tls_core::ns;

/// The stream features that a receiving entity offers (RFC 6120 section 4.3.2).
///
/// Before TLS anybody on the path can have written or removed any of them.
///
/// ```
/// use xmpp_stream::{Element, Features};
/// use xmpp_tls_core::StreamKind;
///
/// let element = Element::parse(
///     StreamKind::ClientToServer,
///     "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>",
/// )?;
/// let features = Features::from_element(&element).unwrap();
/// assert!(features.starttls().unwrap().required);
/// assert_eq!(features.mechanisms().count(), 0);
/// # Ok::<(), xmpp_stream::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Features {
    element: Element,
}

/// The STARTTLS feature (RFC 6120 section 5.4.1).
///
/// ```
/// # use xmpp_stream::*;
/// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
/// let features = Features::builder()
///     .starttls(true)
///     .mechanisms(["PLAIN"])
///     .limits(StreamLimits::default().with_max_bytes(10_000))
///     .build()?;
/// assert_eq!(features.starttls().map(|starttls| starttls.required), Some(true));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StartTls {
    /// Whether it is marked as `<required/>`.
    pub required: bool,
}

/// What a peer is ready to take (XEP-0478).
///
/// ```
/// # use xmpp_stream::*;
/// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
/// let features = Features::builder()
///     .starttls(true)
///     .mechanisms(["PLAIN"])
///     .limits(StreamLimits::default().with_max_bytes(10_000))
///     .build()?;
/// assert_eq!(features.limits().and_then(|limits| limits.max_bytes), Some(10_000));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamLimits {
    /// The largest first-level element, in bytes.
    pub max_bytes: Option<u32>,
    /// After how many seconds of silence it may check or close the connection.
    pub idle_seconds: Option<u32>,
}

impl StreamLimits {
    /// Announces the largest first-level element.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// assert_eq!(StreamLimits::default().with_max_bytes(10_000).max_bytes, Some(10_000));
    /// ```
    pub fn with_max_bytes(mut self, max_bytes: u32) -> Self {
        self.max_bytes = Some(max_bytes);
        self
    }

    /// Announces after how many seconds of silence the connection may be closed.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// assert_eq!(StreamLimits::default().with_idle_seconds(600).idle_seconds, Some(600));
    /// ```
    pub fn with_idle_seconds(mut self, idle_seconds: u32) -> Self {
        self.idle_seconds = Some(idle_seconds);
        self
    }

    /// Reads `<limits/>` among the children of an element, as it stands in `<stream:features/>` and
    /// in `<bidi/>` (XEP-0478 section 3). Values that are no numbers are left out.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let xml = "<bidi xmlns='urn:xmpp:bidi'><limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>10000</max-bytes></limits></bidi>";
    /// let bidi = Element::parse(ClientToServer, xml)?;
    /// assert_eq!(StreamLimits::from_children(bidi.children()), Some(StreamLimits::default().with_max_bytes(10_000)));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn from_children(mut children: Children<'_>) -> Option<StreamLimits> {
        let limits = children.find(|child| child.is(ns::STREAM_LIMITS, "limits"))?;
        let value = |name: &str| {
            let child = limits.children().find(|child| child.is(ns::STREAM_LIMITS, name))?;
            child.text().trim().parse().ok()
        };
        Some(StreamLimits {
            max_bytes: value("max-bytes"),
            idle_seconds: value("idle-seconds"),
        })
    }

    /// The element to announce them with.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let limits = StreamLimits::default().with_idle_seconds(600).to_builder().build()?;
    /// assert_eq!(
    ///     limits.as_str(),
    ///     "<limits xmlns='urn:xmpp:stream-limits:0'><idle-seconds>600</idle-seconds></limits>",
    /// );
    /// # Ok::<(), Error>(())
    /// ```
    pub fn to_builder(self) -> ElementBuilder {
        let mut limits = ElementBuilder::new(ns::STREAM_LIMITS, "limits");
        for (name, value) in [("max-bytes", self.max_bytes), ("idle-seconds", self.idle_seconds)] {
            if let Some(value) = value {
                limits = limits.child(ElementBuilder::new(ns::STREAM_LIMITS, name).text(value.to_string()));
            }
        }
        limits
    }
}

impl Features {
    /// `None` if the element is not `<stream:features/>`.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let element = Element::parse(ClientToServer, "<stream:features/>")?;
    /// assert!(Features::from_element(&element).unwrap().is_empty());
    /// assert!(Features::from_element(&Element::parse(ClientToServer, "<features/>")?).is_none());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn from_element(element: &Element) -> Option<Features> {
        element.is(ns::STREAM, "features").then(|| Features {
            element: element.clone(),
        })
    }

    /// Offers features.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// assert_eq!(Features::builder().build()?.as_element().as_str(), "<stream:features/>");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn builder() -> FeaturesBuilder {
        FeaturesBuilder {
            features: ElementBuilder::new(ns::STREAM, "features"),
        }
    }

    /// The STARTTLS feature, if it is offered.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let features = Features::builder()
    ///     .starttls(true)
    ///     .mechanisms(["PLAIN"])
    ///     .limits(StreamLimits::default().with_max_bytes(10_000))
    ///     .build()?;
    /// assert!(features.starttls().is_some());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn starttls(&self) -> Option<StartTls> {
        // It is asked of every stream before TLS, and needs no tree.
        let (mut depth, mut inside, mut found) = (0, false, None);
        for node in self.element.walk() {
            match node {
                Node::Start(tag) => {
                    match depth {
                        1 if found.is_none() && tag.is(ns::TLS, "starttls") => {
                            inside = true;
                            found = Some(StartTls { required: false });
                        }
                        1 => inside = false,
                        2 if inside && tag.is(ns::TLS, "required") => return Some(StartTls { required: true }),
                        _ => {}
                    }
                    depth += 1;
                }
                Node::End => depth -= 1,
                Node::Text(_) => {}
            }
        }
        found
    }

    /// Whether a feature with this expanded name is offered.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let features = Features::builder()
    ///     .starttls(true)
    ///     .mechanisms(["PLAIN"])
    ///     .limits(StreamLimits::default().with_max_bytes(10_000))
    ///     .build()?;
    /// assert!(features.offers(ns::SASL, "mechanisms"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn offers(&self, namespace: &str, name: &str) -> bool {
        self.get(namespace, name).is_some()
    }

    /// The feature with this expanded name.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let features = Features::builder()
    ///     .starttls(true)
    ///     .mechanisms(["PLAIN"])
    ///     .limits(StreamLimits::default().with_max_bytes(10_000))
    ///     .build()?;
    /// assert_eq!(features.get(ns::SASL, "mechanisms").unwrap().children().count(), 1);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn get(&self, namespace: &str, name: &str) -> Option<ChildElement<'_>> {
        self.iter().find(|feature| feature.is(namespace, name))
    }

    /// The SASL mechanisms (RFC 6120 section 6.4.1), without white space around their names.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let features = Features::builder()
    ///     .starttls(true)
    ///     .mechanisms(["PLAIN"])
    ///     .limits(StreamLimits::default().with_max_bytes(10_000))
    ///     .build()?;
    /// assert_eq!(features.mechanisms().collect::<Vec<_>>(), ["PLAIN"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn mechanisms(&self) -> impl Iterator<Item = String> {
        let lists = self.iter().filter(|feature| feature.is(ns::SASL, "mechanisms"));
        let entries = lists
            .flat_map(|list| list.children())
            .filter(|entry| entry.is(ns::SASL, "mechanism"));
        entries
            .map(|entry| entry.text().trim().to_owned())
            .filter(|name| !name.is_empty())
    }

    /// The limits that the peer announces (XEP-0478). They hold until features come again.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let features = Features::builder()
    ///     .starttls(true)
    ///     .mechanisms(["PLAIN"])
    ///     .limits(StreamLimits::default().with_max_bytes(10_000))
    ///     .build()?;
    /// assert_eq!(features.limits(), Some(StreamLimits::default().with_max_bytes(10_000)));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn limits(&self) -> Option<StreamLimits> {
        StreamLimits::from_children(self.iter())
    }

    /// All features, in document order, which has no meaning (RFC 6120 section 4.3.2).
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let features = Features::builder()
    ///     .starttls(true)
    ///     .mechanisms(["PLAIN"])
    ///     .limits(StreamLimits::default().with_max_bytes(10_000))
    ///     .build()?;
    /// assert!(features.iter().next().unwrap().is(ns::TLS, "starttls"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn iter(&self) -> Children<'_> {
        self.element.children()
    }

    /// How many features there are.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let features = Features::builder()
    ///     .starttls(true)
    ///     .mechanisms(["PLAIN"])
    ///     .limits(StreamLimits::default().with_max_bytes(10_000))
    ///     .build()?;
    /// assert_eq!(features.len(), 3);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there are none: negotiation is complete (RFC 6120 section 4.3.5).
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let features = Features::builder()
    ///     .starttls(true)
    ///     .mechanisms(["PLAIN"])
    ///     .limits(StreamLimits::default().with_max_bytes(10_000))
    ///     .build()?;
    /// assert!(!features.is_empty());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The element they were read from, or that is to be sent.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let features = Features::builder()
    ///     .starttls(true)
    ///     .mechanisms(["PLAIN"])
    ///     .limits(StreamLimits::default().with_max_bytes(10_000))
    ///     .build()?;
    /// assert!(features.as_element().is(ns::STREAM, "features"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn as_element(&self) -> &Element {
        &self.element
    }
}

/// Puts features together; see [`Features::builder`].
///
/// ```
/// use xmpp_stream::{ElementBuilder, Features, StreamLimits};
/// use xmpp_tls_core::ns;
///
/// let features = Features::builder()
///     .starttls(true)
///     .mechanisms(["EXTERNAL"])
///     .limits(StreamLimits::default().with_max_bytes(10_000))
///     .feature(ElementBuilder::new(ns::DIALBACK_FEATURE, "dialback"))
///     .build()?;
/// assert!(features.starttls().unwrap().required);
/// assert_eq!(features.len(), 4);
/// # Ok::<(), xmpp_stream::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct FeaturesBuilder {
    features: ElementBuilder,
}

impl FeaturesBuilder {
    /// Offers STARTTLS.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// assert!(Features::builder().starttls(true).build()?.starttls().unwrap().required);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn starttls(self, required: bool) -> Self {
        let mut starttls = ElementBuilder::new(ns::TLS, "starttls");
        if required {
            starttls = starttls.child(ElementBuilder::new(ns::TLS, "required"));
        }
        self.feature(starttls)
    }

    /// Offers SASL mechanisms.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// assert_eq!(Features::builder().mechanisms(["EXTERNAL"]).build()?.mechanisms().count(), 1);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn mechanisms<I>(self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let mechanism = |name: I::Item| ElementBuilder::new(ns::SASL, "mechanism").text(name);
        let list = ElementBuilder::new(ns::SASL, "mechanisms");
        self.feature(names.into_iter().fold(list, |list, name| list.child(mechanism(name))))
    }

    /// Announces limits (XEP-0478).
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let limits = StreamLimits::default().with_idle_seconds(600);
    /// assert_eq!(Features::builder().limits(limits).build()?.limits(), Some(limits));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn limits(self, limits: StreamLimits) -> Self {
        self.feature(limits.to_builder())
    }

    /// Offers any other feature.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let bidi = ElementBuilder::new("urn:xmpp:features:bidi", "bidi");
    /// assert!(Features::builder().feature(bidi).build()?.offers("urn:xmpp:features:bidi", "bidi"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn feature(mut self, feature: ElementBuilder) -> Self {
        self.features = self.features.child(feature);
        self
    }

    /// The features.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] if a name or a text cannot be written.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// assert!(Features::builder().mechanisms(["\0"]).build().is_err());
    /// ```
    pub fn build(&self) -> Result<Features, Error> {
        Ok(Features {
            element: self.features.build()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xmpp_tls_core::StreamKind;

    fn features(content: &str) -> Features {
        let xml = format!("<stream:features>{content}</stream:features>");
        Features::from_element(&Element::parse(StreamKind::ClientToServer, xml).unwrap()).unwrap()
    }

    #[test]
    fn feat_02_order_has_no_meaning() {
        let a = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>";
        let b = "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism> PLAIN\n</mechanism></mechanisms>";
        for content in [format!("{a}{b}"), format!("{b}\n{a}")] {
            let features = features(&content);
            assert_eq!(features.starttls(), Some(StartTls { required: true }));
            assert_eq!(features.mechanisms().collect::<Vec<_>>(), ["PLAIN"]);
        }
    }

    #[test]
    fn feat_04_empty_features_are_known_as_such() {
        assert!(features("").is_empty() && features(" \n").is_empty());
        assert!(!features("<a xmlns='urn:a'/>").is_empty());
    }

    #[test]
    fn ns_11_prefixes_have_no_meaning() {
        let features = features("<a:starttls xmlns:a='urn:ietf:params:xml:ns:xmpp-tls'><a:required/></a:starttls>");
        assert_eq!(features.starttls(), Some(StartTls { required: true }));
    }

    #[test]
    fn a_feature_of_the_same_name_in_another_namespace_is_another_feature() {
        let features = features("<starttls xmlns='urn:x'/><mechanisms><mechanism>PLAIN</mechanism></mechanisms>");
        assert_eq!((features.starttls(), features.mechanisms().count()), (None, 0));
    }

    #[test]
    fn lim_01_limits_with_both_one_and_no_value() {
        let limits =
            |content: &str| features(&format!("<limits xmlns='urn:xmpp:stream-limits:0'>{content}</limits>")).limits();
        let of = |max_bytes, idle_seconds| {
            Some(StreamLimits {
                max_bytes,
                idle_seconds,
            })
        };
        let (bytes, idle) = ("<max-bytes> 10000\n</max-bytes>", "<idle-seconds>1800</idle-seconds>");
        assert_eq!(limits(&format!("{bytes}{idle}")), of(Some(10000), Some(1800)));
        assert_eq!(limits(idle), of(None, Some(1800)));
        assert_eq!(limits(""), of(None, None));
        assert_eq!(features("").limits(), None);
        for bad in ["-1", "", "4294967296", "1.0", "many"] {
            assert_eq!(
                limits(&format!("<max-bytes>{bad}</max-bytes>")),
                of(None, None),
                "{bad:?}"
            );
        }
    }
}
