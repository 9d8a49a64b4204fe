use crate::element::{Element, find_attribute};
use crate::tree::{self, Node};
use crate::walk::AttributeIter;
use std::borrow::Cow;
use std::fmt;

/// An element within an [`Element`].
#[derive(Clone, Copy)]
pub struct ChildElement<'a> {
    element: &'a Element,
    /// The whole element as text, so that it is checked only once that it is.
    xml: &'a str,
    index: u32,
}

impl<'a> ChildElement<'a> {
    pub(crate) fn root(element: &'a Element) -> Self {
        ChildElement {
            element,
            xml: element.as_str(),
            index: 0,
        }
    }

    fn node(&self) -> Option<&'a Node> {
        self.element.nodes().get(self.index as usize)
    }

    fn slice(&self, (start, end): (u32, u32)) -> &'a str {
        self.xml.get(start as usize..end as usize).unwrap_or_default()
    }

    /// The local name.
    pub fn name(&self) -> &'a str {
        self.node().map_or("", |node| self.slice(node.name.local_range()))
    }

    /// The namespace; empty if there is none.
    pub fn namespace(&self) -> &'a str {
        self.node()
            .map_or("", |node| node.namespace.text(self.xml, self.element.scope()))
    }

    /// Whether this is its expanded name.
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.name() == name && self.namespace() == namespace
    }

    /// The value of an attribute in no namespace; see [`Element::attribute`].
    pub fn attribute(&self, name: &str) -> Option<Cow<'a, str>> {
        find_attribute(self.attributes(), "", name)
    }

    /// `xml:lang` of this element.
    pub fn lang(&self) -> Option<Cow<'a, str>> {
        find_attribute(self.attributes(), "xml", "lang")
    }

    /// The attributes of this element that declare no namespaces.
    pub fn attributes(&self) -> AttributeIter<'a> {
        let end = self.node().map_or(self.xml.len(), |node| node.name.end());
        AttributeIter::new(self.xml, end)
    }

    /// The character data directly in this element; see [`Element::text`].
    pub fn text(&self) -> Cow<'a, str> {
        let mut text = Cow::Borrowed("");
        let Some(node) = self.node() else { return text };
        let mut position = node.content;
        for child in self.children().filter_map(|child| child.node()) {
            tree::add_text(self.slice((position, child.start)), &mut text);
            position = child.end;
        }
        tree::add_text(self.slice((position, node.content_end)), &mut text);
        text
    }

    /// The child elements, in document order.
    pub fn children(&self) -> Children<'a> {
        let end = self.node().map_or(0, |node| node.next);
        Children {
            element: self.element,
            xml: self.xml,
            index: self.index + 1,
            end,
        }
    }

    /// Exactly what was received. Not self-contained: prefixes and the default namespace may be
    /// declared further out.
    pub fn as_str(&self) -> &'a str {
        self.node().map_or("", |node| self.slice((node.start, node.end)))
    }
}

impl fmt::Debug for ChildElement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ChildElement").field(&self.as_str()).finish()
    }
}

/// The iterator of [`Element::children`].
#[derive(Clone, Debug)]
pub struct Children<'a> {
    element: &'a Element,
    xml: &'a str,
    index: u32,
    end: u32,
}

impl<'a> Iterator for Children<'a> {
    type Item = ChildElement<'a>;

    fn next(&mut self) -> Option<ChildElement<'a>> {
        if self.index >= self.end {
            return None;
        }
        let child = ChildElement {
            element: self.element,
            xml: self.xml,
            index: self.index,
        };
        self.index = child.node()?.next;
        Some(child)
    }
}
