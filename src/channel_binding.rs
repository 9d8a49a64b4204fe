//! Channel binding for SASL: what ties a login to this very TLS connection, so that nobody who sits between
//! with another certificate can pass it on. The library does no SASL; it gives the data, the list of types,
//! and the decisions.
//!
//! [`SecurityReport::channel_bindings`](crate::security::SecurityReport::channel_bindings) has what a
//! connection can be bound by. On the receiving side [`advertise`] makes the feature of XEP-0440; on the
//! initiating side [`advertised`] reads it and [`choose`] decides.

use std::fmt;
use xmpp_stream::{ElementBuilder, Features};
use xmpp_tls_core::ns;

/// One way of binding, with its data. It is no secret, and for nothing but channel binding (RFC 5056).
///
/// What is stronger is smaller: lists are sorted by this order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ChannelBinding {
    /// `tls-exporter` (RFC 9266): 32 octets from the keys of this connection. At most one authentication
    /// exchange on a connection may use it (section 4.1).
    TlsExporter([u8; 32]),
    /// `tls-unique` (RFC 5929 section 3), which TLS 1.3 does not have and rustls does not tell.
    TlsUnique(Vec<u8>),
    /// `tls-server-end-point` (RFC 5929 section 4): the hash of the certificate that the server showed on this
    /// connection. It survives a proxy in front of the server, and does not tell one connection from another.
    TlsServerEndPoint(Vec<u8>),
}

/// Without the data, which is nobody else's business.
impl fmt::Debug for ChannelBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} octets", self.name(), self.data().len())
    }
}

impl ChannelBinding {
    /// The IANA name, as SCRAM and XEP-0440 write it.
    pub fn name(&self) -> &'static str {
        match self {
            ChannelBinding::TlsExporter(_) => "tls-exporter",
            ChannelBinding::TlsUnique(_) => "tls-unique",
            ChannelBinding::TlsServerEndPoint(_) => END_POINT,
        }
    }

    /// The data that SCRAM hashes in.
    pub fn data(&self) -> &[u8] {
        match self {
            ChannelBinding::TlsExporter(data) => data,
            ChannelBinding::TlsUnique(data) | ChannelBinding::TlsServerEndPoint(data) => data,
        }
    }
}

const END_POINT: &str = "tls-server-end-point";

/// The feature `<sasl-channel-binding/>` (XEP-0440 section 2) for these bindings; `None` if there are none,
/// as the feature must not be empty.
///
/// ```
/// use xmpp_tls::channel_binding::{ChannelBinding, advertise, advertised};
/// use xmpp_tls::stream::Features;
///
/// let feature = advertise(&[ChannelBinding::TlsExporter([0; 32])]).unwrap();
/// let features = Features::builder().feature(feature).build()?;
/// assert_eq!(advertised(&features), Some(vec!["tls-exporter".to_owned()]));
/// # Ok::<(), xmpp_tls::stream::Error>(())
/// ```
pub fn advertise(bindings: &[ChannelBinding]) -> Option<ElementBuilder> {
    let list = ElementBuilder::new(ns::SASL_CHANNEL_BINDING, "sasl-channel-binding");
    (!bindings.is_empty()).then(|| {
        bindings.iter().fold(list, |list, binding| {
            let entry = ElementBuilder::new(ns::SASL_CHANNEL_BINDING, "channel-binding");
            list.child(entry.attribute("type", binding.name()))
        })
    })
}

/// The types in a peer's `<sasl-channel-binding/>`; `None` without one, or with an empty one.
pub fn advertised(features: &Features) -> Option<Vec<String>> {
    let list = features.get(ns::SASL_CHANNEL_BINDING, "sasl-channel-binding")?;
    let types: Vec<String> = list
        .children()
        .filter(|entry| entry.is(ns::SASL_CHANNEL_BINDING, "channel-binding"))
        .filter_map(|entry| entry.attribute("type").map(std::borrow::Cow::into_owned))
        .collect();
    (!types.is_empty()).then_some(types)
}

/// Which SASL of XMPP: XEP-0440 is stricter for the newer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Profile {
    /// RFC 6120 section 6.
    Sasl1,
    /// XEP-0388.
    Sasl2,
}

/// What a client does about channel binding: the GS2 header of SCRAM (RFC 5802 section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Choice<'a> {
    /// `p=`: choose a mechanism in `-PLUS`, and this binding.
    Bind(&'a ChannelBinding),
    /// `y`: we could, the server does not offer it. If it does, somebody removed the offer, and the server will
    /// refuse.
    NotOffered,
    /// `n`: no binding that both have.
    NotSupported,
    /// Do not log in: the offer contradicts itself, as it does when somebody between takes parts of it away.
    Abort(Contradiction),
}

/// How an offer contradicts itself (XEP-0440 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Contradiction {
    /// Mechanisms with channel binding, but no types.
    #[error("the server offers mechanisms with channel binding and no type of it")]
    NoTypes,
    /// Types, but no mechanism that uses them.
    #[error("the server offers types of channel binding and no mechanism that uses one")]
    NoMechanism,
    /// Types without the one that every server must have.
    #[error("the server offers types of channel binding that do not include tls-server-end-point, and none we have")]
    NoEndPoint,
}

/// What to do about channel binding (XEP-0440 section 3), given ours, the server's mechanisms, and its types
/// as far as it lists any.
///
/// ```
/// use xmpp_tls::channel_binding::{ChannelBinding, Choice, Profile, choose};
///
/// let ours = [ChannelBinding::TlsExporter([7; 32])];
/// let types = ["tls-exporter".to_owned()];
/// let choice = choose(Profile::Sasl1, &ours, ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"], Some(&types));
/// assert_eq!(choice, Choice::Bind(&ours[0]));
/// ```
pub fn choose<'a, 'm>(
    profile: Profile,
    ours: &'a [ChannelBinding],
    mechanisms: impl IntoIterator<Item = &'m str>,
    types: Option<&[String]>,
) -> Choice<'a> {
    let strongest = |wanted: &dyn Fn(&ChannelBinding) -> bool| ours.iter().filter(|ours| wanted(ours)).min();
    let plus = mechanisms.into_iter().any(|mechanism| mechanism.ends_with("-PLUS"));
    match (types, plus) {
        _ if ours.is_empty() => Choice::NotSupported,
        (None, false) => Choice::NotOffered,
        (None, true) if profile == Profile::Sasl2 => Choice::Abort(Contradiction::NoTypes),
        // Servers older than XEP-0440: the default of SCRAM (RFC 9266 section 3, RFC 5802 section 6.1).
        (None, true) => strongest(&|ours| !matches!(ours, ChannelBinding::TlsServerEndPoint(_)))
            .map_or(Choice::NotSupported, Choice::Bind),
        (Some(_), false) => Choice::Abort(Contradiction::NoMechanism),
        (Some(types), true) => {
            let listed = |name: &str| types.iter().any(|listed| listed == name);
            match strongest(&|ours| listed(ours.name())) {
                Some(common) => Choice::Bind(common),
                None if listed(END_POINT) => Choice::NotSupported,
                None => Choice::Abort(Contradiction::NoEndPoint),
            }
        }
    }
}

/// What SCRAM hashes to find out whether somebody changed the offer (XEP-0474 section 6.1): the mechanisms,
/// and the types if XEP-0440 was used, of the one SASL profile in use.
///
/// ```
/// use xmpp_tls::channel_binding::features_hash_input;
///
/// let types = ["tls-server-end-point", "tls-exporter"];
/// assert_eq!(
///     features_hash_input(["SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"], Some(types)),
///     b"SCRAM-SHA-1\x1eSCRAM-SHA-1-PLUS\x1ftls-exporter\x1etls-server-end-point"
/// );
/// ```
pub fn features_hash_input<'a, M, T>(mechanisms: M, types: Option<T>) -> Vec<u8>
where
    M: IntoIterator<Item = &'a str>,
    T: IntoIterator<Item = &'a str>,
{
    let mut input = sorted(mechanisms).join("\x1e");
    if let Some(types) = types {
        input.push('\x1f');
        input.push_str(&sorted(types).join("\x1e"));
    }
    input.into_bytes()
}

fn sorted<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLUS: &[&str] = &["SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"];
    const PLAIN: &[&str] = &["SCRAM-SHA-1", "PLAIN"];

    fn decide<'a>(
        profile: Profile,
        ours: &'a [ChannelBinding],
        mechanisms: &[&'static str],
        types: &[&str],
    ) -> Choice<'a> {
        let types: Vec<String> = types.iter().map(|&name| name.to_owned()).collect();
        let types = (!types.is_empty()).then_some(&*types);
        choose(profile, ours, mechanisms.iter().copied(), types)
    }

    /// CB-16 to CB-21.
    #[test]
    fn the_table_of_xep_0440() {
        use Choice::{Abort, Bind, NotOffered, NotSupported};
        use Profile::{Sasl1, Sasl2};
        let exporter = ChannelBinding::TlsExporter([1; 32]);
        let end_point = ChannelBinding::TlsServerEndPoint(vec![2; 32]);
        let both = [end_point.clone(), exporter.clone()];
        let only_end_point = [end_point.clone()];
        for profile in [Sasl1, Sasl2] {
            assert_eq!(decide(profile, &[], PLUS, &["tls-exporter"]), NotSupported, "CB-16");
            assert_eq!(decide(profile, &both, PLAIN, &[]), NotOffered, "CB-17");
            assert_eq!(
                decide(profile, &both, PLAIN, &["tls-exporter"]),
                Abort(Contradiction::NoMechanism),
                "CB-19"
            );
            assert_eq!(
                decide(profile, &only_end_point, PLUS, &["tls-exporter"]),
                Abort(Contradiction::NoEndPoint),
                "CB-20"
            );
            let all = ["tls-server-end-point", "tls-exporter"];
            assert_eq!(decide(profile, &both, PLUS, &all), Bind(&exporter), "CB-21");
            assert_eq!(decide(profile, &only_end_point, PLUS, &all), Bind(&end_point), "CB-21");
            let unknown = ["tls-new", "tls-server-end-point"];
            assert_eq!(
                decide(profile, std::slice::from_ref(&exporter), PLUS, &unknown),
                NotSupported
            );
        }
        assert_eq!(decide(Sasl2, &both, PLUS, &[]), Abort(Contradiction::NoTypes), "CB-18");
        assert_eq!(decide(Sasl1, &both, PLUS, &[]), Bind(&exporter), "CB-18");
        assert_eq!(decide(Sasl1, &only_end_point, PLUS, &[]), NotSupported);
    }

    /// CB-15.
    #[test]
    fn an_empty_feature_is_neither_written_nor_believed() {
        assert!(advertise(&[]).is_none());
        let empty = ElementBuilder::new(ns::SASL_CHANNEL_BINDING, "sasl-channel-binding");
        let features = Features::builder().feature(empty).build().unwrap();
        assert_eq!(advertised(&features), None);
        assert_eq!(advertised(&Features::builder().build().unwrap()), None);
    }

    /// CB-22: without XEP-0440 there is no separator.
    #[test]
    fn the_hash_input_without_types() {
        let input = features_hash_input(PLUS.iter().copied(), None::<[&str; 0]>);
        assert_eq!(input, b"SCRAM-SHA-1\x1eSCRAM-SHA-1-PLUS");
    }
}
