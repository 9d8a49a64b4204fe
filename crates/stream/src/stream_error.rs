use crate::builder::ElementBuilder;
use crate::element::Element;
use crate::error::Error;
use std::fmt;
use std::net::Ipv6Addr;
use xmpp_tls_core::{Domain, StreamCondition, ns};

/// A stream error (RFC 6120 section 4.9). Whoever sends one closes the stream.
///
/// ```
/// use xmpp_stream::{Element, StreamError};
/// use xmpp_tls_core::{StreamCondition, StreamKind};
///
/// let element = Element::parse(
///     StreamKind::ServerToServer,
///     "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
/// )?;
/// let error = StreamError::from_element(&element).unwrap();
/// assert_eq!(error.condition, StreamCondition::HOST_UNKNOWN);
/// assert_eq!(error.to_string(), "host-unknown");
/// # Ok::<(), xmpp_stream::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamError {
    /// What went wrong. A condition that RFC 6120 does not define counts as `undefined-condition`
    /// (section 4.9.2); [`name`](StreamError::name) has it as it was written.
    pub condition: StreamCondition,
    /// A description for people, never for programs (section 4.9.2).
    pub text: Option<String>,
    /// The language of the text.
    pub lang: Option<String>,
    /// The namespace and name of an application-specific condition (section 4.9.4).
    pub application: Option<(String, String)>,
    /// Character data of the condition element, without the white space around it. Only
    /// `see-other-host` has any: where to go, see [`redirect`](StreamError::redirect).
    pub condition_text: Option<String>,
    /// The name of the condition, where it is none of [`StreamCondition::ALL`].
    unknown: Option<String>,
}

impl StreamError {
    /// An error with this condition and nothing else.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{StreamCondition, StreamKind::ClientToServer};
    /// assert_eq!(StreamError::new(StreamCondition::RESET).to_string(), "reset");
    /// ```
    pub fn new(condition: StreamCondition) -> Self {
        StreamError {
            condition,
            text: None,
            lang: None,
            application: None,
            condition_text: None,
            unknown: None,
        }
    }

    /// Adds a description for people, in English.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{StreamCondition, StreamKind::ClientToServer};
    /// let error = StreamError::new(StreamCondition::RESET).with_text("new certificate");
    /// assert_eq!((error.text.as_deref(), error.lang.as_deref()), (Some("new certificate"), Some("en")));
    /// ```
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self.lang = Some("en".to_owned());
        self
    }

    /// Adds an application-specific condition.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{StreamCondition, StreamKind::ClientToServer};
    /// let error = StreamError::new(StreamCondition::POLICY_VIOLATION).with_application("urn:xmpp:errors", "stanza-too-big");
    /// assert!(error.to_element()?.as_str().contains("<stanza-too-big xmlns='urn:xmpp:errors'/>"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn with_application(mut self, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        self.application = Some((namespace.into(), name.into()));
        self
    }

    /// Reads the content of `<stream:error/>`; `None` if `element` is something else. Elements
    /// missing or repeated are tolerated: the first of each kind counts.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{StreamCondition, StreamKind::ClientToServer};
    /// let xml = "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>";
    /// let error = StreamError::from_element(&Element::parse(ClientToServer, xml)?);
    /// assert_eq!(error, Some(StreamError::new(StreamCondition::RESET)));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn from_element(element: &Element) -> Option<StreamError> {
        if !element.is(ns::STREAM, "error") {
            return None;
        }
        let mut error = StreamError::new(StreamCondition::UNDEFINED_CONDITION);
        let mut condition = false;
        for child in element.children() {
            if child.namespace() != ns::STREAM_ERRORS {
                let application = || (child.namespace().to_owned(), child.name().to_owned());
                error.application.get_or_insert_with(application);
            } else if child.name() == "text" {
                if error.text.is_none() {
                    error.text = Some(child.text().into_owned());
                    error.lang = child.lang().map(Into::into);
                }
            } else if !condition {
                condition = true;
                match StreamCondition::from_name(child.name()) {
                    Some(known) => error.condition = known,
                    None => error.unknown = Some(child.name().to_owned()),
                }
                let text = child.text();
                error.condition_text = Some(text.trim().to_owned()).filter(|text| !text.is_empty());
            }
        }
        Some(error)
    }

    /// The condition's name as it was written, which may be one that RFC 6120 does not define.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{StreamCondition, StreamKind::ClientToServer};
    /// assert_eq!(StreamError::new(StreamCondition::HOST_GONE).name(), "host-gone");
    /// ```
    pub fn name(&self) -> &str {
        self.unknown.as_deref().unwrap_or(self.condition.name())
    }

    /// Where `see-other-host` points (section 4.9.3.19): a domain or address, and a port if there
    /// is one. `None` for other conditions and for junk. Following it changes neither `to` nor whom
    /// one expects to meet, and must not happen where the error was not authenticated.
    ///
    /// ```
    /// use xmpp_stream::StreamError;
    /// use xmpp_tls_core::StreamCondition;
    ///
    /// let mut error = StreamError::new(StreamCondition::SEE_OTHER_HOST);
    /// error.condition_text = Some("other.example:5999".into());
    /// assert_eq!(error.redirect(), Some(("other.example".parse()?, Some(5999))));
    /// # Ok::<(), xmpp_tls_core::DomainError>(())
    /// ```
    pub fn redirect(&self) -> Option<(Domain, Option<u16>)> {
        if self.condition != StreamCondition::SEE_OTHER_HOST {
            return None;
        }
        let text = self.condition_text.as_deref()?.trim();
        // RFC 6120 wants brackets around IPv6 addresses; some peers forget them.
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Some((format!("[{address}]").parse().ok()?, None));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (text, None),
        };
        let port = match port {
            None => None,
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => Some(port.parse().ok()?),
            Some(_) => return None,
        };
        Some((host.parse().ok()?, port))
    }

    /// The element to send.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] if a text or a name cannot be written.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{StreamCondition, StreamKind::ClientToServer};
    /// assert_eq!(
    ///     StreamError::new(StreamCondition::RESET).to_element()?.as_str(),
    ///     "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
    /// );
    /// # Ok::<(), Error>(())
    /// ```
    pub fn to_element(&self) -> Result<Element, Error> {
        let mut condition = ElementBuilder::new(ns::STREAM_ERRORS, self.name());
        if let Some(text) = &self.condition_text {
            condition = condition.text(text);
        }
        let mut error = ElementBuilder::new(ns::STREAM, "error").child(condition);
        if let Some(text) = &self.text {
            let mut element = ElementBuilder::new(ns::STREAM_ERRORS, "text").text(text);
            if let Some(lang) = &self.lang {
                element = element.attribute("xml:lang", lang);
            }
            error = error.child(element);
        }
        if let Some((namespace, name)) = &self.application {
            error = error.child(ElementBuilder::new(namespace, name));
        }
        error.build()
    }
}

/// For a log line. What the peer wrote is hostile until proved otherwise: control characters are
/// escaped and the text is cut.
impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.unknown {
            None => write!(f, "{}", self.condition)?,
            Some(name) => write!(f, "{} ({:?})", self.condition, shortened(name))?,
        }
        if let Some(text) = &self.condition_text {
            write!(f, " {:?}", shortened(text))?;
        }
        if let Some((namespace, name)) = &self.application {
            write!(f, ", {:?} of {:?}", shortened(name), shortened(namespace))?;
        }
        if let Some(text) = &self.text {
            write!(f, ": {:?}", shortened(text))?;
        }
        Ok(())
    }
}

fn shortened(text: &str) -> String {
    let mut chars = text.chars();
    let mut short: String = chars.by_ref().take(256).collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}

impl std::error::Error for StreamError {}

#[cfg(test)]
mod tests {
    use super::*;
    use xmpp_tls_core::StreamKind;

    fn parse(content: &str) -> StreamError {
        let xml = format!("<stream:error>{content}</stream:error>");
        StreamError::from_element(&Element::parse(StreamKind::ServerToServer, xml).unwrap()).unwrap()
    }

    #[test]
    fn serr_05_every_condition_is_written_and_read() {
        for &condition in StreamCondition::ALL {
            let error = StreamError::new(condition)
                .with_text("a < b & c")
                .with_application("urn:example", "why");
            assert_eq!(StreamError::from_element(&error.to_element().unwrap()), Some(error));
        }
    }

    #[test]
    fn serr_06_an_unknown_condition_is_undefined_and_keeps_its_name() {
        let error = parse("<coffee-cold xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>");
        assert_eq!(
            (error.condition, error.name()),
            (StreamCondition::UNDEFINED_CONDITION, "coffee-cold")
        );
        assert_eq!(error.to_string(), "undefined-condition (\"coffee-cold\")");
    }

    #[test]
    fn serr_09_names_of_rfc_3920_are_accepted() {
        let error = parse("<xml-not-well-formed xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>");
        assert_eq!(error.condition, StreamCondition::NOT_WELL_FORMED);
        let error = parse("<invalid-id xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>");
        assert_eq!(
            (error.condition, error.name()),
            (StreamCondition::UNDEFINED_CONDITION, "invalid-id")
        );
    }

    #[test]
    fn an_error_without_a_condition_is_undefined() {
        assert_eq!(parse("").condition, StreamCondition::UNDEFINED_CONDITION);
        assert_eq!(
            parse("<host-gone xmlns='urn:example'/>").condition,
            StreamCondition::UNDEFINED_CONDITION
        );
    }

    #[test]
    fn serr_07_text_of_the_peer_does_no_harm_in_a_log() {
        let error = parse("<text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>a&#10;b\u{9b}31m</text>");
        assert_eq!(error.text.as_deref(), Some("a\nb\u{9b}31m"));
        assert_eq!(error.to_string(), "undefined-condition: \"a\\nb\\u{9b}31m\"");
    }

    #[test]
    fn err_19_see_other_host() {
        let redirect = |text: &str| {
            let condition = "see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'";
            parse(&format!("<{condition}>{text}</see-other-host>")).redirect()
        };
        let host = |name: &str, port| Some((name.parse().unwrap(), port));
        assert_eq!(
            redirect("\n  [2001:41D0:1:A49b::1]:9222\n "),
            host("[2001:41d0:1:a49b::1]", Some(9222))
        );
        assert_eq!(redirect("[2001:db8::1]"), host("[2001:db8::1]", None));
        assert_eq!(redirect("2001:db8::1"), host("[2001:db8::1]", None));
        assert_eq!(redirect("other.example:5999"), host("other.example", Some(5999)));
        assert_eq!(redirect("10.0.0.1"), host("10.0.0.1", None));
        for junk in [
            "",
            " ",
            ":5222",
            "a b",
            "other.example:",
            "other.example:70000",
            "a:1:2",
            "x:http",
            "[::1",
        ] {
            assert_eq!(redirect(junk), None, "{junk:?}");
        }
    }
}
