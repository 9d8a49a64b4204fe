# What our probe remembers of a real Prosody, and what it says of all services of a domain.
. "$here/probe.sh"
ledger=$W/probe.ledger
cat "$W/certs/ca.crt" "$W/certs/otherca.crt" > "$W/probe.cas"
rm -f "$ledger"

# look NAME STATUS PATTERN OPTION...: with a ledger, and two CAs that are trusted
look() {
  expect_status "probe: $1" "$2" "$3" "$PROBE" a.test --ca "$W/probe.cas" --connect 127.0.0.2:5222 \
    --ledger "$ledger" "${@:4}"
}
"$here/prosody-up.sh" "$W" peer 127.0.0.2 a.test
look "a ledger begins" 0 'first time'
look "nothing has changed" 0 'the certificate is known'
# As at jabber.ru in 2023: a good certificate of another CA, with a key of somebody else's.
CERT=otherca "$here/prosody-up.sh" "$W" peer 127.0.0.2 a.test
look "another key before its time" 6 'key'
look "it is said again until somebody acknowledges it" 6 'key' --json
look "watched" 6 'state=changed' --watch 1 --times 2
look "acknowledged" 0 'acknowledged' --acknowledge
look "calm again" 0 'authenticated'
printf 'not a ledger' > "$ledger"
look "a damaged ledger" 2 'probe\.ledger'

cat > "$W/dns/zone" <<'Z'
host a.test 127.0.0.2
host conference.a.test 127.0.0.2
srv xmpp-client a.test a.test 5222
srv xmpps-client a.test a.test 5223
srv xmpp-server a.test a.test 5269
Z
"$here/dns-up.sh" "$W"
"$here/prosody-up.sh" "$W" peer 127.0.0.2 a.test
all=$("$PROBE" a.test --ca "$W/certs/ca.crt" --dns 127.0.0.1:5353 --all 2>&1 </dev/null) || true
expect "probe: all: clients" 'a\.test, for clients, STARTTLS: secure' "$all"
expect "probe: all: direct TLS" 'a\.test, for clients, direct TLS: secure' "$all"
expect "probe: all: servers" 'a\.test, for servers, STARTTLS: secure' "$all"
expect "probe: all: what is not offered" 'a\.test, for servers, direct TLS: not offered' "$all"
expect "probe: all: names" 'the certificate is for a\.test' "$all"
expect "probe: all: verdict" 'a\.test: everything that is offered is secure' "$all"
CERT=wrongname "$here/prosody-up.sh" "$W" peer 127.0.0.2 a.test
probe "probe: all: a bad certificate" 3 '3 of 3 checks found something to mend' --dns 127.0.0.1:5353 --all

# The others take the zone that is made where there is none.
rm -f "$W/dns/zone"
"$here/dns-up.sh" "$W"
