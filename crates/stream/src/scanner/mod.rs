//! The one forward pass: frames first-level elements and checks everything on the way.
//!
//! A state machine over bytes that can stop behind any byte and go on with the next: what it must
//! remember is in [`Scanner`], never in the bytes in front of it, so nothing is read twice and the
//! cost is linear however the input is cut. Each state has a tight loop of its own.
//!
//! Every decision is tied to a byte position, not to how much happens to be there. That is what makes
//! results the same for every cut, errors included. Two rules keep it true: limits are tested before
//! whatever else the byte at hand would mean, and the bytes given to [`Scanner::scan`] end in front of
//! the first illegal character (see [`input`]).

pub(crate) mod chars;
mod content;
mod declaration;
pub(crate) mod find;
pub(crate) mod input;
mod judge;
mod list;
mod name;
pub(crate) mod namespaces;
mod plain;
mod prolog;
mod stack;
pub(crate) mod tag;

use crate::error::{Error, Place, Restricted, XmlError};
use crate::limits::{LimitKind, Limits};
use crate::small_str::SmallStr;
use chars::{HIGH, START, class};
use list::List;
use name::NameScan;
use namespaces::{Namespaces, NsRef, Scope};
use std::sync::Arc;
use tag::{Attribute, Name};

/// What the scanner found; it ends where [`Scanner::position`] is.
#[derive(Debug)]
pub(crate) enum Token {
    /// The stream header; `true` if the root element was an empty one and is closed already.
    Header {
        empty: bool,
    },
    Element,
    Whitespace,
    Close,
}

/// The facts about a first-level element that its start tag decides.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) name: Name,
    pub(crate) namespace: NsRef,
    /// Behind the `>` of the start tag.
    pub(crate) content: u32,
    /// Whether the element itself declares the default namespace.
    pub(crate) declares_default: bool,
    /// See [`Namespaces::inherited`].
    pub(crate) inherited: u64,
    /// How many elements it is, itself included.
    pub(crate) elements: u32,
    /// Whether one of them is in a content namespace by prefix.
    pub(crate) prefixed_content: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At byte 0 of the document.
    Start,
    /// Behind a `<` at byte 0.
    StartMarkup,
    /// In the XML declaration, or what may become one.
    Declaration,
    /// In front of the root element.
    Prolog,
    /// Between tokens inside the root element.
    Content,
    /// Behind `<`.
    Markup,
    /// Behind `<!`.
    Bang,
    /// Behind `<!-`.
    BangDash,
    /// In `<![CDATA[`.
    CdataStart,
    Cdata,
    /// In a reference; back to [`Scanner::resume`] afterwards.
    Reference,
    ReferenceName,
    ReferenceHash,
    ReferenceDecimal,
    ReferenceHex,
    StartName,
    /// Behind the name or a value in a start tag: white space must come before another attribute.
    TagGap,
    /// The same behind white space.
    TagSpace,
    AttributeName,
    /// Waiting for `=`.
    Equals,
    /// Waiting for a quote.
    Quote,
    Value,
    /// Behind `/` in a start tag.
    Slash,
    EndName,
    EndSpace,
    /// Behind the root element.
    Closed,
}

/// How many entries of each list are kept from element to element.
const USUAL: usize = 64;

/// More attributes than nearly all tags have.
const IN_PLACE: usize = 8;

/// What a state function achieved.
enum Flow {
    /// Everything given was read.
    Starved,
    /// On to the next state.
    On,
    Done(Token),
}

type Step = Result<Flow, Error>;

#[derive(Debug)]
pub(crate) struct Scanner {
    limits: Limits,
    state: State,
    /// How far the current item was read.
    position: usize,
    /// Where the current item starts in the document.
    base: u64,
    /// The name that is being read.
    name: NameScan,
    /// The name of the start tag that is being read.
    tag: Name,
    /// Where the `<` of the markup that is being read is.
    tag_start: usize,
    /// There was an XML declaration.
    declared: bool,
    attributes: List<Attribute, IN_PLACE>,
    /// Attributes of the current tag: how many declare namespaces, how many others have prefixes.
    declarations: usize,
    prefixed: usize,
    /// One bit for each name among them, by a hash, and whether two names had the same.
    seen: u64,
    alike: bool,
    /// The quote around the value that is being read, and where the value starts.
    quote: u8,
    value_start: usize,
    /// The reference that is being read.
    resume: State,
    reference_start: usize,
    code: u32,
    /// Attributes with prefixes whose namespaces are being compared, by their position.
    compared: Vec<(u32, u32)>,
    /// Open elements under the root, outermost first.
    open: Vec<Open>,
    namespaces: Namespaces,
    scope: Arc<Scope>,
    /// The root element's name as written, once it is open.
    root: Option<SmallStr>,
    head: Option<Head>,
    strict_prefixes: bool,
    /// How many states were visited, for the test that the cost is linear.
    #[cfg(test)]
    pub(crate) steps: u64,
}

#[derive(Debug)]
struct Open {
    name: (u32, u32),
    /// How many declarations were in scope outside.
    declarations: u32,
}

impl Scanner {
    /// At the start of a document.
    pub(crate) fn new(limits: Limits) -> Self {
        Scanner {
            limits,
            state: State::Start,
            position: 0,
            base: 0,
            name: NameScan::default(),
            tag: Name::default(),
            tag_start: 0,
            declared: false,
            attributes: List::default(),
            declarations: 0,
            prefixed: 0,
            seen: 0,
            alike: false,
            quote: 0,
            value_start: 0,
            resume: State::Content,
            reference_start: 0,
            code: 0,
            compared: Vec::new(),
            open: Vec::new(),
            namespaces: Namespaces::default(),
            scope: Scope::empty(),
            root: None,
            head: None,
            strict_prefixes: false,
            #[cfg(test)]
            steps: 0,
        }
    }

    /// Inside a root element that gave this context.
    pub(crate) fn in_stream(limits: Limits, scope: Arc<Scope>) -> Self {
        let mut scanner = Scanner::new(limits);
        scanner.state = State::Content;
        scanner.scope = scope;
        scanner.root = Some(SmallStr::default());
        scanner
    }

    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn set_strict_prefixes(&mut self, strict: bool) {
        self.strict_prefixes = strict;
    }

    pub(crate) fn strict_prefixes(&self) -> bool {
        self.strict_prefixes
    }

    /// How far the current item was read.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// Where in the document a position of the current item is.
    pub(crate) fn offset(&self, position: usize) -> u64 {
        self.base + position as u64
    }

    /// How many bytes the current item may have, and the limit that says so.
    pub(crate) fn item_limit(&self) -> (usize, LimitKind) {
        match self.root {
            None => (self.limits.header_limit(), LimitKind::HeaderBytes),
            Some(_) => (self.limits.element_bytes(), LimitKind::ElementBytes),
        }
    }

    /// Where the input would end if it ended here.
    pub(crate) fn place(&self) -> Place {
        match (&self.root, self.position) {
            (None, 0) => Place::BeforeHeader,
            (None, _) if self.state == State::Prolog && !self.declared => Place::BeforeHeader,
            (None, _) => Place::Header,
            (Some(_), 0) => Place::BetweenElements,
            (Some(_), _) => Place::Element,
        }
    }

    pub(crate) fn scope(&self) -> &Arc<Scope> {
        &self.scope
    }

    pub(crate) fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// Goes to the item behind the one that [`scan`](Scanner::scan) completed.
    pub(crate) fn next_item(&mut self) {
        self.base += self.position as u64;
        self.position = 0;
        // What an unusual element needed is not kept for the usual ones that follow.
        if self.open.capacity() > USUAL || self.attributes.capacity() > USUAL || self.compared.capacity() > USUAL {
            self.open.shrink_to(USUAL);
            self.attributes.clear();
            self.attributes.shrink_to(USUAL);
            self.compared.clear();
            self.compared.shrink_to(USUAL);
        }
        self.namespaces.shrink();
    }

    pub(crate) fn take_head(&mut self) -> Option<Head> {
        self.head.take()
    }

    /// Reads on. `bytes` is the current item from its start, as far as it arrived and was checked;
    /// `None` means that all of them were read and more are needed.
    pub(crate) fn scan(&mut self, bytes: &[u8]) -> Result<Option<Token>, Error> {
        loop {
            #[cfg(test)]
            {
                self.steps += 1;
            }
            let before = self.position;
            let flow = match self.state {
                State::Content => self.content(bytes)?,
                State::Markup => self.markup(bytes)?,
                State::StartName => self.start_name(bytes)?,
                State::TagGap => self.tag_gap(bytes)?,
                State::TagSpace => self.tag_space(bytes)?,
                State::AttributeName => self.attribute_name(bytes)?,
                State::Equals => self.equals(bytes)?,
                State::Quote => self.opening_quote(bytes)?,
                State::Value => self.value(bytes)?,
                State::Slash => self.slash(bytes)?,
                State::EndName => self.end_name(bytes)?,
                State::EndSpace => self.end_space(bytes)?,
                State::Reference => self.reference(bytes)?,
                State::ReferenceName => self.reference_name(bytes)?,
                State::ReferenceHash => self.reference_hash(bytes)?,
                State::ReferenceDecimal => self.reference_digits(bytes, 10)?,
                State::ReferenceHex => self.reference_digits(bytes, 16)?,
                State::Bang => self.bang(bytes)?,
                State::BangDash => self.bang_dash(bytes)?,
                State::CdataStart => self.cdata_start(bytes)?,
                State::Cdata => self.cdata(bytes)?,
                State::Start => self.start(bytes)?,
                State::StartMarkup => self.start_markup(bytes)?,
                State::Declaration => self.declaration(bytes)?,
                State::Prolog => self.prolog(bytes)?,
                State::Closed => Flow::Starved,
            };
            debug_assert!(self.position >= before, "nothing is read twice");
            match flow {
                Flow::On => {}
                Flow::Starved => return Ok(None),
                Flow::Done(token) => return Ok(Some(token)),
            }
        }
    }

    /// The next byte, which stays unread.
    #[inline(always)]
    fn peek(&self, bytes: &[u8]) -> Option<u8> {
        bytes.get(self.position).copied()
    }

    /// Takes one byte and goes to `state`.
    #[inline(always)]
    fn step(&mut self, state: State) -> Step {
        self.position += 1;
        self.state = state;
        Ok(Flow::On)
    }

    #[cold]
    fn error(&self, kind: XmlError) -> Step {
        Err(Error::Xml {
            kind,
            offset: self.offset(self.position),
        })
    }

    #[cold]
    fn restricted(&self, kind: Restricted) -> Step {
        Err(Error::Restricted {
            kind,
            offset: self.offset(self.tag_start),
        })
    }

    /// The byte at hand is not what the grammar wants.
    #[cold]
    fn unexpected(&self, bytes: &[u8], expected: &'static str) -> Step {
        self.error(XmlError::Unexpected {
            found: self.character(bytes),
            expected,
        })
    }

    /// The character at the current position.
    fn character(&self, bytes: &[u8]) -> char {
        name::decode(bytes, self.position).map_or(char::REPLACEMENT_CHARACTER, |(c, _)| c)
    }

    fn exceeds<T>(limit: LimitKind, max: usize) -> Result<T, Error> {
        Err(Error::Limit { limit, max })
    }

    // Markup.

    fn markup(&mut self, bytes: &[u8]) -> Step {
        let Some(byte) = self.peek(bytes) else {
            return Ok(Flow::Starved);
        };
        self.tag_start = self.position - 1;
        match byte {
            b'/' if self.root.is_some() => {
                self.position += 1;
                if let Some(step) = self.plain_end_tag(bytes) {
                    return step;
                }
                self.name = NameScan::at(self.position);
                self.state = State::EndName;
                Ok(Flow::On)
            }
            b'!' => self.step(State::Bang),
            b'?' => self.restricted(Restricted::ProcessingInstruction),
            _ if class(byte) & (START | HIGH) != 0 => {
                if self.open.len() >= self.limits.depth && self.root.is_some() {
                    return Self::exceeds(LimitKind::Depth, self.limits.depth);
                }
                if self.open.is_empty() {
                    self.namespaces.clear();
                }
                self.attributes.clear();
                self.declarations = 0;
                self.prefixed = 0;
                self.seen = 0;
                self.alike = false;
                self.plain_start_tag(bytes)
            }
            _ => self.unexpected(bytes, "the name of an element"),
        }
    }

    fn bang(&mut self, bytes: &[u8]) -> Step {
        match self.peek(bytes) {
            None => Ok(Flow::Starved),
            Some(b'-') => self.step(State::BangDash),
            // XML-03: nothing of it is read.
            Some(b'D') => self.restricted(Restricted::Doctype),
            Some(b'[') if !self.open.is_empty() => self.step(State::CdataStart),
            // A CDATA section is text, and this is no place for any.
            Some(b'[') if self.root.is_some() => self.error(XmlError::TextBetweenElements { found: '<' }),
            Some(_) => self.unexpected(bytes, "CDATA"),
        }
    }

    fn bang_dash(&mut self, bytes: &[u8]) -> Step {
        match self.peek(bytes) {
            None => Ok(Flow::Starved),
            Some(b'-') => self.restricted(Restricted::Comment),
            Some(_) => self.unexpected(bytes, "a second hyphen"),
        }
    }
}
