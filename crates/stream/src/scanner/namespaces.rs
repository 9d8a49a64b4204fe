//! Namespace declarations in scope (Namespaces in XML 1.0 section 6).

use super::tag::Attribute;
use crate::error::{Error, NamespaceError, quote};
use crate::escape;
use crate::limits::{LimitKind, Limits};
use std::borrow::Cow;
use std::sync::Arc;
use xmpp_tls_core::{StreamKind, ns};

/// What a stream header declared: the context of every first-level element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    /// Prefix (empty for the default namespace) and namespace, never empty, no prefix twice.
    pub(crate) declarations: Vec<(String, String)>,
    pub(crate) lang: Option<String>,
}

impl Scope {
    /// What the header of our own encoder declares.
    pub(crate) fn of_kind(kind: StreamKind) -> Arc<Scope> {
        Arc::new(Scope {
            declarations: vec![
                (String::new(), kind.content_namespace().to_owned()),
                ("stream".to_owned(), ns::STREAM.to_owned()),
            ],
            lang: None,
        })
    }

    pub(crate) fn position(&self, prefix: &[u8]) -> Option<usize> {
        self.declarations
            .iter()
            .position(|(declared, _)| declared.as_bytes() == prefix)
    }

    pub(crate) fn namespace(&self, prefix: &str) -> Option<&str> {
        let (_, namespace) = self.declarations.get(self.position(prefix.as_bytes())?)?;
        Some(namespace)
    }
}

/// Where the text of a namespace is kept.
#[derive(Clone, Debug)]
pub(crate) enum NsRef {
    /// In no namespace.
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
    stack: Vec<Declaration>,
    /// One bit for each declaration of the [`Scope`] that an element or attribute used by prefix
    /// (the last bit stands for all further ones).
    pub(crate) inherited: u64,
}

#[derive(Debug)]
struct Declaration {
    prefix: (u32, u32),
    namespace: NsRef,
}

impl Namespaces {
    pub(crate) fn clear(&mut self) {
        self.stack.clear();
        self.inherited = 0;
    }

    pub(crate) fn len(&self) -> usize {
        self.stack.len()
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.stack.truncate(len);
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
        let raw = std::str::from_utf8(attribute.value(bytes)).unwrap_or_default();
        let value = escape::attribute(raw);
        let wrong = |kind| Err(Error::Namespace { kind, offset });
        let reserved = &*value == ns::XML || &*value == ns::XMLNS;
        match prefix {
            b"xml" if &*value == ns::XML => return Ok(()),
            b"xml" | b"xmlns" => return wrong(NamespaceError::Reserved { prefix: quote(prefix) }),
            _ if reserved => return wrong(NamespaceError::Reserved { prefix: quote(prefix) }),
            b"" => {}
            _ if value.is_empty() => return wrong(NamespaceError::EmptyNamespace { prefix: quote(prefix) }),
            _ => {}
        }
        if self.stack.len() + scope.declarations.len() >= limits.namespaces {
            return Err(Error::Limit {
                limit: LimitKind::Namespaces,
                max: limits.namespaces,
            });
        }
        self.push(attribute, value);
        Ok(())
    }

    /// Takes up a declaration that was found in order before.
    pub(crate) fn redeclare(&mut self, attribute: &Attribute, bytes: &[u8]) {
        let raw = std::str::from_utf8(attribute.value(bytes)).unwrap_or_default();
        self.push(attribute, escape::attribute(raw));
    }

    fn push(&mut self, attribute: &Attribute, value: Cow<'_, str>) {
        let namespace = match value {
            value if value.is_empty() => NsRef::None,
            Cow::Borrowed(_) => NsRef::Bytes(attribute.value.0, attribute.value.1),
            Cow::Owned(value) => NsRef::Owned(value.into()),
        };
        self.stack.push(Declaration {
            prefix: attribute.declared_prefix(),
            namespace,
        });
    }

    /// The namespace of a prefix (empty for the default namespace); `None` if it is undeclared.
    pub(crate) fn find(&mut self, prefix: &[u8], bytes: &[u8], scope: &Scope) -> Option<NsRef> {
        let local = self.stack.iter().rev().find(|declaration| {
            let (start, end) = declaration.prefix;
            bytes.get(start as usize..end as usize) == Some(prefix)
        });
        if let Some(declaration) = local {
            return Some(declaration.namespace.clone());
        }
        if prefix == b"xml" {
            return Some(NsRef::Xml);
        }
        match scope.position(prefix) {
            Some(index) => {
                self.inherited |= 1 << index.min(63);
                Some(NsRef::Scope(index as u32))
            }
            None if prefix.is_empty() => Some(NsRef::None),
            None => None,
        }
    }

    /// What is in scope now, for the context of what follows a stream header.
    pub(crate) fn to_scope(&self, bytes: &[u8]) -> Scope {
        let mut scope = Scope::default();
        for Declaration {
            prefix: (start, end),
            namespace,
        } in &self.stack
        {
            let prefix = bytes.get(*start as usize..*end as usize).unwrap_or_default();
            let namespace = namespace
                .bytes(
                    bytes,
                    &Scope {
                        declarations: Vec::new(),
                        lang: None,
                    },
                )
                .to_vec();
            if !namespace.is_empty() {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                scope.declarations.push((text(prefix), text(&namespace)));
            }
        }
        scope
    }
}
