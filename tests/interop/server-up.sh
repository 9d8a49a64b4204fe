#!/bin/bash
# server-up.sh WORKDIR NAME
# server-up.sh WORKDIR NAME stop
#
# Our own example server for a.test at 127.0.0.2: port 5222, and 5223 with direct TLS, with the accounts
# alice and bob and the password "secret". With STANDIN=1 a Prosody takes its place: the checks of
# strangers' clients must pass against a server known to work before they say anything about ours.
#
# Environment:
#   SERVER=FILE     the program, default target/release/examples/server_tokio
#   POLICY=default  policy (server_tokio --help)
#   CERT=good       kind of certificate (certs.sh)
#   STANDIN=1
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
[ $# -ge 2 ] || usage "$0"
instance "$2"
W=$(absolute "$1")
I=$W/$2
: "${SERVER:=$here/../../target/release/examples/server_tokio}" "${CERT:=good}" "${POLICY:=default}"
stop_pids "$I/pid" "$W/certs/"
[ "${3:-}" != stop ] || exit 0
rm -rf "$I"
if [ "${STANDIN:-}" = 1 ]; then
  # like our server, it knows PLAIN only
  EXTRA_CONFIG='disable_sasl_mechanisms = { "DIGEST-MD5"; "SCRAM-SHA-1"; "SCRAM-SHA-1-PLUS"; "SCRAM-SHA-256"; "SCRAM-SHA-256-PLUS" }' \
    exec "$here/prosody-up.sh" "$W" "$2" 127.0.0.2 a.test
fi
[ -x "$SERVER" ] || die "no $SERVER: cargo build --release --examples"
mkdir -p "$I"
"$SERVER" --domain a.test --cert "$W/certs/a.test/$CERT.crt" --key "$W/certs/a.test/$CERT.key" \
  --listen 127.0.0.2:5222 --direct-tls 127.0.0.2:5223 --user alice:secret --user bob:secret --policy "$POLICY" \
  </dev/null >"$I/server.log" 2>&1 &
echo $! > "$I/pid"
if await_port 127.0.0.2 5222 $! && await_port 127.0.0.2 5223 $!; then
  echo "server $2: a.test on 127.0.0.2, pid $!"
else
  tail -20 "$I/server.log" >&2
  stop_pids "$I/pid" "$W/certs/"
  die "$2 did not start"
fi
