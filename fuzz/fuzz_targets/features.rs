//! The content of `<stream:features/>`, any bytes: no panic in any view of it, and the views agree.

#![no_main]

use libfuzzer_sys::fuzz_target;
use xmpp_tls::ns;
use xmpp_tls::stream::{Features, Limits, StreamDecoder, StreamEvent};

const HEADER: &[u8] = b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
    to='a.example' version='1.0'><stream:features>";

fuzz_target!(|content: &[u8]| {
    let mut decoder = StreamDecoder::new(Limits::before_authentication());
    decoder.push(HEADER);
    decoder.push(content);
    decoder.push(b"</stream:features>");
    while let Ok(Some(event)) = decoder.next_event() {
        let StreamEvent::Element(element) = event else { continue };
        let Some(features) = Features::from_element(&element) else { continue };
        assert_eq!(features.len(), features.iter().count());
        assert_eq!(features.is_empty(), features.iter().next().is_none());
        for child in features.iter() {
            assert!(features.offers(child.namespace(), child.name()));
            let _ = (child.text(), child.lang(), child.children().count());
        }
        assert_eq!(features.starttls().is_some(), features.offers(ns::TLS, "starttls"));
        let _ = (features.mechanisms().count(), features.limits());
        let again = Features::from_element(&features.as_element().detach()).expect("the same element");
        assert_eq!(again.len(), features.len());
        assert!(again.mechanisms().eq(features.mechanisms()));
    }
});
