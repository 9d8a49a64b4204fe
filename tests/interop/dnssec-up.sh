#!/bin/bash
# dnssec-up.sh WORKDIR [PORT]
# dnssec-up.sh WORKDIR stop
#
# A name server (BIND) on 127.0.0.1, port 5354 unless told otherwise, with a signed root of its own. Its key
# is WORKDIR/dnssec/root.key. It answers for three zones, each with an SRV record for STARTTLS and the host
# live.ZONE at 127.0.0.2, and asks nobody:
#
#   test       signed, and the root vouches for it
#   unsigned   not signed, and the root says so
#   bogus      signed with another key than the root vouches for
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
[ $# -ge 1 ] || usage "$0"
D=$(absolute "$1/dnssec")
stop_pids "$D/pid" "$D/named.conf"
[ "${2:-}" != stop ] || exit 0
port=${2:-5354}
export PATH=$PATH:/usr/sbin:/sbin
need named bind9
need dnssec-signzone bind9-utils
rm -rf "$D"
mkdir -p "$D/keys" "$D/other"
cd "$D"

key() { dnssec-keygen -q -a ECDSAP256SHA256 "$@"; }
# zone NAME LINE...: the file NAME.zone
zone() {
  local name=$1
  shift
  printf '%s\n' "\$TTL 60" "@ SOA ns.test. admin.test. 1 3600 600 86400 60" "@ NS ns.test." "$@" > "$name.zone"
}
sign() { dnssec-signzone -q -S -K "$D/keys" -o "$1" -f "$2.signed" "$2.zone" >/dev/null; }

for name in test unsigned bogus; do
  zone $name "_xmpp-client._tcp.a SRV 10 0 5222 live.$name." "live A 127.0.0.2" "ns A 127.0.0.1"
done
for name in test bogus .; do
  key -K keys -f KSK $name >/dev/null
  key -K keys $name >/dev/null
done
sign test test
sign bogus bogus
# What the root says about bogus is about a key that is not there.
wrong=$(key -K other -f KSK bogus)
zone root "ns.test. A 127.0.0.1" "test. NS ns.test." "unsigned. NS ns.test." "bogus. NS ns.test." \
  "$(cat dsset-test.)" "$(dnssec-dsfromkey "other/$wrong.key")"
sign . root
grep -l ' 257 ' keys/K.+*.key | head -1 | xargs cat | grep -v '^;' > root.key

cat > named.conf <<C
options {
  directory "$D"; pid-file none; session-keyfile none; managed-keys-directory "$D";
  listen-on port $port { 127.0.0.1; }; listen-on-v6 { none; };
  recursion no; dnssec-validation no; notify no; allow-transfer { none; };
};
controls { };
zone "." { type primary; file "root.signed"; };
zone "test" { type primary; file "test.signed"; };
zone "bogus" { type primary; file "bogus.signed"; };
zone "unsigned" { type primary; file "unsigned.zone"; };
C
named -g -n 1 -c "$D/named.conf" </dev/null >"$D/log" 2>&1 &
echo $! > "$D/pid"
if await_port 127.0.0.1 "$port" $!; then
  echo "dnssec: 127.0.0.1 port $port, pid $!"
else
  cat "$D/log" >&2
  rm -f "$D/pid"
  die "did not start"
fi
