# Our client session against a real Prosody.
. "$here/probe.sh"

start() {
  local protocol=tlsv1_2
  [ "$2" = 1.2 ] || protocol=tlsv1_3
  CERT=$1 TLS_PROTOCOL=$protocol "$here/prosody-up.sh" "$W" peer 127.0.0.2 a.test
}
matrix prosody
s2s prosody

# clear NAME: nothing of the application may have reached the server before TLS
clear() {
  expect "$1: nothing but the negotiation in clear" '^0$' \
    "$(grep -a ' clear RECV ' "$W/peer/wire.log" | grep -cE '<(auth|response|iq|message|presence)' || true)"
}

C2S_TLS=optional "$here/prosody-up.sh" "$W" peer 127.0.0.2 a.test
probe "prosody: TLS optional: encrypted all the same" 0 authenticated --connect 127.0.0.2:5222
clear "prosody: TLS optional"

C2S_TLS=none "$here/prosody-up.sh" "$W" peer 127.0.0.2 a.test
probe "prosody: no TLS: refused" 4 'not encrypted|tls' --connect 127.0.0.2:5222
clear "prosody: no TLS"
