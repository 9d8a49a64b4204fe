/// How much a peer may make us hold or compute. Every limit is finite by default and enforced while
/// bytes accumulate, not after.
///
/// Two sets of defaults: [`before_authentication`](Limits::before_authentication) for a peer about
/// whom nothing is known, [`after_authentication`](Limits::after_authentication) for one that has
/// something to lose.
///
/// ```
/// use xmpp_stream::Limits;
///
/// let mut limits = Limits::after_authentication();
/// limits.element_bytes = 256 * 1024;
/// // RFC 6120 section 13.12: a cap on stanzas must not be below 10000 bytes.
/// limits.element_bytes = 500;
/// assert_eq!(limits.element_bytes(), Limits::MIN_STANZA_BYTES);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes from the start of the document (XML declaration included) to the `>` of the stream
    /// header. Real headers have about 300; a `from` and a `to` of the longest legal addresses make
    /// 6.4 kB. Default: 8192, before and after.
    pub header_bytes: usize,
    /// Bytes from the `<` to the `>` of one first-level element, markup included (RFC 6120 section
    /// 13.12, XEP-0478). Before authentication nothing larger than one SASL message is due (a
    /// Kerberos ticket in base64 has some 12 kB): 16384. After: 524288, what large servers allow each
    /// other; see [`element_bytes`](Limits::element_bytes()) for the floor.
    pub element_bytes: usize,
    /// How deep elements may nest in a first-level element, which itself is level 1. Negotiation
    /// needs 6 (SASL2 inline features): 16 before. After: 128, more than any extension uses, and few
    /// enough for readers that recurse.
    pub depth: usize,
    /// Attributes of one element, namespace declarations included. 32 before, 128 after: four times
    /// what extensions use, and few enough that finding duplicates stays cheap.
    pub attributes: usize,
    /// Namespace declarations in scope at one place, those of the stream header included. 32 before,
    /// 128 after.
    pub namespaces: usize,
    /// Bytes of one name, prefix and colon included. The longest names in extensions have about 40:
    /// 128 before, 256 after.
    pub name_bytes: usize,
    /// Bytes of one attribute value as written. Before: 4096, an address has at most 3071 octets.
    /// After: 65536, because thumbnails travel as `data:` URIs (XEP-0264).
    pub attribute_value_bytes: usize,
    /// The least [`element_bytes`](Limits::element_bytes()) that counts.
    floor: usize,
}

impl Limits {
    /// RFC 6120 section 13.12 (4): a deployed limit on the size of stanzas must not be below this.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let mut limits = Limits::after_authentication();
    /// limits.element_bytes = 1;
    /// assert_eq!(limits.element_bytes(), Limits::MIN_STANZA_BYTES);
    /// ```
    pub const MIN_STANZA_BYTES: usize = 10_000;

    /// For a peer that has not proved who it is.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// assert_eq!(Limits::before_authentication().element_bytes(), 16_384);
    /// ```
    pub const fn before_authentication() -> Self {
        Limits {
            header_bytes: 8192,
            element_bytes: 16_384,
            depth: 16,
            attributes: 32,
            namespaces: 32,
            name_bytes: 128,
            attribute_value_bytes: 4096,
            floor: 1,
        }
    }

    /// For an authenticated peer.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// assert_eq!(Limits::after_authentication().element_bytes(), 512 * 1024);
    /// ```
    pub const fn after_authentication() -> Self {
        Limits {
            header_bytes: 8192,
            element_bytes: 512 * 1024,
            depth: 128,
            attributes: 128,
            namespaces: 128,
            name_bytes: 256,
            attribute_value_bytes: 64 * 1024,
            floor: Self::MIN_STANZA_BYTES,
        }
    }

    /// No limits apart from what the representation needs (4 GiB an element). For input that was
    /// made here or is bounded elsewhere, such as stanzas from one's own storage; never for a
    /// connection.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// assert_eq!(Limits::unlimited().depth, usize::MAX);
    /// ```
    pub const fn unlimited() -> Self {
        Limits {
            header_bytes: usize::MAX,
            element_bytes: usize::MAX,
            depth: usize::MAX,
            attributes: usize::MAX,
            namespaces: usize::MAX,
            name_bytes: usize::MAX,
            attribute_value_bytes: usize::MAX,
            floor: 1,
        }
    }

    /// The limit on first-level elements that applies: for an authenticated peer never below
    /// [`MIN_STANZA_BYTES`](Limits::MIN_STANZA_BYTES), whatever the field says.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let mut limits = Limits::before_authentication();
    /// limits.element_bytes = 500;
    /// assert_eq!(limits.element_bytes(), 500); // the floor is for authenticated peers
    /// ```
    pub fn element_bytes(&self) -> usize {
        // Positions inside an element are kept in 32 bits.
        self.element_bytes.max(self.floor).min(MAX_BYTES)
    }

    /// The limit on stream headers that applies.
    pub(crate) fn header_limit(&self) -> usize {
        self.header_bytes.clamp(1, MAX_BYTES)
    }
}

const MAX_BYTES: usize = (u32::MAX - 1) as usize;

impl Default for Limits {
    /// The strict set, [`before_authentication`](Limits::before_authentication).
    fn default() -> Self {
        Self::before_authentication()
    }
}

/// Which of the [`Limits`] was exceeded.
///
/// ```
/// # use xmpp_stream::*;
/// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
/// let error = Error::Limit { limit: LimitKind::Depth, max: 16 };
/// assert_eq!(error.to_string(), format!("more than 16 {}", LimitKind::Depth));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LimitKind {
    /// [`Limits::header_bytes`].
    HeaderBytes,
    /// [`Limits::element_bytes`].
    ElementBytes,
    /// [`Limits::depth`].
    Depth,
    /// [`Limits::attributes`].
    Attributes,
    /// [`Limits::namespaces`].
    Namespaces,
    /// [`Limits::name_bytes`].
    NameBytes,
    /// [`Limits::attribute_value_bytes`].
    AttributeValueBytes,
}

impl std::fmt::Display for LimitKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            LimitKind::HeaderBytes => "bytes of the stream header",
            LimitKind::ElementBytes => "bytes of one first-level element",
            LimitKind::Depth => "levels of nesting in one first-level element",
            LimitKind::Attributes => "attributes of one element",
            LimitKind::Namespaces => "namespace declarations in scope",
            LimitKind::NameBytes => "bytes of one name",
            LimitKind::AttributeValueBytes => "bytes of one attribute value",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dos_06_the_stanza_limit_has_a_floor_after_authentication_only() {
        let mut limits = Limits::after_authentication();
        limits.element_bytes = 1;
        assert_eq!(limits.element_bytes(), 10_000);
        let mut limits = Limits::before_authentication();
        limits.element_bytes = 100;
        assert_eq!(limits.element_bytes(), 100);
    }
}
