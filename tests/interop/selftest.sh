#!/bin/bash
# selftest.sh WORKDIR
#
# Shows that the peers work with each other on this machine, before anything is tested against them:
# Prosody and ejabberd, each with each, first with dialback over TLS and self-signed certificates, then
# with SASL EXTERNAL and a common CA. A ping has to go there and come back. Then that both refuse a
# wrong certificate. Takes about 40 seconds; stops what it started.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
. "$here/report.sh"
[ $# -eq 1 ] || usage "$0"
W=$(absolute "$1")
python=$W/venv/bin/python
[ -x "$python" ] || die "no $python: run install.sh $W first"
trap '"$here/down.sh" "$W"' EXIT
"$here/certs.sh" "$W" a.test b.test c.test d.test
"$here/dns-up.sh" "$W" "${DNS_PORT:-5353}"

# ping FROM-DOMAIN ITS-IP TO-DOMAIN
ping() { "$python" "$here/client.py" --jid "alice@$1" --host "$2" --insecure --timeout 10 ping "$3" | tail -1; }

# wire NAME FILE PATTERN: the pattern must appear in the stream text
wire() { if grep -aqE "$3" "$W/$2"; then ok "$1"; else fail "$1" "no /$3/ in $W/$2"; fi; }

for mode in dialback external; do
  kind=good
  [ $mode = external ] || kind=selfsigned
  export S2S_AUTH=$mode CERT=$kind
  "$here/prosody-up.sh" "$W" pa 127.0.0.2 a.test
  "$here/prosody-up.sh" "$W" pb 127.0.0.3 b.test
  "$here/ejabberd-up.sh" "$W" ec 127.0.0.4 c.test
  "$here/ejabberd-up.sh" "$W" ed 127.0.0.5 d.test
  expect "peers: $mode: prosody to prosody" '"pong"' "$(ping a.test 127.0.0.2 b.test)"
  expect "peers: $mode: prosody to ejabberd" '"pong"' "$(ping a.test 127.0.0.2 c.test)"
  expect "peers: $mode: ejabberd to prosody" '"pong"' "$(ping c.test 127.0.0.4 b.test)"
  expect "peers: $mode: ejabberd to ejabberd" '"pong"' "$(ping c.test 127.0.0.4 d.test)"
  if [ $mode = dialback ]; then
    wire "peers: $mode: a key was verified inside TLS" pa/wire.log \
      "s2s.* tls RECV .*<db:verify .*type='valid'|s2s.* tls RECV .*type='valid'.*<?db:"
  else
    wire "peers: $mode: SASL EXTERNAL succeeded" pa/wire.log "s2s.* tls (SEND|RECV) <success "
  fi
done
CERT=wrongname "$here/prosody-up.sh" "$W" pa 127.0.0.2 a.test
expect "peers: prosody refuses a certificate for another name" 'not valid for this name' "$(ping b.test 127.0.0.3 a.test)"
expect "peers: ejabberd refuses a certificate for another name" '"error"' "$(ping c.test 127.0.0.4 a.test)"
summary
