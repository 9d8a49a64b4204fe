//! Which test proves which clause of the specifications, for what sessions and STARTTLS decide. The
//! stream codec and the identity verifier have tables of their own in their crates.
//!
//! The identifiers (`STLS-05`) are ours, so that tests can be named after rules. `tests/conformance.rs`
//! fails if a test named here does not exist.
//!
//! | prefix | where the rules come from |
//! |---|---|
//! | STLS | STARTTLS: RFC 6120 section 5 |
//! | X75 | RFC 7590, the use of TLS in XMPP |
//! | D368 | direct TLS: XEP-0368 |
//! | STRM, FEAT, CLOSE | stream headers, features and closing: RFC 6120 sections 4.2 to 4.7 |
//! | SERR, ERR | stream errors: RFC 6120 section 4.9 |
//! | XML | RFC 6120 section 11 |
//! | RES | finding a server: RFC 6120 section 3.2 |
//! | TLSP | versions, suites and settings: RFC 9325 |
//! | POL | what policy decides where the specifications leave a choice |
//! | PIN | certificates that change |
//! | RPT | what a report says |
//! | INJ | injections by somebody on the path |
//! | failure | how other implementations failed |
//!
//! # STARTTLS (RFC 6120 section 5)
//!
//! | rule | what it demands | proved by |
//! |---|---|---|
//! | STLS-04, X75-03, X75-04, X75-05 | TLS is asked for whether or not it is advertised | `x75_03_an_offer_missing_from_the_features_is_not_believed` |
//! | STLS-05, STLS-06, STLS-07 | a server that requires TLS offers nothing else | `stls_05_and_07_a_server_that_requires_tls_offers_nothing_else` |
//! | STLS-08 | our header comes before anything else, a refusal too | `serr_02_and_03_a_refusal_comes_behind_a_header_that_echoes_nothing` |
//! | STLS-09, STLS-10, STLS-17 | command and answer are known by namespace, in every legal form | `every_case_ends_as_the_table_says_at_every_cut` |
//! | STLS-11 | `<failure/>` ends it at once | `every_case_ends_as_the_table_says_at_every_cut` |
//! | STLS-12, STLS-26 | a TLS failure never becomes XML | `a_bad_certificate_ends_the_handshake_with_an_alert_and_an_error_to_act_on` |
//! | STLS-14, STLS-15, STLS-16 | not an octet between `>` and TLS | `a_client_and_a_server_upgrade_whatever_the_chunks` |
//! | STLS-18, STLS-20, STLS-28 | no XML of the application before TLS is done | `no_octet_of_the_application_is_written_in_clear_whatever_the_peer_says` |
//! | STLS-19, STLS-32, STLS-33 | a new stream inside TLS, with a new id | `strm_17_every_header_of_a_server_has_a_new_id` |
//! | STLS-23 | `to` chooses the certificate | `stls_23_without_a_server_name_the_stream_to_chooses_the_certificate` |
//! | STLS-24 | the server's certificate is validated | `a_bad_certificate_ends_the_handshake_with_an_alert_and_an_error_to_act_on` |
//! | STLS-27, INJ-07 | nothing is retried in clear | `pol_02_failure_is_final_even_where_plaintext_is_allowed` |
//! | STLS-29, STLS-30 | what was learned before TLS is forgotten | `stls_29_nothing_said_in_clear_is_known_inside_tls` |
//! | STLS-31 | another `to` inside TLS is refused | `another_domain_after_a_restart_is_refused` |
//! | STLS-38 | `<starttls/>` inside TLS is refused | `stls_38_starttls_inside_tls_is_refused` |
//! | STLS-39 | unsolicited elements of STARTTLS | `every_case_ends_as_the_table_says_at_every_cut` |
//! | STLS-40 | `<starttls/>` may come with the header | `stls_40_starttls_may_come_with_the_header` |
//! | STLS-42 | a peer without a version is asked too | `stls_42_a_peer_without_a_version_sends_no_features_and_is_asked_all_the_same` |
//! | X75-13 to X75-17 | encryption, version, suite, authentication and certificate can be seen | `a_client_and_a_server_are_secured_by_starttls_and_direct_tls_in_both_versions` |
//! | TLSP-14 | forward secrecy, by the key exchange | `tlsp_14_a_session_without_forward_secrecy_is_refused_where_it_is_required` |
//! | X75-01, X75-07 | versions and resumption of RFC 9325, whatever the TLS library negotiates | `tlsp_a_version_below_the_minimum_is_refused_whatever_the_library_thinks`, `a_resumed_session_shows_no_certificate_and_is_refused` |
//! | TLSP-11 to TLSP-15, TLSP-17 to TLSP-19, TLSP-30, TLSP-38, failure 42 | suites, groups and compression, as listed in [`defaults`](super::defaults) | `the_hello_offers_exactly_what_the_manual_lists`, `each_listed_suite_is_negotiated_by_its_name_and_forward_secret` |
//! | POL-01 to POL-04, POL-07 to POL-10 | what each policy does where the peer fails it; POL-01 differs, see [below](#where-it-differs) | `every_cell_of_the_matrix_is_as_the_table_says` |
//! | every rule | one gate enforces them, whatever a TLS library reports | `nothing_but_the_gate_makes_a_secured_session`, `secured_is_said_exactly_where_the_policy_is_satisfied` |
//! | DB-87 | by what servers may be authenticated | `db_87_every_level_with_a_good_and_a_bad_certificate` |
//! | POL-04 | an encrypted stream to a server that nobody vouches for is for dialback only | `pol_04_only_dialback_is_exchanged_with_a_server_that_nobody_vouches_for`, `a_stanza_from_a_server_that_nobody_vouches_for_ends_the_stream` |
//! | POL-06 | dialback without TLS takes danger, on a stream that we open; on one that we accept it is refused by `xmpp-dialback` | `pol_06_plaintext_dialback_takes_danger_twice`, `pol_06_plaintext_dialback_where_tls_is_required_is_refused`, `db_65_db_80_in_clear_nobody_is_asked_where_encryption_is_required` |
//! | TLSP-20 | keys and signatures of the whole path | `tlsp_20_a_weaker_key_than_is_demanded_ends_the_handshake` |
//! | TLSP-36, failure 43 | no session crosses domain, kind, policy, anchors, pins or who we are | `tlsp_36_no_session_crosses_domain_kind_start_or_who_we_are`, `tlsp_36_no_session_crosses_policies_of_the_client`, `tlsp_36_no_session_crosses_policies_of_the_server`, `tlsp_36_no_session_crosses_anchors_or_pins`, `tlsp_36_every_kind_side_and_start_has_a_scope_of_its_own`, `tlsp_36_every_setting_about_tls_or_authentication_makes_another_scope` |
//! | TLSP-34 | a chain of resumptions ends | `a_chain_of_resumptions_ends_a_lifetime_after_the_full_handshake`, `no_chain_of_resumptions_is_longer_than_a_week_whatever_is_set` |
//! | TLSP-20 | a demand on keys is rehearsed as it is enforced | `a_demand_is_rehearsed_as_it_is_enforced` |
//! | TLSP-36 | a resumed session has the verdict of the first | `tlsp_36_a_resumed_session_has_the_verdict_and_the_certificate_of_the_first`, `a_resumed_session_without_a_verdict_is_refused_whatever_the_policy` |
//! | ERR-16, RES-09 | nothing is resumed after `<reset/>` | `never_after_reset_or_any_other_error` |
//!
//! # Between servers (XEP-0178, XEP-0220, XEP-0288, XEP-0344)
//!
//! The rules of dialback itself are in [`dialback::rows`](crate::dialback::rows); these are about the streams around it.
//!
//! | rule | what it demands | proved by |
//! |---|---|---|
//! | EXTS-01, EXTS-06, EXTS-10 | EXTERNAL with a certificate good for the header's `from`, then a new header | `exts_01_good_certificates_log_in_by_external_and_nobody_is_called_back` |
//! | EXTS-01 to EXTS-10, EXTS-12, DB-15, DB-17, DB-19, DB-25, DB-27, DB-29, DB-31, DB-38, DB-50, DB-81 to DB-83, DB-86, DB-87, DIR-02, BIDI-01, BIDI-03, BIDI-06 to BIDI-08 | one stream each, and what is answered to what: `tests/vectors/federation.toml` | `what_another_server_says_comes_to_what_the_table_says` |
//! | EXTS-07, EKU-09 | a refused certificate, and dialback on the same stream | `exts_07_a_refused_certificate_is_followed_by_dialback_on_the_same_stream` |
//! | EXTS-08, EKU-12 | where policy wants certificates the stream is closed with an error, not in TLS | `a_policy_of_certificates_refuses_who_has_none_that_is_good_in_both_directions` |
//! | EXTS-11, DB-74, DB-82 | a certificate proves the one domain that was authenticated; others are claimed | `exts_11_a_second_domain_of_the_certificate_is_claimed_for_itself` |
//! | DB-84 | the same certificate at the authoritative server | `db_84_the_same_certificate_there_saves_the_question` |
//! | DB-25, DB-38 | a stanza of a pair that is not authenticated ends the stream | `db_38_a_stanza_of_a_pair_that_nobody_proved_ends_the_stream`, `db_25_a_stanza_before_anything_is_proved_ends_the_stream` |
//! | DB-80, DB-81, DB-86 | a bad certificate is left to dialback over TLS | `db_80_db_86_a_bad_certificate_is_left_to_dialback_over_tls`, `a_claim_that_the_authoritative_server_denies_is_refused` |
//! | BIDI-01 to BIDI-03, BIDI-06, BIDI-08 | who may say what in both directions | `bidi_06_the_receiving_server_may_answer_on_the_same_stream`, `without_bidi_nothing_comes_back_on_a_stream_that_we_opened`, `the_peer_cannot_speak_in_our_name_on_a_stream_that_we_opened` |
//! | every domain's own policy | whichever domain the stream was for before | `the_keys_that_one_domain_demands_are_demanded_on_a_stream_for_another`, `what_a_further_target_demands_is_demanded_on_a_stream_to_another` |
//! | bounds | what strangers can make us do | `features_come_once`, `a_peer_that_claims_in_vain_too_often_is_refused`, `claims_that_wait_for_a_stream_are_bounded` |
//!
//! # Direct TLS (XEP-0368)
//!
//! | rule | what it demands | proved by |
//! |---|---|---|
//! | D368-03, D368-04 | TLS with the first octet, or not at all | `direct_tls_writes_nothing_that_is_not_tls` |
//! | D368-05, D368-11 | the same checks as by STARTTLS | `a_bad_certificate_ends_the_handshake_with_an_alert_and_an_error_to_act_on` |
//! | D368-07 | SNI is the domain, as A-labels | `an_idn_domain_works_in_both_forms` |
//! | D368-08, D368-09 | ALPN by kind of stream | `a_client_and_a_server_are_secured_by_starttls_and_direct_tls_in_both_versions` |
//! | D368-13 | no common ALPN protocol ends the handshake | `a_server_opens_a_verified_stream_to_another` |
//! | D368-14 | an ALPN protocol that was not offered is refused | `d368_14_an_alpn_protocol_that_was_not_offered_is_refused` |
//! | D368-17 | a header of the other kind of stream is refused | `d368_17_a_header_for_the_other_kind_of_stream_is_refused` |
//! | D368-15 | SNI chooses the certificate, by STARTTLS too | `each_domain_has_its_own_certificate_in_both_modes` |
//! | D368-18 | no early data | the configuration in `src/tls/rustls/mod.rs`: rustls sends none unless told to |
//!
//! # Headers, errors, closing
//!
//! | rule | what it demands | proved by |
//! |---|---|---|
//! | STRM-06, STRM-07 | the response's `to` | `strm_06_and_07_to_is_the_peer_s_address_without_its_resource` |
//! | STRM-10, failure 48 | no localpart before TLS | `a_full_session_writes_the_account_inside_tls_only`, `d_48_a_client_names_nobody_before_tls_and_a_server_names_itself` |
//! | STRM-14, STRM-15, STRM-17 | every id new, 128 random bits | `strm_17_every_header_of_a_server_has_a_new_id` |
//! | STRM-20 | the response's language | `strm_20_language_lookup` |
//! | STRM-24, STRM-26 | the lower version answers | `strm_24_and_26_the_lower_version_answers_and_none_is_answered_by_none` |
//! | SERR-02, SERR-03 | an error about the header comes behind ours and echoes nothing | `serr_02_and_03_a_refusal_comes_behind_a_header_that_echoes_nothing` |
//! | ERR-04 | silence where an answer was due | `silence_inside_tls_before_the_header_ends_the_session_with_a_stream_error` |
//! | CLOSE-01 to CLOSE-04, CLOSE-06 | closing tags, then `close_notify`, both ways | `close_01_to_06_both_sides_see_a_proper_end` |
//! | CLOSE-03 | a peer that does not answer is left | `close_03_a_peer_that_does_not_answer_the_closing_tag_is_left` |
//! | CLOSE-05 | a connection cut off is no proper end | `close_05_a_connection_cut_off_is_not_a_proper_end` |
//! | FEAT-11, FEAT-12 | a restart is a new document, without a closing tag | `elements_travel_both_ways_and_across_restarts` |
//! | RES-01, D368-01 | the names asked for | `res_01_and_d368_01_the_names_asked_for` |
//! | RES-02 to RES-05, D368-02, D368-10, D368-12 | records become endpoints in order | `res_02_to_05_records_become_endpoints_as_the_table_says`, `res_03_a_record_comes_first_as_often_as_its_weight_says` |
//! | RES-02 | a service that is not offered | `res_02_a_service_that_is_not_offered_is_not_looked_for` |
//! | RES-03, D368-03, D368-04 | every address, every endpoint, each in its way of TLS | `res_03_the_next_address_is_tried_at_once_when_one_fails`, `d368_03_and_04_the_first_endpoint_that_works_is_taken_in_its_way_of_tls` |
//! | RES-04 | where there are records, nothing but they are tried | `res_04_where_there_are_records_nothing_but_they_are_tried` |
//! | RES-07, RES-08 | when to come back | `res_07_the_first_wait_is_any_time_within_a_minute`, `res_08_the_bound_doubles_up_to_a_cap` |
//! | RES-11, INJ-10, INJ-14 | no name but the domain's is an identity | `res_11_the_name_of_the_host_connected_to_is_no_identity`, `res_11_a_host_that_the_dns_names_is_no_identity` |
//! | POL-07, POL-08 | SASL and stanzas before TLS | `pol_07_and_08_sasl_and_stanzas_before_tls_are_refused_with_the_right_words` |
//! | POL-09, POL-10 | the other protocol on a port | `pol_09_and_10_the_other_protocol_on_a_port_is_named_in_the_error` |
//! | XML-20 | any cut, the same result | `the_initiating_side_gives_one_trace_however_the_peer_is_cut`, `the_receiving_side_gives_one_trace_however_the_peer_is_cut` |
//!
//! # How others failed
//!
//! | failure | what went wrong | proved by |
//! |---|---|---|
//! | 1, INJ-01 (CVE-2011-0411) | clear text behind `<starttls/>` was taken for secured | `inj_01_what_somebody_puts_behind_starttls_ends_the_session_unanswered` |
//! | 2, INJ-02 | clear text behind `<proceed/>` was taken for secured | `inj_02_what_somebody_puts_behind_proceed_ends_the_session`, `injected_clear_text_is_refused_at_every_cut` |
//! | 3, INJ-09 | elements were accepted in states that do not expect them | `inj_07_whatever_comes_instead_of_features_is_an_error_at_once` |
//! | 4, INJ-07 (CVE-2019-12855) | the offer was stripped and the client logged in in clear | `no_octet_of_the_application_is_written_in_clear_whatever_the_peer_says` |
//! | 5, INJ-08 (CVE-2016-10027) | the application could go on before TLS was done | `a_session_cannot_be_used_before_it_is_open`, `inj_08_a_second_offer_after_the_request_is_an_error`, and the compile-fail example of [`UpgradeToken`](crate::starttls::UpgradeToken) |
//! | 6 (CVE-2014-8760) | another feature skipped the check | `no_octet_of_the_application_is_written_in_clear_whatever_the_peer_says` |
//! | 7 | `<failure/>` or silence was waited out for ever | `d_7_silence_is_an_error_that_names_the_phase`, `silence_ends_in_an_error_that_names_the_phase` |
//! | 8 (CVE-2022-26491) | insecure DNS changed whom to trust | `res_11_the_name_of_the_host_connected_to_is_no_identity` |
//! | 18, 19, 21 to 25, 49 | certificates were not, or not wholly, checked | `a_bad_certificate_ends_the_handshake_with_an_alert_and_an_error_to_act_on` |
//! | 21 (CVE-2014-5075) | the TLS library was trusted to check names, and did not | `d_21_a_library_that_checks_nothing_authenticates_nobody` |
//! | 40 | one budget for everything | `the_handshake_has_a_budget_of_its_own`, `a_drip_of_octets_does_not_extend_the_budget` |
//! | 44 | the identity changed after a restart | `another_domain_after_a_restart_is_refused` |
//! | 47 | the reason of a failure was lost | `the_reason_of_the_session_wins_over_the_end_of_the_socket`, `every_way_to_fail_on_a_real_socket_is_one_record` |
//! | 51 | a verdict counted before possession was proved | `a_certificate_without_its_key_never_authenticates` |
//!
//! # Certificate changes (RFC 7590 section 3.6, RFC 9525 section 6.6)
//!
//! | rule | what it demands | proved by |
//! |---|---|---|
//! | PIN-01, PIN-03 to PIN-05, PIN-09, PIN-12, PIN-13 | every class of change, what each policy makes of it, and acknowledgement | `every_change_is_classified_as_the_table_says` |
//! | PIN-06 | a change alone refuses nothing by default | `a_policy_is_read_from_a_file`, `every_change_is_classified_as_the_table_says` |
//! | PIN-08 | what is remembered never makes a failed check good | `what_is_remembered_never_makes_a_failed_check_good` |
//! | PIN-10, failure 52 | a resumed session is no sighting | `a_resumed_session_is_no_sighting` |
//! | PIN-11 | mere claims are not written down; everything is bounded | `what_an_inbound_peer_claims_is_not_written_down`, `a_record_is_bounded`, `a_full_store_keeps_what_it_has_and_says_so` |
//! | failure 29 (jabber.ru, 2023) | an interception with a valid certificate is told before login | `an_interception_with_a_valid_certificate_is_told_before_login_and_refused_where_policy_says_so`, `a_normal_renewal_stays_calm` |
//! | PIN-02 | nothing that was acknowledged is lost, and nothing is begun anew silently | `after_kill_at_any_moment_everything_acknowledged_is_there`, `with_no_room_it_says_so_and_loses_nothing`, `a_changed_octet_anywhere_is_found_or_does_no_harm`, `two_processes_at_once_are_an_error_for_the_second`, `a_ledger_that_cannot_be_read_is_not_taken_for_an_empty_one` |
//!
//! # Security report (RFC 7590 section 3.6)
//!
//! | rule | what it demands | proved by |
//! |---|---|---|
//! | RPT-01, RPT-02 | kind, side, domains, and the stream's id inside TLS | `rpt_02_both_sides_know_the_stream_by_one_id_and_it_is_that_of_the_stream_inside_tls` |
//! | RPT-03 | where the DNS said that the peer is, and who vouches for it | `d368_03_and_04_the_first_endpoint_that_works_is_taken_in_its_way_of_tls` |
//! | RPT-04, RPT-07 | encrypted, authenticated, both or neither, in one word | `rpt_07_the_summary_is_total_and_nothing_is_better_than_its_parts`, `rpt_07_plaintext_is_no_more_than_that` |
//! | RPT-05, RPT-30 | what was offered in clear, logins too | `rpt_05_rpt_30_what_was_offered_in_clear_is_told_and_warned_of` |
//! | RPT-06, RPT-27 | each method of authentication that servers tried, in each direction, and why it did not work | `rpt_06_what_did_not_work_between_servers_is_told_with_the_reason`, `rpt_21_a_server_that_dials_with_serverauth_alone_is_taken_and_told_of` |
//! | RPT-08 to RPT-10 | version, suite, key exchange, forward secrecy | `each_listed_suite_is_negotiated_by_its_name_and_forward_secret` |
//! | RPT-11 to RPT-13, RPT-28 | names sent, kind of handshake, signature scheme, client certificate | `rpt_11_rpt_12_rpt_13_names_handshakes_and_signatures_are_told`, `rpt_12_another_round_trip_is_told`, `rpt_21_a_server_that_dials_with_serverauth_alone_is_taken_and_told_of` |
//! | RPT-15 to RPT-17, RPT-19, RPT-20, RPT-22, RPT-24 | the certificates, their names, where revocation can be looked up, and who vouches for them | `rpt_the_text_of_each_report_is_that_of_its_file`, `rpt_16_certificates_that_end_soon_are_warned_of_by_the_time_that_is_given` |
//! | RPT-18 | weak keys and signatures | `rpt_18_weak_keys_and_signatures_are_warned_of` |
//! | RPT-21 | serverAuth alone, accepted from a server that dials | `rpt_21_a_server_that_dials_with_serverauth_alone_is_taken_and_told_of` |
//! | RPT-23 | the identifiers wanted and found | `a_bad_certificate_ends_the_handshake_with_an_alert_and_an_error_to_act_on` |
//! | RPT-29 | channel bindings | `cb_01_the_exporter_is_the_same_on_both_ends_and_new_on_each_connection`, `cb_09_the_end_point_is_hashed_as_the_certificate_is_signed` |
//! | RPT-31 | what changed since last time | `rpt_31_what_the_ledger_is_alarmed_by_is_a_warning_and_what_it_is_calm_about_is_not` |
//! | RPT-33 | warnings have codes that do not change | `rpt_33_the_codes_of_warnings_are_those_that_monitoring_knows` |
//! | RPT-34 | as data, documented field by field, without any secret | `rpt_34_every_field_is_documented_and_of_its_type_and_every_documented_one_is_there`, `rpt_34_no_form_of_a_report_has_a_secret` |
//! | users and addresses | can be left out of logs | `rpt_what_is_redacted_names_no_user_and_no_address`, `localparts_resources_and_network_addresses_are_left_out_and_nothing_else_is` |
//!
//! # Channel binding (RFC 9266, RFC 5929, XEP-0440, XEP-0474)
//!
//! | rule | what it demands | proved by |
//! |---|---|---|
//! | CB-01, CB-02 | `tls-exporter`: label, an empty context, 32 octets | `cb_01_the_exporter_is_the_same_on_both_ends_and_new_on_each_connection` |
//! | CB-03, CB-04, CB-07 | on TLS 1.2 only what is defined there | `cb_03_tls_1_2_leaves_the_end_point` |
//! | CB-09, CB-10, CB-11 | `tls-server-end-point`: the hash of the signature, of the certificate that was shown | `cb_09_the_end_point_is_hashed_as_the_certificate_is_signed` |
//! | CB-15 | an empty feature is neither written nor believed | `an_empty_feature_is_neither_written_nor_believed` |
//! | CB-16 to CB-21 | which binding, which GS2 flag, or abort | `the_table_of_xep_0440` |
//! | CB-22 | the input of the features hash | `the_hash_input_without_types` |
//!
//! # Where it differs
//!
//! | rule | what it asks for | what is done, and why |
//! |---|---|---|
//! | POL-01 | where clear text is accepted, TLS is tried although it is not offered, and clear text comes after that | it is not tried: [`Opportunistic`](crate::policy::EncryptionPolicy::Opportunistic) means TLS where it is offered and else clear text on the same stream. `<failure/>` ends a stream (RFC 6120 section 5.4.2.2), so that to try would be to lose it. Where encryption is required TLS is tried, offered or not |
//! | TLSP-16 | `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` first in a client's list (RFC 9325 section 4.2.1) | the order is rustls': TLS 1.3 first, AES-256 before AES-128; see [`defaults`](super::defaults#suites-and-groups). A server takes the client's first choice: it has nothing weaker to prefer this to |
//! | TLSP-31 | a TLS 1.2 client ends the handshake if the server does not acknowledge `renegotiation_info` (RFC 9325 section 3.5) | it is sent, as the SCSV, and a missing answer is not noticed: rustls does not tell. rustls itself never renegotiates, on either side. What is left is a server that does, whom somebody on the path spoke to first (RFC 5746 section 1); a policy of TLS 1.3 alone rules it out |
//!
//! # Not here yet
//!
//! Sessions that ask a *client* for a certificate (STLS-22, STLS-25): `xmpp-identity` decides what SASL EXTERNAL makes of
//! one. Following `see-other-host` (ERR-19).
