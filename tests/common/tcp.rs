//! Servers on loopback sockets, with the system's clock.

use super::{World, login_features};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use xmpp_tls::io::{Endpoint, Error, blocking};
use xmpp_tls::session::{Mode, ServerConfig};

/// A world whose certificates are valid by the system's clock.
pub fn real_time() -> World {
    let mut world = World::new();
    world.ca = xmpp_tls_testkit::TestCa::valid_now("Test CA");
    world
}

pub fn endpoint(listener: &TcpListener) -> Endpoint {
    let address = listener.local_addr().unwrap();
    Endpoint::new(address.ip().to_string(), address.port())
}

/// One client served on a thread: secured, offered a login, and closed when it closes.
pub fn serve_one(listener: TcpListener, config: ServerConfig, mode: Mode) -> JoinHandle<Result<(), Error>> {
    std::thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        let mut stream = blocking::accept(socket, Arc::new(config), mode)?;
        stream.send(&login_features())?;
        while stream.next_event()?.is_some() {}
        Ok(())
    })
}
