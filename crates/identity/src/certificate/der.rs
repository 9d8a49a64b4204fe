//! A strict reader of DER (X.690): definite, minimal lengths; single-byte tags; nothing read twice,
//! nothing allocated, nothing indexed. Only as much of DER as certificates use.

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const IA5_STRING: u8 = 0x16;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;

/// `[n]`, primitive: an IMPLICIT string or bit string.
pub(crate) const fn context(n: u8) -> u8 {
    0x80 | n
}

/// `[n]`, constructed: EXPLICIT, or an IMPLICIT sequence.
pub(crate) const fn constructed(n: u8) -> u8 {
    0xa0 | n
}

/// The bytes are not DER, or not the structure that was expected at this place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotDer;

/// One element: tag, contents, and the whole encoding with its header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) value: &'a [u8],
    pub(crate) whole: &'a [u8],
}

/// Reads elements one after another from a slice.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    /// The next element, or `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Element<'a>>, NotDer> {
        let Some((&tag, after_tag)) = self.rest.split_first() else {
            return Ok(None);
        };
        if tag & 0x1f == 0x1f {
            return Err(NotDer); // multi-byte tags do not occur in certificates
        }
        let (&first, mut after_length) = after_tag.split_first().ok_or(NotDer)?;
        let length = match first {
            0..=0x7f => usize::from(first),
            0x81..=0x83 => {
                let (octets, rest) = after_length.split_at_checked(usize::from(first & 0x7f)).ok_or(NotDer)?;
                after_length = rest;
                let length = octets
                    .iter()
                    .fold(0usize, |sum, &octet| (sum << 8) | usize::from(octet));
                let minimal = match first {
                    0x81 => 0x80,
                    0x82 => 0x100,
                    _ => 0x1_0000,
                };
                if length < minimal {
                    return Err(NotDer);
                }
                length
            }
            _ => return Err(NotDer), // indefinite, or longer than any certificate
        };
        let (value, rest) = after_length.split_at_checked(length).ok_or(NotDer)?;
        let (whole, _) = self.rest.split_at_checked(self.rest.len() - rest.len()).ok_or(NotDer)?;
        self.rest = rest;
        Ok(Some(Element { tag, value, whole }))
    }

    /// The next element, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<Element<'a>, NotDer> {
        match self.next()? {
            Some(element) if element.tag == tag => Ok(element),
            _ => Err(NotDer),
        }
    }

    /// The next element if it has this tag; otherwise nothing is consumed.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, NotDer> {
        if self.rest.first() == Some(&tag) {
            self.next()
        } else {
            Ok(None)
        }
    }

    /// Fails if anything is left.
    pub(crate) fn end(&self) -> Result<(), NotDer> {
        if self.rest.is_empty() { Ok(()) } else { Err(NotDer) }
    }
}

/// The only element of a slice: its tag is right and nothing follows it.
pub(crate) fn only(bytes: &[u8], tag: u8) -> Result<&[u8], NotDer> {
    let mut reader = Reader::new(bytes);
    let element = reader.expect(tag)?;
    reader.end()?;
    Ok(element.value)
}

/// A BIT STRING of whole octets, as keys and signatures are.
pub(crate) fn octet_bits(value: &[u8]) -> Result<&[u8], NotDer> {
    match value.split_first() {
        Some((0, bits)) => Ok(bits),
        _ => Err(NotDer),
    }
}

/// Puts contents back into a SEQUENCE.
pub(crate) fn sequence(contents: &[u8]) -> Vec<u8> {
    element(SEQUENCE, contents)
}

/// Puts contents into an element of this tag.
pub(crate) fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let octets = contents.len().to_be_bytes();
    let length: Vec<u8> = octets.iter().copied().skip_while(|&octet| octet == 0).collect();
    let mut whole = vec![tag];
    match (contents.len(), u8::try_from(length.len())) {
        (0..=0x7f, _) => whole.push(length.last().copied().unwrap_or(0)),
        (_, count) => {
            whole.push(0x80 | count.unwrap_or(0));
            whole.extend(length);
        }
    }
    whole.extend_from_slice(contents);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_definite_and_minimal() {
        let long: Vec<u8> = [&[0x04, 0x81, 0x80][..], &[7; 0x80]].concat();
        assert_eq!(only(&long, OCTET_STRING).unwrap().len(), 0x80);
        for bad in [
            &[0x04][..],
            &[0x04, 0x80, 0x00, 0x00],
            &[0x04, 0x81, 0x01, 0x00],
            &[0x04, 0x82, 0x00, 0x01, 0x00],
            &[0x04, 0x02, 0x00],
            &[0x04, 0x84, 0, 0, 0, 1, 0],
            &[0x1f, 0x01, 0x00],
            &[0x04, 0x01, 0x00, 0x00],
        ] {
            assert_eq!(only(bad, OCTET_STRING), Err(NotDer), "{bad:02x?}");
        }
    }

    #[test]
    fn whole_covers_header_and_contents() {
        let mut reader = Reader::new(&[0x30, 0x00, 0x02, 0x01, 0x05]);
        assert_eq!(reader.expect(SEQUENCE).unwrap().whole, &[0x30, 0x00]);
        let number = reader.next().unwrap().unwrap();
        assert_eq!((number.whole, number.value), (&[0x02, 0x01, 0x05][..], &[0x05][..]));
        assert!(reader.next().unwrap().is_none());
        assert_eq!(reader.end(), Ok(()));
    }
}
