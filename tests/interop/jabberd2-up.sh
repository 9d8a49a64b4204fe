#!/bin/bash
# jabberd2-up.sh WORKDIR NAME IP DOMAIN
# jabberd2-up.sh WORKDIR NAME stop
#
# A jabberd2 (2.7) as ordinary processes with all their files in WORKDIR/NAME: router (port 5347),
# session manager and s2s (5269), on IP and nowhere else. There is no c2s and so no account: let a peer
# ping DOMAIN, and the answer travels on a stream that jabberd2 opens. A third dialback implementation:
# it knows STARTTLS but not SASL EXTERNAL and never looks at the peer's certificate. It asks for the SRV
# name _jabber._tcp too.
#
# Its resolver knows port 53 only: run "dns-up.sh WORKDIR 53" as root, and give DNS_PORT=53 to the other
# servers. Running it again restarts it, empty.
#
# Environment:
#   S2S_TLS=required    default
#   S2S_TLS=optional    TLS if offered
#   S2S_TLS=none        TLS not offered
#   CERT=good           kind of certificate (certs.sh)
#
# Logs: s2s.log, sm.log, router.log. Not part of install.sh: apt-get install jabberd2.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
[ $# -ge 3 ] || usage "$0"
instance "$2"
W=$(absolute "$1")
I=$W/$2
stop_pids "$I/pid" "$I/"
[ "$3" != stop ] || exit 0
[ $# -eq 4 ] || usage "$0"
IP=$3 D=$4
loopback "$IP"
need jabberd2-s2s jabberd2
export PATH=$PATH:/usr/sbin
lib=$(first '/usr/lib/*/jabberd2')
c=$W/certs/$D/${CERT:=good}
[ -f "$c.crt" ] || die "no $c.crt: run certs.sh first"
rm -rf "$I"
mkdir -p "$I/fs"
cat "$c.crt" "$c.key" > "$I/pem"
tls="<pemfile>$I/pem</pemfile>" security=''
case ${S2S_TLS:=required} in
  required) security='<require_tls/>' ;;
  optional) ;;
  none) tls='' ;;
  *) die "S2S_TLS=$S2S_TLS?" ;;
esac
# common NAME: how each configuration begins
common() { echo "<id>$1</id><pidfile>$I/$1.pid</pidfile><log type='file'><ident>$1</ident><file>$I/$1.log</file></log>"; }
router="<router><ip>$IP</ip><port>5347</port><user>jabberd</user><pass>secret</pass><retry><init>5</init><lost>3</lost><sleep>1</sleep></retry></router>"
echo '<users><user><name>jabberd</name><secret>secret</secret></user></users>' > "$I/users.xml"
echo '<filter></filter>' > "$I/filter.xml"
cat > "$I/router.xml" <<X
<router>$(common router)
<local><ip>$IP</ip><port>5347</port><users>$I/users.xml</users><secret>secret</secret></local>
<io><max_fds>1024</max_fds><access><order>allow,deny</order></access></io><aliases/>
<aci><acl type='all'><user>jabberd</user></acl><filter>$I/filter.xml</filter></aci></router>
X
cat > "$I/sm.xml" <<X
<sm>$(common sm)$router
<local><id>$D</id></local>
<storage><path>$lib</path><driver>fs</driver><fs><path>$I/fs</path></fs></storage>
<modules><path>$lib</path>
<chain id='in-router'><module>validate</module></chain>
<chain id='pkt-sm'><module>iq-ping</module><module>iq-version</module><module>disco</module></chain>
</modules></sm>
X
cat > "$I/s2s.xml" <<X
<s2s>$(common s2s)$router
<local><ip>$IP</ip><port>5269</port>$tls<cachain>$W/certs/ca.crt</cachain></local>
<io><max_fds>1024</max_fds></io>
<check><interval>5</interval><queue>20</queue><retry>5</retry><idle>0</idle><keepalive>0</keepalive><dnscache>5</dnscache></check>
<lookup><srv>xmpp-server</srv><srv>jabber</srv><min-ttl>1</min-ttl><max-ttl>5</max-ttl><bad-host-timeout>1</bad-host-timeout></lookup>
<security>$security</security></s2s>
X
cd "$I"
up() {
  NAMESERVERS=127.0.0.1 "jabberd2-$1" -c "$I/$1.xml" </dev/null >"$I/$1.out" 2>&1 &
  echo $! >> "$I/pid"
}
up router
if await_port "$IP" 5347 $!; then
  up sm
  up s2s
  if await_port "$IP" 5269 $!; then
    for ((i = 0; i < 60; i++)); do
      if grep -q "\[$D\] online" "$I/router.log"; then
        echo "jabberd2 $2: $D on $IP, pids $(tr '\n' ' ' < "$I/pid")"
        exit 0
      fi
      sleep 0.1
    done
  fi
fi
tail -n 5 "$I"/*.log "$I"/*.out >&2 || true
stop_pids "$I/pid" "$I/"
die "$2 did not start"
