#!/bin/bash
# dns-up.sh WORKDIR [PORT]
# dns-up.sh WORKDIR stop
#
# A name server (dnsmasq) on 127.0.0.1, UDP and TCP, port 5353 unless told otherwise. It answers from
# WORKDIR/dns/zone and forwards nothing. A line of the zone is one of
#
#   host NAME IP                                    an A record
#   srv SERVICE NAME TARGET PORT [PRIO [WEIGHT]]    _SERVICE._tcp.NAME SRV
#   nosrv SERVICE NAME                              _SERVICE._tcp.NAME SRV 0 0 0 . (not offered here)
#   rr NAME TYPE-NUMBER HEX                         any other record, such as TLSA (52)
#
# If there is no zone, one is made with a.test to d.test (127.0.0.2 to 127.0.0.5) and j.test
# (127.0.0.6), without SRV records, so that peers fall back to the address itself. Running it again
# restarts it with the changed zone.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
[ $# -ge 1 ] || usage "$0"
D=$(absolute "$1/dns")
stop_pids "$D/pid" "$D/dnsmasq.conf"
[ "${2:-}" != stop ] || exit 0
port=${2:-5353}
need dnsmasq dnsmasq-base
[ -f "$D/zone" ] || printf 'host %s.test 127.0.0.%s\n' a 2 b 3 c 4 d 5 j 6 > "$D/zone"
{
  printf '%s\n' "port=$port" listen-address=127.0.0.1 bind-interfaces no-resolv no-hosts no-poll no-negcache \
    local=/test/ local=/example/ "user=$(id -un)" keep-in-foreground log-queries=extra "log-facility=$D/log" pid-file=
  while read -r kind a b c d e f; do
    case $kind in
      '' | '#'*) ;;
      host) echo "host-record=$a,$b" ;;
      srv) echo "srv-host=_$a._tcp.$b,$c,$d,${e:-0},${f:-0}" ;;
      nosrv) echo "dns-rr=_$a._tcp.$b,33,00000000000000" ;;
      rr) echo "dns-rr=$a,$b,$c" ;;
      *) die "$D/zone: what is \"$kind $a\"?" ;;
    esac
  done < "$D/zone"
} > "$D/dnsmasq.conf"
PATH=$PATH:/usr/sbin:/sbin dnsmasq --conf-file="$D/dnsmasq.conf" </dev/null >"$D/out" 2>&1 &
echo $! > "$D/pid"
if await_port 127.0.0.1 "$port" $!; then
  echo "dns: 127.0.0.1 port $port, pid $!"
else
  cat "$D/out" >&2
  rm -f "$D/pid"
  die "did not start"
fi
