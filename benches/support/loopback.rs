//! Connections over TCP on loopback, until the client has the stream header inside TLS.

use crate::memory::{Subject, World};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use xmpp_tls::io::{Endpoint, blocking};
use xmpp_tls::session::{Mode, Target};
use xmpp_tls::stream::Features;

const HEADER: &[u8] = b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams' to='example.org' version='1.0'>";

/// Three servers, and clients for them.
pub(crate) struct Connections<'a> {
    world: &'a World,
    bare: Endpoint,
    direct: Endpoint,
    starttls: Endpoint,
}

impl<'a> Connections<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        Connections {
            world,
            bare: serve_bare(world),
            direct: serve(world, Mode::DirectTls),
            starttls: serve(world, Mode::StartTls),
        }
    }

    /// Bare TLS first: the others are compared with it.
    pub(crate) fn all(&self) -> Vec<Subject<'_>> {
        let target = Target::new(self.world.domain.clone());
        let direct = target.clone().direct_tls();
        vec![
            ("bare TLS", Box::new(|| self.bare())),
            (
                "direct TLS",
                Box::new(move || self.connect(&self.direct, direct.clone())),
            ),
            (
                "STARTTLS",
                Box::new(move || self.connect(&self.starttls, target.clone())),
            ),
        ]
    }

    fn connect(&self, endpoint: &Endpoint, target: Target) {
        let stream = blocking::connect_to(endpoint, self.world.client.clone(), target).unwrap();
        assert!(stream.report().is_authenticated());
    }

    /// The floor: rustls, and headers that nobody reads.
    fn bare(&self) {
        let socket = TcpStream::connect((self.bare.host.as_str(), self.bare.port)).unwrap();
        socket.set_nodelay(true).unwrap();
        let name = ServerName::try_from("example.org").unwrap();
        let client = ClientConnection::new(self.world.bare_client.clone(), name).unwrap();
        let mut stream = StreamOwned::new(client, socket);
        stream.write_all(HEADER).unwrap();
        stream.read_exact(&mut [0; HEADER.len()]).unwrap();
    }
}

fn listen() -> (TcpListener, Endpoint) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, Endpoint::new(address.ip().to_string(), address.port()))
}

fn serve(world: &World, mode: Mode) -> Endpoint {
    let (listener, endpoint) = listen();
    let config = world.server.clone();
    let features = Features::builder().build().unwrap();
    thread::spawn(move || {
        for socket in listener.incoming() {
            // Our header leaves with what a server says next. The client is gone then, which is fine.
            if let Ok(mut stream) = blocking::accept(socket.unwrap(), config.clone(), mode) {
                let _ = stream.send(features.as_element());
            }
        }
    });
    endpoint
}

fn serve_bare(world: &World) -> Endpoint {
    let (listener, endpoint) = listen();
    let config = world.bare_server.clone();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let socket = socket.unwrap();
            socket.set_nodelay(true).unwrap();
            let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), socket);
            if stream.read_exact(&mut [0; HEADER.len()]).is_ok() {
                let _ = stream.write_all(HEADER);
            }
        }
    });
    endpoint
}
