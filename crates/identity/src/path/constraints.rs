use crate::certificate::der::{self, NotDer, Reader};
use crate::names::dns_name;
use crate::names::name::ON_DNS_SRV;

/// The name constraints of the verified paths (RFC 5280 section 4.2.1.10) as far as they speak about
/// host names and services.
///
/// Path validation applies dNSName constraints to the dNSNames of a certificate only; a CA confined
/// to `corp.example` could still issue an SRVName or XmppAddr for any domain (RFC 9525 section 7.6).
/// They are kept with the verdict on the chain and applied to every kind of name that matches. If
/// several paths lead to a trust anchor, a name counts if the CAs of one of them may vouch for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct NameConstraints {
    /// One for each path; none at all, or an empty one, means no constraints.
    paths: Vec<PathConstraints>,
}

/// What the CAs of one path impose, in any order: all of them must admit a name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub(crate) struct PathConstraints {
    levels: Vec<Level>,
}

/// What one CA imposes on everything below it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
struct Level {
    /// Empty: anything.
    permitted: Vec<String>,
    excluded: Vec<String>,
    /// The same for SRVNames alone (RFC 4985 section 4).
    permitted_srv: Vec<SrvConstraint>,
    excluded_srv: Vec<SrvConstraint>,
}

/// `_mail.example.com` (this service there), `_mail` (this service anywhere) or `example.com` (any
/// service there); "there" is the name and everything below it (RFC 4985 section 4).
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
struct SrvConstraint {
    service: Option<String>,
    name: Option<String>,
}

impl NameConstraints {
    pub(crate) fn of_paths(paths: Vec<PathConstraints>) -> Self {
        NameConstraints { paths }
    }

    /// Whether there is a path without such constraints.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() || self.paths.iter().any(PathConstraints::is_empty)
    }

    /// Whether the CAs of one path may vouch for this name, given in A-label form.
    pub fn admit(&self, name: &str) -> bool {
        self.is_empty() || self.paths.iter().any(|path| path.admit(name))
    }

    /// Whether the CAs of one path may vouch for this service, with its underscore, at this name.
    pub fn admit_srv(&self, service: &str, name: &str) -> bool {
        self.is_empty() || self.paths.iter().any(|path| path.admit_srv(service, name))
    }
}

impl PathConstraints {
    pub(crate) fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    fn admit(&self, name: &str) -> bool {
        let within = |constraint: &String| dns_name::within(name, constraint);
        self.levels.iter().all(|level| {
            (level.permitted.is_empty() || level.permitted.iter().any(within)) && !level.excluded.iter().any(within)
        })
    }

    fn admit_srv(&self, service: &str, name: &str) -> bool {
        let within = |constraint: &SrvConstraint| constraint.covers(service, name);
        self.admit(name)
            && self.levels.iter().all(|level| {
                (level.permitted_srv.is_empty() || level.permitted_srv.iter().any(within))
                    && !level.excluded_srv.iter().any(within)
            })
    }

    pub(crate) fn extend(&mut self, other: &PathConstraints) {
        self.levels.extend(other.levels.iter().cloned());
    }

    /// Adds those of one CA: the contents of the NameConstraints SEQUENCE. Anything odd is an error,
    /// so that no constraint is lost.
    pub(crate) fn add(&mut self, contents: &[u8], limit: usize) -> Result<(), NotDer> {
        let mut level = Level::default();
        let mut subtrees_left = limit;
        for subtree in Subtrees::new(contents) {
            let subtree = subtree?;
            subtrees_left = subtrees_left.checked_sub(1).ok_or(NotDer)?;
            let (names, services) = match subtree.list {
                List::Permitted => (&mut level.permitted, &mut level.permitted_srv),
                List::Excluded => (&mut level.excluded, &mut level.excluded_srv),
            };
            if subtree.tag == der::context(2) {
                names.push(host_constraint(subtree.name)?);
            } else if let Some(value) = srv_value(subtree.tag, subtree.name) {
                services.push(SrvConstraint::parse(value?)?);
            }
        }
        if level != Level::default() {
            self.levels.push(level);
        }
        Ok(())
    }
}

impl SrvConstraint {
    fn parse(value: &[u8]) -> Result<Self, NotDer> {
        let text = std::str::from_utf8(value).map_err(|_| NotDer)?;
        let (service, name) = match text.strip_prefix('_') {
            Some(_) => match text.split_once('.') {
                Some((service, name)) => (Some(service), Some(name)),
                None => (Some(text), None),
            },
            None => (None, Some(text)),
        };
        if let Some(service) = service {
            let label = service.strip_prefix('_').unwrap_or_default();
            if label.is_empty() || !label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
                return Err(NotDer);
            }
        }
        Ok(SrvConstraint {
            service: service.map(str::to_owned),
            name: name.map(|name| host_constraint(name.as_bytes())).transpose()?,
        })
    }

    fn covers(&self, service: &str, name: &str) -> bool {
        self.service
            .as_ref()
            .is_none_or(|constraint| constraint.eq_ignore_ascii_case(service))
            && self
                .name
                .as_ref()
                .is_none_or(|constraint| dns_name::within(name, constraint))
    }
}

/// Contents of a NameConstraints SEQUENCE without its SRVName subtrees, which are applied here and
/// which webpki, knowing no otherName, takes for a prohibition of all of them.
pub(crate) fn without_srv(contents: &[u8]) -> Result<Vec<u8>, NotDer> {
    let (mut permitted, mut excluded) = (Vec::new(), Vec::new());
    for subtree in Subtrees::new(contents) {
        let subtree = subtree?;
        if srv_value(subtree.tag, subtree.name).is_some() {
            continue;
        }
        match subtree.list {
            List::Permitted => permitted.extend_from_slice(subtree.whole),
            List::Excluded => excluded.extend_from_slice(subtree.whole),
        }
    }
    let mut kept = Vec::new();
    for (tag, subtrees) in [(der::constructed(0), permitted), (der::constructed(1), excluded)] {
        if !subtrees.is_empty() {
            kept.extend(der::element(tag, &subtrees));
        }
    }
    Ok(kept)
}

#[derive(Clone, Copy)]
enum List {
    Permitted,
    Excluded,
}

/// One GeneralSubtree: which list it is in, the form and contents of its base, all of it.
struct Subtree<'a> {
    list: List,
    tag: u8,
    name: &'a [u8],
    whole: &'a [u8],
}

/// Walks a NameConstraints SEQUENCE. After an error nothing more comes.
struct Subtrees<'a> {
    fields: Reader<'a>,
    current: Option<(List, Reader<'a>)>,
    seen_excluded: bool,
    over: bool,
}

impl<'a> Subtrees<'a> {
    fn new(contents: &'a [u8]) -> Self {
        Subtrees {
            fields: Reader::new(contents),
            current: None,
            seen_excluded: false,
            over: false,
        }
    }

    fn step(&mut self) -> Result<Option<Subtree<'a>>, NotDer> {
        loop {
            if let Some((list, subtrees)) = &mut self.current
                && let Some(subtree) = subtrees.next()?
            {
                if subtree.tag != der::SEQUENCE {
                    return Err(NotDer);
                }
                let mut base = Reader::new(subtree.value);
                let name = base.next()?.ok_or(NotDer)?;
                base.end()?; // minimum and maximum are not used (RFC 5280 section 4.2.1.10)
                return Ok(Some(Subtree {
                    list: *list,
                    tag: name.tag,
                    name: name.value,
                    whole: subtree.whole,
                }));
            }
            let first = self.current.is_none();
            if first && let Some(permitted) = self.fields.optional(der::constructed(0))? {
                self.current = Some((List::Permitted, Reader::new(permitted.value)));
            } else if !self.seen_excluded
                && let Some(excluded) = self.fields.optional(der::constructed(1))?
            {
                self.seen_excluded = true;
                self.current = Some((List::Excluded, Reader::new(excluded.value)));
            } else {
                return self.fields.end().map(|()| None);
            }
        }
    }
}

impl<'a> Iterator for Subtrees<'a> {
    type Item = Result<Subtree<'a>, NotDer>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let step = self.step();
        self.over = !matches!(step, Ok(Some(_)));
        step.transpose()
    }
}

/// The text of an SRVName constraint; `None` if the base is something else.
fn srv_value(tag: u8, name: &[u8]) -> Option<Result<&[u8], NotDer>> {
    if tag != der::constructed(0) {
        return None;
    }
    let mut fields = Reader::new(name);
    if fields.expect(der::OID).ok()?.value != ON_DNS_SRV {
        return None;
    }
    Some(srv_text(fields))
}

fn srv_text(mut fields: Reader<'_>) -> Result<&[u8], NotDer> {
    let wrapper = fields.expect(der::constructed(0))?;
    fields.end()?;
    der::only(wrapper.value, der::IA5_STRING)
}

/// A host name, perhaps with a leading dot, or nothing, which stands for all names.
fn host_constraint(value: &[u8]) -> Result<String, NotDer> {
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
#[path = "constraints_tests.rs"]
mod tests;
