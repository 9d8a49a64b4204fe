#!/bin/bash
# federate-up.sh WORKDIR NAME IP DOMAIN[,DOMAIN...]
# federate-up.sh WORKDIR NAME stop
#
# Our own federating server (examples/federate) for the domains, on IP and nowhere else: s2s 5269, s2s with
# direct TLS 5270. It answers pings and echoes messages to echo@DOMAIN. Orders for it are written to
# WORKDIR/NAME/orders: ping DOMAIN, message ADDRESS TEXT, links, quit.
#
# Environment:
#   FEDERATE=FILE    the program, default target/release/examples/federate
#   POLICY=default   default, certificates, dialback or plaintext (federate --help)
#   CERT=good        kind of certificate (certs.sh)
#   BIDI=1           one stream for both directions
#   DNS_PORT=5353
#
# Log: federate.log, a line for each thing that happens.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
[ $# -ge 3 ] || usage "$0"
instance "$2"
W=$(absolute "$1")
I=$W/$2
: "${FEDERATE:=${EXAMPLES:-$here/../../target/release/examples}/federate}" "${CERT:=good}" "${POLICY:=default}" "${DNS_PORT:=5353}"
stop_pids "$I/pid" "$W/certs/"
[ "$3" != stop ] || exit 0
[ $# -eq 4 ] || usage "$0"
[ -x "$FEDERATE" ] || die "no $FEDERATE: cargo build --release --examples"
IP=$3
loopback "$IP"
IFS=, read -r -a domains <<< "$4"
rm -rf "$I"
mkdir -p "$I"
mkfifo "$I/orders"
options=(--ca "$W/certs/ca.crt" --dns "127.0.0.1:$DNS_PORT" --listen "$IP:5269" --direct-tls "$IP:5270" --policy "$POLICY")
for domain in "${domains[@]}"; do
  options+=(--domain "$domain" --cert "$W/certs/$domain/$CERT.crt" --key "$W/certs/$domain/$CERT.key")
done
[ -z "${BIDI:-}" ] || options+=(--bidi)
# Opened for both, so that it never ends.
"$FEDERATE" "${options[@]}" <>"$I/orders" >>"$I/federate.log" 2>&1 &
echo $! > "$I/pid"
if await_port "$IP" 5269 $! && await_port "$IP" 5270 $!; then
  echo "federate $2: ${domains[*]} on $IP, pid $!"
else
  tail -20 "$I/federate.log" >&2
  stop_pids "$I/pid" "$W/certs/"
  die "$2 did not start"
fi
