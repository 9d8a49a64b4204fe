//! Which names the CAs of a path may vouch for.
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
    let mut constraints = PathConstraints::default();
    assert!(constraints.admit("anything.example"));
    constraints
        .add(&subtrees(0xa0, &[b"example.net", b"corp.example"]), 100)
        .unwrap();
    constraints
        .add(&subtrees(0xa1, &[b"secret.corp.example"]), 100)
        .unwrap();
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
    constraints.add(&subtrees(0xa0, &[b".corp.example"]), 100).unwrap();
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
        assert_eq!(PathConstraints::default().add(&bad, 100), Err(NotDer), "{bad:02x?}");
    }
}

#[test]
fn idm_16_an_empty_exclusion_forbids_all_names() {
    let mut constraints = PathConstraints::default();
    constraints.add(&subtrees(0xa1, &[b""]), 100).unwrap();
    assert!(!constraints.admit("corp.example"));
}

fn srv(tag: u8, names: &[&str]) -> Vec<u8> {
    let list: Vec<u8> = names
        .iter()
        .flat_map(|name| {
            let value = der::element(0xa0, &der::element(der::IA5_STRING, name.as_bytes()));
            let other = [&der::element(der::OID, ON_DNS_SRV)[..], &value].concat();
            der::sequence(&der::element(0xa0, &other))
        })
        .collect();
    der::element(tag, &list)
}

#[test]
fn idm_17_srv_constraints_have_three_forms() {
    // (constraint, service, name, within)
    for (constraint, service, name, within) in [
        ("_mail.example.com", "_mail", "example.com", true),
        ("_mail.example.com", "_MAIL", "a.Example.com", true),
        ("_mail.example.com", "_ntp", "example.com", false),
        ("_mail.example.com", "_mail", "example.net", false),
        ("_mail.example.com", "_mail", "xexample.com", false),
        ("_mail", "_mail", "anything.example", true),
        ("_mail", "_ntp", "anything.example", false),
        ("example.com", "_ntp", "example.com", true),
        ("example.com", "_ntp", "a.example.com", true),
        ("example.com", "_ntp", "example.net", false),
    ] {
        let mut permitted = PathConstraints::default();
        permitted.add(&srv(0xa0, &[constraint]), 100).unwrap();
        assert_eq!(
            permitted.admit_srv(service, name),
            within,
            "{constraint} {service}.{name}"
        );
        // They speak about services only.
        assert!(permitted.admit("elsewhere.example"));
        let mut excluded = PathConstraints::default();
        excluded.add(&srv(0xa1, &[constraint]), 100).unwrap();
        assert_eq!(
            excluded.admit_srv(service, name),
            !within,
            "not {constraint} {service}.{name}"
        );
    }
    for bad in ["_", "_.example.com", "_a b", "", "_mail.*.example.com", "_mail.a..b"] {
        let odd = PathConstraints::default().add(&srv(0xa0, &[bad]), 100);
        assert_eq!(odd, if bad.is_empty() { Ok(()) } else { Err(NotDer) }, "{bad:?}");
    }
}

#[test]
fn idm_17_only_srv_constraints_are_taken_away() {
    let hosts = subtrees(0xa0, &[b"corp.example"]);
    assert_eq!(without_srv(&hosts), Ok(hosts.clone()));
    assert_eq!(without_srv(&srv(0xa1, &["_mail"])), Ok(vec![]));
    let both = [&hosts[..], &srv(0xa1, &["_mail"])].concat();
    assert_eq!(without_srv(&both), Ok(hosts));
    assert_eq!(without_srv(&[0xa0, 0x02, 0x30]), Err(NotDer));
}

#[test]
fn idm_16_the_number_of_subtrees_is_bounded() {
    let two = subtrees(0xa0, &[b"a.example", b"b.example"]);
    assert_eq!(PathConstraints::default().add(&two, 2), Ok(()));
    assert_eq!(PathConstraints::default().add(&two, 1), Err(NotDer));
}

#[test]
fn a_name_counts_if_one_path_admits_it() {
    let mut a = PathConstraints::default();
    a.add(&subtrees(0xa0, &[b"a.example"]), 100).unwrap();
    let mut b = PathConstraints::default();
    b.add(&subtrees(0xa0, &[b"b.example"]), 100).unwrap();
    let both = NameConstraints::of_paths(vec![a.clone(), b]);
    assert!(both.admit("a.example") && both.admit("x.b.example") && !both.admit("c.example"));
    let free = NameConstraints::of_paths(vec![a, PathConstraints::default()]);
    assert!(free.is_empty() && free.admit("c.example") && free.admit_srv("_x", "c.example"));
}
