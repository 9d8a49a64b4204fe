# Our server and a real ejabberd federate: every way of authentication, in both directions.
. "$here/federation.sh"

S2S_AUTH=external "$here/ejabberd-up.sh" "$W" peer 127.0.0.4 c.test
POLICY=certificates "$here/federate-up.sh" "$W" ours 127.0.0.3 b.test
both_ways "ejabberd: certificates" ours c.test 127.0.0.4 'SASL EXTERNAL'

CERT=selfsigned S2S_AUTH=dialback "$here/ejabberd-up.sh" "$W" peer 127.0.0.4 c.test
CERT=selfsigned "$here/federate-up.sh" "$W" ours 127.0.0.3 b.test
both_ways "ejabberd: dialback over TLS" ours c.test 127.0.0.4 'dialback'

# It refuses EXTERNAL with a certificate that is for servers alone, and takes dialback on the same stream.
S2S_AUTH=dialback "$here/ejabberd-up.sh" "$W" peer 127.0.0.4 c.test
CERT=serveronly "$here/federate-up.sh" "$W" ours 127.0.0.3 b.test
both_ways "ejabberd: EXTERNAL refused, then dialback" ours c.test 127.0.0.4 'SASL EXTERNAL' 'dialback'

CERT=selfsigned S2S_AUTH=dialback "$here/ejabberd-up.sh" "$W" peer 127.0.0.4 c.test
POLICY=certificates "$here/federate-up.sh" "$W" ours 127.0.0.3 b.test
expect "ejabberd: no good certificate: its user is told" '"error"' "$(as alice@c.test 127.0.0.4 ping b.test)"
order ours "ping c.test"
logged "ejabberd: no good certificate: nothing is sent there" ours '<iq/> not sent: .*c\.test'
