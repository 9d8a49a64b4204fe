//! What can only be judged when a start tag is complete: declarations, prefixes, duplicates.

use super::Scanner;
use super::namespaces::NsRef;
use super::tag::Name;
use crate::error::{Error, NamespaceError, XmlError, quote};

/// From here on, duplicates are looked for by sorting: comparing all pairs would be quadratic.
const MANY: usize = 16;

impl Scanner {
    /// The namespace of an element's name.
    pub(super) fn resolve(&mut self, name: Name, bytes: &[u8]) -> Result<NsRef, Error> {
        let prefix = name.prefix(bytes);
        let found = self.namespaces.find(prefix, bytes, &self.scope);
        found.ok_or_else(|| self.undeclared(prefix))
    }

    /// For names whose namespace does not matter here, only that they have one.
    fn must_resolve(&mut self, name: Name, bytes: &[u8]) -> Result<(), Error> {
        let prefix = name.prefix(bytes);
        match self.namespaces.knows(prefix, bytes, &self.scope) {
            true => Ok(()),
            false => Err(self.undeclared(prefix)),
        }
    }

    #[cold]
    fn undeclared(&self, prefix: &[u8]) -> Error {
        self.wrong(NamespaceError::UndeclaredPrefix { prefix: quote(prefix) })
    }

    fn wrong(&self, kind: NamespaceError) -> Error {
        Error::Namespace {
            kind,
            offset: self.offset(self.tag_start),
        }
    }

    pub(super) fn declare_namespaces(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let offset = self.offset(self.tag_start);
        for attribute in self.attributes.iter().filter(|attribute| attribute.declares) {
            self.namespaces
                .declare(attribute, bytes, &self.scope, &self.limits, offset)?;
        }
        Ok(())
    }

    pub(super) fn resolve_attributes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut compared = std::mem::take(&mut self.compared);
        compared.clear();
        for index in 0..self.attributes.len() {
            if let Some(attribute) = self.attributes.get(index).copied()
                && attribute.name.has_prefix()
                && !attribute.declares
            {
                self.must_resolve(attribute.name, bytes)?;
                if self.prefixed > 1 {
                    compared.push((index as u32, 0));
                }
            }
        }
        let result = if compared.len() > 1 {
            self.refuse_twins(bytes, &mut compared)
        } else {
            Ok(())
        };
        self.compared = compared;
        result
    }

    /// Namespaces in XML 1.0 section 6.3: different prefixes can make the same attribute. Only where
    /// two local names are the same must namespaces be compared.
    fn refuse_twins(&mut self, bytes: &[u8], compared: &mut [(u32, u32)]) -> Result<(), Error> {
        let attributes = std::mem::take(&mut self.attributes);
        let name = |entry: &(u32, u32)| attributes.get(entry.0 as usize).map(|attribute| attribute.name);
        let local = |entry: &(u32, u32)| name(entry).map(|name| name.local(bytes));
        compared.sort_unstable_by_key(local);
        let mut twin = None;
        for same in compared
            .chunk_by_mut(|a, b| local(a) == local(b))
            .filter(|same| same.len() > 1)
        {
            for entry in same.iter_mut() {
                let prefix = name(entry).map_or(&b""[..], |name| name.prefix(bytes));
                entry.1 = self.namespaces.number(prefix, bytes, &self.scope).unwrap_or(u32::MAX);
            }
            same.sort_unstable_by_key(|entry| entry.1);
            let found = same.windows(2).find(|pair| matches!(pair, [a, b] if a.1 == b.1));
            twin = found.and_then(|pair| name(pair.first()?));
            if twin.is_some() {
                break;
            }
        }
        self.attributes = attributes;
        let Some(name) = twin else { return Ok(()) };
        let namespace = self.resolve(name, bytes)?;
        Err(self.wrong(NamespaceError::DuplicateAttribute {
            namespace: quote(namespace.bytes(bytes, &self.scope)),
            name: quote(name.local(bytes)),
        }))
    }

    pub(super) fn refuse_duplicates(&self, bytes: &[u8]) -> Result<(), Error> {
        let twin = if self.attributes.len() <= MANY {
            self.attributes.iter().enumerate().find_map(|(index, attribute)| {
                let name = attribute.name.whole(bytes);
                let earlier = self.attributes.get(..index).unwrap_or_default();
                earlier
                    .iter()
                    .any(|other| other.name.whole(bytes) == name)
                    .then_some(name)
            })
        } else {
            let mut names: Vec<&[u8]> = self
                .attributes
                .iter()
                .map(|attribute| attribute.name.whole(bytes))
                .collect();
            names.sort_unstable();
            names.windows(2).find_map(|pair| match pair {
                [a, b] if a == b => Some(*a),
                _ => None,
            })
        };
        match twin {
            None => Ok(()),
            Some(name) => {
                let kind = XmlError::DuplicateAttribute { name: quote(name) };
                Err(Error::Xml {
                    kind,
                    offset: self.offset(self.tag_start),
                })
            }
        }
    }
}
