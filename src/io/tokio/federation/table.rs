//! Which streams there are.

use super::link::{Address, Order};
use super::notice::LinkInfo;
use crate::federation::{Pair, StreamNumber};
use std::collections::BTreeMap;

/// Servers that are asked about claims at a time: a stranger's claims must not make us connect to everybody.
const ASKING: usize = 1024;

#[derive(Default)]
pub(super) struct Table {
    /// Where stanzas of a pair go.
    sending: BTreeMap<Pair, Address>,
    /// Where claims are verified: from which domain of ours, at which domain.
    asking: BTreeMap<Pair, Address>,
    links: BTreeMap<StreamNumber, (LinkInfo, Address)>,
}

impl Table {
    pub(super) fn sending(&mut self, pair: &Pair, open: impl FnOnce() -> Address) -> &Address {
        reuse(&mut self.sending, pair, open)
    }

    /// `None`: too many are being asked already.
    pub(super) fn asking(&mut self, pair: &Pair, open: impl FnOnce() -> Address) -> Option<&Address> {
        let another = !self.asking.contains_key(pair);
        match another && self.asking.len() >= ASKING {
            true => None,
            false => Some(reuse(&mut self.asking, pair, open)),
        }
    }

    /// A stream in both directions: what is for its peer need not open another.
    pub(super) fn offer(&mut self, pair: Pair, address: &Address) {
        reuse(&mut self.sending, &pair, || address.clone());
    }

    /// Nothing more goes to this stream: the next stanza and the next claim open another.
    pub(super) fn retire(&mut self, address: &Address) {
        self.sending.retain(|_, known| !known.is(address));
        self.asking.retain(|_, known| !known.is(address));
    }

    pub(super) fn add(&mut self, info: LinkInfo, address: Address) {
        self.links.insert(info.number, (info, address));
    }

    pub(super) fn update(&mut self, number: StreamNumber, change: impl FnOnce(&mut LinkInfo)) {
        if let Some((info, _)) = self.links.get_mut(&number) {
            change(info);
        }
    }

    pub(super) fn info(&self, number: StreamNumber) -> Option<&LinkInfo> {
        self.links.get(&number).map(|(info, _)| info)
    }

    pub(super) fn remove(&mut self, number: StreamNumber) -> Option<LinkInfo> {
        self.links.remove(&number).map(|(info, _)| info)
    }

    pub(super) fn order(&self, number: StreamNumber, order: Order) {
        if let Some((_, address)) = self.links.get(&number) {
            drop(address.order(order));
        }
    }

    pub(super) fn links(&self) -> Vec<LinkInfo> {
        self.links.values().map(|(info, _)| info.clone()).collect()
    }
}

/// The stream that there is, unless it has ended.
fn reuse<'t>(table: &'t mut BTreeMap<Pair, Address>, pair: &Pair, open: impl FnOnce() -> Address) -> &'t Address {
    if table.get(pair).is_some_and(Address::has_ended) {
        table.remove(pair);
    }
    table.entry(pair.clone()).or_insert_with(open)
}
