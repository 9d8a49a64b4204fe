//! What waits for a stream: stanzas to send and orders, each with a bound.

use super::notice::{SendError, Unsendable};
use super::wire::Turn;
use crate::federation::{Verdict, VerifyTask};
use pki_types::CertificateDer;
use std::collections::VecDeque;
use tokio::sync::{mpsc, watch};
use xmpp_stream::{Element, StreamError};

/// Stanzas that wait for one stream.
const WAITING: usize = 1024;
/// Orders that wait for one stream.
const PENDING: usize = 256;

/// What a stream is to do, besides sending.
pub(super) enum Order {
    /// With the certificate that was shown on the stream of the claim.
    Verify(VerifyTask, Option<CertificateDer<'static>>),
    Conclude(Verdict),
    Close(Option<Box<StreamError>>),
}

/// Where a stream takes what it is to do.
#[derive(Clone)]
pub(super) struct Address {
    stanzas: mpsc::Sender<Element>,
    orders: mpsc::Sender<Order>,
}

pub(super) struct Mailbox {
    /// Whether stanzas are taken: what cannot be sent yet waits here, where there is a bound.
    pub(super) takes_stanzas: bool,
    stanzas: mpsc::Receiver<Element>,
    orders: mpsc::Receiver<Order>,
    /// Orders that came before there was a stream.
    early: VecDeque<Order>,
    /// Everything ends.
    closing: watch::Receiver<bool>,
    told: bool,
}

pub(super) fn mailbox(closing: watch::Receiver<bool>) -> (Address, Mailbox) {
    let (stanzas, waiting) = mpsc::channel(WAITING);
    let (orders, pending) = mpsc::channel(PENDING);
    let mailbox = Mailbox {
        takes_stanzas: true,
        stanzas: waiting,
        orders: pending,
        early: VecDeque::new(),
        closing,
        told: false,
    };
    (Address { stanzas, orders }, mailbox)
}

/// Returns when everything is to end.
pub(super) async fn ends(closing: &mut watch::Receiver<bool>) {
    // An error is the end too: nobody is left who could say it.
    drop(closing.wait_for(|closing| *closing).await);
}

impl Address {
    pub(super) fn send(&self, stanza: Element) -> Result<(), SendError> {
        self.stanzas
            .try_send(stanza)
            .map_err(|error| Unsendable::Busy.of(error.into_inner()))
    }

    pub(super) fn order(&self, order: Order) -> Result<(), Box<Order>> {
        self.orders
            .try_send(order)
            .map_err(|refused| Box::new(refused.into_inner()))
    }

    pub(super) fn is(&self, other: &Address) -> bool {
        self.orders.same_channel(&other.orders)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.orders.is_closed()
    }
}

impl Mailbox {
    /// Returns when nobody needs the stream any more that is not there yet.
    pub(super) async fn is_cancelled(&mut self) {
        while self.early.len() < PENDING {
            match self.orders.recv().await {
                Some(Order::Close(_)) | None => return,
                Some(order) => self.early.push_back(order),
            }
        }
        std::future::pending().await
    }

    /// Orders first: others wait for them.
    pub(super) async fn next(&mut self, stanzas_too: bool) -> Turn {
        tokio::select! {
            biased;
            () = ends(&mut self.closing), if !self.told => {
                self.told = true;
                Turn::Order(Order::Close(None))
            }
            Some(order) = async { self.early.pop_front() } => Turn::Order(order),
            Some(order) = self.orders.recv() => Turn::Order(order),
            Some(stanza) = self.stanzas.recv(), if stanzas_too && self.takes_stanzas => Turn::Stanza(stanza),
            // Nobody can order anything any more.
            else => std::future::pending().await,
        }
    }

    /// Takes no more, and gives back what was not done.
    pub(super) fn close(mut self) -> (Vec<Element>, Vec<Order>) {
        self.stanzas.close();
        self.orders.close();
        let stanzas = std::iter::from_fn(|| self.stanzas.try_recv().ok()).collect();
        let late = std::iter::from_fn(|| self.orders.try_recv().ok());
        let orders = self.early.into_iter().chain(late).collect();
        (stanzas, orders)
    }
}
