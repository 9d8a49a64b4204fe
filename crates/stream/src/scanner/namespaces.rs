//! Namespace declarations in scope (Namespaces in XML 1.0 section 6).

use super::stack::{Declaration, Stack};
use super::tag::Attribute;
use crate::error::{Error, NamespaceError, quote};
use crate::escape;
use crate::limits::{LimitKind, Limits};
use crate::small_str::SmallStr;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use xmpp_tls_core::{StreamKind, ns};

/// Up to so many declarations are looked through one by one, which is faster than anything clever.
const FEW: usize = 32;

/// A prefix (empty for the default namespace) and its namespace, never empty.
pub(crate) type Binding = (Cow<'static, str>, Cow<'static, str>);
/// Those of one header; borrowed if they are what nearly every header declares.
pub(crate) type Bindings = Cow<'static, [Binding]>;

const fn usual(prefix: &'static str, namespace: &'static str) -> Binding {
    (Cow::Borrowed(prefix), Cow::Borrowed(namespace))
}

static CLIENT: [Binding; 2] = [usual("", ns::CLIENT), usual("stream", ns::STREAM)];
static SERVER: [Binding; 2] = [usual("", ns::SERVER), usual("stream", ns::STREAM)];
static SERVER_DIALBACK: [Binding; 3] = [
    usual("", ns::SERVER),
    usual("stream", ns::STREAM),
    usual("db", ns::DIALBACK),
];

/// What a stream header declared: the context of every first-level element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    /// No prefix twice.
    pub(crate) declarations: Bindings,
    pub(crate) lang: Option<SmallStr>,
    /// The declarations in the order of their prefixes, if there are too many to look through.
    sorted: Vec<u32>,
}

impl Scope {
    pub(crate) fn new(declarations: Bindings, lang: Option<SmallStr>) -> Self {
        let mut sorted = Vec::new();
        if declarations.len() > FEW {
            sorted.extend(0..declarations.len() as u32);
            sorted.sort_unstable_by_key(|&index| declarations.get(index as usize));
        }
        Scope {
            declarations,
            lang,
            sorted,
        }
    }

    /// Before there is a header, the same one for all.
    pub(crate) fn empty() -> Arc<Scope> {
        static EMPTY: LazyLock<Arc<Scope>> = LazyLock::new(Arc::default);
        EMPTY.clone()
    }

    /// What the header of our own encoder declares.
    pub(crate) fn of_kind(kind: StreamKind) -> Arc<Scope> {
        let declarations = match kind {
            StreamKind::ClientToServer => &CLIENT,
            StreamKind::ServerToServer => &SERVER,
        };
        Arc::new(Scope::new(Cow::Borrowed(declarations), None))
    }

    /// Whether what is written for one may be written into the other as it is.
    pub(crate) fn declares_the_same(&self, other: &Scope) -> bool {
        std::ptr::eq(&*self.declarations, &*other.declarations) || self.declarations == other.declarations
    }

    pub(crate) fn position(&self, prefix: &[u8]) -> Option<usize> {
        if self.sorted.is_empty() {
            let same = |(declared, _): &Binding| declared.as_bytes() == prefix;
            return self.declarations.iter().position(same);
        }
        let prefix_of = |index: &u32| {
            self.declarations
                .get(*index as usize)
                .map(|(declared, _)| declared.as_bytes())
        };
        let found = self
            .sorted
            .binary_search_by(|index| prefix_of(index).cmp(&Some(prefix)));
        self.sorted.get(found.ok()?).map(|&index| index as usize)
    }

    pub(crate) fn namespace(&self, prefix: &str) -> Option<&str> {
        let (_, namespace) = self.declarations.get(self.position(prefix.as_bytes())?)?;
        Some(namespace)
    }
}

/// Where the text of a namespace is kept.
#[derive(Clone, Debug, Default)]
pub(crate) enum NsRef {
    /// In no namespace.
    #[default]
    None,
    /// That of the prefix `xml`.
    Xml,
    /// This declaration of the [`Scope`].
    Scope(u32),
    /// These bytes of the element.
    Bytes(u32, u32),
    /// Not as written: it holds references or white space.
    Owned(Arc<str>),
}

impl NsRef {
    pub(crate) fn bytes<'a>(&'a self, element: &'a [u8], scope: &'a Scope) -> &'a [u8] {
        match self {
            NsRef::None => b"",
            NsRef::Xml => ns::XML.as_bytes(),
            NsRef::Scope(index) => scope
                .declarations
                .get(*index as usize)
                .map_or(&[], |(_, namespace)| namespace.as_bytes()),
            NsRef::Bytes(start, end) => element.get(*start as usize..*end as usize).unwrap_or_default(),
            NsRef::Owned(text) => text.as_bytes(),
        }
    }
}

impl NsRef {
    pub(crate) fn text<'a>(&'a self, element: &'a str, scope: &'a Scope) -> &'a str {
        match self {
            NsRef::None => "",
            NsRef::Xml => ns::XML,
            NsRef::Scope(index) => scope
                .declarations
                .get(*index as usize)
                .map_or("", |(_, namespace)| namespace),
            NsRef::Bytes(start, end) => element.get(*start as usize..*end as usize).unwrap_or_default(),
            NsRef::Owned(text) => text,
        }
    }
}

/// The declarations inside the current first-level element, innermost last.
#[derive(Debug, Default)]
pub(crate) struct Namespaces {
    stack: Stack,
    /// Where in the stack a prefix is, outermost first, from when there are more than [`FEW`]. An
    /// entry may be out of date, which the stack tells; whoever finds one drops it.
    by_prefix: Option<BTreeMap<Vec<u8>, Vec<u32>>>,
    /// Numbers for namespaces that had to be compared: comparing two of them costs their length,
    /// which they must pay for once and not for each use.
    numbers: BTreeMap<Vec<u8>, u32>,
    scope_numbers: Vec<Option<u32>>,
    /// One bit for each declaration of the [`Scope`] that an element or attribute used by prefix
    /// (the last bit stands for all further ones).
    pub(crate) inherited: u64,
}

/// Where a prefix is declared.
#[derive(Clone, Copy)]
enum Place {
    Stack(usize),
    Scope(usize),
    Xml,
    /// The default namespace, and nobody declared any.
    Nowhere,
}

impl Namespaces {
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.stack.truncate(0);
        self.inherited = 0;
        if self.by_prefix.is_some() {
            self.by_prefix = None;
        }
        if !self.numbers.is_empty() {
            self.numbers.clear();
            self.scope_numbers.clear();
        }
    }

    /// Gives back what an unusual element made it hold.
    #[inline]
    pub(crate) fn shrink(&mut self) {
        if self.stack.more.capacity() > 2 * FEW {
            self.stack.more.shrink_to(FEW);
            self.by_prefix = None;
            self.numbers = BTreeMap::new();
            self.scope_numbers = Vec::new();
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.stack.len
    }

    #[inline]
    pub(crate) fn truncate(&mut self, len: usize) {
        if self.stack.len > len {
            self.stack.truncate(len);
        }
    }

    /// Takes up a declaration (`attribute` is one), or says why it must not be made.
    pub(crate) fn declare(
        &mut self,
        attribute: &Attribute,
        bytes: &[u8],
        scope: &Scope,
        limits: &Limits,
        offset: u64,
    ) -> Result<(), Error> {
        let (start, end) = attribute.declared_prefix();
        let prefix = bytes.get(start as usize..end as usize).unwrap_or_default();
        let value = value_of(attribute, bytes);
        let wrong = |kind| Err(Error::Namespace { kind, offset });
        let reserved = &*value == ns::XML.as_bytes() || &*value == ns::XMLNS.as_bytes();
        match prefix {
            b"xml" if &*value == ns::XML.as_bytes() => return Ok(()),
            b"xml" | b"xmlns" => return wrong(NamespaceError::Reserved { prefix: quote(prefix) }),
            _ if reserved => return wrong(NamespaceError::Reserved { prefix: quote(prefix) }),
            b"" => {}
            _ if value.is_empty() => return wrong(NamespaceError::EmptyNamespace { prefix: quote(prefix) }),
            _ => {}
        }
        if self.stack.len + scope.declarations.len() >= limits.namespaces {
            return Err(Error::Limit {
                limit: LimitKind::Namespaces,
                max: limits.namespaces,
            });
        }
        self.push(attribute, bytes, value, 0);
        Ok(())
    }

    /// Takes up a declaration that was found in order before, in an element with so many outside of it.
    pub(crate) fn redeclare(&mut self, attribute: &Attribute, bytes: &[u8], depth: u32) {
        self.push(attribute, bytes, value_of(attribute, bytes), depth);
    }

    /// Behind an element with so many outside of it.
    #[inline]
    pub(crate) fn leave(&mut self, depth: u32) {
        while let Some(last) = self.stack.len.checked_sub(1)
            && self
                .stack
                .get(last)
                .is_some_and(|declaration| declaration.depth >= depth)
        {
            self.stack.truncate(last);
        }
    }

    #[inline]
    fn push(&mut self, attribute: &Attribute, bytes: &[u8], value: Cow<'_, [u8]>, depth: u32) {
        let namespace = match value {
            value if value.is_empty() => NsRef::None,
            Cow::Borrowed(_) => NsRef::Bytes(attribute.value.0, attribute.value.1),
            Cow::Owned(value) => NsRef::Owned(String::from_utf8(value).unwrap_or_default().into()),
        };
        self.stack.push(Declaration {
            prefix: attribute.declared_prefix(),
            namespace,
            number: None,
            depth,
        });
        if self.stack.len > FEW || self.by_prefix.is_some() {
            self.index(bytes);
        }
    }

    /// Puts the last declaration into the index, or all of them if there was none.
    #[cold]
    fn index(&mut self, bytes: &[u8]) {
        let from = if self.by_prefix.is_some() {
            self.stack.len - 1
        } else {
            0
        };
        let by_prefix = self.by_prefix.get_or_insert_default();
        for (at, declaration) in self.stack.iter().enumerate().skip(from) {
            let places = by_prefix.entry(declaration.prefix(bytes).to_vec()).or_default();
            while places.pop_if(|place| *place >= at as u32).is_some() {}
            places.push(at as u32);
        }
    }

    #[inline]
    fn place(&mut self, prefix: &[u8], bytes: &[u8], scope: &Scope) -> Option<Place> {
        let local = match &mut self.by_prefix {
            Some(by_prefix) => {
                let places = by_prefix.get_mut(prefix);
                places.and_then(|places| {
                    let stale = |place: &mut u32| {
                        let declaration = self.stack.get(*place as usize);
                        declaration.is_none_or(|declaration| declaration.prefix(bytes) != prefix)
                    };
                    while places.pop_if(stale).is_some() {}
                    places.last().map(|&place| place as usize)
                })
            }
            None => self.stack.rposition(|declaration| declaration.prefix(bytes) == prefix),
        };
        if let Some(at) = local {
            return Some(Place::Stack(at));
        }
        if prefix == b"xml" {
            return Some(Place::Xml);
        }
        match scope.position(prefix) {
            Some(index) => {
                self.inherited |= 1 << index.min(63);
                Some(Place::Scope(index))
            }
            None => prefix.is_empty().then_some(Place::Nowhere),
        }
    }

    /// The namespace of a prefix (empty for the default namespace); `None` if it is undeclared.
    pub(crate) fn find(&mut self, prefix: &[u8], bytes: &[u8], scope: &Scope) -> Option<NsRef> {
        Some(match self.place(prefix, bytes, scope)? {
            Place::Stack(at) => self.stack.get(at)?.namespace.clone(),
            Place::Scope(index) => NsRef::Scope(index as u32),
            Place::Xml => NsRef::Xml,
            Place::Nowhere => NsRef::None,
        })
    }

    /// Whether a prefix is declared; as [`find`](Namespaces::find) it counts as used then.
    #[inline]
    pub(crate) fn knows(&mut self, prefix: &[u8], bytes: &[u8], scope: &Scope) -> bool {
        self.place(prefix, bytes, scope).is_some()
    }

    /// A number that two prefixes share if they stand for the same namespace.
    pub(crate) fn number(&mut self, prefix: &[u8], bytes: &[u8], scope: &Scope) -> Option<u32> {
        let place = self.place(prefix, bytes, scope)?;
        let known = match place {
            Place::Stack(at) => self.stack.get(at)?.number,
            Place::Scope(index) => self.scope_numbers.get(index).copied().flatten(),
            Place::Xml | Place::Nowhere => None,
        };
        if known.is_some() {
            return known;
        }
        let namespace = match place {
            Place::Stack(at) => self.stack.get(at)?.namespace.bytes(bytes, scope).to_vec(),
            Place::Scope(index) => NsRef::Scope(index as u32).bytes(bytes, scope).to_vec(),
            Place::Xml => ns::XML.into(),
            Place::Nowhere => Vec::new(),
        };
        let next = self.numbers.len() as u32;
        let number = *self.numbers.entry(namespace).or_insert(next);
        match place {
            Place::Stack(at) => self.stack.get_mut(at)?.number = Some(number),
            Place::Scope(index) => {
                self.scope_numbers.resize(self.scope_numbers.len().max(index + 1), None);
                *self.scope_numbers.get_mut(index)? = Some(number);
            }
            Place::Xml | Place::Nowhere => {}
        }
        Some(number)
    }

    /// What is in scope now, for the context of what follows a stream header.
    pub(crate) fn to_scope(&self, bytes: &[u8], lang: Option<SmallStr>) -> Scope {
        let none = Scope::default();
        let declared = || {
            self.stack.iter().filter_map(|declaration| {
                let namespace = declaration.namespace.bytes(bytes, &none);
                (!namespace.is_empty()).then(|| (declaration.prefix(bytes), namespace))
            })
        };
        let is =
            |(prefix, namespace): &Binding, found: (&[u8], &[u8])| (prefix.as_bytes(), namespace.as_bytes()) == found;
        // No prefix is declared twice: as many, and each of them among the others, are the same ones.
        for known in [&CLIENT[..], &SERVER, &SERVER_DIALBACK] {
            if declared().count() == known.len() && declared().all(|found| known.iter().any(|one| is(one, found))) {
                return Scope::new(Cow::Borrowed(known), lang);
            }
        }
        let text = |bytes: &[u8]| Cow::Owned(String::from_utf8_lossy(bytes).into_owned());
        let declarations = declared().map(|(prefix, namespace)| (text(prefix), text(namespace)));
        Scope::new(declarations.collect(), lang)
    }
}

/// The namespace that a declaration names; borrowed if it is the value as it was written.
#[inline]
fn value_of<'a>(attribute: &Attribute, bytes: &'a [u8]) -> Cow<'a, [u8]> {
    let raw = attribute.value(bytes);
    if escape::is_plain_attribute(raw) {
        return Cow::Borrowed(raw);
    }
    let value = escape::attribute(std::str::from_utf8(raw).unwrap_or_default());
    Cow::Owned(value.into_owned().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scanner::tag::Name;

    #[test]
    fn the_index_of_prefixes_finds_what_looking_through_them_all_finds() {
        // Bindings of eight prefixes, made and forgotten at random, far more than are indexed.
        let bytes: Vec<u8> = (0..8u8).flat_map(|n| [b'a' + n, b'0' + n]).collect();
        let scope = Scope::default();
        let (mut namespaces, mut expected) = (Namespaces::default(), Vec::new());
        let mut random = 1u64;
        for round in 0..20_000usize {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let number = (random >> 40) as usize;
            match number % 5 {
                0 => {
                    let keep = number / 5 % (expected.len() + 1);
                    // Now and then far down, mostly by a little.
                    let keep = if round % 97 == 0 {
                        keep
                    } else {
                        keep.max(expected.len().saturating_sub(3))
                    };
                    expected.truncate(keep);
                    namespaces.truncate(keep);
                }
                1..4 => {
                    let at = (number / 5 % 8) * 2;
                    let attribute = Attribute {
                        name: Name::new(at, at, at + 1),
                        value: (at as u32 + 1, at as u32 + 2),
                        declares: true,
                    };
                    // As if it were xmlns:PREFIX, whose local part is what is declared.
                    let attribute = Attribute {
                        name: Name::new(at.wrapping_sub(1), at, at + 1),
                        ..attribute
                    };
                    expected.push(bytes[at]);
                    namespaces.redeclare(&attribute, &bytes, 0);
                }
                _ => {
                    let prefix = bytes[number / 5 % 8 * 2];
                    let known = namespaces.place(&[prefix], &bytes, &scope);
                    let known = known.map(|place| match place {
                        Place::Stack(at) => at,
                        _ => usize::MAX,
                    });
                    assert_eq!(known, expected.iter().rposition(|&other| other == prefix));
                }
            }
        }
        assert!(namespaces.by_prefix.is_some());
    }

    #[test]
    fn many_declarations_of_a_header_are_found_by_prefix() {
        let declarations: Vec<_> = (0..100)
            .map(|n| (Cow::Owned(format!("p{}", n * 37 % 100)), Cow::Owned(n.to_string())))
            .collect();
        let scope = Scope::new(Cow::Owned(declarations.clone()), None);
        for (prefix, namespace) in &declarations {
            assert_eq!(scope.namespace(prefix), Some(&**namespace));
        }
        assert_eq!(scope.namespace("p100"), None);
    }
}
