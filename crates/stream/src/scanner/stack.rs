//! Namespace declarations in the order in which they were made.

use super::namespaces::NsRef;

#[derive(Debug, Default)]
pub(super) struct Declaration {
    pub(super) prefix: (u32, u32),
    pub(super) namespace: NsRef,
    pub(super) number: Option<u32>,
    /// How many elements are outside of the one that makes it, for those who keep no count themselves.
    pub(super) depth: u32,
}

/// How many declarations have a place without an allocation.
const FIRST: usize = 8;

/// A list of declarations, the first of which are kept in place.
#[derive(Debug, Default)]
pub(super) struct Stack {
    first: [Declaration; FIRST],
    pub(super) len: usize,
    pub(super) more: Vec<Declaration>,
}

impl Stack {
    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<&Declaration> {
        match self.first.get(at) {
            Some(declaration) => (at < self.len).then_some(declaration),
            None => self.more.get(at - FIRST),
        }
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Declaration> {
        match self.first.get_mut(at) {
            Some(declaration) => (at < self.len).then_some(declaration),
            None => self.more.get_mut(at - FIRST),
        }
    }

    #[inline]
    pub(super) fn push(&mut self, declaration: Declaration) {
        match self.first.get_mut(self.len) {
            Some(free) => *free = declaration,
            None => self.more.push(declaration),
        }
        self.len += 1;
    }

    #[inline]
    pub(super) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
        self.more.truncate(len.saturating_sub(FIRST));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Declaration> {
        let first = self.first.get(..self.len).unwrap_or(&self.first);
        first.iter().chain(&self.more)
    }

    #[inline]
    pub(super) fn rposition(&self, mut wanted: impl FnMut(&Declaration) -> bool) -> Option<usize> {
        if let Some(at) = self.more.iter().rposition(&mut wanted) {
            return Some(FIRST + at);
        }
        let first = self.first.get(..self.len).unwrap_or(&self.first);
        first.iter().rposition(wanted)
    }
}

impl Declaration {
    pub(super) fn prefix<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes
            .get(self.prefix.0 as usize..self.prefix.1 as usize)
            .unwrap_or_default()
    }
}
