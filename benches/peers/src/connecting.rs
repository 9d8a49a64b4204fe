//! From a TCP connection on loopback to the stream header inside TLS, by STARTTLS.
//!
//! tokio-xmpp takes its trust anchors from the system, so the program runs itself again with a CA of ours in
//! the place of the system's.

use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;
use tokio_xmpp::connect::{DnsConfig, ServerConnector, StartTlsServerConnector};
use tokio_xmpp::jid::Jid;
use tokio_xmpp::xmlstream::Timeouts;
use xmpp_tls::io::{Endpoint, blocking};
use xmpp_tls::roots;
use xmpp_tls::session::{ClientConfig, Mode, ServerConfig};
use xmpp_tls::stream::Features;
use xmpp_tls::tls::rustls::{RustlsAcceptor, ring};
use xmpp_tls_core::Domain;
use xmpp_tls_testkit::{LeafSpec, TestCa};

const DOMAIN: &str = "example.org";
const ROUNDS: usize = 201;
const ANCHORS: &str = "SSL_CERT_FILE";

pub fn report() {
    let ca = TestCa::valid_now("Bench CA");
    let anchors = std::env::temp_dir().join(format!("xmpp-tls-bench-{}.pem", std::process::id()));
    std::fs::write(&anchors, ca.anchor_pem()).expect("a file in the temporary folder");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port().to_string();
    serve(listener, &ca);
    let itself = std::env::current_exe().expect("this program");
    let status = Command::new(itself).args(["connect", &port]).env(ANCHORS, &anchors).status();
    // It is in the folder for such things; what else is left of it harms nobody.
    let _ = std::fs::remove_file(&anchors);
    assert!(status.expect("it starts").success());
}

/// Clients of this library and of tokio-xmpp in turns, to the server at this port.
pub fn clients(port: u16) {
    let pem = std::fs::read(std::env::var_os(ANCHORS).expect("report() sets it")).expect("the CA");
    let config = ClientConfig::rustls(Arc::new(ring::default_provider()), roots::from_pem(&pem).expect("one CA"));
    let config = Arc::new(config);
    let domain: Domain = DOMAIN.parse().expect("a domain");
    let endpoint = Endpoint::new("127.0.0.1", port);
    let jid: Jid = format!("juliet@{DOMAIN}").parse().expect("a JID");
    let connector = StartTlsServerConnector(DnsConfig::addr(&format!("127.0.0.1:{port}")));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let connected = xmpp_tls::io::tokio::connect_to(&endpoint, config.clone(), domain.clone());
        let stream = runtime.block_on(connected).expect("connected");
        ours.push(start.elapsed().as_secs_f64());
        assert!(stream.report().is_authenticated());
        // The server serves one after the other.
        drop(stream);
        let start = Instant::now();
        let connected = connector.connect(&jid, "jabber:client", Timeouts::default());
        let stream = runtime.block_on(connected).expect("connected");
        theirs.push(start.elapsed().as_secs_f64());
        drop(stream);
    }
    let mut ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| theirs / ours).collect();
    for values in [&mut ours, &mut theirs, &mut ratios] {
        values.sort_by(f64::total_cmp);
    }
    let half = ROUNDS / 2;
    println!("\nconnecting by STARTTLS, until the header inside TLS");
    println!(
        "ours {:.3} ms; tokio-xmpp {:.3} ms; {:.2} times as fast",
        ours[half] * 1e3,
        theirs[half] * 1e3,
        ratios[half]
    );
}

fn serve(listener: TcpListener, ca: &TestCa) {
    let issued = ca.issue(LeafSpec::for_domain(DOMAIN));
    let acceptor = RustlsAcceptor::new(Arc::new(ring::default_provider()))
        .with_certificate(DOMAIN.parse().expect("a domain"), issued.chain.clone(), issued.key())
        .expect("a certificate");
    let mut config = ServerConfig::new(acceptor);
    // tokio-xmpp ends elements with a line break.
    config.policy.whitespace_behind_starttls = true;
    let config = Arc::new(config);
    let login = Features::builder().mechanisms(["PLAIN"]).build().expect("features");
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            // A client that has what it came for goes without a word.
            if let Ok(mut stream) = blocking::accept(socket, config.clone(), Mode::StartTls) {
                let _ = stream.send(login.as_element());
                while let Ok(Some(_)) = stream.next_event() {}
            }
        }
    });
}
