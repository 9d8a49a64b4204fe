//! A key costs no allocation. A binary of its own: allocations are counted for the whole process.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure here is a failed test")]

use xmpp_dialback::{DialbackSecret, DialbackSecrets, PresentedKey};
use xmpp_tls_core::Domain;
use xmpp_tls_testkit::alloc_counter;

xmpp_tls_testkit::count_allocations!();

#[test]
fn a_key_costs_no_allocation() {
    let secret = DialbackSecret::new(&[7; 32]).unwrap();
    let secrets = DialbackSecrets::from(secret.clone()).changed_to(DialbackSecret::new(&[8; 32]).unwrap());
    for (receiving, id) in [("b.example", "id".to_owned()), (&"b.".repeat(60), "x".repeat(500))] {
        let (receiving, originating): (Domain, Domain) = (
            format!("{receiving}.example").replace("..", ".").parse().unwrap(),
            "a.example".parse().unwrap(),
        );
        let key = secret.key(&receiving, &originating, &id).unwrap();
        let presented = PresentedKey::from(key);
        let counted = alloc_counter::measure_least(ALLOCATOR, 50, || {
            let key = secret.key(&receiving, &originating, &id).unwrap();
            assert!(key.matches(&presented) && secrets.verify(&receiving, &originating, &id, &presented));
        });
        assert_eq!(counted.count, 0, "{counted:?}");
    }
}
