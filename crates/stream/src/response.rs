//! What RFC 6120 section 4.7 has a receiving entity answer to a header.

use crate::error::{Error, HeaderError, quote};
use crate::header::{StreamHeader, Version};
use crate::small_str::SmallStr;
use xmpp_tls_core::{Domain, StreamId, StreamKind};

impl StreamHeader {
    /// The response to this header: `from` is the domain that serves it, or empty where none does
    /// (RFC 6120 section 4.9.1.3); `languages` are those we speak, the default first.
    ///
    /// - `to` is the peer's address if it gave a valid one: the bare address of a client, the domain
    ///   of a server (section 4.7.2).
    /// - `version` is the lower of both, and absent if the peer has none (section 4.7.5).
    /// - `xml:lang` is what the peer asked for if we speak it (section 4.7.4, RFC 4647 section 3.4).
    ///
    /// ```
    /// use xmpp_stream::StreamHeader;
    /// use xmpp_tls_core::{StreamId, StreamKind};
    ///
    /// let request = StreamHeader::new().with_from("juliet@example.org/balcony").with_lang("de-CH");
    /// let languages = ["en".to_owned(), "de".to_owned()];
    /// let id = StreamId::from_random([7; 16]); // drawn from a CSPRNG
    /// let served = "example.org".parse()?;
    /// let response = request.response(StreamKind::ClientToServer, Some(&served), &id, &languages);
    /// assert_eq!(response.to.as_deref(), Some("juliet@example.org"));
    /// assert_eq!(response.lang.as_deref(), Some("de"));
    /// # Ok::<(), xmpp_tls_core::DomainError>(())
    /// ```
    pub fn response(
        &self,
        kind: StreamKind,
        from: Option<&Domain>,
        id: &StreamId,
        languages: &[String],
    ) -> StreamHeader {
        let mut response = StreamHeader::default();
        response.to = self.from.as_deref().and_then(|from| address(kind, from));
        response.from = Some(from.map(SmallStr::from).unwrap_or_default());
        response.id = Some(SmallStr::display(id));
        response.version = self.version.map(|theirs| theirs.min(Version::V1_0));
        response.lang = look_up(self.lang.as_deref(), languages).map(SmallStr::from);
        response
    }

    /// Whether the header names the content namespace of the other kind of stream, or one that nobody
    /// knows (RFC 6120 section 4.8.3). A header without prefixes names none, which is fine.
    ///
    /// # Errors
    ///
    /// [`HeaderError::ContentNamespace`], for which the peer is told `invalid-namespace`.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let mut decoder = StreamDecoder::new(Limits::before_authentication());
    /// decoder.push(b"<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'>");
    /// let Some(StreamEvent::Open(header)) = decoder.next_event()? else { panic!() };
    /// assert!(header.check_content_namespace(ClientToServer).is_err());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn check_content_namespace(&self, kind: StreamKind) -> Result<(), Error> {
        match self.content_namespace() {
            Some(found) if found != kind.content_namespace() => Err(Error::Header(HeaderError::ContentNamespace {
                found: quote(found.as_bytes()),
                kind,
            })),
            Some(_) | None => Ok(()),
        }
    }
}

/// The part of a peer's `from` that a response may repeat.
fn address(kind: StreamKind, from: &str) -> Option<SmallStr> {
    let bare = from.split('/').next().unwrap_or_default();
    match (kind, bare.split_once('@')) {
        (StreamKind::ClientToServer, Some((local, domain))) => {
            let sound = !local.is_empty() && local.len() <= 1023;
            let domain: Domain = domain.parse().ok().filter(|_| sound)?;
            Some(SmallStr::display(format_args!("{local}@{domain}")))
        }
        (_, Some(_)) => None,
        (_, None) => bare.parse().ok().map(|domain: Domain| SmallStr::from(&domain)),
    }
}

/// RFC 4647 section 3.4: the asked-for tag is shortened until one of ours equals it.
fn look_up<'l>(asked: Option<&str>, languages: &'l [String]) -> Option<&'l str> {
    let mut tag = asked.unwrap_or_default();
    while !tag.is_empty() {
        if let Some(found) = languages.iter().find(|language| language.eq_ignore_ascii_case(tag)) {
            return Some(found);
        }
        tag = tag.rsplit_once('-').map_or("", |(shorter, _)| shorter);
        // A single letter only introduces what was cut off (`x` in `de-x-private`).
        if let Some((shorter, last)) = tag.rsplit_once('-')
            && last.len() == 1
        {
            tag = shorter;
        }
    }
    languages.first().map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn languages(tags: &[&str]) -> Vec<String> {
        tags.iter().map(|&tag| tag.to_owned()).collect()
    }

    #[test]
    fn strm_20_language_lookup() {
        for (asked, ours, answer) in [
            (Some("de-CH"), &["de", "en"][..], "de"),
            (Some("fr"), &["en"], "en"),
            (None, &["en"], "en"),
            (Some("EN-us"), &["de", "en"], "en"),
            (Some("zh-Hant-CN-x-private"), &["en", "zh-Hant"], "zh-Hant"),
            // STRM-21, and failure 46 of others: what is no tag does no harm.
            (Some("en_US"), &["de", "en"], "de"),
            (Some("---"), &["de"], "de"),
        ] {
            assert_eq!(look_up(asked, &languages(ours)), Some(answer), "{asked:?}");
        }
        assert_eq!(look_up(Some("de"), &[]), None);
    }

    #[test]
    fn strm_06_and_07_to_is_the_peer_s_address_without_its_resource() {
        let id = StreamId::from_random([0; 16]);
        for (kind, from, to) in [
            (StreamKind::ClientToServer, Some("a@b.example/res"), Some("a@b.example")),
            (StreamKind::ClientToServer, Some("b.example"), Some("b.example")),
            (StreamKind::ClientToServer, None, None),
            (StreamKind::ClientToServer, Some("@b.example"), None),
            (StreamKind::ClientToServer, Some("a@b@c"), None),
            (StreamKind::ServerToServer, Some("b.example"), Some("b.example")),
            (StreamKind::ServerToServer, Some("a@b.example"), None),
            (StreamKind::ServerToServer, Some(""), None),
        ] {
            let mut header = StreamHeader::new();
            header.from = from.map(SmallStr::from);
            assert_eq!(header.response(kind, None, &id, &[]).to.as_deref(), to, "{from:?}");
        }
    }

    #[test]
    fn strm_24_and_26_the_lower_version_answers_and_none_is_answered_by_none() {
        let id = StreamId::from_random([0; 16]);
        for (asked, answered) in [
            (Some("1.0"), Some("1.0")),
            (Some("1.10"), Some("1.0")),
            (Some("0.9"), Some("0.9")),
            (None, None),
            (Some("11.0"), Some("1.0")),
        ] {
            let version = asked.map(|text| text.parse().unwrap());
            let mut header = StreamHeader::default();
            header.version = version;
            let response = header.response(StreamKind::ClientToServer, None, &id, &[]);
            assert_eq!(response.version.map(|version| version.to_string()).as_deref(), answered);
        }
    }
}
