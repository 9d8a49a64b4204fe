//! Trust anchors, with their name constraints read once.

use crate::limits::Limits;
use crate::path::constraints::{self, PathConstraints};
use pki_types::TrustAnchor;

/// Anchors as path building takes them, and beside each what it imposes on names.
#[derive(Clone)]
pub(crate) struct Anchors {
    anchors: Vec<TrustAnchor<'static>>,
    imposed: Vec<Imposed>,
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
        let (anchors, imposed) = anchors.into_iter().map(|anchor| prepare(anchor, limits)).unzip();
        Anchors { anchors, imposed }
    }

    pub(crate) fn as_slice(&self) -> &[TrustAnchor<'static>] {
        &self.anchors
    }

    /// What one of [`as_slice`](Self::as_slice), found by its place in memory, imposes.
    pub(crate) fn imposed_by(&self, anchor: &TrustAnchor<'_>) -> &Imposed {
        self.anchors
            .iter()
            .zip(&self.imposed)
            .find(|(known, _)| std::ptr::eq(*known, anchor))
            .map_or(&Imposed::Unreadable, |(_, imposed)| imposed)
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
