#!/usr/bin/env bash
# run.sh WORKDIR [VERSION...]
#
# Old peers that this project did not write, on loopback, in both roles and by STARTTLS: openssl s_client and s_server
# and, from PyPI, tlslite-ng. Needs the examples of this crate:
#
#   cargo build -p xmpp-tls-legacy --examples
#
# VERSION is tls1.1, tls1.0 (both by default) or ssl3.0, which takes examples built with the feature sslv3; the openssl
# command of the system has no SSL 3.0, so tlslite-ng is alone then.
#
# One line per check, "ok NAME" or "FAIL NAME: why", and at the end "N passed, M failed".
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../../.." && pwd)
. "$root/tests/interop/lib.sh"
. "$root/tests/interop/report.sh"
[ $# -ge 1 ] || usage "$0"
W=$(absolute "$1")
shift
[ $# -gt 0 ] || set -- tls1.1 tls1.0
examples=${CARGO_TARGET_DIR:-$root/target}/debug/examples
CLIENT=$examples/legacy_client SERVER=$examples/legacy_server
for program in "$CLIENT" "$SERVER"; do
  [ -x "$program" ] || die "no $program: cargo build -p xmpp-tls-legacy --examples"
done
need openssl openssl
python=$W/venv-tlslite/bin/python
if ! "$python" -c 'import tlslite' 2>/dev/null; then
  python3 -m venv --clear "$W/venv-tlslite"
  "$W/venv-tlslite/bin/pip" install -q --disable-pip-version-check 'tlslite-ng>=0.8,<0.9'
fi
"$root/tests/interop/certs.sh" "$W" a.test >/dev/null
cert=$W/certs/a.test/rsa.crt key=$W/certs/a.test/rsa.key ca=$W/certs/ca.crt
logs=$W/legacy
mkdir -p "$logs"

started=()
stop() {
  local pid
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done
  started=()
}
trap 'stop; rm -f "$TALLY"' EXIT

# start LOG PORT COMMAND...: in the background, until it listens on 127.0.0.2
start() {
  local log=$1 port=$2
  shift 2
  "$@" </dev/null >"$logs/$log" 2>&1 &
  started+=($!)
  [ "$port" = 0 ] || await_port 127.0.0.2 "$port" $! || die "$log did not start: $(tail -5 "$logs/$log")"
}

# awaited LOG PATTERN: the log, once it has the pattern, or after five seconds
awaited() {
  local i
  for ((i = 0; i < 100; i++)); do
    grep -qE -- "$2" "$logs/$1" && break
    sleep 0.05
  done
  cat "$logs/$1"
}

header="<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='a.test' version='1.0'>"
login="<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>"
answer="<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' from='a.test' id='2' version='1.0'>
<stream:features>$login</stream:features></stream:stream>"

# s_client INPUT OPTION...: a handshake, the input, and what comes back within a second
s_client() {
  local input=$1
  shift
  { printf '%b' "$input"; sleep 1; } | timeout 20 openssl s_client -servername a.test -CAfile "$ca" \
    -verify_return_error -verify_hostname a.test -cipher ALL:@SECLEVEL=0 -starttls xmpp -xmpphost a.test "$@" 2>&1 || true
}

with_openssl() {
  local version=$1 option=$2 shown=$3 text
  # Our server.
  text=$(s_client "$header" "$option" -connect 127.0.0.2:15222)
  expect "openssl s_client: $shown: the certificate verifies" 'Verification: OK' "$text"
  expect "openssl s_client: $shown: protocol" "Protocol *: $shown\$" "$text"
  expect "openssl s_client: $shown: forward secrecy" 'Cipher is (ECDHE|DHE)' "$text"
  expect "openssl s_client: $shown: features after TLS" '<mechanism>PLAIN</mechanism>' "$text"
  expect "openssl s_client: $shown: no compression" 'Compression: NONE' "$text"
  expect "openssl s_client: $shown: no session cache" 'Session-ID: *$' "$text"
  if grep -q 'TLS session ticket:' <<< "$text"; then
    fail "openssl s_client: $shown: no ticket" "$text"
  else
    ok "openssl s_client: $shown: no ticket"
  fi
  text=$(s_client 'R\n' "$option" -connect 127.0.0.2:15222)
  expect "openssl s_client: $shown: no renegotiation" 'no renegotiation' "$text"
  text=$(s_client "$header" "$option" -cipher AES128-SHA:@SECLEVEL=0 -connect 127.0.0.2:15222)
  expect "openssl s_client: $shown: the suite of RFC 6120, where forward secrecy is preferred" 'Cipher is AES128-SHA' "$text"
  for nothing in aNULL eNULL; do
    text=$(s_client "$header" "$option" -cipher "$nothing:@SECLEVEL=0" -connect 127.0.0.2:15222)
    expect "openssl s_client: $shown: not $nothing" 'alert handshake failure' "$text"
  done
  text=$(s_client "$header" "$option" -connect 127.0.0.2:15223)
  expect "openssl s_client: $shown is refused by a server with the default policy" 'Cipher is \(NONE\)' "$text"

  # Our client. s_server has no STARTTLS, so a relay does the part in clear.
  { sleep 1; printf '%s' "$answer"; sleep 2; } | timeout 30 openssl s_server -quiet "$option" -cipher ALL:@SECLEVEL=0 \
    -accept 127.0.0.2:15224 -naccept 1 -cert "$cert" -key "$key" >"$logs/s_server" 2>&1 &
  started+=($!)
  start relay 15225 "$python" "$here/peer.py" relay 127.0.0.2 15225 15224
  text=$(timeout 30 "$CLIENT" a.test 127.0.0.2 15225 "$ca" "$version" 2>&1 || true)
  expect "openssl s_server: $shown: authenticated" 'authenticated  *yes' "$text"
  expect "openssl s_server: $shown: the report warns" 'warning .*known attacks' "$text"
  expect "openssl s_server: $shown: features after TLS" 'log in with one of \["PLAIN"\]' "$text"
  expect "openssl s_server: $shown: got our header" "to='a.test'" "$(awaited s_server "to='a.test'")"
}

with_tlslite() {
  local version=$1 shown=$2 text alert=unknown_ca
  # Which SSL 3.0 does not have.
  [ "$version" != ssl3.0 ] || alert=bad_certificate
  # Our server.
  text=$(timeout 30 "$python" "$here/peer.py" client 127.0.0.2 15222 a.test "$version" 2>&1 || true)
  expect "tlslite-ng client: $shown" "peer: $shown" "$text"
  expect "tlslite-ng client: $shown: features after TLS" '<mechanism>PLAIN</mechanism>' "$text"
  expect "tlslite-ng client: $shown: closed" 'peer: closed' "$text"
  text=$(timeout 30 "$python" "$here/peer.py" client 127.0.0.2 15222 a.test "$version" rsa 2>&1 || true)
  expect "tlslite-ng client: $shown: plain RSA, where forward secrecy is preferred" 'peer: closed' "$text"
  text=$(timeout 30 "$python" "$here/peer.py" client 127.0.0.2 15226 a.test "$version" rsa 2>&1 || true)
  expect "tlslite-ng client: $shown: plain RSA, where forward secrecy is required" 'handshake_failure' "$text"
  text=$(timeout 30 "$python" "$here/peer.py" client 127.0.0.2 15223 a.test "$version" 2>&1 || true)
  expect "tlslite-ng client: $shown is refused by a server with the default policy" 'TLSRemoteAlert' "$text"

  # Our client.
  start tlslite 15227 "$python" "$here/peer.py" server 127.0.0.2 15227 "$cert" "$key" "$version" dhe
  text=$(timeout 30 "$CLIENT" a.test 127.0.0.2 15227 "$ca" "$version" 2>&1 || true)
  expect "tlslite-ng server: $shown: authenticated" 'authenticated  *yes' "$text"
  expect "tlslite-ng server: $shown: the report warns" 'warning .*known attacks' "$text"
  expect "tlslite-ng server: $shown: features after TLS" 'log in with one of \["PLAIN"\]' "$text"
  expect "tlslite-ng server: $shown: closed" 'closed: Properly' "$text"
  expect "tlslite-ng server: $shown: as the peer sees it" "peer: $shown" "$(cat "$logs/tlslite")"
  text=$(timeout 30 "$CLIENT" a.test 127.0.0.2 15227 "$W/certs/otherca.crt" "$version" 2>&1 || true)
  expect "tlslite-ng server: $shown: an unknown CA is refused in words" 'no trust anchor' "$text"
  expect "tlslite-ng server: $shown: and by an alert" "$alert" "$(awaited tlslite "$alert")"
}

for version in "$@"; do
  start server 15222 "$SERVER" a.test 127.0.0.2:15222 "$cert" "$key" "$version" prefer-fs
  start default 15223 "$SERVER" a.test 127.0.0.2:15223 "$cert" "$key" default
  start required 15226 "$SERVER" a.test 127.0.0.2:15226 "$cert" "$key" "$version"
  case $version in
    tls1.1) with_openssl "$version" -tls1_1 TLSv1.1; with_tlslite "$version" 'TLS 1.1' ;;
    tls1.0) with_openssl "$version" -tls1 TLSv1; with_tlslite "$version" 'TLS 1.0' ;;
    ssl3.0) with_tlslite "$version" 'SSL 3.0' ;;
    *) die "$version is none of tls1.1, tls1.0, ssl3.0" ;;
  esac
  expect "$version: each report of our server warns" 'warning .*known attacks' "$(cat "$logs/server")"
  stop
done
summary
