//! An entry as data.

use super::{Entry, Proof};
use crate::ledger::{Assessment, Change};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use xmpp_tls_core::Domain;

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entry = serializer.serialize_struct("Entry", 12)?;
        entry.serialize_field("number", &self.number)?;
        entry.serialize_field("type", self.session_type.code())?;
        entry.serialize_field("since", &self.since.as_secs())?;
        entry.serialize_field("local_domain", &self.local_domain().map(Domain::as_str))?;
        entry.serialize_field("remote_domain", &self.remote_domain().map(Domain::as_str))?;
        entry.serialize_field("encrypted", &self.is_encrypted())?;
        entry.serialize_field("authenticated", &self.authenticated)?;
        entry.serialize_field("accepted", &self.accepted)?;
        entry.serialize_field("more_proofs", &self.more_proofs)?;
        entry.serialize_field("change", &self.change.as_deref().map(ChangeData::from))?;
        entry.serialize_field("acknowledged", &self.acknowledged)?;
        entry.serialize_field("report", &self.report.as_deref())?;
        entry.end()
    }
}

impl Serialize for Proof {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pair = self.pair.as_ref();
        let mut proof = serializer.serialize_struct("Proof", 3)?;
        proof.serialize_field("by", self.by.label())?;
        proof.serialize_field("from", &pair.map(|pair| pair.originating.as_str()))?;
        proof.serialize_field("to", &pair.map(|pair| pair.receiving.as_str()))?;
        proof.end()
    }
}

#[derive(Serialize)]
struct ChangeData {
    changes: Vec<&'static str>,
    reaction: crate::ledger::Reaction,
    voucher: &'static str,
    is_new: bool,
    text: String,
}

impl From<&Assessment> for ChangeData {
    fn from(assessment: &Assessment) -> Self {
        ChangeData {
            changes: assessment.changes.iter().map(Change::code).collect(),
            reaction: assessment.reaction,
            voucher: assessment.voucher.code(),
            is_new: assessment.is_new,
            text: assessment.to_string(),
        }
    }
}
