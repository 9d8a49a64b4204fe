# What else happens between servers: names beyond ASCII, direct TLS, several domains, peers that come and go.
. "$here/federation.sh"

# A domain beyond ASCII on each side; certificates and the DNS have its A-labels.
"$here/certs.sh" "$W" xn--bcher-kva.test xn--mller-kva.test >/dev/null
ln -sfn xn--bcher-kva.test "$W/certs/bücher.test"
ln -sfn xn--mller-kva.test "$W/certs/müller.test"
printf 'host %s 127.0.0.%s\n' a.test 2 b.test 3 d.test 3 xn--bcher-kva.test 2 xn--mller-kva.test 3 > "$W/dns/zone"
"$here/dns-up.sh" "$W" >/dev/null
for kind in good selfsigned; do
  by=dialback
  [ $kind = selfsigned ] || by='SASL EXTERNAL'
  CERT=$kind "$here/prosody-up.sh" "$W" peer 127.0.0.2 bücher.test
  CERT=$kind "$here/federate-up.sh" "$W" ours 127.0.0.3 müller.test
  order ours "ping bücher.test"
  logged "federation: beyond ASCII: $kind: our ping" ours 'bücher\.test says pong'
  logged "federation: beyond ASCII: $kind: by $by" ours "accepted müller\.test to bücher\.test, by $by"
done

# Two domains here and two there, and a peer that is asked by direct TLS.
echo 'srv xmpps-server a.test a.test 5270' >> "$W/dns/zone"
"$here/dns-up.sh" "$W" >/dev/null
"$here/prosody-up.sh" "$W" peer 127.0.0.2 a.test,c.test
sed -i 's/^host d.test.*/&\nhost c.test 127.0.0.2/' "$W/dns/zone"
"$here/dns-up.sh" "$W" >/dev/null
"$here/federate-up.sh" "$W" ours 127.0.0.3 b.test,d.test
for to in b.test d.test; do
  for from in a.test c.test; do
    expect "federation: several domains: $from to $to" "\"pong\": \"$to\"" "$(as "alice@$from" 127.0.0.2 ping "$to")"
  done
done
order ours links
logged "federation: direct TLS where the DNS says so" ours 'at a\.test:5270 by insecure DNS'

# It goes away in the middle: what is not sent is told. It comes back, and so do we.
"$here/prosody-up.sh" "$W" peer stop
order ours "ping a.test"
logged "federation: a peer that is gone: what was not sent is told" ours '<iq/> not sent: '
"$here/prosody-up.sh" "$W" peer 127.0.0.2 a.test
: > "$W/ours/federate.log"
order ours "ping a.test"
logged "federation: a peer that is back" ours 'a\.test says pong'
rm -f "$W/dns/zone" "$W/certs/bücher.test" "$W/certs/müller.test"
