//! The parsers, each doing the same work: find every stanza, element, attribute and text, with
//! namespaces resolved and references replaced, and add up their sizes.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::StreamExt;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

/// What was found. The same for every parser, or they did not do the same work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Counts {
    pub stanzas: u64,
    pub elements: u64,
    pub attributes: u64,
    pub attribute_bytes: u64,
    pub text_bytes: u64,
    /// Used by the expat shim only.
    depth: u64,
}

pub mod ours {
    use super::Counts;
    use xmpp_stream::{Element, Limits, Node, StreamDecoder, StreamEvent};

    fn each(input: &[u8], chunk: usize, mut found: impl FnMut(Element)) {
        let mut decoder = StreamDecoder::new(Limits::after_authentication());
        for piece in input.chunks(chunk) {
            decoder.push(piece);
            while let Some(event) = decoder.next_event().expect("valid") {
                if let StreamEvent::Element(element) = event {
                    found(element);
                }
            }
        }
    }

    /// Validated, resolved and framed; the application looks at the name and the address only.
    pub fn decode(input: &[u8], chunk: usize) -> Counts {
        let mut counts = Counts::default();
        each(input, chunk, |element| {
            counts.stanzas += 1;
            std::hint::black_box((element.name(), element.namespace(), element.attribute("to")));
        });
        counts
    }

    /// The same, and the stanza is kept in memory of its own, as a queue keeps it.
    pub fn keep(input: &[u8], chunk: usize) -> Counts {
        let mut counts = Counts::default();
        each(input, chunk, |element| {
            counts.stanzas += 1;
            let kept = element.detach();
            std::hint::black_box((kept.name(), kept.namespace(), kept.attribute("to")));
            std::hint::black_box(kept);
        });
        counts
    }

    /// The same as `decode`, and every element, attribute and text of it looked at.
    pub fn read(input: &[u8], chunk: usize) -> Counts {
        let mut counts = Counts::default();
        each(input, chunk, |element| {
            counts.stanzas += 1;
            for node in element.walk() {
                match node {
                    Node::Start(tag) => {
                        counts.elements += 1;
                        for attribute in tag.attributes() {
                            counts.attributes += 1;
                            counts.attribute_bytes += attribute.value().len() as u64;
                        }
                        std::hint::black_box((tag.namespace(), tag.name()));
                    }
                    Node::Text(text) => counts.text_bytes += text.len() as u64,
                    Node::End => {}
                }
            }
        });
        counts
    }

    /// The same from a tree in memory of its own.
    pub fn own(input: &[u8], chunk: usize) -> Counts {
        fn add(element: xmpp_stream::ChildElement<'_>, counts: &mut Counts) {
            counts.elements += 1;
            std::hint::black_box((element.namespace(), element.name()));
            for attribute in element.attributes() {
                counts.attributes += 1;
                counts.attribute_bytes += attribute.value().len() as u64;
            }
            counts.text_bytes += element.text().len() as u64;
            for child in element.children() {
                add(child, counts);
            }
        }
        let mut counts = Counts::default();
        each(input, chunk, |element| {
            let element = element.detach();
            counts.stanzas += 1;
            add(element.root(), &mut counts);
        });
        counts
    }
}

pub fn rxml(input: &[u8], chunk: usize) -> Counts {
    use rxml::{Event, Parse, error::EndOrError};
    let mut parser = rxml::Parser::new();
    let mut counts = Counts::default();
    let mut depth = 0;
    for mut piece in input.chunks(chunk) {
        loop {
            match parser.parse(&mut piece, false) {
                Ok(Some(Event::StartElement(_, name, attributes))) => {
                    if depth > 0 {
                        counts.stanzas += u64::from(depth == 1);
                        counts.elements += 1;
                        std::hint::black_box(&name);
                        for (_, value) in attributes.iter() {
                            counts.attributes += 1;
                            counts.attribute_bytes += value.len() as u64;
                        }
                    }
                    depth += 1;
                }
                Ok(Some(Event::EndElement(_))) => depth -= 1,
                Ok(Some(Event::Text(_, text))) => counts.text_bytes += text.len() as u64,
                Ok(Some(Event::XmlDeclaration(..))) => {}
                Ok(None) => return counts,
                Err(EndOrError::NeedMoreData) => break,
                Err(EndOrError::Error(error)) => panic!("{error}"),
            }
        }
    }
    counts
}

/// quick-xml is no push parser: it gets the whole input at once.
pub fn quick_xml(input: &[u8], _chunk: usize) -> Counts {
    use quick_xml::events::Event;
    let mut reader = quick_xml::NsReader::from_str(std::str::from_utf8(input).expect("UTF-8"));
    reader.config_mut().check_end_names = true;
    let mut counts = Counts::default();
    let mut depth = 0;
    loop {
        let (namespace, event) = match reader.read_resolved_event() {
            Ok(found) => found,
            // The stream is not closed.
            Err(_) => return counts,
        };
        match event {
            Event::Start(ref start) | Event::Empty(ref start) => {
                std::hint::black_box((&namespace, start.local_name()));
                let end = matches!(event, Event::Empty(_));
                if depth > 0 {
                    counts.stanzas += u64::from(depth == 1);
                    counts.elements += 1;
                    for attribute in start.attributes() {
                        let attribute = attribute.expect("valid");
                        if attribute.key.as_namespace_binding().is_some() {
                            continue;
                        }
                        std::hint::black_box(reader.resolver().resolve_attribute(attribute.key));
                        counts.attributes += 1;
                        let value = attribute.normalized_value(quick_xml::XmlVersion::Explicit1_0);
                        counts.attribute_bytes += value.expect("valid").len() as u64;
                    }
                }
                if !end {
                    depth += 1;
                }
            }
            Event::End(_) => depth -= 1,
            Event::Text(text) => counts.text_bytes += text.xml10_content().len() as u64,
            Event::GeneralRef(reference) => {
                let known = quick_xml::escape::resolve_predefined_entity(&reference);
                counts.text_bytes += known.map_or(1, str::len) as u64;
            }
            Event::Eof => return counts,
            _ => {}
        }
    }
}

/// libexpat with namespaces, from C so that no binding slows it down.
pub fn expat(input: &[u8], chunk: usize) -> Counts {
    unsafe extern "C" {
        fn expat_count(bytes: *const u8, length: usize, chunk: usize, out: *mut Counts) -> i32;
    }
    let mut counts = Counts::default();
    // SAFETY: the function reads `length` bytes from `bytes` and writes one `struct counts`, which is
    // laid out like `Counts`. It keeps neither.
    let ok = unsafe { expat_count(input.as_ptr(), input.len(), chunk, &mut counts) };
    assert_eq!(ok, 1, "expat refused the input");
    counts.depth = 0;
    counts
}

/// A connection that has all its input already and gives it out in chunks; what is written is lost.
struct Canned<'a> {
    rest: &'a [u8],
    chunk: usize,
}

impl AsyncRead for Canned<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let count = self.chunk.min(self.rest.len()).min(to.remaining());
        to.put_slice(&self.rest[..count]);
        self.rest = &self.rest[count..];
        Poll::Ready(Ok(()))
    }
}

impl AsyncBufRead for Canned<'_> {
    fn poll_fill_buf(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<&[u8]>> {
        let this = self.get_mut();
        Poll::Ready(Ok(&this.rest[..this.chunk.min(this.rest.len())]))
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        self.rest = &self.rest[count..];
    }
}

impl AsyncWrite for Canned<'_> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What xmpp-rs programs do: a `minidom` element for each stanza.
pub fn tokio_xmpp(input: &[u8], chunk: usize) -> Counts {
    use minidom::{Element, Node};
    use tokio_xmpp::xmlstream::{ReadError, StreamHeader, Timeouts, XmlStream, accept_stream};
    fn add(element: &Element, counts: &mut Counts) {
        counts.elements += 1;
        for (_, value) in element.attrs() {
            counts.attributes += 1;
            counts.attribute_bytes += value.len() as u64;
        }
        for node in element.nodes() {
            match node {
                Node::Element(child) => add(child, counts),
                Node::Text(text) => counts.text_bytes += text.len() as u64,
            }
        }
    }
    let canned = Canned { rest: input, chunk };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("runtime");
    runtime.block_on(async {
        let accepted = accept_stream(canned, "jabber:client", Timeouts::tight())
            .await
            .expect("header");
        let pending = accepted.send_header(StreamHeader::default()).await.expect("sent");
        let features = tokio_xmpp::parsers::stream_features::StreamFeatures::default();
        let mut stream: XmlStream<_, Element> = pending.send_features(&features).await.expect("sent");
        let mut counts = Counts::default();
        loop {
            match stream.next().await {
                Some(Ok(element)) => {
                    counts.stanzas += 1;
                    add(&element, &mut counts);
                }
                // The input ends without closing the stream.
                None | Some(Err(ReadError::HardError(_) | ReadError::StreamFooterReceived)) => return counts,
                Some(Err(error)) => panic!("{error:?}"),
            }
        }
    })
}
