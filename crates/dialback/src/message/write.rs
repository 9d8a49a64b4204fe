use super::{Answer, Message};
use crate::condition::DialbackCondition;
use bytes::BytesMut;
use xmpp_stream::{Element, ElementBuilder, ElementWriter, StreamEncoder};
use xmpp_tls_core::ns;

/// What a message is made of, in the order in which it is written.
struct Parts<'a> {
    name: &'static str,
    from: &'a str,
    to: &'a str,
    id: Option<&'a str>,
    answer: Option<&'a Answer>,
    key: &'a str,
}

impl Message {
    fn parts(&self) -> Parts<'_> {
        let (originating, receiving) = (self.pair().originating.as_str(), self.pair().receiving.as_str());
        let parts = |name, from, to| Parts {
            name,
            from,
            to,
            id: None,
            answer: None,
            key: "",
        };
        match self {
            Message::ResultRequest(request) => Parts {
                key: request.key.as_str(),
                ..parts("result", originating, receiving)
            },
            Message::VerifyRequest(request) => Parts {
                id: Some(&request.id),
                key: request.key.as_str(),
                ..parts("verify", receiving, originating)
            },
            Message::VerifyAnswer(answer) => Parts {
                id: Some(&answer.id),
                answer: Some(&answer.answer),
                ..parts("verify", originating, receiving)
            },
            Message::ResultAnswer(answer) => Parts {
                answer: Some(&answer.answer),
                ..parts("result", receiving, originating)
            },
        }
    }

    /// Writes it to a stream, with the prefix that the stream's header declared for dialback
    /// ([`Support::declare`](crate::Support::declare)), as XEP-0220 section 2 wants it.
    ///
    /// # Errors
    ///
    /// [`xmpp_stream::Error::Unwritable`] if a text of the caller's has a character that XML excludes.
    ///
    /// ```
    /// use bytes::BytesMut;
    /// use xmpp_dialback::{Answer, Message, Pair, ResultAnswer, Support};
    /// use xmpp_stream::{StreamEncoder, StreamHeader};
    /// use xmpp_tls_core::StreamKind;
    ///
    /// let mut encoder = StreamEncoder::new(StreamKind::ServerToServer);
    /// encoder.open(&Support::declare(StreamHeader::new()), &mut BytesMut::new());
    ///
    /// let pair = Pair::new("capulet.example".parse()?, "montague.example".parse()?);
    /// let mut out = BytesMut::new();
    /// Message::from(ResultAnswer { pair, answer: Answer::Valid }).write(&mut encoder, &mut out)?;
    /// assert_eq!(out, "<db:result from='montague.example' to='capulet.example' type='valid'/>");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write(&self, encoder: &mut StreamEncoder, out: &mut BytesMut) -> Result<(), xmpp_stream::Error> {
        let parts = self.parts();
        encoder.write(ns::DIALBACK, parts.name, out, |element| {
            element.attribute("from", parts.from)?.attribute("to", parts.to)?;
            if let Some(id) = parts.id {
                element.attribute("id", id)?;
            }
            if let Some(answer) = parts.answer {
                element.attribute("type", type_of(answer))?;
            }
            match parts.answer {
                Some(Answer::Error(condition)) => write_error(element, condition),
                Some(Answer::Valid | Answer::Invalid) => Ok(()),
                None => element.text(parts.key).map(drop),
            }
        })
    }

    /// The element, with a declaration of its own for the prefix.
    ///
    /// # Errors
    ///
    /// As [`write`](Message::write).
    ///
    /// ```
    /// use xmpp_dialback::*;
    ///
    /// let pair = Pair::new("capulet.example".parse()?, "montague.example".parse()?);
    /// let element = Message::from(ResultAnswer { pair, answer: Answer::Invalid }).to_element()?;
    /// assert!(element.as_str().starts_with("<db:result xmlns:db='jabber:server:dialback' "));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_element(&self) -> Result<Element, xmpp_stream::Error> {
        let parts = self.parts();
        let mut element = ElementBuilder::new(ns::DIALBACK, parts.name)
            .prefix("db")
            .attribute("from", parts.from)
            .attribute("to", parts.to);
        if let Some(id) = parts.id {
            element = element.attribute("id", id);
        }
        if let Some(answer) = parts.answer {
            element = element.attribute("type", type_of(answer));
        }
        element = match parts.answer {
            Some(Answer::Error(condition)) => element.child(
                ElementBuilder::new(ns::SERVER, "error")
                    .attribute("type", "cancel")
                    .child(ElementBuilder::new(ns::STANZA_ERRORS, condition.name())),
            ),
            Some(Answer::Valid | Answer::Invalid) => element,
            None => element.text(parts.key),
        };
        element.build()
    }
}

fn write_error(element: &mut ElementWriter<'_>, condition: &DialbackCondition) -> Result<(), xmpp_stream::Error> {
    element.child(ns::SERVER, "error", |error| {
        error.attribute("type", "cancel")?;
        error.child(ns::STANZA_ERRORS, condition.name(), |_| Ok(()))?;
        Ok(())
    })?;
    Ok(())
}

fn type_of(answer: &Answer) -> &'static str {
    match answer {
        Answer::Valid => "valid",
        Answer::Invalid => "invalid",
        Answer::Error(_) => "error",
    }
}
