//! Pages on loopback, and what is sent to them and comes back, octet for octet.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

use serde_json::Value;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use xmpp_tls::io;
use xmpp_tls::ledger::{Assessment, Key, Leaf, Ledger, MemoryStore, Sighting, Voucher};
use xmpp_tls::registry::Registry;
use xmpp_tls::{Side, StreamKind};
use xmpp_tls_admin::{Admin, Token};

pub const TOKEN: &str = "5f1c9f3a8e7d4b62a0c4";
/// What should never be seen as anything but text.
pub const HOSTILE: &str = "\"'><script>taken()</script><img src=x onerror=taken()>\u{202e}";

pub struct Site {
    pub address: SocketAddr,
    /// It ends with its runtime.
    _running: JoinHandle<()>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Site {
    pub async fn of(admin: Admin) -> Self {
        let server = admin.bind(0).await.unwrap();
        Site {
            address: server.local_addr().unwrap(),
            _running: tokio::spawn(server.run()),
        }
    }

    /// With a token, and a ledger where a key waits for its acknowledgement.
    pub async fn with_ledger() -> (Self, Ledger, Key) {
        let ledger = Ledger::new(MemoryStore::default());
        let key = show(&ledger, "a.example", 1);
        show(&ledger, "a.example", 2);
        let admin = Admin::new(Registry::default())
            .with_ledger(ledger.clone())
            .with_token(Token::new(TOKEN).unwrap());
        (Self::of(admin).await, ledger, key)
    }

    /// All that is answered to these octets.
    pub async fn raw(&self, request: &[u8]) -> Answer {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        // A server that refuses need not have read everything.
        let _ = socket.write_all(request).await;
        let mut answer = Vec::new();
        while let Ok(1..) = socket.read_buf(&mut answer).await {}
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Answer {
            status: status.unwrap_or_else(|| panic!("no status: {answer:?}")),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    pub async fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let (address, length) = (self.address, body.len());
        let form = "application/x-www-form-urlencoded";
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {form}\r\nContent-Length: {length}\r\n\
             {headers}\r\n{body}"
        );
        self.raw(request.as_bytes()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", "").await
    }

    pub async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.head.contains("content-type: application/json"), "{answer:?}");
        serde_json::from_str(&answer.body).unwrap()
    }
}

/// What an operator types, without the token.
pub fn form(key_number: u8) -> String {
    let spki: String = [key_number; 32].iter().map(|octet| format!("{octet:02x}")).collect();
    format!("spki_sha256={spki}&by=juliet")
}

pub fn path_of(key: &Key) -> String {
    let key: String = key.to_bytes().iter().map(|octet| format!("{octet:02x}")).collect();
    format!("/ledger/{key}")
}

/// A domain shows its certificate with the key of this number.
pub fn show(ledger: &Ledger, domain: &str, key_number: u8) -> Key {
    seen(ledger, domain, key_number).key
}

/// The same, and what the ledger says.
pub fn seen(ledger: &Ledger, domain: &str, key_number: u8) -> Assessment {
    let mut leaf = Leaf::default();
    leaf.sha256 = [key_number; 32];
    leaf.spki_sha256 = [key_number; 32];
    leaf.issuer = format!("CN={HOSTILE}");
    leaf.issuer_organization = Some(format!("Authority {key_number}"));
    leaf.names = vec![HOSTILE.to_owned()];
    leaf.key_type = HOSTILE.to_owned();
    (leaf.not_before, leaf.not_after) = (0, i64::MAX);
    let remote = domain.parse().unwrap();
    let key = Key::new(StreamKind::ServerToServer, Side::Initiating, None, remote);
    let sighting = Sighting::from_parts(key, true, Some(leaf), Voucher::Anchors).unwrap();
    ledger.observe(&sighting, io::now().wall).unwrap()
}
