//! Which test proves which rule, for everything that binds a verifier of certificates: reference
//! identifiers, matching, path validation, purposes, and EXTERNAL.
//!
//! The identifiers (`IDM-05`) are ours, so that tests can be named after rules. `tests/conformance.rs`
//! fails if a test named here does not exist. Rules without a test have a reason in its place.
//!
//! `ID-` are rules about what is expected, `IDM-` about matching it with what a certificate says, `CERT-`
//! about chains and what certificates must be, `EKU-` about extendedKeyUsage, `EXTC-` and `EXTS-` about SASL
//! EXTERNAL of clients and of servers. Tests that begin with `row_` are about failures of other
//! programs, tests that begin with `v_` about published vectors. Rules are cited from RFC 9525; what it
//! has in common with RFC 6125, which it obsoletes, is not cited twice.
//!
//! # Reference identifiers (RFC 9525 section 6.1, RFC 6120 section 13.7.2.1)
//!
//! | rule | what it demands | proved by |
//! |---|---|---|
//! | ID-01 | what is expected is settled before a certificate is seen, and does not depend on it | `id_01_references_come_from_the_domain_alone` |
//! | ID-02 | a client expects the domain that it puts into `to` | the caller makes [`ReferenceIds`](crate::ReferenceIds) from it; a `ServerVerifier` refuses another: `a_verifier_is_for_one_domain` |
//! | ID-03 | a server that is dialled expects the domain in the peer's `from`, as it is inside TLS | the caller asks [`verify`](crate::IdentityVerifier::verify) about it then: `id_04_chain_first_name_later` |
//! | ID-04 | during the handshake that domain is not known: the chain first, the name later, as often as one is claimed | `id_04_chain_first_name_later`, `we_are_the_server` |
//! | ID-05 | names found by insecure DNS are not expected | `every_row_of_the_table`, `id_06_a_secure_srv_target_counts` |
//! | ID-06 | the target of a DNSSEC-secure SRV record is | `id_06_a_secure_srv_target_counts` |
//! | ID-07 | SRV-ID, DNS-ID and XmppAddr of the domain | `id_01_references_come_from_the_domain_alone` |
//! | ID-08 | DNS-ID and SRV-ID for both services, XmppAddr too | `every_row_of_the_table`, `every_row_in_a_certificate` |
//! | ID-09 | the common name is never an identity | `id_09_the_common_name_never_counts`, `we_are_the_client` |
//! | ID-10 | an address is compared with iPAddress, octet by octet, and with nothing else | `every_row_of_the_table`, `openssl_with_every_kind_of_name` |
//! | ID-11 | the expectation that was met is the identity, and is told | `cert_01_a_good_chain_authenticates`, `every_row_in_a_certificate` |
//! | ID-12 | no match is an error by default | `id_12_the_wrong_name_is_an_error_that_says_what_to_do` |
//! | ID-13 | whoever decides otherwise sees the whole chain | the verdict is given beside the chain, of which [`CertificateFacts`](crate::CertificateFacts) tell: `v_24_facts_and_names` |
//! | ID-14 | the application chooses which kinds count | `every_row_of_the_table` |
//!
//! # Matching (RFC 9525 section 6.3 to 6.5, RFC 4985, RFC 7622 section 3.2)
//!
//! | rule | what it demands | proved by |
//! |---|---|---|
//! | IDM-01 | labels are compared without regard to ASCII case | `idm_01_case_does_not_matter` |
//! | IDM-02 | internationalised names are compared as A-labels; raw UTF-8 in a host name is ignored | `every_row_of_the_table`, `idm_15_names_that_are_no_host_names` |
//! | IDM-03 | domains of JIDs are compared as U-labels | `every_row_of_the_table`, `certtool_with_its_kinds_of_names` |
//! | IDM-04 | one trailing dot of a domain does not count; 1 to 1023 octets | `Domain` of the core crate, and `every_row_of_the_table` |
//! | IDM-05 | `*` is the complete left-most label, once, or the name is ignored | `idm_05_a_wildcard_is_one_complete_left_most_label` |
//! | IDM-06 | and stands for exactly one label | `idm_06_wildcard_matches_one_label` |
//! | IDM-07 | wildcards are supported | `every_row_of_the_table` |
//! | IDM-08 | `*.com` covers nothing | `idm_08_a_wildcard_over_a_top_level_domain_covers_nothing` |
//! | IDM-09 | the service of an SRV-ID with its underscore, without `_tcp`, whatever its case | `every_row_of_the_table` |
//! | IDM-10 | service and domain only together | `every_row_of_the_table` |
//! | IDM-11 | a wildcard in an SRVName counts, and can be refused | `idm_11_srv_wildcards_can_be_refused` |
//! | IDM-12 | for a server, an XmppAddr is a bare domain without wildcards | `every_row_of_the_table` |
//! | IDM-13 | three ways to write the OID of XmppAddr | of text; in a certificate there is one |
//! | IDM-14 | otherName is decoded strictly: wrapper, string type, nothing behind, no NUL | `every_row_of_the_table`, `v_24_facts_and_names` |
//! | IDM-15 | a dNSName that is no host name is ignored, alone | `idm_15_names_that_are_no_host_names`, `ignored_names_say_why` |
//! | IDM-16 | dNSName constraints hold for SRVName and XmppAddr too | `idm_16_name_constraints_hold_for_every_kind_of_name`, `idm_16_a_constrained_anchor_is_not_exempt`, `idm_16_a_name_counts_by_any_valid_path`, `idm_16_unreadable_constraints_are_no_freedom` |
//! | IDM-17 | constraints on SRVNames: service, host or both | `idm_17_srv_constraints_have_three_forms`, `idm_17_srv_constraints_of_an_anchor`; an intermediate's are taken for a prohibition |
//! | IDM-18 | the search ends with the first match | `both_readers_of_names_agree` |
//! | IDM-19 | a certificate with an SRVName or XmppAddr alone is good | `every_row_in_a_certificate` |
//! | IDM-20 | what x509-parser lets through as a dNSName is checked here | `v_24_facts_and_names` |
//!
//! # Certification paths (RFC 5280 section 6, RFC 6120 sections 13.7.1.1 and 13.7.2)
//!
//! | rule | what it demands | proved by |
//! |---|---|---|
//! | CERT-01 | signatures, validity and path to an anchor | `cert_01_a_good_chain_authenticates`, `cert_01_unknown_ca_and_self_signed_are_told_apart`, `cert_01_validity_is_judged_at_the_given_time`, `cert_01_a_signature_by_another_key_of_the_same_name`, `we_are_the_client`, `we_are_the_server` |
//! | CERT-02 | a CA's certificate is no peer's, unless it is trusted as itself | `cert_02_ca_and_leaf_are_not_exchanged`, `cert_02_a_self_signed_anchor_is_trusted_as_itself`, `row_50_a_pinned_self_signed_certificate_is_good_as_itself` |
//! | CERT-03 | an empty subject, against RFC 6120, is fine | `cert_03_an_empty_subject_is_accepted` |
//! | CERT-04 | a CA without digitalSignature, against RFC 6120, is fine | `cert_04_and_06_what_is_not_enforced` |
//! | CERT-05 | SHA-256 or better | `cert_05_a_sha1_signature_is_refused`, `cert_05_a_weak_signature_is_refused_whatever_verifies_it` |
//! | CERT-06 | no address of an OCSP responder is needed | `cert_04_and_06_what_is_not_enforced` |
//! | CERT-07 | revocation: off, soft or hard, and told | `cert_07_off_soft_and_hard`, `a_forged_list_is_refused` |
//! | CERT-08 | the identity and the peer's `from` agree | `exts_servers` |
//! | CERT-09 | anchors of a domain exclude the public ones | `cert_09_anchors_of_a_domain_exclude_the_public_ones` |
//! | CERT-10, CERT-11 | streams end when the certificate expires or is revoked | sessions' to do; [`CertificateFacts`](crate::CertificateFacts) have the time: `facts_have_both_kinds_of_times_and_serialise` |
//! | CERT-12 | keyUsage, if present, has digitalSignature | `cert_12_key_usage_must_allow_signatures` |
//! | CERT-13 | RSA keys of 2048 bits or more, those of issuers too | `cert_13_small_rsa_keys_are_refused`, `cert_13_a_weak_issuer_is_refused_and_another_path_taken`, `cert_13_the_floor_can_be_raised_and_not_lowered` |
//! | CERT-14 | a DNS-ID is enough for both kinds of streams | `every_row_of_the_table` |
//!
//! # EXTERNAL, clients (XEP-0178 section 2, RFC 6120 sections 6.3.4, 6.3.8, 13.7.2.2)
//!
//! | rule | what it demands | proved by |
//! |---|---|---|
//! | EXTC-01, EXTC-02, EXTC-04 to EXTC-08 | who is offered EXTERNAL, and who is logged in as whom | `extc_users` |
//! | EXTC-03 | EXTERNAL is listed and tried first | of stream features and of clients, not of certificates |
//! | EXTC-09 | nothing, the empty string, and an identity are three things | `extc_10_responses` |
//! | EXTC-10 | strict base64 | `extc_10_base64_is_strict`, `extc_10_responses` |
//! | EXTC-11 | clientAuth, any, or id-on-xmppAddr where purposes are listed | `eku_09_purposes` |
//!
//! # EXTERNAL, servers (XEP-0178 section 3)
//!
//! | rule | what it demands | proved by |
//! |---|---|---|
//! | EXTS-01, EXTS-04 to EXTS-07, EXTS-11 | who is offered EXTERNAL, and for which one domain | `exts_servers` |
//! | EXTS-02, EXTS-08, EXTS-10, EXTS-12 | what the stream does next | of streams, not of certificates |
//! | EXTS-03 | naming one's domain | `extc_10_responses` |
//! | EXTS-09 | only to a receiver that has proved itself | `exts_09_only_to_a_receiver_that_has_proved_itself` |
//!
//! # Purposes (RFC 5280 section 4.2.1.12, and what CAs do since 2026)
//!
//! | rule | what it demands | proved by |
//! |---|---|---|
//! | EKU-01 | what is listed binds, for issuers too | `eku_09_purposes` |
//! | EKU-02 to EKU-08, EKU-13 | what CAs issue and other servers do | facts, from which the next rules follow |
//! | EKU-09 | a server that dials has serverAuth; three other modes; the concession is told | `eku_09_modes_for_a_server_that_dialled` |
//! | EKU-10, EKU-11 | a certificate with serverAuth alone is good on both ends | `eku_10_a_server_certificate_is_good_for_dialling` |
//! | EKU-12 | a bad or missing certificate need not end the handshake | `eku_12_no_certificate_is_a_verdict`, `we_are_the_server` |
//!
//! # What went wrong in other programs
//!
//! | what | proved by |
//! |---|---|
//! | certificates of connecting peers went unchecked; a chain was believed for its name | `we_are_the_server`, `we_are_the_client` |
//! | a missing identity let everybody in | `extc_users` |
//! | one path ended in an expired root, and the other was not tried | `a_cross_signed_chain_takes_the_path_that_is_valid` |
//! | thousands of names, endless chains and signatures | `the_number_of_names_is_bounded`, `bytes_that_are_no_certificate_and_chains_without_end`, `the_number_of_signatures_is_bounded`, `limits_can_be_lowered` |
//! | a pin that could not fail | `a_wrong_pin_is_a_hard_error_for_every_type_of_key` |
//! | a pinned self-signed certificate needed checks switched off | `row_50_a_pinned_self_signed_certificate_is_good_as_itself` |
//! | a verdict counted before the key was proved | `row_51_a_verdict_counts_only_once_possession_is_proved`, `row_51_possession_is_proved_where_somebody_else_judges` |
//! | a resumed session hid a new certificate | `row_52_resumption_is_off_by_default`, `row_43_a_resumed_session_keeps_its_verdict_and_its_verifier` |
