//! Which streams there are.

use super::asking::Asking;
use super::mailbox::{Address, Order};
use super::notice::LinkInfo;
use crate::federation::{Pair, StreamNumber, Verdict};
use std::collections::BTreeMap;

#[derive(Default)]
pub(super) struct Table {
    /// Where stanzas of a pair go.
    sending: BTreeMap<Pair, Address>,
    /// Where claims are verified.
    pub(super) asking: Asking,
    links: BTreeMap<StreamNumber, (LinkInfo, Address)>,
}

impl Table {
    pub(super) fn sending(&mut self, pair: &Pair, open: impl FnOnce() -> Address) -> &Address {
        reuse(&mut self.sending, pair, open)
    }

    /// A stream in both directions: what is for its peer need not open another.
    pub(super) fn offer(&mut self, pair: Pair, address: &Address) {
        reuse(&mut self.sending, &pair, || address.clone());
    }

    /// Nothing more goes to this stream, opened for `opened_for`: the next stanza and the next claim open another.
    pub(super) fn retire(&mut self, address: &Address, opened_for: Option<&Pair>, number: Option<StreamNumber>) {
        if let Some(pair) = opened_for {
            self.asking.retire(pair, address);
        }
        let info = number.and_then(|number| self.links.get(&number));
        let back = info.into_iter().flat_map(|(info, _)| &info.authenticated);
        for pair in back.map(|known| known.pair.inverse()).chain(opened_for.cloned()) {
            if self.sending.get(&pair).is_some_and(|known| known.is(address)) {
                self.sending.remove(&pair);
            }
        }
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

    /// Brings a verdict to the stream that it is for, if that is still there.
    pub(super) fn conclude(&self, verdict: Verdict) {
        self.order(verdict.stream(), Order::Conclude(verdict));
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
