//! Every provider works with every other, and none is picked from a process-wide default.

mod common;

use common::World;
use rustls::crypto::{CryptoProvider, aws_lc_rs, ring};
use std::sync::Arc;
use xmpp_tls::session::Mode;

#[test]
fn ring_and_aws_lc_rs_are_both_compiled_in_and_neither_is_the_default() {
    for client in [ring::default_provider, aws_lc_rs::default_provider] {
        for server in [ring::default_provider, aws_lc_rs::default_provider] {
            let mut world = World::new();
            world.provider = Arc::new(server());
            let config = world.server_config(&world.good_certificate());
            world.provider = Arc::new(client());
            let mut pair = world.pair(world.client_config(), config, Mode::StartTls);
            pair.drive();
            pair.assert_no_error();
            assert!(pair.a.engine.report().unwrap().is_authenticated());
        }
    }
    assert!(
        CryptoProvider::get_default().is_none(),
        "somebody installed a process-wide provider"
    );
}
