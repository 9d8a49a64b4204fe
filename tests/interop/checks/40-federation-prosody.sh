# Our server and a real Prosody federate: every way of authentication, in both directions.
. "$here/federation.sh"

S2S_AUTH=external "$here/prosody-up.sh" "$W" peer 127.0.0.2 a.test
POLICY=certificates "$here/federate-up.sh" "$W" ours 127.0.0.3 b.test
both_ways "prosody: certificates" ours a.test 127.0.0.2 'SASL EXTERNAL'

# Good for a server alone, as public CAs issue them by now: Prosody takes it.
CERT=serveronly S2S_AUTH=external "$here/prosody-up.sh" "$W" peer 127.0.0.2 a.test
CERT=serveronly POLICY=certificates "$here/federate-up.sh" "$W" ours 127.0.0.3 b.test
both_ways "prosody: certificates for servers alone" ours a.test 127.0.0.2 'SASL EXTERNAL'

CERT=selfsigned S2S_AUTH=dialback "$here/prosody-up.sh" "$W" peer 127.0.0.2 a.test
CERT=selfsigned "$here/federate-up.sh" "$W" ours 127.0.0.3 b.test
both_ways "prosody: dialback over TLS" ours a.test 127.0.0.2 'dialback'

EXTRA_MODULES=s2s_bidi S2S_AUTH=dialback "$here/prosody-up.sh" "$W" peer 127.0.0.2 a.test
BIDI=1 "$here/federate-up.sh" "$W" ours 127.0.0.3 b.test
expect "prosody: bidi: a ping to us, and back on the same stream" '"pong": "b\.test"' "$(as alice@a.test 127.0.0.2 ping b.test)"

# Whom we do not trust, and who does not trust us.
CERT=selfsigned S2S_AUTH=dialback "$here/prosody-up.sh" "$W" peer 127.0.0.2 a.test
POLICY=certificates "$here/federate-up.sh" "$W" ours 127.0.0.3 b.test
expect "prosody: no good certificate: its user is told" '"error"' "$(as alice@a.test 127.0.0.2 ping b.test)"
logged "prosody: no good certificate: we say why" ours 'ended: .*(certificate|not trusted|self-signed)'
order ours "ping a.test"
logged "prosody: no good certificate: nothing is sent there" ours '<iq/> not sent: .*a\.test'
CERT=good S2S_AUTH=external "$here/prosody-up.sh" "$W" peer 127.0.0.2 a.test
CERT=selfsigned "$here/federate-up.sh" "$W" ours 127.0.0.3 b.test
order ours "ping a.test"
logged "prosody: our certificate is not good: what it says" ours '(not-authorized|policy-violation)'
