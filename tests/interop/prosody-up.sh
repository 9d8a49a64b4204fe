#!/bin/bash
# prosody-up.sh WORKDIR NAME IP DOMAIN[,DOMAIN...]
# prosody-up.sh WORKDIR NAME stop
#
# A Prosody (0.12) as an ordinary process with all its files in WORKDIR/NAME. It listens on IP, an
# address in 127.0.0.0/8, and nowhere else: c2s 5222, c2s with direct TLS 5223, s2s 5269, s2s with
# direct TLS 5270. Every DOMAIN has the accounts alice and bob with the password "secret", and a
# certificate from WORKDIR/certs (certs.sh). Names are looked up at dns-up.sh's server. Several can run,
# each with a NAME and an IP of its own. Running it again restarts it, empty.
#
# Environment:
#   S2S_AUTH=dialback      dialback over TLS, certificates not required (default)
#   S2S_AUTH=external      a valid certificate or no connection
#   S2S_AUTH=plain         no TLS on s2s
#   C2S_TLS=required       default
#   C2S_TLS=optional       SASL before TLS is offered too
#   C2S_TLS=none           no TLS on c2s, and no direct TLS
#   CERT=good              kind of certificate (certs.sh)
#   TLS_PROTOCOL=tlsv1_2+  LuaSec's setting: tlsv1_2, tlsv1_3, tlsv1_2+ ...
#   DNS_PORT=5353
#   EXTRA_MODULES="a b"    more modules, such as s2s_bidi
#   EXTRA_CONFIG=...       Lua text for the global part of the configuration
#
# Logs: prosody.log at debug level, and wire.log with every chunk of stream text that Prosody reads
# (RECV) or writes (SEND), before encryption and after decryption.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
[ $# -ge 3 ] || usage "$0"
instance "$2"
W=$(absolute "$1")
I=$W/$2
stop_pids "$I/pid" "$I/prosody.cfg.lua"
[ "$3" != stop ] || exit 0
[ $# -eq 4 ] || usage "$0"
IP=$3
IFS=, read -r -a domains <<< "$4"
loopback "$IP"
need prosody prosody
rm -rf "$I"
mkdir -p "$I/data" "$I/plugins" "$I/certs"
: "${CERT:=good}" "${TLS_PROTOCOL:=tlsv1_2+}" "${DNS_PORT:=5353}" "${EXTRA_MODULES:=}" "${EXTRA_CONFIG:=}"
direct=5223
tls='"tls";'
case ${S2S_AUTH:=dialback} in
  dialback) auth=false s2s_enc=true ;;
  external) auth=true s2s_enc=true ;;
  plain) auth=false s2s_enc=false ;;
  *) die "S2S_AUTH=$S2S_AUTH?" ;;
esac
case ${C2S_TLS:=required} in
  required) c2s_enc=true ;;
  optional) c2s_enc=false ;;
  none) c2s_enc=false direct='' tls='' ;;
  *) die "C2S_TLS=$C2S_TLS?" ;;
esac

# The module behind wire.log.
cat > "$I/plugins/mod_wirelog.lua" <<'L'
module:set_global();
local filters = require "util.filters";
local file = assert(io.open(module:get_option_string("wirelog_file"), "a"));
file:setvbuf("line");
local function note(session, direction, data)
	if data and #data > 0 then
		file:write(("%s %s %s %s->%s %s %s\n"):format(os.date("!%H:%M:%S"), session.id or "?", session.type or "?",
			session.from_host or "?", session.to_host or session.host or "?",
			(session.conn and session.conn:ssl() and "tls " or "clear ") .. direction,
			(data:gsub("\r", "\\r"):gsub("\n", "\\n"))));
	end
	return data;
end
filters.add_filter_hook(function (session)
	filters.add_filter(session, "bytes/in", function (data) return note(session, "RECV", data) end, 1000);
	filters.add_filter(session, "bytes/out", function (data) return note(session, "SEND", data) end, -1000);
end);
L

modules="\"roster\";\"saslauth\";$tls\"disco\";\"ping\";\"version\";\"wirelog\";"
[ "$S2S_AUTH" = external ] || modules+='"dialback";'
for m in $EXTRA_MODULES; do modules+="\"$m\";"; done
{
  cat <<L
run_as_root = true
daemonize = false
pidfile = "$I/prosody.pid"
data_path = "$I/data"
plugin_paths = { "$I/plugins" }
wirelog_file = "$I/wire.log"
log = { { to = "file"; levels = { min = "debug" }; filename = "$I/prosody.log" } }
interfaces = { "$IP" }
use_ipv6 = false
c2s_ports = { 5222 }
c2s_direct_tls_ports = { $direct }
s2s_ports = { 5269 }
s2s_direct_tls_ports = { 5270 }
authentication = "internal_plain"
storage = "internal"
certificates = "$I/certs"
allow_registration = false
modules_enabled = { $modules }
modules_disabled = { "posix" }
c2s_require_encryption = $c2s_enc
allow_unencrypted_plain_auth = $([ "$c2s_enc" = true ] && echo false || echo true)
s2s_require_encryption = $s2s_enc
s2s_secure_auth = $auth
s2s_timeout = 10
-- Only the test's own name server. libunbound answers below "test." by itself and asks nobody on
-- loopback, unless told otherwise.
unbound = {
	resolvconf = false; hoststxt = false; forward = "127.0.0.1@$DNS_PORT";
	options = { ["do-not-query-localhost:"] = "no"; ["local-zone:"] = "test. transparent"; };
}
ssl = { protocol = "$TLS_PROTOCOL"; cafile = "$W/certs/ca.crt"; capath = "/nonexistent" }
$EXTRA_CONFIG
L
  for d in "${domains[@]}"; do
    c=$W/certs/$d/$CERT
    [ -f "$c.crt" ] || die "no $c.crt: run certs.sh first"
    # Under these names Prosody finds them by SNI too, for direct TLS.
    cp "$c.crt" "$I/certs/$d.crt"
    cp "$c.key" "$I/certs/$d.key"
    echo "VirtualHost \"$d\""
    echo "	ssl = { certificate = \"$I/certs/$d.crt\"; key = \"$I/certs/$d.key\"; protocol = \"$TLS_PROTOCOL\"; cafile = \"$W/certs/ca.crt\"; capath = \"/nonexistent\" }"
    [ "$S2S_AUTH" != plain ] || echo '	s2s_allow_encryption = false'
    accounts=$I/data/$(sed 's/-/%2d/g; s/\./%2e/g' <<< "$d")/accounts
    mkdir -p "$accounts"
    for user in alice bob; do echo 'return { ["password"] = "secret"; };' > "$accounts/$user.dat"; done
  done
} > "$I/prosody.cfg.lua"
cd "$I"
prosody -F --config "$I/prosody.cfg.lua" </dev/null >"$I/out" 2>&1 &
echo $! > "$I/pid"
if await_port "$IP" 5269 $! && await_port "$IP" 5222 $!; then
  echo "prosody $2: ${domains[*]} on $IP, pid $!"
else
  tail -20 "$I/out" "$I/prosody.log" >&2 || true
  stop_pids "$I/pid" "$I/prosody.cfg.lua"
  die "$2 did not start"
fi
