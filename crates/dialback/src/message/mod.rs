mod read;
mod write;

use crate::condition::DialbackCondition;
use crate::keys::key::PresentedKey;
use crate::pair::Pair;
use std::fmt;
use xmpp_stream::SmallStr;
use xmpp_tls_core::Domain;

/// A dialback message (XEP-0220 section 2.1), one of the four steps.
///
/// ```
/// use xmpp_dialback::{Answer, Message};
/// use xmpp_stream::Element;
/// use xmpp_tls_core::StreamKind;
///
/// let xml = "<db:result xmlns:db='jabber:server:dialback' from='montague.example' to='capulet.example' type='valid'/>";
/// let element = Element::parse(StreamKind::ServerToServer, xml)?;
/// let Some(Message::ResultAnswer(answer)) = Message::from_element(&element)? else { panic!() };
/// assert_eq!(answer.answer, Answer::Valid);
/// assert_eq!(answer.pair.originating.as_str(), "capulet.example"); // whom the answer is about
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub enum Message {
    /// Step 1.
    ResultRequest(ResultRequest),
    /// Step 2.
    VerifyRequest(VerifyRequest),
    /// Step 3.
    VerifyAnswer(VerifyAnswer),
    /// Step 4.
    ResultAnswer(ResultAnswer),
}

/// Step 1, `db:result` without `type`: the originating server claims to speak for a domain.
///
/// ```
/// use xmpp_dialback::*;
///
/// let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
/// let request = ResultRequest { pair, key: PresentedKey::new("c0ffee")? };
/// assert_eq!(Message::from(request).to_element()?.attribute("from").as_deref(), Some("a.example"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ResultRequest {
    /// Who claims to speak for whom to whom.
    pub pair: Pair,
    /// The proof, for the authoritative server.
    pub key: PresentedKey,
}

/// Step 2, `db:verify` without `type`: the receiving server asks the authoritative one.
///
/// ```
/// use xmpp_dialback::*;
///
/// let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
/// let request = VerifyRequest { pair, id: "D60000229F".into(), key: PresentedKey::new("c0ffee")? };
/// assert_eq!(Message::from(request).to_element()?.attribute("from").as_deref(), Some("b.example"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct VerifyRequest {
    /// The claim.
    pub pair: Pair,
    /// The `id` of the stream on which it was made.
    pub id: SmallStr,
    /// The proof.
    pub key: PresentedKey,
}

/// Step 3, `db:verify` with `type`: the authoritative server answers.
///
/// ```
/// use xmpp_dialback::*;
///
/// let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
/// let answer = VerifyAnswer { pair, id: "D60000229F".into(), answer: Answer::Valid };
/// assert_eq!(Message::from(answer).to_element()?.attribute("from").as_deref(), Some("a.example"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyAnswer {
    /// The claim.
    pub pair: Pair,
    /// The `id` of the question.
    pub id: SmallStr,
    /// What became of it.
    pub answer: Answer,
}

/// Step 4, `db:result` with `type`: the receiving server answers.
///
/// ```
/// use xmpp_dialback::*;
///
/// let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
/// let answer = ResultAnswer { pair, answer: Answer::Error(DialbackCondition::ITEM_NOT_FOUND) };
/// assert_eq!(Message::from(answer).to_element()?.attribute("from").as_deref(), Some("b.example"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultAnswer {
    /// The claim.
    pub pair: Pair,
    /// What became of it.
    pub answer: Answer,
}

/// The `type` of an answer.
///
/// ```
/// use xmpp_dialback::{Answer, DialbackCondition};
///
/// assert_ne!(Answer::Invalid, Answer::Error(DialbackCondition::FORBIDDEN));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The claim is true.
    Valid,
    /// It is not; the stream will be closed.
    Invalid,
    /// It could not be found out, or it is not true and the stream goes on (XEP-0220 section 2.5).
    Error(DialbackCondition),
}

/// Which of the four messages: what errors name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `db:result` without `type`.
    ResultRequest,
    /// `db:verify` without `type`.
    VerifyRequest,
    /// `db:verify` with `type`.
    VerifyAnswer,
    /// `db:result` with `type`.
    ResultAnswer,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::ResultRequest => "<db:result/> with a key",
            Kind::VerifyRequest => "<db:verify/> with a key",
            Kind::VerifyAnswer => "<db:verify/> with an answer",
            Kind::ResultAnswer => "<db:result/> with an answer",
        })
    }
}

impl Message {
    /// Which of the four.
    ///
    /// ```
    /// use xmpp_dialback::*;
    ///
    /// let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// let answer = Message::from(ResultAnswer { pair, answer: Answer::Valid });
    /// assert_eq!(answer.kind().to_string(), "<db:result/> with an answer");
    /// # Ok::<(), xmpp_tls_core::DomainError>(())
    /// ```
    pub fn kind(&self) -> Kind {
        match self {
            Message::ResultRequest(_) => Kind::ResultRequest,
            Message::VerifyRequest(_) => Kind::VerifyRequest,
            Message::VerifyAnswer(_) => Kind::VerifyAnswer,
            Message::ResultAnswer(_) => Kind::ResultAnswer,
        }
    }

    /// What it is about.
    ///
    /// ```
    /// use xmpp_dialback::*;
    ///
    /// let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// let answer = ResultAnswer { pair: pair.clone(), answer: Answer::Valid };
    /// assert_eq!(Message::from(answer).pair(), &pair);
    /// # Ok::<(), xmpp_tls_core::DomainError>(())
    /// ```
    pub fn pair(&self) -> &Pair {
        match self {
            Message::ResultRequest(ResultRequest { pair, .. })
            | Message::VerifyRequest(VerifyRequest { pair, .. })
            | Message::VerifyAnswer(VerifyAnswer { pair, .. })
            | Message::ResultAnswer(ResultAnswer { pair, .. }) => pair,
        }
    }

    /// The domain that it is for, its `to`: whether that is served here is one of the
    /// [`Facts`](crate::Facts) that answer a request.
    ///
    /// ```
    /// use xmpp_dialback::*;
    ///
    /// let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// let answer = ResultAnswer { pair, answer: Answer::Valid };
    /// assert_eq!(Message::from(answer).to().as_str(), "a.example");
    /// # Ok::<(), xmpp_tls_core::DomainError>(())
    /// ```
    pub fn to(&self) -> &Domain {
        let pair = self.pair();
        match self {
            Message::ResultRequest(_) | Message::VerifyAnswer(_) => &pair.receiving,
            Message::VerifyRequest(_) | Message::ResultAnswer(_) => &pair.originating,
        }
    }
}

macro_rules! from {
    ($($name:ident)*) => {
        $(impl From<$name> for Message {
            fn from(message: $name) -> Self {
                Message::$name(message)
            }
        })*
    };
}

from! { ResultRequest VerifyRequest VerifyAnswer ResultAnswer }
