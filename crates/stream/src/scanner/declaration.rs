//! The XML declaration (XML 1.0 section 2.8, RFC 6120 sections 11.5, 11.6 and 11.8).

use super::chars::is_space;
use crate::error::{EncodingError, Error, XmlError, quote};

/// Checks what stands between `<?xml` and `?>`.
pub(crate) fn check(content: &[u8]) -> Result<(), Error> {
    let mut rest = content;
    let Some(version) = pseudo_attribute(&mut rest, b"version")? else {
        return malformed("it must begin with version");
    };
    if version != b"1.0" {
        let kind = XmlError::Version { found: quote(version) };
        return Err(Error::Xml { kind, offset: 0 });
    }
    if let Some(encoding) = pseudo_attribute(&mut rest, b"encoding")?
        && !encoding.eq_ignore_ascii_case(b"utf-8")
    {
        return Err(Error::Encoding {
            kind: EncodingError::Declared { name: quote(encoding) },
            offset: 0,
        });
    }
    // XML-08: RFC 6120 section 11.5 lets a receiver ignore it.
    if let Some(standalone) = pseudo_attribute(&mut rest, b"standalone")?
        && !matches!(standalone, b"yes" | b"no")
    {
        return malformed("standalone must be yes or no");
    }
    if rest.iter().all(|&byte| is_space(byte)) {
        Ok(())
    } else {
        malformed("something unknown in it")
    }
}

/// `S name S? '=' S? quoted`; leaves `rest` alone if another name follows.
fn pseudo_attribute<'a>(rest: &mut &'a [u8], name: &[u8]) -> Result<Option<&'a [u8]>, Error> {
    let behind_space = rest.trim_ascii_start();
    let Some(behind_name) = behind_space.strip_prefix(name) else {
        return Ok(None);
    };
    if behind_space.len() == rest.len() {
        return malformed("white space is missing");
    }
    let Some(value) = behind_name.trim_ascii_start().strip_prefix(b"=") else {
        return malformed("an equals sign is missing");
    };
    let Some((&quote @ (b'\'' | b'"'), value)) = value.trim_ascii_start().split_first() else {
        return malformed("a quote is missing");
    };
    let Some(end) = memchr::memchr(quote, value) else {
        return malformed("a quote is missing");
    };
    let (value, behind) = value.split_at(end);
    *rest = behind.get(1..).unwrap_or_default();
    Ok(Some(value))
}

fn malformed<T>(reason: &'static str) -> Result<T, Error> {
    Err(Error::Xml {
        kind: XmlError::Declaration { reason },
        offset: 0,
    })
}
