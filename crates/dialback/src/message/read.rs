use super::{Answer, Message, ResultAnswer, ResultRequest, VerifyAnswer, VerifyRequest};
use crate::condition::DialbackCondition;
use crate::error::MessageError;
use crate::keys::key::{MAX_ID_OCTETS, PresentedKey};
use crate::pair::Pair;
use xmpp_stream::{Element, SmallStr};
use xmpp_tls_core::{Domain, ns};

impl Message {
    /// Reads an element; `None` if it is not in the namespace of dialback. Prefixes mean nothing, and
    /// what answers hold besides their error is ignored: some servers repeat the key there.
    ///
    /// # Errors
    ///
    /// [`MessageError`], which says what was expected and found, and knows the stream error for it.
    ///
    /// ```
    /// use xmpp_dialback::*;
    /// use xmpp_stream::Element;
    /// use xmpp_tls_core::StreamKind::ServerToServer;
    ///
    /// let other = Element::parse(ServerToServer, "<presence from='a.example' to='b.example'/>")?;
    /// assert!(Message::from_element(&other)?.is_none());
    /// let bad = Element::parse(ServerToServer, "<result xmlns='jabber:server:dialback' from='a.example'>key</result>")?;
    /// assert!(matches!(
    ///     Message::from_element(&bad),
    ///     Err(MessageError::NoAttribute { element: "result", attribute: "to" }),
    /// ));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_element(element: &Element) -> Result<Option<Message>, MessageError> {
        if element.namespace() != ns::DIALBACK {
            return Ok(None);
        }
        let answer = |name| answer(element).map(|answer| (name, answer));
        let message = match element.name() {
            "result" => match answer("result")? {
                (name, None) => {
                    let pair = Pair::new(domain(element, name, "from")?, domain(element, name, "to")?);
                    let key = PresentedKey::new(&element.text())?;
                    ResultRequest { pair, key }.into()
                }
                (name, Some(answer)) => {
                    let pair = Pair::new(domain(element, name, "to")?, domain(element, name, "from")?);
                    ResultAnswer { pair, answer }.into()
                }
            },
            "verify" => match answer("verify")? {
                (name, None) => {
                    let pair = Pair::new(domain(element, name, "to")?, domain(element, name, "from")?);
                    let id = id(element)?;
                    let key = PresentedKey::new(&element.text())?;
                    VerifyRequest { pair, id, key }.into()
                }
                (name, Some(answer)) => {
                    let pair = Pair::new(domain(element, name, "from")?, domain(element, name, "to")?);
                    let id = id(element)?;
                    VerifyAnswer { pair, id, answer }.into()
                }
            },
            name => return Err(MessageError::UnknownElement { name: short(name) }),
        };
        Ok(Some(message))
    }
}

fn domain(element: &Element, name: &'static str, attribute: &'static str) -> Result<Domain, MessageError> {
    let value = element.attribute(attribute).ok_or(MessageError::NoAttribute {
        element: name,
        attribute,
    })?;
    value.parse().map_err(|found| MessageError::NoDomain {
        element: name,
        attribute,
        found,
    })
}

/// Any text (XEP-0220's schema is too strict: the ids of RFC 6120 do not match it), also an empty one:
/// what keys can be made for is judged by who makes them.
fn id(element: &Element) -> Result<SmallStr, MessageError> {
    let id = element.attribute("id").ok_or(MessageError::NoAttribute {
        element: "verify",
        attribute: "id",
    })?;
    match id.len() {
        octets if octets > MAX_ID_OCTETS => Err(MessageError::IdTooLong { octets }),
        _ => Ok(id.into()),
    }
}

fn answer(element: &Element) -> Result<Option<Answer>, MessageError> {
    match element.attribute("type").as_deref() {
        None => Ok(None),
        Some("valid") => Ok(Some(Answer::Valid)),
        Some("invalid") => Ok(Some(Answer::Invalid)),
        Some("error") => Ok(Some(Answer::Error(condition(element)))),
        Some(other) => Err(MessageError::UnknownType { found: short(other) }),
    }
}

/// An error without a condition that can be found is one all the same.
fn condition(element: &Element) -> DialbackCondition {
    // COMPAT: servers that declare the dialback namespace as the default one put <error/> into it.
    let is_error = |namespace: &str| matches!(namespace, ns::SERVER | ns::DIALBACK);
    let error = element
        .children()
        .find(|child| child.name() == "error" && is_error(child.namespace()));
    let condition = error.and_then(|error| {
        error
            .children()
            .find(|child| child.namespace() == ns::STANZA_ERRORS && child.name() != "text")
    });
    condition.map_or(DialbackCondition::UNDEFINED_CONDITION, |condition| {
        DialbackCondition::from_name(condition.name())
    })
}

/// As much of a peer's text as an error keeps.
fn short(text: &str) -> String {
    text.chars().take(16).collect()
}
