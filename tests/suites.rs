//! Suites and groups of each preset are exactly those that the manual lists, in that order, as the hello has them.

mod common;

use common::{DOMAIN, World, domain};
use rustls::crypto::{CryptoProvider, aws_lc_rs, ring};
use std::sync::Arc;
use xmpp_tls::policy::{MinimumVersion, Policy};
use xmpp_tls::session::{Mode, Session, Target};
use xmpp_tls::{Engine, Output};
use xmpp_tls_testkit::{KeyKind, LeafSpec};

/// Reads the lengths and fields of a ClientHello (RFC 8446 section 4.1.2).
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn number(&mut self, octets: usize) -> usize {
        self.take(octets)
            .iter()
            .fold(0, |number, octet| number << 8 | usize::from(*octet))
    }

    fn vector(&mut self, octets: usize) -> Fields<'a> {
        let length = self.number(octets);
        Fields(self.take(length))
    }

    fn numbers(mut self) -> Vec<u16> {
        let mut numbers = Vec::new();
        while !self.0.is_empty() {
            numbers.push(u16::try_from(self.number(2)).unwrap());
        }
        numbers
    }
}

/// Suites and groups that a client offers with this policy.
fn offered(provider: CryptoProvider, policy: Policy) -> (Vec<u16>, Vec<u16>) {
    let mut world = World::new();
    world.provider = Arc::new(provider);
    let config = Arc::new(world.client_config().with_policy(policy));
    let mut session = Session::client(config, Target::new(domain(DOMAIN)).direct_tls(), world.now()).unwrap();
    let Output::Transmit(hello) = session.poll_output().unwrap() else {
        panic!("a hello comes first")
    };
    // Record header, handshake header, version, random.
    let mut fields = Fields(&hello[5 + 4 + 2 + 32..]);
    let _session_id = fields.vector(1);
    let suites = fields.vector(2).numbers();
    let compression = fields.vector(1);
    assert_eq!(compression.0, [0], "TLSP-30: none but null");
    let mut extensions = fields.vector(2);
    let mut groups = None;
    while !extensions.0.is_empty() {
        let kind = extensions.number(2);
        let mut body = extensions.vector(2);
        assert_ne!(kind, 42, "TLSP-38: early_data");
        if kind == 10 {
            groups = Some(body.vector(2).numbers());
        }
    }
    (suites, groups.unwrap())
}

/// The rows of a table of the manual that say yes in this column, in order.
fn documented(first: &str, column: usize) -> Vec<u16> {
    let manual = include_str!("../src/manual/defaults.rs");
    let (_, table) = manual.split_once(&format!("//! | {first} | name |")).unwrap();
    let rows = table.lines().skip(2).map_while(|line| line.strip_prefix("//! | 0x"));
    let cells = rows.map(|row| {
        row.split(" | ")
            .map(|cell| cell.trim_end_matches(" |"))
            .collect::<Vec<_>>()
    });
    cells
        .filter(|cells| cells[column] == "yes")
        .map(|cells| u16::from_str_radix(cells[0], 16).unwrap())
        .collect()
}

/// TLS_EMPTY_RENEGOTIATION_INFO_SCSV, a signal to servers of TLS 1.2 and no suite (RFC 5746 section 3.3).
const SIGNAL: u16 = 0x00ff;

#[test]
fn the_hello_offers_exactly_what_the_manual_lists() {
    let providers: [(fn() -> CryptoProvider, usize); 2] =
        [(ring::default_provider, 2), (aws_lc_rs::default_provider, 3)];
    for (provider, groups_column) in providers {
        for (policy, suites_column) in [(Policy::modern(), 2), (Policy::default(), 3)] {
            let (mut suites, groups) = offered(provider(), policy.clone());
            let signal = suites.pop_if(|suite| *suite == SIGNAL);
            assert_eq!(signal.is_some(), policy.minimum_version == MinimumVersion::Tls12);
            assert_eq!(suites, documented("suite", suites_column));
            assert_eq!(groups, documented("group", groups_column));
        }
    }
    assert_eq!(documented("suite", 2).len(), 3);
    assert_eq!(documented("suite", 3).len(), 9);
}

/// The names in the table are those that reports have.
#[test]
fn each_listed_suite_is_negotiated_by_its_name_and_forward_secret() {
    let manual = include_str!("../src/manual/defaults.rs");
    for code in documented("suite", 3) {
        let mut world = World::new();
        let mut only = ring::default_provider();
        only.cipher_suites.retain(|suite| u16::from(suite.suite()) == code);
        let rsa = format!("{:?}", only.cipher_suites[0].suite()).contains("_RSA_");
        let key = if rsa { KeyKind::Rsa2048 } else { KeyKind::P256 };
        let issued = world.ca.issue(LeafSpec::for_domain(DOMAIN).key(key));
        let client = world.client_config();
        world.provider = Arc::new(only);
        let server = world.server_config(&issued);
        let mut pair = world.pair(client, server, Mode::StartTls);
        pair.drive();
        pair.assert_no_error();
        let tls = pair.a.engine.report().unwrap().tls().unwrap().clone();
        assert_eq!(tls.cipher_suite.0, code);
        assert!(tls.forward_secret);
        let row = format!("| 0x{code:04x} | `{}` |", tls.cipher_suite_name);
        assert!(manual.contains(&row), "{row}");
    }
}
