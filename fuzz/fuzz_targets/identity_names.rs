//! Any bytes as a subjectAltName and as a certificate: no panic, both readers of names agree, and what
//! is shown is safe to show.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pki_types::CertificateDer;
use xmpp_identity::{CertificateFacts, PresentedId, PresentedIds, ReferenceIds};
use xmpp_tls_core::{Domain, StreamKind};

/// Nothing in it ends a line, moves a cursor, hides, or turns the direction of writing.
fn safe(text: &str) {
    let tricks = |c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    assert!(!text.chars().any(tricks), "{text:?}");
    assert!(text.len() < 4000, "{}", text.len());
}

fuzz_target!(|bytes: &[u8]| {
    let certificate = CertificateDer::from(bytes);
    if let Ok(facts) = CertificateFacts::from_der(&certificate) {
        safe(&facts.subject);
        safe(&facts.issuer);
        safe(&facts.key_type);
    }
    let from_certificate = PresentedIds::from_certificate(&certificate);
    let from_extension = PresentedIds::from_subject_alt_name(bytes);
    for presented in [&from_certificate, &from_extension].into_iter().flatten() {
        presented.ignored().iter().for_each(|ignored| safe(&ignored.to_string()));
        for id in presented {
            safe(&id.to_string());
            let name = match id {
                PresentedId::Dns(name) | PresentedId::Srv { name, .. } | PresentedId::XmppAddr(name) => name.clone(),
                PresentedId::Ip(ip) => format!("[{ip}]"),
                other => unreachable!("{other}"),
            };
            // What a wildcard stands for is one label more.
            let Ok(domain) = name.replacen('*', "x", 1).parse::<Domain>() else { continue };
            for kind in [StreamKind::ClientToServer, StreamKind::ServerToServer] {
                let references = ReferenceIds::new(&domain, kind);
                let found = references.matches(presented);
                if let PresentedId::Dns(name) = id
                    && domain.ip().is_none()
                    && !name.strip_prefix("*.").is_some_and(|parent| !parent.contains('.'))
                {
                    assert!(found.is_some(), "{domain} in {presented:?}");
                }
                if let Some(found) = &found {
                    safe(&found.to_string());
                    assert!(references.iter().any(|reference| *reference == found.reference));
                }
                if from_certificate.as_ref().is_ok_and(|own| own == presented) {
                    let borrowed = references.find_in(&certificate).expect("names that could be read");
                    assert_eq!(borrowed.map(|found| found.to_match()), found);
                }
            }
        }
    }
    if let Err(error) = &from_certificate {
        let references = ReferenceIds::new(&"example.org".parse().expect("a domain"), StreamKind::ClientToServer);
        assert_eq!(references.find_in(&certificate).as_ref().err(), Some(error));
    }
});
