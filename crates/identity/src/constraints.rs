use crate::der::{self, NotDer, Reader};
use crate::dns_name;
use crate::limits::MAX_SUBTREES;

/// The dNSName constraints of a verified path (RFC 5280 section 4.2.1.10), root to last issuer.
///
/// Path validation applies them to the dNSNames of a certificate only; a CA confined to
/// `corp.example` could still issue an SRVName or XmppAddr for any domain (RFC 9525 section 7.6). They
/// are kept with the verdict on the chain and applied to every kind of name that matches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NameConstraints {
    levels: Vec<Level>,
}

/// What one CA imposes on everything below it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Level {
    /// Empty: anything.
    permitted: Vec<String>,
    excluded: Vec<String>,
}

impl NameConstraints {
    /// Whether no CA of the path constrains host names.
    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    /// Whether every CA of the path may vouch for this name, given in A-label form.
    pub fn admit(&self, name: &str) -> bool {
        self.levels.iter().all(|level| {
            let within = |constraint: &String| dns_name::within(name, constraint);
            (level.permitted.is_empty() || level.permitted.iter().any(within)) && !level.excluded.iter().any(within)
        })
    }

    /// Adds those of one CA: the contents of the NameConstraints SEQUENCE. Anything odd is an error,
    /// so that no constraint is lost.
    pub(crate) fn add(&mut self, contents: &[u8]) -> Result<(), NotDer> {
        let mut fields = Reader::new(contents);
        let mut level = Level::default();
        for (tag, names) in [
            (der::constructed(0), &mut level.permitted),
            (der::constructed(1), &mut level.excluded),
        ] {
            let Some(subtrees) = fields.optional(tag)? else {
                continue;
            };
            let mut subtrees = Reader::new(subtrees.value);
            while let Some(subtree) = subtrees.next()? {
                if subtree.tag != der::SEQUENCE || names.len() >= MAX_SUBTREES {
                    return Err(NotDer);
                }
                let mut base = Reader::new(subtree.value);
                let name = base.next()?.ok_or(NotDer)?;
                base.end()?; // minimum and maximum are not used
                if name.tag == der::context(2) {
                    names.push(constraint(name.value)?);
                }
            }
        }
        fields.end()?;
        if level != Level::default() {
            self.levels.push(level);
        }
        Ok(())
    }
}

/// A host name, perhaps with a leading dot, or nothing, which stands for all names.
fn constraint(value: &[u8]) -> Result<String, NotDer> {
    let name = value.strip_prefix(b".").unwrap_or(value);
    if !value.is_empty() {
        let checked = dns_name::check(name).map_err(|_| NotDer)?;
        if checked.starts_with('*') {
            return Err(NotDer);
        }
    }
    std::str::from_utf8(value).map(str::to_owned).map_err(|_| NotDer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subtrees(tag: u8, names: &[&[u8]]) -> Vec<u8> {
        let list: Vec<u8> = names
            .iter()
            .flat_map(|name| der::sequence(&[&[0x82, u8::try_from(name.len()).unwrap()], *name].concat()))
            .collect();
        [&[tag, u8::try_from(list.len()).unwrap()][..], &list].concat()
    }

    #[test]
    fn idm_16_every_level_must_admit_the_name() {
        let mut constraints = NameConstraints::default();
        assert!(constraints.admit("anything.example"));
        constraints
            .add(&subtrees(0xa0, &[b"example.net", b"corp.example"]))
            .unwrap();
        constraints.add(&subtrees(0xa1, &[b"secret.corp.example"])).unwrap();
        for (name, admitted) in [
            ("corp.example", true),
            ("im.corp.example", true),
            ("example.net", true),
            ("victim.example", false),
            ("secret.corp.example", false),
            ("a.secret.corp.example", false),
        ] {
            assert_eq!(constraints.admit(name), admitted, "{name}");
        }
        constraints.add(&subtrees(0xa0, &[b".corp.example"])).unwrap();
        assert!(constraints.admit("im.corp.example"));
        assert!(!constraints.admit("example.net"));
    }

    #[test]
    fn idm_16_odd_constraints_are_errors_not_freedom() {
        for bad in [
            subtrees(0xa0, &[b"*.example"]),
            subtrees(0xa0, &[b"a..example"]),
            subtrees(0xa1, &[b"."]),
            vec![0xa0, 0x04, 0x30, 0x00, 0x01, 0x00],
            vec![0xa2, 0x00],
            // SEQUENCE { [2] "a", [0] 1 }: a minimum distance
            vec![0xa0, 0x08, 0x30, 0x06, 0x82, 0x01, b'a', 0x80, 0x01, 0x01],
            [&subtrees(0xa1, &[b"a.example"])[..], &subtrees(0xa0, &[b"b.example"])].concat(),
        ] {
            assert_eq!(NameConstraints::default().add(&bad), Err(NotDer), "{bad:02x?}");
        }
    }

    #[test]
    fn idm_16_an_empty_exclusion_forbids_all_names() {
        let mut constraints = NameConstraints::default();
        constraints.add(&subtrees(0xa1, &[b""])).unwrap();
        assert!(!constraints.admit("corp.example"));
    }
}
