//! What servers say to each other: mostly what the protocol has, about three domains.

use arbitrary::Arbitrary;

pub const OURS: &str = "ours.example";
pub const PEER: &str = "peer.example";
/// The last one nobody has, and no certificate names it.
pub const DOMAINS: [&str; 3] = [OURS, PEER, "other.example"];

#[derive(Arbitrary, Debug, Clone, Copy)]
pub struct Addresses {
    pub from: u8,
    pub to: u8,
}

#[derive(Arbitrary, Debug)]
pub enum Say {
    Header,
    Features { external: bool, bidi: bool, dialback: bool },
    StartTls,
    Proceed,
    Hello,
    Auth { authzid: Option<u8> },
    Response,
    Success,
    Challenge,
    Failure,
    Bidi,
    Result(Addresses, Answer),
    Verify(Addresses, Answer),
    Stanza(Addresses),
    Closing,
    CloseNotify,
}

#[derive(Arbitrary, Debug)]
pub enum Answer {
    Key,
    Valid,
    Invalid,
    Error,
}

pub fn domain(index: u8) -> &'static str {
    DOMAINS[usize::from(index) % DOMAINS.len()]
}

pub fn xml(say: &Say, id: &str) -> String {
    let sasl = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'";
    let tls = "xmlns='urn:ietf:params:xml:ns:xmpp-tls'";
    match say {
        Say::Header => format!(
            "<stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' \
             xmlns:stream='http://etherx.jabber.org/streams' from='{PEER}' to='{OURS}' id='{id}' version='1.0'>"
        ),
        Say::Features {
            external,
            bidi,
            dialback,
        } => format!(
            "<stream:features>{}{}{}</stream:features>",
            if *external {
                format!("<mechanisms {sasl}><mechanism>EXTERNAL</mechanism></mechanisms>")
            } else {
                String::new()
            },
            if *bidi {
                "<bidi xmlns='urn:xmpp:features:bidi'/>"
            } else {
                ""
            },
            if *dialback {
                "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>"
            } else {
                ""
            },
        ),
        Say::StartTls => format!("<starttls {tls}/>"),
        Say::Proceed => format!("<proceed {tls}/>"),
        Say::Auth { authzid } => {
            // Base64 of the three names.
            let named = ["b3Vycy5leGFtcGxl", "cGVlci5leGFtcGxl", "b3RoZXIuZXhhbXBsZQ=="];
            let text = authzid.map_or("", |index| named[usize::from(index) % named.len()]);
            format!("<auth {sasl} mechanism='EXTERNAL'>{text}</auth>")
        }
        Say::Response => format!("<response {sasl}>=</response>"),
        Say::Success => format!("<success {sasl}/>"),
        Say::Challenge => format!("<challenge {sasl}/>"),
        Say::Failure => format!("<failure {sasl}><not-authorized/></failure>"),
        Say::Bidi => "<bidi xmlns='urn:xmpp:bidi'/>".to_owned(),
        Say::Result(to, answer) => dialback("result", *to, "", answer),
        Say::Verify(to, answer) => dialback("verify", *to, &format!(" id='{id}'"), answer),
        Say::Stanza(Addresses { from, to }) => {
            format!("<message from='x@{}' to='y@{}'/>", domain(*from), domain(*to))
        }
        Say::Closing => "</stream:stream>".to_owned(),
        Say::Hello | Say::CloseNotify => String::new(),
    }
}

fn dialback(name: &str, Addresses { from, to }: Addresses, id: &str, answer: &Answer) -> String {
    let (kind, content) = match answer {
        Answer::Key => ("", "c0ffee"),
        Answer::Valid => (" type='valid'", ""),
        Answer::Invalid => (" type='invalid'", ""),
        Answer::Error => (
            " type='error'",
            "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
        ),
    };
    format!(
        "<db:{name} from='{}' to='{}'{id}{kind}>{content}</db:{name}>",
        domain(from),
        domain(to)
    )
}
