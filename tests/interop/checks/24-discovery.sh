# Our client finds a real Prosody by the records of a real name server. Nobody listens at 127.0.0.7.
. "$here/probe.sh"

# zone LINE...: the name server has these records
zone() {
  mkdir -p "$W/dns"
  printf '%s\n' "host a.test 127.0.0.7" "host dead.test 127.0.0.7" "host live.test 127.0.0.2" "$@" > "$W/dns/zone"
  "$here/dns-up.sh" "$W"
}
dns=(--dns 127.0.0.1:5353)

"$here/prosody-up.sh" "$W" peer 127.0.0.2 a.test

zone "srv xmpp-client a.test dead.test 5222 10" "srv xmpp-client a.test live.test 5222 20"
probe "discovery: the second endpoint works" 0 'STARTTLS' "${dns[@]}"
zone "srv xmpp-client a.test live.test 5222 10" "srv xmpps-client a.test live.test 5223 10"
probe "discovery: direct TLS first" 0 'direct TLS' "${dns[@]}"
zone "srv xmpp-server a.test live.test 5269 10"
probe "discovery: servers" 0 'authenticated' --s2s "${dns[@]}"
zone "nosrv xmpp-client a.test"
probe "discovery: not offered" 5 'does not offer' "${dns[@]}"
zone "srv xmpp-client a.test dead.test 5222 10" "srv xmpp-client a.test dead.test 5223 20"
probe "discovery: none of them works" 5 'none of its 2 endpoints' "${dns[@]}"
zone
probe "discovery: no records, so the domain itself" 5 'a\.test:5222 cannot be reached' "${dns[@]}"
zone "srv xmpp-client a.test nowhere.test 5222"
probe "discovery: a host that does not exist" 5 'no address' "${dns[@]}"
rm -f "$W/dns/zone"
"$here/dns-up.sh" "$W"
probe "discovery: nobody is the name server" 5 'name server 127\.0\.0\.7:5353 .* does not answer' --dns 127.0.0.7:5353

# a name server with a signed root of its own
"$here/dnssec-up.sh" "$W"
# signed ZONE STATUS PATTERN
signed() {
  expect_status "discovery: DNSSEC: $1" "$2" "$3" \
    "$PROBE" "a.$1" --ca "$W/certs/ca.crt" --dns 127.0.0.1:5354 --dnssec "$W/dnssec/root.key"
}
signed test 0 'live\.test:5222 by secure DNS'
signed unsigned 5 'live\.unsigned:5222 by insecure DNS'
signed bogus 5 'fails DNSSEC'
expect_status "discovery: DNSSEC that nobody asks for" 5 'by insecure DNS' \
  "$PROBE" a.bogus --ca "$W/certs/ca.crt" --dns 127.0.0.1:5354
