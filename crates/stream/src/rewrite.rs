//! Elements whose names have to change on the way to another stream.

use crate::element::{Element, is_content_namespace};
use crate::encoder::{declare_inherited, put_attribute};
use crate::scanner::find::find1;
use crate::scanner::namespaces::Scope;
use crate::scanner::tag::Attribute;
use crate::tree::{Attributes, Node, cdata_end};
use bytes::{BufMut, BytesMut};
use xmpp_tls_core::StreamKind;

/// An element that is open in what is written.
struct Open<'a> {
    default: &'a str,
    /// In the content namespace, as all that it is in.
    content: bool,
    /// Written without its prefix.
    bare: bool,
}

/// Writes `element` without prefixes on names in content namespaces, which RFC 6120 section 4.8.5
/// forbids and which a server must not pass on. Everything else keeps its prefix; declarations of the
/// default namespace are made where they are needed.
pub(crate) fn without_prefixes<'a>(
    element: &'a Element,
    target: &'a Scope,
    kind: Option<StreamKind>,
    out: &mut BytesMut,
) {
    let xml = element.as_str();
    let bytes = xml.as_bytes();
    let mut nodes = element.nodes().iter();
    let mut open: Vec<Open<'a>> = Vec::new();
    let mut position = 0;
    while let Some(start) = find1(bytes, position, b'<') {
        out.put_slice(bytes.get(position..start).unwrap_or_default());
        position = match bytes.get(start + 1) {
            Some(b'!') => {
                let end = cdata_end(bytes, start);
                out.put_slice(bytes.get(start..end).unwrap_or_default());
                end
            }
            Some(b'/') => {
                let end = find1(bytes, start, b'>').map_or(bytes.len(), |end| end + 1);
                let name = bytes.get(start + 2..end).unwrap_or_default();
                let bare = open.pop().is_some_and(|open| open.bare);
                let colon = name.iter().position(|&byte| byte == b':').filter(|_| bare);
                out.put_slice(b"</");
                out.put_slice(name.get(colon.map_or(0, |at| at + 1)..).unwrap_or_default());
                end
            }
            _ => {
                let Some(node) = nodes.next() else { return };
                let (inner, empty) = start_tag((element, xml), node, open.last(), (target, kind), out);
                if !empty {
                    open.push(inner);
                }
                node.content as usize
            }
        };
        if open.is_empty() {
            return;
        }
    }
}

fn start_tag<'a>(
    (element, xml): (&'a Element, &'a str),
    node: &'a Node,
    outer: Option<&Open<'a>>,
    (target, kind): (&'a Scope, Option<StreamKind>),
    out: &mut BytesMut,
) -> (Open<'a>, bool) {
    let bytes = xml.as_bytes();
    let namespace = node.namespace.text(xml, element.scope());
    let own = |attribute: &Attribute| {
        let (start, end) = attribute.declared_prefix();
        attribute.declares && bytes.get(start as usize..end as usize) == Some(node.name.prefix(bytes))
    };
    let in_content = is_content_namespace(namespace);
    // What names the namespace itself, within the element, means that one and no other.
    let inherits = match outer {
        None => true,
        Some(outer) => outer.content && !Attributes::new(bytes, node.name.end()).any(|a| own(&a)),
    };
    let content = in_content && inherits;
    let namespace = match kind {
        Some(kind) if content => kind.content_namespace(),
        _ => namespace,
    };
    let bare = in_content || !node.name.has_prefix();
    let outside = match outer {
        None => target.namespace("").unwrap_or_default(),
        Some(outer) => outer.default,
    };
    out.put_u8(b'<');
    out.put_slice(if bare {
        node.name.local(bytes)
    } else {
        node.name.whole(bytes)
    });
    let mut default = outside;
    if bare && namespace != outside {
        put_attribute("xmlns", namespace, out);
        default = namespace;
    }
    if outer.is_none() {
        declare_inherited(element, target, out);
    }
    let mut attributes = Attributes::new(bytes, node.name.end());
    for attribute in attributes.by_ref() {
        if !attribute.declares || attribute.name.has_prefix() {
            out.put_u8(b' ');
            let range = attribute.name.start()..attribute.value.1 as usize + 1;
            out.put_slice(bytes.get(range).unwrap_or_default());
        }
    }
    let (_, empty) = attributes.end();
    out.put_slice(if empty { b"/>" } else { b">" });
    (Open { default, content, bare }, empty)
}
