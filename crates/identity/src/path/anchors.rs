//! Trust anchors, with their name constraints read once.

use crate::certificate::text::distinguished_name;
use crate::limits::Limits;
use crate::path::constraints::{self, PathConstraints};
use pki_types::TrustAnchor;
use std::sync::OnceLock;

/// Anchors as path building takes them, and beside each what it imposes on names.
#[derive(Clone)]
pub(crate) struct Anchors {
    anchors: Vec<TrustAnchor<'static>>,
    imposed: Vec<Imposed>,
    /// Their subjects as text, as far as they were asked for.
    names: Vec<OnceLock<Box<str>>>,
}

/// What an anchor imposes.
#[derive(Clone)]
pub(crate) enum Imposed {
    Nothing,
    Names(PathConstraints),
    /// Constraints that cannot be read: nothing below it is accepted.
    Unreadable,
}

impl Anchors {
    pub(crate) fn new(anchors: impl IntoIterator<Item = TrustAnchor<'static>>, limits: &Limits) -> Self {
        let (anchors, imposed): (Vec<_>, _) = anchors.into_iter().map(|anchor| prepare(anchor, limits)).unzip();
        let names = anchors.iter().map(|_| OnceLock::new()).collect();
        Anchors {
            anchors,
            imposed,
            names,
        }
    }

    pub(crate) fn as_slice(&self) -> &[TrustAnchor<'static>] {
        &self.anchors
    }

    /// What one of [`as_slice`](Self::as_slice), found by its place in memory, imposes.
    pub(crate) fn imposed_by(&self, anchor: &TrustAnchor<'_>) -> &Imposed {
        self.place_of(anchor)
            .and_then(|place| self.imposed.get(place))
            .unwrap_or(&Imposed::Unreadable)
    }

    /// The subject of one of [`as_slice`](Self::as_slice): most chains lead to the same few.
    pub(crate) fn name_of(&self, anchor: &TrustAnchor<'_>) -> String {
        let name = || distinguished_name(&anchor.subject);
        match self.place_of(anchor).and_then(|place| self.names.get(place)) {
            Some(known) => known.get_or_init(|| name().into()).to_string(),
            None => name(),
        }
    }

    fn place_of(&self, anchor: &TrustAnchor<'_>) -> Option<usize> {
        self.anchors.iter().position(|known| std::ptr::eq(known, anchor))
    }
}

fn prepare(mut anchor: TrustAnchor<'static>, limits: &Limits) -> (TrustAnchor<'static>, Imposed) {
    let Some(contents) = anchor.name_constraints.take() else {
        return (anchor, Imposed::Nothing);
    };
    let mut read = PathConstraints::default();
    let imposed = match (
        read.add(&contents, limits.subtrees),
        constraints::without_srv(&contents),
    ) {
        (Ok(()), Ok(rest)) => {
            anchor.name_constraints = (!rest.is_empty()).then(|| rest.into());
            Imposed::Names(read)
        }
        _ => {
            anchor.name_constraints = Some(contents);
            Imposed::Unreadable
        }
    };
    (anchor, imposed)
}
