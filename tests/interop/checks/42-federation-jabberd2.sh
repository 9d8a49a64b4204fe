# Our server and a real jabberd2: dialback alone, keys of another format, no SASL. It has no users here, so that it is
# pinged and asked, and answers on a stream of its own. Its resolver asks port 53.
. "$here/federation.sh"
"$here/dns-up.sh" "$W" stop
"$here/dns-up.sh" "$W" 53 >/dev/null
export DNS_PORT=53

for kind in good selfsigned; do
  CERT=$kind "$here/jabberd2-up.sh" "$W" peer 127.0.0.6 j.test
  CERT=$kind "$here/federate-up.sh" "$W" ours 127.0.0.3 b.test
  order ours "ping j.test"
  logged "jabberd2: $kind: our ping" ours 'j\.test says pong'
  logged "jabberd2: $kind: we proved ourselves by dialback" ours 'accepted b\.test to j\.test, by dialback'
  logged "jabberd2: $kind: the peer proved itself by dialback" ours 'authenticated j\.test to b\.test, by (dialback|certificate)'
done

# It has nothing but dialback to offer.
POLICY=certificates "$here/federate-up.sh" "$W" ours 127.0.0.3 b.test
order ours "ping j.test"
logged "jabberd2: where certificates are wanted nothing is sent" ours '<iq/> not sent: .*'

# It does not answer a <starttls/> that it did not offer, and gives up after 30 s, the most that it waits for dialback.
S2S_TLS=none "$here/jabberd2-up.sh" "$W" peer 127.0.0.6 j.test
"$here/federate-up.sh" "$W" ours 127.0.0.3 b.test
order ours "ping j.test"
logged "jabberd2: without TLS: nothing is sent in clear" ours '<iq/> not sent: .*(STARTTLS|TLS)' 60
POLICY=plaintext "$here/federate-up.sh" "$W" ours 127.0.0.3 b.test
order ours "ping j.test"
logged "jabberd2: without TLS: where danger allows it" ours 'j\.test says pong'
